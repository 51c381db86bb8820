"""Pooling over one, two or three spatial dimensions.

XLA differentiates `reduce_window` by a select-and-scatter, which on CPU is 3 to 40 times slower than what is here: one
spatial axis at a time, the window's elements are slices that are folded by `maximum` or `+`. XLA fuses the slices of
the forward pass and the pads of the backward pass into single loops.
"""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jkeras.functional.conv import Sizes, spatial_sizes
from jkeras.functional.transforms import jit

Combine = Callable[[Array, Array], Array]

LONGEST_FOLD = 16
"""Windows longer than this along one axis go through `reduce_window`: a fold of so many slices compiles slowly."""


def max_pool(
    x: Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Array:
    """Return the largest element of each window; NaN if the window holds one.

    The gradient goes to the first of equal maxima, in row-major order of the window, as in Keras on JAX.

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        pool_size: size of the window, one number or one for each spatial dimension.
        strides: step of the window; `None` is `pool_size`.
        padding: `"valid"`, or `"same"`, where padding never is the maximum.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        The pooled array, of the dtype of `x`.

    Raises:
        ValueError: for an unknown padding or data format, or sizes that are not positive.

    >>> max_pool(jnp.asarray([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1), 2).ravel().tolist()
    [3.0, 2.0]
    """
    return _pool(x, pool_size, strides, padding, data_format, _first_maximum, lax.max, _lowest(x.dtype))


def average_pool(
    x: Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Array:
    """Return the mean of each window; padding is not counted.

    Args and errors are those of `max_pool`. Integers become float32.

    Args:
        x: (batch, spatial..., channels), or (batch, channels, spatial...) for "channels_first".
        pool_size: Size of the window along each spatial axis, or along all of them.
        strides: Step of the window; None: its size.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".

    Returns:
        The means.

    >>> average_pool(jnp.asarray([1.0, 3.0, 5.0]).reshape(1, 3, 1), 2, padding="same").ravel().tolist()
    [2.0, 5.0]
    """
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)
    sums = _pool(x, pool_size, strides, padding, data_format, lax.add, lax.add, 0)
    axes = _spatial_axes(x.ndim, data_format)
    window = spatial_sizes("pool_size", pool_size, len(axes))
    steps = window if strides is None else spatial_sizes("strides", strides, len(axes))
    for axis, size, step in zip(axes, window, steps, strict=True):
        length, (before, _) = x.shape[axis], _pads(x.shape[axis], size, step, padding)
        starts = np.arange(sums.shape[axis]) * step - before
        counts = np.minimum(starts + size, length) - np.maximum(starts, 0)
        shape = [1] * x.ndim
        shape[axis] = -1
        sums = sums * (1.0 / counts).astype(x.dtype).reshape(shape)
    return sums


def adaptive_average_pool(x: Array, output_size: Sizes, data_format: str = "channels_last") -> Array:
    """Return the means of `output_size` windows that cover each spatial axis evenly.

    Window `i` of `o` over `n` elements is `[floor(i n / o), ceil((i + 1) n / o))`; windows overlap if `o` does not
    divide `n`, and there may be more of them than elements.

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        output_size: number of windows, one number or one for each spatial dimension.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        The means, of the dtype of `x`; of float32 for integers.

    Raises:
        ValueError: for an unknown data format or sizes that are not positive.

    >>> adaptive_average_pool(jnp.arange(7.0).reshape(1, 7, 1), 3).ravel().tolist()
    [1.0, 3.0, 5.0]
    """
    axes = _spatial_axes(x.ndim, data_format)
    return _adaptive_average(x, spatial_sizes("output_size", output_size, len(axes)), axes)


@jit(static_argnums=(1, 2), inline=True)
def _adaptive_average(x: Array, sizes: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.float32
    # Means of half precision are rounded once, at the end.
    y = x.astype(jnp.promote_types(dtype, jnp.float32))
    for axis, size in zip(axes, sizes, strict=True):
        # Windows repeat after `length / repeats` elements, and none reaches across.
        repeats = math.gcd(y.shape[axis], size)
        length, windows = y.shape[axis] // repeats, size // repeats
        y = y.reshape(*y.shape[:axis], repeats, length, *y.shape[axis + 1 :])
        if windows == 1:
            y = jnp.mean(y, axis=axis + 1)
            continue
        starts, ends = _adaptive_windows(length, windows)
        places = np.arange(length)
        means = (places >= starts[:, None]) & (places < ends[:, None])
        means = jnp.asarray(means / (ends - starts)[:, None], y.dtype)
        y = jnp.moveaxis(jnp.tensordot(y, means, (axis + 1, 1), precision=lax.Precision.HIGHEST), -1, axis + 1)
        y = y.reshape(*y.shape[:axis], size, *y.shape[axis + 2 :])
    return y.astype(dtype)


def adaptive_max_pool(x: Array, output_size: Sizes, data_format: str = "channels_last") -> Array:
    """Return the maxima of `output_size` windows that cover each spatial axis evenly; NaN if a window holds one.

    Args, windows and errors are those of `adaptive_average_pool`. The gradient goes to the first of equal maxima, in
    column-major order of the window (the first axis is pooled first), as in Keras on JAX.

    Args:
        x: (batch, spatial..., channels), or (batch, channels, spatial...) for "channels_first".
        output_size: How many windows there are along each spatial axis, or along all of them.
        data_format: "channels_last" or "channels_first".

    Returns:
        The maxima, of the dtype of `x`.

    >>> adaptive_max_pool(jnp.arange(7.0).reshape(1, 7, 1), 3).ravel().tolist()
    [2.0, 4.0, 6.0]
    """
    axes = _spatial_axes(x.ndim, data_format)
    return _adaptive_maximum(x, spatial_sizes("output_size", output_size, len(axes)), axes)


@jit(static_argnums=(1, 2), inline=True)
def _adaptive_maximum(x: Array, sizes: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    for axis, size in zip(axes, sizes, strict=True):
        starts, ends = _adaptive_windows(x.shape[axis], size)
        longest = int(np.max(ends - starts))
        if x.shape[axis] % size:
            # Windows side by side, shorter ones with their last element repeated.
            elements = np.minimum(starts[:, None] + np.arange(longest), ends[:, None] - 1)
            x = jnp.take(x, elements.ravel(), axis=axis)
        x = _fold(x, axis, longest, longest, _first_maximum, lax.max, _lowest(x.dtype))
    return x


def global_max_pool(x: Array, data_format: str = "channels_last", keepdims: bool = False) -> Array:
    """Return the maximum over all spatial dimensions; the gradient is shared among equal maxima, as in Keras.

    Args:
        x: (batch, spatial..., channels), or (batch, channels, spatial...) for "channels_first".
        data_format: "channels_last" or "channels_first".
        keepdims: Whether the spatial axes stay, with size 1.

    Returns:
        (batch, channels), of the dtype of `x`.

    >>> global_max_pool(jnp.arange(6.0).reshape(1, 3, 2)).tolist()
    [[4.0, 5.0]]
    """
    return jnp.max(x, axis=_spatial_axes(x.ndim, data_format), keepdims=keepdims)


def global_average_pool(
    x: Array, data_format: str = "channels_last", keepdims: bool = False, mask: Array | None = None
) -> Array:
    """Return the mean over all spatial dimensions, or over the steps of a sequence that `mask` keeps.

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`.
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: keep the spatial dimensions with size 1.
        mask: `(batch, steps)` booleans, for a sequence only. The mean of no step is zero.

    Returns:
        (batch, channels).

    >>> global_average_pool(jnp.arange(6.0).reshape(1, 3, 2)).tolist()
    [[2.0, 3.0]]
    """
    axes = _spatial_axes(x.ndim, data_format)
    if mask is None:
        return jnp.mean(x, axis=axes, keepdims=keepdims)
    weights = jnp.expand_dims(mask.astype(x.dtype), 2 if data_format == "channels_last" else 1)
    count = jnp.sum(weights, axis=axes, keepdims=keepdims)
    return jnp.sum(x * weights, axis=axes, keepdims=keepdims) / jnp.where(count == 0, 1, count)


def _pool(
    x: Array,
    pool_size: Sizes,
    strides: Sizes | None,
    padding: str,
    data_format: str,
    combine: Combine,
    reducer: Combine,
    neutral: float,
) -> Array:
    """Fold windows axis by axis, the last first, so that the first of equals is the first in row-major order."""
    axes = _spatial_axes(x.ndim, data_format)
    window = spatial_sizes("pool_size", pool_size, len(axes))
    steps = window if strides is None else spatial_sizes("strides", strides, len(axes))
    pads: list[tuple[int, int, int]] = [(0, 0, 0)] * x.ndim
    for axis, size, step in zip(axes, window, steps, strict=True):
        pads[axis] = (*_pads(x.shape[axis], size, step, padding), 0)
        if x.shape[axis] + sum(pads[axis]) < size:
            raise ValueError(f"A window of {size} does not fit into axis {axis} of an input of shape {x.shape}.")
    if any(any(pad) for pad in pads):
        x = lax.pad(x, jnp.asarray(neutral, x.dtype), pads)
    for axis, size, step in reversed(list(zip(axes, window, steps, strict=True))):
        x = _fold(x, axis, size, step, combine, reducer, neutral)
    return x


def _fold(x: Array, axis: int, size: int, step: int, combine: Combine, reducer: Combine, neutral: float) -> Array:
    """Combine the elements of each window along one axis."""
    if size > LONGEST_FOLD:
        along = [(1, 1)] * x.ndim
        along[axis] = (size, step)
        dimensions, window_strides = zip(*along, strict=True)
        return lax.reduce_window(x, np.asarray(neutral, x.dtype), reducer, dimensions, window_strides, "VALID")
    if size == step == 1:
        return x
    return reduce(combine, _window_elements(x, axis, size, step))


def _window_elements(x: Array, axis: int, size: int, step: int) -> list[Array]:
    """Return, for each place in the window, its elements of all windows along `axis`."""
    count = (x.shape[axis] - size) // step + 1
    if size == step:
        # A split axis indexed at one place is cheaper to differentiate than a strided slice.
        x = lax.slice_in_dim(x, 0, count * size, axis=axis)
        x = x.reshape(*x.shape[:axis], count, size, *x.shape[axis + 1 :])
        return [lax.index_in_dim(x, place, axis + 1, keepdims=False) for place in range(size)]
    return [lax.slice_in_dim(x, place, place + (count - 1) * step + 1, step, axis) for place in range(size)]


def _first_maximum(first: Array, second: Array) -> Array:
    """The maximum, whose gradient goes to `first` when both are equal; NaN if one is."""
    return jnp.where((second > first) | (second != second), second, first)


def _lowest(dtype: Any) -> float:
    return -jnp.inf if jnp.issubdtype(dtype, jnp.inexact) else jnp.iinfo(dtype).min


def _adaptive_windows(length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where `count` windows over `length` elements start and end."""
    places = np.arange(count)
    return places * length // count, -(-(places + 1) * length // count)


def _pads(length: int, size: int, step: int, padding: str) -> tuple[int, int]:
    if padding == "valid":
        return 0, 0
    if padding != "same":
        raise ValueError(f"padding must be 'valid' or 'same', got {padding!r}.")
    total = max((-(-length // step) - 1) * step + size - length, 0)
    return total // 2, total - total // 2


def _spatial_axes(rank: int, data_format: str) -> tuple[int, ...]:
    if data_format == "channels_last":
        return tuple(range(1, rank - 1))
    if data_format == "channels_first":
        return tuple(range(2, rank))
    raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
