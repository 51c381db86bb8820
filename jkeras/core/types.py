"""The types that the house speaks of: shapes, trees of arrays, and plain containers of anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
from jax.core import Tracer

Shape = tuple[int | None, ...]
"""Sizes of the axes, None where unknown."""

Tree = Mapping[str, Mapping[str, Any]]
"""Arrays by the path of their layer and the name of their weight: `params`, and `state`."""

OwnTree = dict[str, dict[str, Any]]
"""A `Tree` that was made for whoever gets it."""


def class_of(value: object) -> type[Any]:
    """Return `type(value)`, of which nothing is known where nothing is known of the value."""
    return type(value)


def is_traced(value: object) -> bool:
    """Whether `value` stands for an array in a program that JAX is tracing."""
    return isinstance(value, Tracer)


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Whether `value` is a dictionary."""
    return isinstance(value, dict)


def is_listing(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether `value` is a list or a tuple."""
    return isinstance(value, (list, tuple))


def is_integer(value: object) -> TypeGuard[int]:
    """Whether `value` is an integer, of Python or of numpy."""
    return isinstance(value, (int, np.integer))


def is_shape(value: object) -> TypeGuard[Sequence[int | None]]:
    """Whether `value` is one shape: a list or a tuple of integers and None.

    >>> is_shape((None, 3)), is_shape(((None, 3), (2,)))
    (True, False)
    """
    return is_listing(value) and all(n is None or is_integer(n) for n in value)
