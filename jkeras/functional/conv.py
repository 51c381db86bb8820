"""Convolution over one, two or three spatial dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax

Sizes = int | Sequence[int]


def spatial_sizes(name: str, value: Sizes, rank: int) -> tuple[int, ...]:
    """Return `value` as one positive integer for each of `rank` spatial dimensions.

    Raises:
        ValueError: if their number is not `rank` or one is not positive.

    >>> spatial_sizes("strides", 2, 3)
    (2, 2, 2)
    """
    sizes = (value,) * rank if isinstance(value, int) else tuple(int(size) for size in value)
    if len(sizes) != rank or min(sizes, default=1) < 1:
        raise ValueError(f"{name} must be a positive integer or {rank} of them, got {value!r}.")
    return sizes


def conv(
    x: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Sizes = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlate `x` with `kernel`, which is what deep learning calls a convolution.

    `y[n, p, o] = sum_{k, c} x[n, strides * p + dilation_rate * k, c] * kernel[k, c, o]`

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        kernel: `(spatial..., channels / groups, filters)`.
        strides: step of the window, one number or one for each spatial dimension.
        padding: `"valid"` (none), `"same"` (as many outputs as inputs at stride 1), or `"causal"` (one spatial
            dimension only: an output sees no later input).
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: distance of neighbouring kernel elements in the input.
        groups: number of groups the channels and the filters are split into.

    Returns:
        `(batch, spatial..., filters)`, channels where `data_format` puts them, of the promoted float dtype.

    Raises:
        ValueError: for an unknown padding or data format, and for causal padding of images.

    >>> conv(jnp.arange(4.0).reshape(1, 4, 1), jnp.ones((2, 1, 1)), padding="causal").ravel().tolist()
    [0.0, 1.0, 3.0, 5.0]
    """
    rank = x.ndim - 2
    if kernel.ndim != x.ndim:
        raise ValueError(
            f"conv: an input of {x.ndim} dimensions (batch, {rank} spatial, channels) needs a kernel of {x.ndim} "
            f"dimensions ({rank} spatial, channels / groups, filters); got one of shape {kernel.shape}."
        )
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    dtype = jnp.result_type(x, kernel)
    dtype = dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.float32
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    strides = spatial_sizes("strides", strides, rank)
    dilation_rate = spatial_sizes("dilation_rate", dilation_rate, rank)

    channels_first = data_format == "channels_first"
    # XLA on CPU has fast code for channels last only; elsewhere it chooses the layout itself.
    transposed = channels_first and jax.default_backend() == "cpu"
    if transposed:
        x = jnp.moveaxis(x, 1, -1)
    batch_and_channels = (0, 1) if channels_first and not transposed else (0, x.ndim - 1)
    spatial = tuple(axis for axis in range(x.ndim) if axis not in batch_and_channels)
    layout = (*batch_and_channels, *spatial)
    y = lax.conv_general_dilated(
        x,
        kernel,
        strides,
        _padding(padding, kernel.shape[:rank], dilation_rate),
        rhs_dilation=dilation_rate,
        dimension_numbers=lax.ConvDimensionNumbers(layout, (rank + 1, rank, *range(rank)), layout),
        feature_group_count=groups,
    )
    return jnp.moveaxis(y, -1, 1) if transposed else y


def _padding(padding: str, window: tuple[int, ...], dilation_rate: tuple[int, ...]) -> str | list[tuple[int, int]]:
    if padding in ("valid", "same"):
        return padding.upper()
    if padding == "causal" and len(window) == 1:
        return [(dilation_rate[0] * (window[0] - 1), 0)]
    if padding == "causal":
        raise ValueError("padding='causal' needs one spatial dimension: images have no before and after.")
    raise ValueError(f"padding must be 'valid', 'same' or (one spatial dimension) 'causal', got {padding!r}.")
