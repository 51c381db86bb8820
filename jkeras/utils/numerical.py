"""One-hot rows and unit vectors from arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def to_categorical(x: Any = None, num_classes: int | None = None, dtype: Any = "float32", *, y: Any = None) -> Any:
    """Turn class numbers into one-hot rows.

    `out[..., k] = 1 if x[...] == k else 0`

    Args:
        x: Class numbers `0 ... num_classes - 1`, any shape; a trailing axis of length 1 is dropped, so a column of
            labels gives a matrix.
        num_classes: How many classes there are; by default the largest number in `x` plus one.
        dtype: Of the result.
        y: The older name of `x`.

    Returns:
        Array of shape `x.shape + (num_classes,)`: a JAX array if `x` is one, else a NumPy array.

    Raises:
        ValueError: If a number is negative, or not below `num_classes`.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)

    Reference: `keras.utils.to_categorical`, which lets a negative number count from the end; here it is an error.
    """
    if (x is None) == (y is None):
        raise TypeError("to_categorical() takes the class numbers once, as `x` (older name `y`).")
    given = y if x is None else x
    if isinstance(given, Tracer):
        return _one_hot_of_tracer(given, num_classes, dtype)
    numbers = np.asarray(given).astype("int64")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    if num_classes is None:
        num_classes = int(numbers.max()) + 1 if numbers.size else 0
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < num_classes):
        raise ValueError(
            f"to_categorical() expected class numbers from 0 to {num_classes - 1} (num_classes={num_classes}); "
            f"got numbers from {numbers.min()} to {numbers.max()}."
        )
    rows = (numbers[..., None] == np.arange(num_classes)).astype(dtype)
    return jnp.asarray(rows) if isinstance(given, jax.Array) else rows


def _one_hot_of_tracer(x: jax.Array, num_classes: int | None, dtype: Any) -> jax.Array:
    """Inside a JAX transformation the values are unknown: the width has to be given and nothing can be checked."""
    if num_classes is None:
        raise ValueError("to_categorical() inside jit, vmap or grad needs `num_classes`: to_categorical(x, 10).")
    if x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    return jax.nn.one_hot(x, num_classes, dtype=dtype)


def normalize(x: Any, axis: int = -1, order: int | float = 2) -> Any:
    """Divide by the norm along an axis; vectors of zeros stay zeros.

    `out = x / ||x||_order`

    Args:
        x: Array; a vector is treated as one row, so the result always has two axes or more.
        axis: The axis along which the norm is taken.
        order: The norm: 1, 2, `numpy.inf`, ...

    Returns:
        Array of the shape of `x`: a JAX array if `x` is one, else a NumPy array.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])

    Reference: `keras.utils.normalize`; there `axis=0` is taken for `axis=-1` in part and fails.
    """
    xp = jnp if isinstance(x, jax.Array) else np
    x = xp.atleast_2d(xp.asarray(x))
    norm = xp.linalg.norm(x, order, axis, keepdims=True)
    return x / xp.where(norm == 0, 1, norm)
