"""Optimizers with Keras's names and arguments over optax, and the learning rate schedules."""

from __future__ import annotations

from typing import Any

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
from jkeras.optimizers.loss_scale import LossScaleOptimizer
from jkeras.optimizers.multi import MultiOptimizer, OptimizerMap
from jkeras.optimizers.muon import Muon
from jkeras.optimizers.schedule_free import ScheduleFreeAdamW
from jkeras.optimizers.wrapper import OptaxOptimizer

__all__ = [
    "Optimizer", "OptimizerState", "OptaxOptimizer", "SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam",
    "Adagrad", "Adadelta", "Ftrl", "Lion", "Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW", "LossScaleOptimizer",
    "MultiOptimizer", "OptimizerMap", "schedules", "get", "serialize", "deserialize",
]  # fmt: skip


def get(identifier: Any) -> Optimizer | None:
    """Return the optimizer that `identifier` stands for.

    Args:
        identifier: A name in any case (`"adam"`), a configuration dictionary, a class, an instance,
            an `optax.GradientTransformation`, or None.

    Returns:
        An `Optimizer` or None.

    Raises:
        ValueError: If the name is unknown; it tells the nearest one.

    >>> get("sgd").name
    'sgd'
    >>> get("rmspop")
    Traceback (most recent call last):
    ValueError: Unknown optimizer 'rmspop'. Did you mean 'RMSprop'?
    """
    return deserialize(identifier)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the optimizer for what `serialize` returned, or for anything that `get` takes.

    Args:
        config: What `serialize` returned, or what `get` takes.
        custom_objects: Classes and functions by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.

    Returns:
        An `Optimizer` or None.

    >>> deserialize({"class_name": "SGD", "config": {"learning_rate": 0.5}}).learning_rate.numpy().item()
    0.5
    """
    if isinstance(config, Optimizer):
        return config
    if not isinstance(config, (str, type)) and hasattr(config, "init") and hasattr(config, "update"):
        return OptaxOptimizer(config)
    return optimizers.deserialize(config, custom_objects)


def serialize(optimizer: Optimizer, use_legacy_format: bool = True) -> dict[str, Any]:
    """Return an optimizer as its class name and configuration; the state is not part of it.

    Args:
        optimizer: An optimizer.
        use_legacy_format: False writes the module besides, as Keras 3 does.

    Returns:
        A dictionary of plain data.

    Raises:
        ValueError: If its learning rate is a function, which is not data.

    >>> serialize(SGD(0.5))["config"]["learning_rate"]
    0.5
    """
    written = optimizers.serialize(optimizer, use_legacy_format)
    if callable(written["config"].get("learning_rate")):
        raise ValueError(
            f"The learning rate of {optimizer.name!r} is a function, which is not data. To save the optimizer, make it "
            "with a number or with a subclass of LearningRateSchedule."
        )
    return written
