"""`K` functions that slide a window: convolution, pooling, locally connected products."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.data_format import standardize_data_format
from jkeras.core.operation import operation, publish
from jkeras.functional import conv, pool


def _on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` of arrays as one that takes lists, and None for the default data format."""

    def compute(*arrays: Any, data_format: str | None, **options: Any) -> Any:
        return function(*map(jnp.asarray, arrays), data_format=standardize_data_format(data_format), **options)

    compute.__name__ = function.__name__
    return compute


def _conv_transpose(x: Any, kernel: Any, output_shape: Sequence[int | None], **options: Any) -> Any:
    """The transpose of the convolution, as a linear map, that takes an array of `output_shape` to one like `x`."""
    x, kernel = jnp.asarray(x), jnp.asarray(kernel)
    options["data_format"] = standardize_data_format(options["data_format"])
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


def _pool(x: Any, pool_size: Any, pool_mode: str = "max", **options: Any) -> Any:
    modes: dict[str, Callable[..., Any]] = {"max": pool.max_pool, "avg": pool.average_pool}
    if pool_mode not in modes:
        raise ValueError(f"pool_mode must be 'max' or 'avg'; got {pool_mode!r}.")
    options["data_format"] = standardize_data_format(options["data_format"])
    return modes[pool_mode](jnp.asarray(x), pool_size, **options)


def _local(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, output_shape: Any = None, data_format: str | None = None
) -> Any:
    where = standardize_data_format(data_format)
    y = conv.local_conv(jnp.asarray(inputs), jnp.asarray(kernel), kernel_size, strides, data_format=where)
    places = y.shape[1:-1] if where == "channels_last" else y.shape[2:]
    if output_shape is not None and tuple(output_shape) != places:
        raise ValueError(f"A window of {kernel_size} has {places} places here; got output_shape {output_shape}.")
    return y


def _options(one: Any) -> str:
    return f'strides={one}, padding="valid", data_format=None, dilation_rate={one}'


_row = functools.partial(
    operation, x="Images `(batch, rows, columns, channels)`; channels come second for \"channels_first\".",
    kernel="Array `(rows, columns, channels, filters)`.", padding='"valid" or "same".',
    depthwise_kernel="Array `(rows, columns, channels, multiplier)`.",
    pointwise_kernel="Array `(1, 1, channels * multiplier, filters)`.",
    returns="Array `(batch, rows, columns, filters)` of the dtype of `x`.",
)  # fmt: skip
_pool_row = functools.partial(
    _row, pool_size="Size of a window along each axis.", strides="Distance between windows along each axis.",
    pool_mode='"max" for the largest element, "avg" for the mean.',
    returns="Array `(batch, ..., channels)` of the dtype of `x`.",
)  # fmt: skip
_local_row = functools.partial(
    _row, kernel="Array `(places, window * channels, filters)`.", kernel_size="Size of the window.",
    output_shape="Places along each axis, if one wants them checked, or None.",
)  # fmt: skip

conv1d = _row(
    _on_arrays(conv.conv), f"x, kernel, {_options(1)}", "Convolution over time.",
    "jnp.ones((1, 3, 1)), jnp.ones((2, 1, 1)) -> [[[2.0], [2.0]]]", x="Sequences `(batch, steps, channels)`.",
    kernel="Array `(steps, channels, filters)`.", padding='"valid", "same" or "causal".',
    returns="Array `(batch, steps, filters)` of the dtype of `x`.",
)  # fmt: skip
conv2d = _row(
    _on_arrays(conv.conv), f"x, kernel, {_options((1, 1))}", "Convolution of images.",
    "jnp.ones((1, 2, 3, 1)), jnp.ones((2, 2, 1, 1)) -> [[[[4.0], [4.0]]]]",
)  # fmt: skip
conv3d = _row(
    _on_arrays(conv.conv), f"x, kernel, {_options((1, 1, 1))}", "Convolution of volumes.",
    "jnp.ones((1, 2, 2, 2, 1)), jnp.ones((2, 2, 2, 1, 3)) -> shape (1, 1, 1, 1, 3)",
    x="Volumes `(batch, depth, rows, columns, channels)`.", kernel="Array `(depth, rows, columns, channels, filters)`.",
    returns="Array `(batch, depth, rows, columns, filters)` of the dtype of `x`.",
)  # fmt: skip
conv2d_transpose = _row(
    _conv_transpose,
    'x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)',
    "Transposed convolution of images.",
    "jnp.ones((1, 1, 2, 1)), jnp.ones((1, 2, 1, 1)), (1, 1, 3, 1) -> [[[[1.0], [2.0], [1.0]]]]",
    kernel="Array `(rows, columns, filters, channels)`.", output_shape="Shape of the result; its batch is not read.",
    returns="Array of `output_shape`, of the dtype of `x`.",
)  # fmt: skip
depthwise_conv2d = _row(
    _on_arrays(conv.depthwise_conv), f"x, depthwise_kernel, {_options((1, 1))}",
    "Convolution of each channel on its own.",
    "jnp.ones((1, 2, 3, 1)), jnp.ones((2, 2, 1, 1)) -> [[[[4.0], [4.0]]]]",
    returns="Array `(batch, rows, columns, channels * multiplier)` of the dtype of `x`.",
)  # fmt: skip
separable_conv2d = _row(
    _on_arrays(conv.separable_conv), f"x, depthwise_kernel, pointwise_kernel, {_options((1, 1))}",
    "Depthwise convolution, and a product over the channels at each pixel.",
    "jnp.ones((1, 2, 3, 1)), jnp.ones((2, 2, 1, 1)), jnp.ones((1, 1, 1, 2)) -> [[[[4.0, 4.0], [4.0, 4.0]]]]",
)  # fmt: skip
local_conv1d = _local_row(
    _local, "inputs, kernel, kernel_size, strides, data_format=None",
    "Convolution over time with another kernel at each place.",
    "jnp.ones((1, 2, 1)), jnp.array([[[1.0]], [[2.0]]]), (1,), (1,) -> [[[1.0], [2.0]]]",
    inputs="Sequences `(batch, steps, channels)`.",
    returns="Array `(batch, places, filters)` of the dtype of `inputs`.",
)  # fmt: skip
local_conv2d = _local_row(
    _local, "inputs, kernel, kernel_size, strides, output_shape, data_format=None",
    "Convolution of images with another kernel at each place.",
    "jnp.ones((1, 1, 2, 1)), jnp.array([[[1.0]], [[2.0]]]), (1, 1), (1, 1), (1, 2) -> [[[[1.0], [2.0]]]]",
    inputs="Images `(batch, rows, columns, channels)`.",
    returns="Array `(batch, rows, columns, filters)` of their dtype.",
)  # fmt: skip
pool2d = _pool_row(
    _pool, 'x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"',
    "Largest element or mean of each window of images.", "jnp.arange(4.0).reshape(1, 2, 2, 1), (2, 2) -> [[[[3.0]]]]",
)  # fmt: skip
pool3d = _pool_row(
    _pool, 'x, pool_size, strides=(1, 1, 1), padding="valid", data_format=None, pool_mode="max"',
    "Largest element or mean of each window of volumes.",
    "jnp.arange(8.0).reshape(1, 2, 2, 2, 1), (2, 2, 2), pool_mode='avg' -> [[[[[3.5]]]]]",
    x="Volumes `(batch, depth, rows, columns, channels)`; channels come second for \"channels_first\".",
)  # fmt: skip

__all__ = publish(globals())
