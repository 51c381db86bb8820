"""Convolution, pooling, and windows as columns or channels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.operation import operation, publish
from jkeras.functional import conv as convolution
from jkeras.functional import folding, pool
from jkeras.ops.operands import row


def _convolution(function: Callable[..., Array], groups: bool = False) -> Callable[..., Array]:
    """Return a convolution of anything that is an array, in which integers stay integers."""

    def compute(inputs: Any, *kernels: Any, data_format: Any, padding: str, **options: Any) -> Array:
        inputs, kernels = jnp.asarray(inputs), tuple(map(jnp.asarray, kernels))
        data_format = standardize_data_format(data_format)
        if groups:
            channels = inputs.shape[1 if data_format == "channels_first" else -1]
            options["groups"] = channels // kernels[0].shape[-2]
        y = function(inputs, *kernels, data_format=data_format, padding=padding.lower(), **options)
        return y.astype(jnp.result_type(inputs, *kernels))

    compute.__name__ = function.__name__
    return compute


def _pooling(function: Callable[..., Array]) -> Callable[..., Array]:
    def compute(inputs: Any, size: Any, *, data_format: Any, **options: Any) -> Array:
        if "padding" in options:
            options["padding"] = options["padding"].lower()
        return function(jnp.asarray(inputs), size, data_format=standardize_data_format(data_format), **options)

    compute.__name__ = function.__name__
    return compute


_CONV = 'strides=1, padding="valid", data_format=None, dilation_rate=1'
_POOL = 'inputs, pool_size, strides=None, padding="valid", data_format=None'
_windows = functools.partial(
    operation, inputs="Array `(batch, ..., channels)`, or `(batch, channels, ...)` for \"channels_first\".",
    returns="Array `(batch, ..., channels)` of their dtype, with a place for each window.",
)  # fmt: skip
_convolve = functools.partial(
    _windows, kernel="Array `(..., channels, filters)`.", depthwise_kernel="Array `(..., channels, multiplier)`.",
    pointwise_kernel="Array `(1, ..., channels * multiplier, filters)`.", padding='"valid" or "same".',
    returns="Array `(batch, ..., filters)` of the dtype of the operands, promoted.",
)  # fmt: skip
_pool = functools.partial(
    _windows, pool_size="Size of a window: an integer, or one for each spatial axis.",
    strides="Distance between windows; None is their size.",
    output_size="How many windows: an integer, or one for each axis.",
)  # fmt: skip
_folding = functools.partial(
    row, block_size="Height and width of a block.", data_format='"channels_last" or "channels_first".',
    kernel_size="Height and width of a window, or one number for both.",
    dilation="Distance between neighbours in a window.",
    padding="Zeros around the images.", stride="Distance between windows.",
)  # fmt: skip

conv = _convolve(
    _convolution(convolution.conv, groups=True), f"inputs, kernel, {_CONV}", "Convolution by a kernel.",
    "[[[1.0], [2.0], [3.0]]], [[[1.0]], [[10.0]]] -> [[[21.0], [32.0]]]",
    kernel="Array `(..., channels, filters)`; if the inputs have `n` times as many channels, they are `n` groups.",
)  # fmt: skip
conv_transpose = _convolve(
    _convolution(convolution.conv_transpose),
    'inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1',
    "Transposed convolution by a kernel.", "[[[1.0], [2.0]]], [[[1.0]], [[10.0]]] -> [[[1.0], [12.0], [20.0]]]",
    kernel="Array `(..., filters, channels)`.",
    output_padding="Places added to the end of each spatial axis; None is none.",
)  # fmt: skip
depthwise_conv = _convolve(
    _convolution(convolution.depthwise_conv), f"inputs, kernel, {_CONV}", "Convolution of each channel by itself.",
    "[[[1.0], [2.0], [3.0]]], [[[1.0]], [[10.0]]] -> [[[21.0], [32.0]]]", kernel="Array `(..., channels, multiplier)`.",
    returns="Array `(batch, ..., channels * multiplier)` of the dtype of the operands, promoted.",
)  # fmt: skip
separable_conv = _convolve(
    _convolution(convolution.separable_conv), f"inputs, depthwise_kernel, pointwise_kernel, {_CONV}",
    "Convolution of each channel by itself, then mixing of the channels.",
    "[[[1.0], [2.0]]], [[[1.0]], [[10.0]]], [[[1.0, 2.0]]] -> [[[21.0, 42.0]]]",
)  # fmt: skip
max_pool = _pool(
    _pooling(pool.max_pool),
    _POOL,
    "Largest element of each window.",
    "[[[1.0], [5.0], [2.0], [3.0]]], 2 -> [[[5.0], [3.0]]]",
)
average_pool = _pool(
    _pooling(pool.average_pool), _POOL, "Mean of each window.", "[[[1.0], [5.0], [2.0], [3.0]]], 2 -> [[[3.0], [2.5]]]"
)
adaptive_max_pool = _pool(
    _pooling(pool.adaptive_max_pool), "inputs, output_size, data_format=None",
    "Largest element of each of `output_size` windows.", "[[[1.0], [5.0], [2.0], [3.0]]], 2 -> [[[5.0], [3.0]]]",
)  # fmt: skip
adaptive_average_pool = _pool(
    _pooling(pool.adaptive_average_pool), "inputs, output_size, data_format=None",
    "Mean of each of `output_size` windows.", "[[[1.0], [5.0], [2.0], [3.0]]], 2 -> [[[3.0], [2.5]]]",
)  # fmt: skip
space_to_depth = _folding(
    folding.space_to_depth, 'x, block_size, data_format="channels_last"',
    "Put the pixels of each block into one pixel.", "[[[[1], [2]], [[3], [4]]]], 2 -> [[[[1, 2, 3, 4]]]]",
    x="Images `(batch, height, width, channels)`.", returns="Images with `block_size ** 2` times as many channels.",
)  # fmt: skip
depth_to_space = _folding(
    folding.depth_to_space, 'x, block_size, data_format="channels_last"',
    "Spread the channels of each pixel over a block.", "[[[[1, 2, 3, 4]]]], 2 -> [[[[1], [2]], [[3], [4]]]]",
    x="Images `(batch, height, width, channels)`.", returns="Images with so many times as much height and width.",
)  # fmt: skip
unfold = _folding(
    folding.unfold, "x, kernel_size, dilation=1, padding=0, stride=1", "Windows of images as columns.",
    "[[[[1, 2], [3, 4]]]], (2, 1) -> [[[1, 2], [3, 4]]]", x="Images `(batch, channels, height, width)`.",
    returns="Array `(batch, channels * pixels of a window, windows)`.",
)  # fmt: skip
fold = _folding(
    folding.fold, "x, output_size, kernel_size, dilation=1, padding=0, stride=1",
    "Sum windows, as `unfold` gives them, into images.", "[[[1, 2], [3, 4]]], 2, (2, 1) -> [[[[1, 2], [3, 4]]]]",
    x="Array `(batch, channels * pixels of a window, windows)`.", output_size="Height and width of the images.",
    returns="Images `(batch, channels, height, width)`.",
)  # fmt: skip


__all__ = publish(globals())
