"""Methods that tensors of TensorFlow have and arrays of JAX have not: `.numpy()` and `.get_shape()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from jkeras.core.graph import SymbolicTensor


class TensorShape(tuple):
    """A shape as TensorFlow spells it: a tuple of sizes, None where unknown, with a few methods more.

    >>> shape = TensorShape([None, 3])
    >>> shape.as_list(), shape.rank, shape[1]
    ([None, 3], 2, 3)
    """

    __slots__ = ()

    def __new__(cls, dims: Any = ()) -> TensorShape:
        return super().__new__(cls, tuple(None if n is None else int(n) for n in dims))

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self)

    ndims = rank
    dims = property(list)

    def as_list(self) -> list[int | None]:
        """Return the sizes as a list."""
        return list(self)

    def num_elements(self) -> int | None:
        """Return how many elements it has, or None if a size is unknown."""
        return None if None in self else int(np.prod(self))

    def is_fully_defined(self) -> bool:
        """Whether every size is known."""
        return None not in self


def _numpy(array: Any) -> np.ndarray:
    """Return the array as numpy's."""
    return np.asarray(array)


def _get_shape(array: Any) -> TensorShape:
    """Return the shape, which also has `as_list()`."""
    return TensorShape(array.shape)


def _no_value(array: Any) -> Any:
    raise AttributeError(
        "A value inside compiled code has no `.numpy()`: it is not known while a model is built or a function traced. "
        "Use functions of tf, keras.backend or jax.numpy on it."
    )


def _targets() -> list[tuple[type, str, Callable[..., Any]]]:
    concrete = type(jax.device_put(np.zeros((), np.float32)))
    return [
        (concrete, "numpy", _numpy),
        (concrete, "get_shape", _get_shape),
        (Tracer, "numpy", _no_value),
        (Tracer, "get_shape", _get_shape),
        (SymbolicTensor, "get_shape", _get_shape),
    ]


_before: list[tuple[type, str, Any]] = []


def install() -> None:
    """Give arrays, traced values and symbolic tensors these methods."""
    if _before:
        return
    for cls, name, method in _targets():
        _before.append((cls, name, vars(cls).get(name)))
        setattr(cls, name, method)


def uninstall() -> None:
    """Take them away again."""
    for cls, name, former in _before:
        delattr(cls, name) if former is None else setattr(cls, name, former)
    _before.clear()
