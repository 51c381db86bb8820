"""A Flax module as a layer."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from jkeras.core.extras import optional
from jkeras.layers.jax_layer import JaxLayer, known_object

__all__ = ["FlaxLayer"]


class FlaxLayer(JaxLayer):
    """Call a `flax.linen` module with variables that are weights of this layer.

    The collection "params" is trainable; every other collection that the module makes, such as "batch_stats", is state.
    Inputs and outputs are those of the module. Weights are named by their path: `Dense_0/kernel`,
    `batch_stats/BatchNorm_0/mean`. All random streams of the module come from the key of the call. Needs the package
    `flax`.

    Args:
        module: The module.
        method: Name of the module's method, or a function `f(module, inputs)`; `__call__` if left out. It gets the
            inputs first, and `training` if its signature names it.
        variables: First values of the variables, as `module.init` returns them.
        seed: As in `JaxLayer`.

    Raises:
        TypeError: If `module` is no `flax.linen.Module`.
        ImportError: If flax is not installed.

    >>> import pytest; linen = pytest.importorskip("flax.linen")
    >>> import jax.numpy as jnp
    >>> layer = FlaxLayer(linen.Dense(4))
    >>> layer(jnp.ones((2, 3))).shape
    (2, 4)
    >>> [w.path for w in layer.weights]
    ['flax_layer/bias', 'flax_layer/kernel']
    """

    module: Any
    method: Any

    def __init__(
        self,
        module: Any,
        method: str | Callable[..., Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        call, init = _functions(module, method)
        given: dict[str, Any] = {}
        if variables is not None:
            given = dict(zip(("params", "state"), _split(variables), strict=True))
        super().__init__(call, init, seed=seed, **given, **kwargs)
        self.module, self.method = module, method

    def _key(self, training: bool) -> Any:
        # Most modules draw nothing; one that does says so if it gets no key.
        return None if self._frame is None or self._frame.rng is None else super()._key(training)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments without `variables`: the module by class name and fields.

        Raises:
            TypeError: If a field of the module is neither plain data nor at its default.
        """
        dropped = ("call_fn", "init_fn", "variables")
        config = {k: v for k, v in super().get_config().items() if k not in dropped}
        return {**config, "module": {"class_name": type(self.module).__name__, "config": _fields(self.module)}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make a layer; the module's class, and a function as method, are looked up by name in `custom_objects`.

        Raises:
            ValueError: If a name is not there.
        """
        config, module = dict(config), config["module"]
        if isinstance(module, Mapping):
            found = known_object(cls, module["class_name"], custom_objects)
            fields = {name: _tuples(value) for name, value in module["config"].items()}
            config["module"] = found(**fields) if isinstance(found, type) else found
        if isinstance(config.get("method"), str) and not hasattr(config["module"], config["method"]):
            config["method"] = known_object(cls, config["method"], custom_objects)
        return super().from_config(config)


def _functions(module: Any, method: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the pure functions of a module that `JaxLayer` takes."""
    linen = optional("flax.linen", "FlaxLayer")
    if not isinstance(module, linen.Module):
        raise TypeError(f"FlaxLayer expects an instance of a flax.linen.Module; got {module!r}.")
    called = method if callable(method) else getattr(module, method or "__call__")
    takes_training = "training" in inspect.signature(called).parameters

    def options(training: bool) -> dict[str, Any]:
        return {"method": method, **({"training": training} if takes_training else {})}

    def init_fn(rng: Any, inputs: Any, training: bool) -> Any:
        return _split(module.init(rng, inputs, **options(training)))

    def call_fn(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
        # What a module makes in passing ("intermediates") is not kept: state has the structure that `init` gave it.
        outputs, changed = module.apply(
            {"params": params, **state},
            inputs,
            rngs=None if rng is None else {"params": rng},
            mutable=list(state),
            **options(training),
        )
        return outputs, {**state, **_plain(changed)}

    return call_fn, init_fn


def _split(variables: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the trainable collection, and the others by name."""
    collections = _plain(variables)
    return collections.pop("params", {}), collections


def _plain(tree: Any) -> Any:
    """Return nested mappings, which may be frozen, as dictionaries."""
    return {k: _plain(v) for k, v in tree.items()} if isinstance(tree, Mapping) else tree


def _fields(module: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if field.name == "parent" or value is field.default or value == field.default:
            continue
        try:
            found[field.name] = json.loads(json.dumps(value))
        except TypeError:
            raise TypeError(
                f"FlaxLayer: the field {field.name!r} of {type(module).__name__} is {value!r}, which is no plain data "
                "and cannot be written to a configuration. Keep the weights only: model.save_weights(path)."
            ) from None
    return found


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
