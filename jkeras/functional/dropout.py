"""Dropout and its relatives: noise that is drawn in training only."""

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
    shape = _drawn_shape(x, noise_shape)
    if rate == 1:
        return jnp.zeros_like(x)
    keep = jax.random.bernoulli(key, 1 - rate, shape)
    return jnp.where(keep, x / jnp.asarray(1 - rate, x.dtype), jnp.zeros((), x.dtype))


# What an element becomes that `alpha_dropout` drops: the value at which SELU saturates.
_SATURATED = -1.7580993408473766


def alpha_dropout(x: Array, rate: float, key: Array | None, noise_shape: Sequence[int | None] | None = None) -> Array:
    """Drop elements to the value at which SELU saturates, and rescale: mean 0 and variance 1 stay as they are.

    With `s` that value: `y = a * (x if kept else s) + b`, where `a = ((1 - rate) * (1 + rate * s^2)) ** -0.5` and
    `b = -a * rate * s` (Klambauer et al., 2017).

    Args:
        x: array of any shape.
        rate: probability in `[0, 1)`; 0 returns `x`.
        key: what to draw with; `None` (inference) returns `x`.
        noise_shape: as in `dropout`.

    Returns:
        An array of the shape and dtype of `x`.

    Raises:
        ValueError: if `rate` is outside `[0, 1)`, or `noise_shape` does not fit.

    >>> y = alpha_dropout(jnp.zeros(100), 0.5, jax.random.key(0))
    >>> sorted({round(value, 3) for value in y.tolist()})
    [-0.779, 0.779]
    """
    _check_rate("alpha_dropout", rate)
    if rate == 0 or key is None:
        return x
    a = ((1 - rate) * (1 + rate * _SATURATED**2)) ** -0.5
    b = -a * rate * _SATURATED
    keep = jax.random.bernoulli(key, 1 - rate, _drawn_shape(x, noise_shape))
    scale, shift, dropped = (jnp.asarray(value, x.dtype) for value in (a, b, a * _SATURATED + b))
    return jnp.where(keep, scale * x + shift, dropped)


def gaussian_dropout(x: Array, rate: float, key: Array | None) -> Array:
    """Multiply by normal noise of mean 1 and standard deviation `sqrt(rate / (1 - rate))`.

    Args:
        x: array of any shape.
        rate: in `[0, 1)`: the noise has the variance of dropout at this rate.
        key: what to draw with; `None` (inference) returns `x`.

    Returns:
        An array of the shape and dtype of `x`.

    Raises:
        ValueError: if `rate` is outside `[0, 1)`.

    >>> gaussian_dropout(jnp.zeros(2), 0.5, jax.random.key(0)).tolist()
    [0.0, 0.0]

    Reference: Srivastava et al., 2014.
    """
    _check_rate("gaussian_dropout", rate)
    if rate == 0 or key is None:
        return x
    stddev = jnp.asarray((rate / (1 - rate)) ** 0.5, x.dtype)
    return x * (1 + stddev * jax.random.normal(key, x.shape, x.dtype))


def gaussian_noise(x: Array, stddev: float, key: Array | None) -> Array:
    """Add normal noise of mean 0 and standard deviation `stddev`.

    Args:
        x: array of any shape.
        stddev: not negative.
        key: what to draw with; `None` (inference) returns `x`.

    Returns:
        An array of the shape and dtype of `x`.

    >>> gaussian_noise(jnp.ones(2), 0.5, None).tolist()
    [1.0, 1.0]
    """
    if stddev == 0 or key is None:
        return x
    return x + jnp.asarray(stddev, x.dtype) * jax.random.normal(key, x.shape, x.dtype)


def _check_rate(name: str, rate: float) -> None:
    if not 0 <= rate < 1:
        raise ValueError(f"{name}: rate must be in [0, 1), got {rate}.")


def _drawn_shape(x: Array, noise_shape: Sequence[int | None] | None) -> tuple[int, ...]:
    if noise_shape is None:
        return x.shape
    if len(noise_shape) != x.ndim:
        raise ValueError(f"noise_shape {tuple(noise_shape)} needs {x.ndim} sizes to fit shape {x.shape}.")
    return tuple(size if drawn is None else int(drawn) for size, drawn in zip(x.shape, noise_shape, strict=True))
