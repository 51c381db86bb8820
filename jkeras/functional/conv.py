"""Convolutions over one, two or three spatial dimensions: plain, transposed, depthwise, separable, unshared."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import index

import jax
import jax.numpy as jnp
from jax import Array, lax

from jkeras.functional.shifts import shifted_sum, window_slices

Sizes = int | Sequence[int]

MOST_SHIFTS = 128
"""Larger depthwise kernels go through XLA's grouped convolution: a sum of so many slices compiles slowly."""


def spatial_sizes(name: str, value: Sizes, rank: int) -> tuple[int, ...]:
    """Return `value` as one positive integer for each of `rank` spatial dimensions.

    Args:
        name: What it is, for the message.
        value: One integer, or one for each dimension.
        rank: How many dimensions.

    Returns:
        `rank` integers.

    Raises:
        ValueError: if their number is not `rank` or one is not positive.

    >>> spatial_sizes("strides", 2, 3)
    (2, 2, 2)
    """
    try:
        sizes = tuple(index(size) for size in (value if isinstance(value, Iterable) else [value] * rank))
    except TypeError:
        sizes = ()
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
    groups: int | None = None,
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
        groups: number of groups the channels and the filters are split into; by default what the shapes say.

    Returns:
        `(batch, spatial..., filters)`, channels where `data_format` puts them, of the promoted float dtype.

    Raises:
        ValueError: for an unknown padding or data format, causal padding of images, shapes that do not fit.

    >>> conv(jnp.arange(4.0).reshape(1, 4, 1), jnp.ones((2, 1, 1)), padding="causal").ravel().tolist()
    [0.0, 1.0, 3.0, 5.0]
    """
    rank = x.ndim - 2
    _check_kernel("conv", x, kernel, "channels / groups, filters")
    x, kernel = _promote(x, kernel)
    strides = spatial_sizes("strides", strides, rank)
    dilation_rate = spatial_sizes("dilation_rate", dilation_rate, rank)
    x, back, layout = _layout(x, data_format)
    channels = x.shape[layout[1]]
    groups = channels // kernel.shape[rank] if groups is None else groups
    if groups * kernel.shape[rank] != channels or kernel.shape[-1] % max(groups, 1):
        raise ValueError(
            f"conv: {channels} channels in groups of {kernel.shape[rank]} and {kernel.shape[-1]} filters, "
            f"in {groups} groups, do not fit: a kernel is (spatial..., channels / groups, filters), got {kernel.shape}."
        )
    pads = _pads("conv", x, layout, kernel.shape[:rank], strides, padding, dilation_rate)
    if layout[1] == rank + 1 and groups == 1 and math.prod(kernel.shape[:rank]) == 1 and _on_cpu():
        # A matrix product, which has a faster gradient there.
        steps = (slice(None), *(slice(None, None, step) for step in strides))
        return back(jnp.tensordot(x[steps], kernel.reshape(kernel.shape[rank:]), 1))
    y = lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation_rate,
        dimension_numbers=lax.ConvDimensionNumbers(layout, (rank + 1, rank, *range(rank)), layout),
        feature_group_count=groups,
    )
    return back(y)


def conv_transpose(
    x: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str = "channels_last",
    dilation_rate: Sizes = 1,
) -> Array:
    """The gradient of `conv` by its input, applied to `x`: each element of `x` adds the kernel, times itself, to `y`.

    `y[n, q, o] = sum over p, k with strides * p + dilation_rate * k = q + before of x[n, p, c] * kernel[k, o, c]`

    With `window = dilation_rate * (kernel size - 1) + 1`, an axis of length `n` becomes

    - `"valid"`: `strides * n + max(window - strides, 0)`;
    - `"same"`: `strides * n`;
    - `"valid"` with `output_padding`: `strides * (n - 1) + window + output_padding`;
    - `"same"` with `output_padding`: `strides * (n - 1) + window % 2 + output_padding`.

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        kernel: `(spatial..., filters, channels)`, that of the convolution whose gradient this is.
        strides: step of the kernel in the output, one number or one for each spatial dimension.
        padding: `"valid"` or `"same"`.
        output_padding: chooses among the lengths that the convolution maps to `n`; see above.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: distance of neighbouring kernel elements in the output.

    Returns:
        `(batch, spatial..., filters)`, channels where `data_format` puts them, of the promoted float dtype.

    Raises:
        ValueError: for an unknown padding or data format, and shapes that do not fit.

    >>> conv_transpose(jnp.asarray([1.0, 2.0]).reshape(1, 2, 1), jnp.ones((3, 1, 1)), strides=2).ravel().tolist()
    [1.0, 1.0, 3.0, 2.0, 2.0]
    """
    rank = x.ndim - 2
    _check_kernel("conv_transpose", x, kernel, "filters, channels")
    if padding not in ("valid", "same"):
        raise ValueError(f"padding must be 'valid' or 'same', got {padding!r}.")
    x, kernel = _promote(x, kernel)
    strides = spatial_sizes("strides", strides, rank)
    dilation_rate = spatial_sizes("dilation_rate", dilation_rate, rank)
    windows = [rate * (size - 1) + 1 for size, rate in zip(kernel.shape, dilation_rate)]
    extra = (output_padding,) * rank if output_padding is None or isinstance(output_padding, int) else output_padding
    if len(extra) != rank or any(n is not None and n < 0 for n in extra):
        raise ValueError(f"output_padding must be a number from 0 or {rank} of them, got {output_padding!r}.")
    x, back, layout = _layout(x, data_format)
    if x.shape[layout[1]] != kernel.shape[-1]:
        raise ValueError(
            f"conv_transpose: {x.shape[layout[1]]} channels do not fit a kernel (spatial..., filters, channels) of "
            f"shape {kernel.shape}."
        )
    y = lax.conv_general_dilated(
        x,
        jnp.flip(kernel, range(rank)),
        (1,) * rank,
        [transposed_pads(*sizes, padding) for sizes in zip(windows, strides, extra, strict=True)],
        lhs_dilation=strides,
        rhs_dilation=dilation_rate,
        dimension_numbers=lax.ConvDimensionNumbers(layout, (rank, rank + 1, *range(rank)), layout),
    )
    return back(y)


def depthwise_conv(
    x: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Sizes = 1,
) -> Array:
    """Convolve each channel by itself.

    `y[n, p, c * multiplier + m] = sum_k x[n, strides * p + dilation_rate * k, c] * kernel[k, c, m]`

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        kernel: `(spatial..., channels, multiplier)`.
        strides: step of the window, one number or one for each spatial dimension.
        padding: `"valid"`, `"same"`, or `"causal"` (one spatial dimension only).
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: distance of neighbouring kernel elements in the input.

    Returns:
        `(batch, spatial..., channels * multiplier)`, channels where `data_format` puts them.

    Raises:
        ValueError: as `conv`.

    >>> depthwise_conv(jnp.ones((1, 3, 2)), jnp.ones((2, 2, 1))).tolist()
    [[[2.0, 2.0], [2.0, 2.0]]]
    """
    rank = x.ndim - 2
    _check_kernel("depthwise_conv", x, kernel, "channels, multiplier")
    window, filters = kernel.shape[:rank], math.prod(kernel.shape[rank:])
    channels = x.shape[1 if data_format == "channels_first" else -1]
    if kernel.shape[rank] != channels:
        raise ValueError(
            f"depthwise_conv: {channels} channels do not fit a kernel (spatial..., channels, multiplier) of shape "
            f"{kernel.shape}."
        )
    if not _on_cpu() or math.prod(window) > MOST_SHIFTS:
        kernel = kernel.reshape(*window, 1, filters)
        return conv(x, kernel, strides, padding, data_format, dilation_rate, groups=channels)
    x, kernel = _promote(x, kernel)
    dtype = x.dtype
    # Sums of half precision are rounded once, at the end.
    exact = jnp.promote_types(dtype, jnp.float32)
    strides = spatial_sizes("strides", strides, rank)
    dilation_rate = spatial_sizes("dilation_rate", dilation_rate, rank)
    x, back, layout = _layout(x, data_format)
    x = _pad(x, _pads("depthwise_conv", x, layout, window, strides, padding, dilation_rate)).astype(exact)
    x = jnp.repeat(x, filters // channels, axis=-1) if filters > channels else x
    rows = kernel.astype(exact).reshape(-1, filters)
    return back(shifted_sum(x, rows, window, strides, dilation_rate).astype(dtype))


def separable_conv(
    x: Array,
    depthwise_kernel: Array,
    pointwise_kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Sizes = 1,
) -> Array:
    """Convolve each channel by itself, then mix the channels: `conv(depthwise_conv(x, depthwise), pointwise)`.

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        depthwise_kernel: `(spatial..., channels, multiplier)`.
        pointwise_kernel: `(1..., channels * multiplier, filters)`.
        strides: step of the window, one number or one for each spatial dimension.
        padding: `"valid"`, `"same"`, or `"causal"` (one spatial dimension only).
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: distance of neighbouring elements of the depthwise kernel in the input.

    Returns:
        `(batch, spatial..., filters)`, channels where `data_format` puts them.

    Raises:
        ValueError: as `conv`.

    >>> separable_conv(jnp.ones((1, 3, 2)), jnp.ones((2, 2, 1)), jnp.ones((1, 2, 1))).tolist()
    [[[4.0], [4.0]]]
    """
    y = depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, 1, "valid", data_format)


def local_conv(
    x: Array,
    kernel: Array,
    kernel_size: Sizes,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> Array:
    """Convolve with a kernel of its own at each place: `y[n, p, o] = sum_i window(x[n], p)[i] * kernel[p, i, o]`.

    Args:
        x: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)` for `"channels_first"`.
        kernel: `(places, elements, filters)`. Places are those of the output, the elements those of the window in
            the order of `x`: `(spatial..., channels)` or `(channels, spatial...)`.
        kernel_size: size of the window, one number or one for each spatial dimension.
        strides: step of the window.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        `(batch, spatial..., filters)`, channels where `data_format` puts them.

    Raises:
        ValueError: for an unknown padding or data format, and shapes that do not fit.

    >>> local_conv(jnp.ones((1, 3, 1)), jnp.arange(4.0).reshape(2, 2, 1), 2).ravel().tolist()
    [1.0, 5.0]
    """
    rank = x.ndim - 2
    window = spatial_sizes("kernel_size", kernel_size, rank)
    strides = spatial_sizes("strides", strides, rank)
    x, kernel = _promote(x, kernel)
    if data_format == "channels_first":
        x = jnp.moveaxis(x, 1, -1)
    elif data_format != "channels_last":
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    layout = (0, rank + 1, *range(1, rank + 1))
    x = _pad(x, _pads("local_conv", x, layout, window, strides, padding, (1,) * rank))
    slices = window_slices(x, window, strides, (1,) * rank)
    spatial, channels = slices[0].shape[1:-1], x.shape[-1]
    expected = (math.prod(spatial), math.prod(window) * channels)
    if kernel.ndim != 3 or kernel.shape[:2] != expected:
        raise ValueError(f"local_conv: the kernel must be {(*expected, 'filters')} for this input, got {kernel.shape}.")
    if data_format == "channels_first":
        kernel = kernel.reshape(expected[0], channels, -1, kernel.shape[-1]).swapaxes(1, 2)
    patches = jnp.concatenate(slices, -1).reshape(x.shape[0], *expected)
    y = jnp.einsum("npi,pio->npo", patches, kernel.reshape(*expected, -1))
    y = y.reshape(x.shape[0], *spatial, -1)
    return jnp.moveaxis(y, -1, 1) if data_format == "channels_first" else y


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def _check_kernel(name: str, x: Array, kernel: Array, last: str) -> None:
    rank = x.ndim - 2
    if kernel.ndim != x.ndim:
        raise ValueError(
            f"{name}: an input of {x.ndim} dimensions (batch, {rank} spatial, channels) needs a kernel of {x.ndim} "
            f"dimensions ({rank} spatial, {last}); got one of shape {kernel.shape}."
        )


def _promote(x: Array, kernel: Array) -> tuple[Array, Array]:
    dtype = jnp.result_type(x, kernel)
    dtype = dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.float32
    return jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)


def _layout(x: Array, data_format: str) -> tuple[Array, Callable[[Array], Array], tuple[int, ...]]:
    """Return `x` as it is convolved, what brings the output back into `data_format`, and the axes in lax's order."""
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    if data_format == "channels_last":
        return x, lambda y: y, (0, x.ndim - 1, *range(1, x.ndim - 1))
    if not _on_cpu():
        return x, lambda y: y, tuple(range(x.ndim))
    # XLA on CPU has fast code for channels last only; elsewhere it chooses the layout itself.
    return jnp.moveaxis(x, 1, -1), lambda y: jnp.moveaxis(y, -1, 1), (0, x.ndim - 1, *range(1, x.ndim - 1))


def _pads(
    name: str,
    x: Array,
    layout: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: str,
    dilation_rate: Sequence[int],
) -> list[tuple[int, int]]:
    """Return how much each spatial axis is padded before and after."""
    reach = [rate * (size - 1) + 1 for size, rate in zip(window, dilation_rate, strict=True)]
    lengths = [x.shape[axis] for axis in layout[2:]]
    if padding == "same":
        return lax.padtype_to_pads(lengths, reach, strides, "SAME")
    if padding == "causal" and len(window) == 1:
        return [(reach[0] - 1, 0)]
    if padding == "causal":
        raise ValueError("padding='causal' needs one spatial dimension: images have no before and after.")
    if padding != "valid":
        raise ValueError(f"padding must be 'valid', 'same' or (one spatial dimension) 'causal', got {padding!r}.")
    if any(size > length for size, length in zip(reach, lengths, strict=True)):
        raise ValueError(
            f"{name}: a window of {tuple(reach)} does not fit into spatial sizes {tuple(lengths)}. "
            "Use padding='same' or a smaller kernel."
        )
    return [(0, 0)] * len(window)


def transposed_pads(window: int, stride: int, extra: int | None, padding: str) -> tuple[int, int]:
    """Return how much an axis, spread by `stride`, is padded so that the output has the length that is promised.

    Args:
        window: size of the kernel, gaps of its dilation included.
        stride: step of the kernel in the output.
        extra: the `output_padding`.
        padding: "valid" or "same".

    Returns:
        What goes before and behind.

    >>> transposed_pads(3, 2, None, "same")
    (2, 1)
    """
    if padding == "valid":
        return window - 1, window - 1 + (max(stride - window, 0) if extra is None else extra)
    total = window + stride - 2 if extra is None else window + window % 2 - 2 + extra
    before = min(-(-total // 2), window - 1)
    return before, total - before


def _pad(x: Array, pads: Sequence[tuple[int, int]]) -> Array:
    if not any(any(pad) for pad in pads):
        return x
    return jnp.pad(x, ((0, 0), *pads, (0, 0)))
