"""Normalisation by batch statistics or by the features of each sample.

float16 and bfloat16 are computed in float32 and cast back; means and variances are returned in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from jkeras.functional import fuzz

Axes = int | Sequence[int]


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
        # Both in one pass over the data. Squares of distances from any one element, unlike those of the elements
        # themselves, do not cancel where the mean is large.
        near = lax.stop_gradient(x)
        for axis in axes:
            near = lax.slice_in_dim(near, 0, 1, axis=axis)
        distance = x - near
        mean = jnp.mean(distance, axis=axes, keepdims=True)
        variance = jnp.mean(jnp.square(distance), axis=axes, keepdims=True) - jnp.square(mean)
        mean, variance = near + mean, jnp.maximum(variance, 0)
    else:
        weights = mask.astype(x.dtype).reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
        weights = jnp.broadcast_to(weights, x.shape)
        total = jnp.sum(weights, axis=axes, keepdims=True) + fuzz.epsilon()
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


class Clipping(NamedTuple):
    """Bounds of the corrections of batch renormalisation: `rmin <= r <= rmax` and `|d| <= dmax`."""

    rmin: float = 0.0
    rmax: float = float("inf")
    dmax: float = float("inf")


UNCLIPPED = Clipping()


def batch_renorm_train(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    reference_mean: Array,
    reference_stddev: Array,
    axis: Axes = -1,
    epsilon: float = 1e-3,
    clipping: Clipping = UNCLIPPED,
    mask: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Normalise by the batch, and correct by constants towards reference statistics (Ioffe, 2017).

    With the batch's `s = sqrt(variance + epsilon)`: `y = gamma * ((x - mean) / s * r + d) + beta`, where
    `r = clip(s / reference_stddev, rmin, rmax)` and `d = clip((mean - reference_mean) / reference_stddev, -dmax, dmax)`
    pass no gradient. Without clipping, `y` is what the reference statistics give.

    Args are those of `batch_norm_train`; the reference statistics have the shape of `gamma`.

    Returns:
        The normalised array in the dtype of `x`, and mean and variance of the batch in float32.

    >>> x = jnp.asarray([[1.0], [3.0]])
    >>> y, _, _ = batch_renorm_train(x, None, None, jnp.full(1, 1.0), jnp.full(1, 4.0), epsilon=0.0)
    >>> y.ravel().tolist()
    [0.0, 0.5]
    """
    kept = _normalized(axis, x.ndim)
    mean, variance = moments(x, tuple(a for a in range(x.ndim) if a not in kept), mask)
    shape = tuple(x.shape[a] if a in kept else 1 for a in range(x.ndim))
    columns = mean.shape
    reference_mean, reference_stddev = reference_mean.reshape(columns), reference_stddev.reshape(columns)
    r = jnp.clip(jnp.sqrt(variance + epsilon) / reference_stddev, clipping.rmin, clipping.rmax)
    d = jnp.clip((mean - reference_mean) / reference_stddev, -clipping.dmax, clipping.dmax)
    r, d = lax.stop_gradient((r.reshape(shape), d.reshape(shape)))
    gamma = jnp.ones_like(r) if gamma is None else gamma.reshape(shape).astype(r.dtype)
    beta = jnp.zeros_like(d) if beta is None else beta.reshape(shape).astype(d.dtype)
    mean_column, variance_column = mean.reshape(shape), variance.reshape(shape)
    y = _scale_and_shift(x, mean_column, variance_column, gamma * r, gamma * d + beta, shape, epsilon)
    return y, mean, variance


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


def group_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    groups: int = 32,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Array:
    """Normalise each sample over groups of channels and all positions (Wu & He, 2018).

    Args:
        x: `(batch, ...)`.
        gamma: scale, one number for each channel, or `None`.
        beta: offset, likewise, or `None`.
        groups: number of groups, which divides the number of channels; consecutive channels form a group.
        axis: the axis of the channels.
        epsilon: added to the variance.

    Returns:
        An array of the shape and dtype of `x`.

    >>> group_norm(jnp.asarray([[1.0, 3.0, 10.0, 30.0]]), groups=2, epsilon=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    (axis,) = _normalized(axis, x.ndim)
    channels = x.shape[axis]

    def grouped(array: Array, shape: Sequence[int]) -> Array:
        return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])

    split = grouped(x, x.shape)
    mean, variance = moments(split, tuple(a for a in range(1, split.ndim) if a != axis), keepdims=True)
    shape = tuple(channels if a == axis else 1 for a in range(x.ndim))
    gamma, beta = (None if w is None else grouped(w, shape) for w in (gamma, beta))
    columns = (*shape[:axis], groups, channels // groups, *shape[axis + 1 :])
    return _scale_and_shift(split, mean, variance, gamma, beta, columns, epsilon).reshape(x.shape)


def rms_norm(x: Array, scale: Array | None = None, axis: Axes = -1, epsilon: float = 1e-6) -> Array:
    """Divide each sample by its root mean square over `axis`: `scale * x / sqrt(mean(x^2) + epsilon)`.

    Args:
        x: array of any shape.
        scale: of the shape of `x` along `axis`, or `None`.
        axis: axes to normalise over, usually the features.
        epsilon: added to the mean square.

    Returns:
        An array of the shape and dtype of `x`.

    >>> rms_norm(jnp.asarray([[3.0, -3.0]]), epsilon=0.0).tolist()
    [[1.0, -1.0]]

    Reference: Zhang & Sennrich, 2019.
    """
    over = _normalized(axis, x.ndim)
    shape = tuple(x.shape[a] if a in over else 1 for a in range(x.ndim))
    mean_square = jnp.mean(jnp.square(_wide(x)), axis=over, keepdims=True)
    return _scale_and_shift(x, jnp.zeros_like(mean_square), mean_square, scale, None, shape, epsilon)


def unit_norm(x: Array, axis: Axes = -1, epsilon: float = 1e-12) -> Array:
    """Divide by the Euclidean norm over `axis`, or by `epsilon` if that is larger; zeros stay zeros.

    Args:
        x: array of any shape.
        axis: axes over which the norm becomes one.
        epsilon: the smallest divisor.

    Returns:
        An array of the shape and dtype of `x`.

    >>> unit_norm(jnp.asarray([[3.0, 4.0], [0.0, 0.0]])).round(3).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    wide, over = _wide(x), _normalized(axis, x.ndim)
    # Scaled by the largest element, so that squares neither overflow nor vanish.
    largest = lax.stop_gradient(jnp.max(jnp.abs(wide), axis=over, keepdims=True))
    largest = jnp.where(largest > 0, largest, 1)
    total = jnp.sum(jnp.square(wide / largest), axis=over, keepdims=True)
    # The root has no slope at zero: it is taken where there is a length only.
    norm = largest * jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1)), 0)
    y = wide / jnp.maximum(norm, epsilon)
    return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else y


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
