"""Optimizers with Keras's names and arguments over optax, and the learning rate schedules."""

from __future__ import annotations

from typing import Any

from jkeras.core import config as configuration
from jkeras.optimizers import schedules
from jkeras.optimizers.base import Optimizer, OptimizerState
from jkeras.optimizers.catalogue import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Nadam,
    RMSprop,
    optimizers,
)
from jkeras.optimizers.wrapper import OptaxOptimizer

__all__ = [
    "Optimizer", "OptimizerState", "OptaxOptimizer", "SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad",
    "Adadelta", "Ftrl", "Lion", "Lamb", "Adafactor", "schedules", "get", "serialize", "deserialize",
]  # fmt: skip


def get(identifier: Any) -> Optimizer | None:
    """Return the optimizer that `identifier` stands for.

    Args:
        identifier: A name in any case (`"adam"`), a configuration dictionary, a class, an instance,
            an `optax.GradientTransformation`, or None.

    Raises:
        ValueError: if the name is unknown; it tells the nearest one.

    >>> get("sgd").name
    'sgd'
    >>> get("rmspop")
    Traceback (most recent call last):
    ValueError: Unknown optimizer 'rmspop'. Did you mean 'RMSprop'?
    """
    return deserialize(identifier)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the optimizer for what `serialize` returned, or for anything that `get` takes.

    >>> deserialize({"class_name": "SGD", "config": {"learning_rate": 0.5}}).learning_rate.numpy().item()
    0.5
    """
    if isinstance(config, dict) and "class_name" in config:
        own = (custom_objects or {}).get(config["class_name"])
        found = own or optimizers.lookup(config["class_name"])
        return found.from_config(dict(config.get("config") or {}), custom_objects=custom_objects)
    if isinstance(config, Optimizer):
        return config
    if not isinstance(config, (str, type)) and hasattr(config, "init") and hasattr(config, "update"):
        return OptaxOptimizer(config)
    return optimizers.get(config)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return an optimizer as its class name and configuration; the state is not part of it.

    >>> serialize(SGD(0.5))["config"]["learning_rate"]
    0.5
    """
    return configuration.serialize(optimizer)
