"""Normalisation by batch statistics or by the features of each sample.

float16 and bfloat16 are computed in float32 and cast back; means and variances are returned in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

Axes = int | Sequence[int]

EPSILON = 1e-7
"""What keeps the mean of a batch without a valid element finite, as in Keras."""


def moments(x: Array, axes: Axes, mask: Array | None = None, keepdims: bool = False) -> tuple[Array, Array]:
    """Return mean and (biased) variance over `axes`.

    With weights `w` from the mask, `mean = sum(w x) / sum(w)` and `variance = sum(w (x - mean)^2) / sum(w)`.

    Args:
        x: array of any shape.
        axes: axes to reduce.
        mask: booleans or weights; its dimensions are the first ones of `x`.
        keepdims: keep the reduced axes with size 1.

    Returns:
        Two arrays, float32 for narrower floats and integers.

    >>> mean, variance = moments(jnp.asarray([1.0, 3.0, 100.0]), 0, mask=jnp.asarray([True, True, False]))
    >>> mean.item(), variance.item()
    (2.0, 1.0)
    """
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    x = _wide(x)
    if mask is None:
        mean = jnp.mean(x, axis=axes, keepdims=True)
        variance = jnp.mean(jnp.square(x - mean), axis=axes, keepdims=True)
    else:
        weights = mask.astype(x.dtype).reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
        weights = jnp.broadcast_to(weights, x.shape)
        total = jnp.sum(weights, axis=axes, keepdims=True) + EPSILON
        mean = jnp.sum(weights * x, axis=axes, keepdims=True) / total
        variance = jnp.sum(weights * jnp.square(x - mean), axis=axes, keepdims=True) / total
    if keepdims:
        return mean, variance
    return jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)


def batch_norm_train(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    axis: Axes = -1,
    epsilon: float = 1e-3,
    mask: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Normalise by the statistics of the batch: `gamma * (x - mean) / sqrt(variance + epsilon) + beta`.

    Args:
        x: `(batch, ...)`.
        gamma: scale, of the shape of `x` along `axis`, or `None`.
        beta: offset, of the same shape, or `None`.
        axis: the axis or axes that keep statistics of their own, usually the channels.
        epsilon: added to the variance.
        mask: `(batch, time)` or the like; only valid elements enter the statistics.

    Returns:
        The normalised array in the dtype of `x`, and mean and variance in float32, of the shape of `gamma`.

    >>> y, mean, variance = batch_norm_train(jnp.asarray([[1.0], [3.0]]), None, None, epsilon=0.0)
    >>> y.ravel().tolist(), mean.item(), variance.item()
    ([-1.0, 1.0], 2.0, 1.0)
    """
    kept = _normalized(axis, x.ndim)
    mean, variance = moments(x, tuple(a for a in range(x.ndim) if a not in kept), mask)
    return batch_norm_inference(x, gamma, beta, mean, variance, axis, epsilon), mean, variance


def batch_norm_inference(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    mean: Array,
    variance: Array,
    axis: Axes = -1,
    epsilon: float = 1e-3,
) -> Array:
    """Normalise by given statistics: `gamma * (x - mean) / sqrt(variance + epsilon) + beta`.

    Args are those of `batch_norm_train`; `mean` and `variance` have the shape of `gamma`.

    Returns:
        An array of the shape and dtype of `x`.

    >>> batch_norm_inference(jnp.asarray([[3.0]]), None, jnp.ones(1), jnp.ones(1), jnp.full(1, 4.0), epsilon=0.0).item()
    2.0
    """
    kept = _normalized(axis, x.ndim)
    shape = tuple(x.shape[a] if a in kept else 1 for a in range(x.ndim))
    return _scale_and_shift(x, mean.reshape(shape), variance.reshape(shape), gamma, beta, shape, epsilon)


def layer_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, axis: Axes = -1, epsilon: float = 1e-3
) -> Array:
    """Normalise each sample over `axis`: `gamma * (x - mean) / sqrt(variance + epsilon) + beta` (Ba et al., 2016).

    Args:
        x: array of any shape.
        gamma: scale, of the shape of `x` along `axis`, or `None`.
        beta: offset, of the same shape, or `None`.
        axis: axes to normalise over, usually the features.
        epsilon: added to the variance.

    Returns:
        An array of the shape and dtype of `x`.

    >>> layer_norm(jnp.asarray([[1.0, 3.0]]), epsilon=0.0).tolist()
    [[-1.0, 1.0]]
    """
    over = _normalized(axis, x.ndim)
    mean, variance = moments(x, over, keepdims=True)
    shape = tuple(x.shape[a] if a in over else 1 for a in range(x.ndim))
    return _scale_and_shift(x, mean, variance, gamma, beta, shape, epsilon)


def _scale_and_shift(
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    beta: Array | None,
    shape: tuple[int, ...],
    epsilon: float,
) -> Array:
    wide = _wide(x)
    factor = lax.rsqrt(_wide(variance) + epsilon)
    if gamma is not None:
        factor = factor * gamma.reshape(shape).astype(wide.dtype)
    y = (wide - mean.astype(wide.dtype)) * factor
    if beta is not None:
        y = y + beta.reshape(shape).astype(wide.dtype)
    return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else y


def _wide(x: Array) -> Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _normalized(axis: Axes, rank: int) -> tuple[int, ...]:
    """Return axes as sorted non-negative numbers."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if not all(-rank <= a < rank for a in axes):
        raise ValueError(f"axis {axis!r} is out of range for an input of {rank} dimensions.")
    return tuple(sorted(a % rank for a in axes))
