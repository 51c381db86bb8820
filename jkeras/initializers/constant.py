"""First values that are the same each time: zeros, ones, given values, the identity matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core.registry import initializers
from jkeras.initializers.base import Initializer


@initializers.register_class("zero")
class Zeros(Initializer):
    """All zeros.

    >>> Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return jnp.zeros(tuple(shape), dtype)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray:
        """Return zeros."""
        return np.zeros(tuple(shape), np.float32)


@initializers.register_class("one")
class Ones(Initializer):
    """All ones.

    >>> Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return jnp.ones(tuple(shape), dtype)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray:
        """Return ones."""
        return np.ones(tuple(shape), np.float32)


@initializers.register_class()
class Constant(Initializer):
    """All `value`.

    Args:
        value: A number, or an array that broadcasts to the shape.

    >>> Constant(3)((2,)).tolist()
    [3.0, 3.0]
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return jnp.broadcast_to(jnp.asarray(self.value).astype(dtype), tuple(shape))


@initializers.register_class("IdentityInitializer")
class Identity(Initializer):
    """`gain` times the identity matrix.

    Args:
        gain: Factor of the matrix.

    Raises:
        ValueError: When called, if the shape is not that of a matrix.

    >>> Identity(2.0)((2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices: expected a shape of two sizes, got {tuple(shape)}.")
        return (self.gain * jnp.eye(shape[0], shape[1])).astype(dtype)
