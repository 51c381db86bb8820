"""`K` functions that slide a window: convolution, pooling, locally connected products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.data_format import standardize_data_format
from jkeras.core.operation import operation, publish
from jkeras.functional import conv, pool

_CONV = 'x, kernel, strides={one}, padding="valid", data_format=None, dilation_rate={one}'
_POOL = 'x, pool_size, strides={one}, padding="valid", data_format=None, pool_mode="max"'


def _conv(x: Any, kernel: Any, **options: Any) -> Any:
    return conv.conv(jnp.asarray(x), jnp.asarray(kernel), **_with_format(options))


def _with_format(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "data_format": standardize_data_format(options["data_format"])}


def _conv_transpose(x: Any, kernel: Any, output_shape: Sequence[int | None], **options: Any) -> Any:
    """The transpose of the convolution, as a linear map, that takes an array of `output_shape` to one like `x`."""
    x, kernel = jnp.asarray(x), jnp.asarray(kernel)
    options = _with_format(options)
    wanted = jax.ShapeDtypeStruct((x.shape[0], *list(output_shape)[1:]), x.dtype)

    def forward(y: Any) -> Any:
        return conv.conv(y, kernel.astype(x.dtype), **options)

    made = jax.eval_shape(forward, wanted).shape
    if made != x.shape:
        raise ValueError(
            f"conv2d_transpose: output_shape {tuple(output_shape)} does not fit an input of shape {x.shape}: "
            f"convolved with the same kernel and strides it would give {made}."
        )
    return jax.linear_transpose(forward, wanted)(x)[0]


def _depthwise(x: Any, depthwise_kernel: Any, **options: Any) -> Any:
    return conv.depthwise_conv(jnp.asarray(x), jnp.asarray(depthwise_kernel), **_with_format(options))


def _separable(x: Any, depthwise_kernel: Any, pointwise_kernel: Any, **options: Any) -> Any:
    kernels = jnp.asarray(depthwise_kernel), jnp.asarray(pointwise_kernel)
    return conv.separable_conv(jnp.asarray(x), *kernels, **_with_format(options))


def _pool(x: Any, pool_size: Any, pool_mode: str = "max", **options: Any) -> Any:
    modes: dict[str, Callable[..., Any]] = {"max": pool.max_pool, "avg": pool.average_pool}
    if pool_mode not in modes:
        raise ValueError(f"pool_mode must be 'max' or 'avg'; got {pool_mode!r}.")
    return modes[pool_mode](jnp.asarray(x), pool_size, **_with_format(options))


def _local(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, output_shape: Any = None, data_format: str | None = None
) -> Any:
    where = standardize_data_format(data_format)
    y = conv.local_conv(jnp.asarray(inputs), jnp.asarray(kernel), kernel_size, strides, data_format=where)
    places = y.shape[1:-1] if where == "channels_last" else y.shape[2:]
    if output_shape is not None and tuple(output_shape) != places:
        raise ValueError(f"A window of {kernel_size} has {places} places here; got output_shape {output_shape}.")
    return y


conv1d = operation(_conv, _CONV.format(one=1), "Convolution over time; the kernel is `(steps, channels, filters)`.")
conv2d = operation(
    _conv, _CONV.format(one=(1, 1)), "Convolution of images; the kernel is `(rows, columns, channels, filters)`."
)
conv3d = operation(
    _conv, _CONV.format(one=(1, 1, 1)), "Convolution of volumes; the kernel is `(..., channels, filters)`."
)
conv2d_transpose = operation(
    _conv_transpose,
    'x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)',
    "What takes an image of `output_shape` to `x`, transposed; the kernel is `(rows, columns, filters, channels)`.",
)
depthwise_conv2d = operation(
    _depthwise,
    _CONV.format(one=(1, 1)).replace("kernel", "depthwise_kernel"),
    "Convolution of each channel on its own; the kernel is `(rows, columns, channels, multiplier)`.",
)
separable_conv2d = operation(
    _separable,
    _CONV.format(one=(1, 1)).replace("kernel", "depthwise_kernel, pointwise_kernel"),
    "Depthwise convolution, and a product over the channels at each pixel.",
)
local_conv1d = operation(
    _local,
    "inputs, kernel, kernel_size, strides, data_format=None",
    "Convolution over time with another kernel at each place: `(places, window * channels, filters)`.",
)
local_conv2d = operation(
    _local,
    "inputs, kernel, kernel_size, strides, output_shape, data_format=None",
    "Convolution of images with another kernel at each place: `(places, window * channels, filters)`.",
)
pool2d = operation(
    _pool, _POOL.format(one=(1, 1)), "Largest element (or mean, 'avg') of each window; strides 1 unless given."
)
pool3d = operation(
    _pool, _POOL.format(one=(1, 1, 1)), "Largest element (or mean, 'avg') of each window; strides 1 unless given."
)

__all__ = publish(globals())
