"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array


def dropout(x: Array, rate: float, key: Array | None, noise_shape: Sequence[int | None] | None = None) -> Array:
    """Set each element to zero with probability `rate`, and divide the others by `1 - rate` (Srivastava et al., 2014).

    Args:
        x: array of any shape.
        rate: probability in `[0, 1]`; 0 returns `x`.
        key: what to draw with; `None` (inference) returns `x`.
        noise_shape: shape of the drawn mask, which broadcasts to `x`: size 1 shares the draw along an axis, `None`
            stands for the size of `x`.

    Returns:
        An array of the shape and dtype of `x`.

    Raises:
        ValueError: if `rate` is outside `[0, 1]`, or `noise_shape` has not as many sizes as `x` has dimensions.

    >>> dropout(jnp.ones(4), 0.5, None).tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> sorted(set(dropout(jnp.ones(100), 0.5, jax.random.key(0)).tolist()))
    [0.0, 2.0]
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate must be in [0, 1], got {rate}.")
    if rate == 0 or key is None:
        return x
    if noise_shape is None:
        shape = x.shape
    elif len(noise_shape) == x.ndim:
        shape = tuple(size if drawn is None else int(drawn) for size, drawn in zip(x.shape, noise_shape, strict=True))
    else:
        raise ValueError(f"dropout: noise_shape {tuple(noise_shape)} needs {x.ndim} sizes to fit shape {x.shape}.")
    if rate == 1:
        return jnp.zeros_like(x)
    keep = jax.random.bernoulli(key, 1 - rate, shape)
    return jnp.where(keep, x / jnp.asarray(1 - rate, x.dtype), jnp.zeros((), x.dtype))
