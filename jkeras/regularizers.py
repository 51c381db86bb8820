"""Penalties on weights and activities: scalars that are added to the loss."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.config import Configurable
from jkeras.core.registry import regularizers

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
    "orthogonal_regularizer", "serialize",
]  # fmt: skip


class Regularizer(Configurable):
    """Base of penalties: a subclass defines `__call__(x)`, which returns a scalar for a weight or activity `x`.

    >>> class Quartic(Regularizer):
    ...     def __call__(self, x):
    ...         return jnp.sum(x ** 4)
    >>> Quartic()(jnp.asarray([1.0, 2.0])).item()
    17.0
    """

    def __call__(self, x: Array) -> Array:
        """Return the penalty of one weight or activity `x`; here there is none."""
        return jnp.zeros((), jnp.asarray(x).dtype)


@regularizers.register_class()
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x^2)`.

    Args:
        l1: Weight of the absolute values, a finite number >= 0; None is 0.
        l2: Weight of the squares, likewise.

    Raises:
        ValueError: If one is negative or not finite.

    >>> L1L2(l1=0.5, l2=0.25)(jnp.asarray([-1.0, 2.0])).item()
    2.75
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Array) -> Array:
        penalty = jnp.zeros((), jnp.asarray(x).dtype)
        if self.l1:
            penalty += self.l1 * jnp.sum(jnp.abs(x))
        if self.l2:
            penalty += self.l2 * jnp.sum(jnp.square(x))
        return penalty


@regularizers.register_class()
class L1(Regularizer):
    """`l1 * sum(|x|)`.

    Args:
        l1: Weight of the penalty, a finite number >= 0; None is 0.01.

    Raises:
        ValueError: If it is negative or not finite.

    >>> L1(0.5)(jnp.asarray([-1.0, 2.0])).item()
    1.5
    """

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Array) -> Array:
        return self.l1 * jnp.sum(jnp.abs(x))


@regularizers.register_class()
class L2(Regularizer):
    """`l2 * sum(x^2)`.

    Args:
        l2: Weight of the penalty, a finite number >= 0; None is 0.01.

    Raises:
        ValueError: If it is negative or not finite.

    >>> L2(0.5)(jnp.asarray([-1.0, 2.0])).item()
    2.5
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Array) -> Array:
        return self.l2 * jnp.sum(jnp.square(x))


@regularizers.register_class("orthogonal")
class OrthogonalRegularizer(Regularizer):
    """Push the rows (or columns) of a matrix to be orthogonal: `factor * mean(|cos(x_i, x_j)|)` over pairs `i < j`.

    Args:
        factor: Weight of the penalty, a finite number >= 0.
        mode: What `x_i` are: `"rows"` or `"columns"`.

    Raises:
        ValueError: For another mode or factor, and when called on an array that is no matrix.

    >>> OrthogonalRegularizer(1.0)(jnp.eye(3)).item()
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            raise ValueError(f"OrthogonalRegularizer: mode must be 'rows' or 'columns', got {mode!r}.")
        self.factor = _factor("factor", factor)
        self.mode = mode

    def __call__(self, x: Array) -> Array:
        if jnp.ndim(x) != 2:
            raise ValueError(f"OrthogonalRegularizer: expected a matrix, got an array of shape {jnp.shape(x)}.")
        vectors = jnp.asarray(x) if self.mode == "rows" else jnp.transpose(x)
        squared_norm = jnp.sum(jnp.square(vectors), axis=1, keepdims=True)
        vectors = vectors / jnp.sqrt(jnp.maximum(squared_norm, 1e-12))
        count = vectors.shape[0]
        cosines = (vectors @ vectors.T) * (1.0 - jnp.eye(count, dtype=vectors.dtype))
        return self.factor * 0.5 * jnp.sum(jnp.abs(cosines)) / (count * (count - 1) / 2)


orthogonal_regularizer = OrthogonalRegularizer


def l1(l1: float = 0.01) -> L1:
    """Return `L1(l1)`.

    Args:
        l1: Weight of the absolute values.

    Returns:
        A regularizer.

    >>> l1()
    L1(l1=0.01)
    """
    return L1(l1=l1)


def l2(l2: float = 0.01) -> L2:
    """Return `L2(l2)`.

    Args:
        l2: Weight of the squares.

    Returns:
        A regularizer.

    >>> l2(0.1)
    L2(l2=0.1)
    """
    return L2(l2=l2)


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Return `L1L2(l1, l2)` with the defaults of Keras 1 and 2; those of the class, as in Keras 3, are 0.

    Args:
        l1: Weight of the absolute values.
        l2: Weight of the squares.

    Returns:
        A regularizer.

    >>> l1_l2(l2=0.5)
    L1L2(l1=0.01, l2=0.5)
    """
    return L1L2(l1=l1, l2=l2)


regularizers.register("l1_l2", l1_l2)


def _factor(name: str, value: Any) -> float:
    """Check that a factor is a non-negative finite number."""
    try:
        number = -1.0 if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0.0 <= number < float("inf"):
        raise ValueError(f"A regularizer's {name} must be a finite number >= 0, got {value!r}.")
    return number


def get(identifier: Any) -> Any:
    """Return the regularizer for a name, a configuration, a class or a callable; None stays None.

    Args:
        identifier: A name (`"l2"` or `"L2"`), a configuration, a class, a function of an array, a regularizer, or None.

    Returns:
        A regularizer, or None.

    Raises:
        ValueError: For an unknown name, with the nearest known one.

    >>> get("l2")
    L2()
    >>> get("l1_l2")
    L1L2(l1=0.01, l2=0.01)
    """
    return deserialize(identifier)


def serialize(regularizer: Any, use_legacy_format: bool = True) -> Any:
    """Return a regularizer as `{"class_name", "config"}`.

    Args:
        regularizer: A regularizer, or a function with a name.
        use_legacy_format: False writes the module besides, as Keras 3 does.

    Returns:
        A dictionary of plain data; for a function its name.

    >>> serialize(L1(0.5))
    {'class_name': 'L1', 'config': {'l1': 0.5}}
    """
    return regularizers.serialize(regularizer, use_legacy_format)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the regularizer that `serialize` described; `custom_objects` are looked up first.

    Args:
        config: What `serialize` returned, or what `get` takes.
        custom_objects: Classes and functions by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.

    Returns:
        A regularizer, or None.

    >>> deserialize({"class_name": "L2", "config": {"l2": 0.5}})
    L2(l2=0.5)
    """
    found = regularizers.deserialize(config, custom_objects)
    return l1_l2() if found is l1_l2 else found
