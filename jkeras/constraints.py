"""Projections that a weight goes through after every update."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.config import Configurable
from jkeras.core.registry import constraints
from jkeras.functional.fuzz import epsilon

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm",
    "non_neg", "serialize", "unit_norm",
]  # fmt: skip

Axis = int | tuple[int, ...] | list[int]


class Constraint(Configurable):
    """Base of projections: a subclass defines `__call__(w)`, which returns an array of the same shape and dtype.

    >>> class Signs(Constraint):
    ...     def __call__(self, w):
    ...         return jnp.sign(w)
    >>> Signs()(jnp.asarray([-3.0, 2.0])).tolist()
    [-1.0, 1.0]
    """

    def __call__(self, w: Array) -> Array:
        """Return the projected weight; here it is `w` itself."""
        return w


@constraints.register_class("maxnorm")
class MaxNorm(Constraint):
    """Scale vectors down whose norm is above `max_value`: `w * min(|w|, max_value) / |w|`.

    Args:
        max_value: The largest norm.
        axis: The axes a vector runs along; 0 for a dense kernel, `[0, 1, 2]` for a 2-D convolution's.

    >>> MaxNorm(1.0)(jnp.asarray([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Array) -> Array:
        norms = _norms(w, self.axis)
        return w * (jnp.clip(norms, 0, self.max_value) / (epsilon() + norms))


@constraints.register_class("nonneg")
class NonNeg(Constraint):
    """Set negative values to zero: `max(w, 0)`.

    >>> NonNeg()(jnp.asarray([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Array) -> Array:
        return jnp.maximum(w, 0)


@constraints.register_class("unitnorm")
class UnitNorm(Constraint):
    """Scale vectors to norm 1: `w / |w|`.

    Args:
        axis: The axes a vector runs along; 0 for a dense kernel, `[0, 1, 2]` for a 2-D convolution's.

    >>> UnitNorm()(jnp.asarray([[0.0], [4.0]])).tolist()
    [[0.0], [1.0]]
    """

    def __init__(self, axis: Axis = 0):
        self.axis = axis

    def __call__(self, w: Array) -> Array:
        return w / (epsilon() + _norms(w, self.axis))


@constraints.register_class("minmaxnorm")
class MinMaxNorm(Constraint):
    """Pull norms into `[min_value, max_value]`: `w * (rate * clip(|w|) + (1 - rate) * |w|) / |w|`.

    Args:
        min_value: The smallest norm.
        max_value: The largest norm.
        rate: How much of the way to go in one call; 1 goes all the way.
        axis: The axes a vector runs along; 0 for a dense kernel, `[0, 1, 2]` for a 2-D convolution's.

    >>> MinMaxNorm(2.0, 3.0, rate=0.5)(jnp.asarray([[4.0]])).tolist()
    [[3.5]]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Array) -> Array:
        norms = _norms(w, self.axis)
        wanted = self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (epsilon() + norms))


max_norm = MaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
min_max_norm = MinMaxNorm


def _norms(w: Array, axis: Axis) -> Array:
    axes = axis if isinstance(axis, int) else tuple(axis)
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axes, keepdims=True))


def get(identifier: Any) -> Any:
    """Return the constraint for a name, a configuration, a class or a callable; None stays None.

    Args:
        identifier: A name (`"max_norm"` or `"MaxNorm"`), a configuration, a class, a function of an array, a
            constraint, or None.

    Returns:
        A constraint, or None.

    Raises:
        ValueError: For an unknown name, with the nearest known one.

    >>> get("max_norm")
    MaxNorm()
    """
    return constraints.get(identifier)


def serialize(constraint: Any, use_legacy_format: bool = True) -> Any:
    """Return a constraint as `{"class_name", "config"}`.

    Args:
        constraint: A constraint, or a function with a name.
        use_legacy_format: False writes the module besides, as Keras 3 does.

    Returns:
        A dictionary of plain data; for a function its name.

    >>> serialize(UnitNorm())
    {'class_name': 'UnitNorm', 'config': {'axis': 0}}
    """
    return constraints.serialize(constraint, use_legacy_format)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the constraint that `serialize` described; `custom_objects` are looked up first.

    Args:
        config: What `serialize` returned, or what `get` takes.
        custom_objects: Classes and functions by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.

    Returns:
        A constraint, or None.

    >>> deserialize({"class_name": "MaxNorm", "config": {"max_value": 3}})
    MaxNorm(max_value=3)
    """
    return constraints.deserialize(config, custom_objects)
