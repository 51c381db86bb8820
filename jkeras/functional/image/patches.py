"""Windows of images and volumes, side by side."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array


def extract_patches(
    images: Array, size: Sequence[int], strides: Sequence[int], dilation_rate: Sequence[int], padding: str = "valid"
) -> Array:
    """Cut windows from `(..., *spatial, channels)` and flatten each: `(..., *positions, prod(size) * channels)`.

    Args:
        images: As many spatial axes as `size` has entries.
        size: Size of a window along each axis.
        strides: Distance between windows.
        dilation_rate: Distance between the elements of a window.
        padding: "valid", or "same" for zeros at the edges, so that there are `ceil(n / stride)` windows.

    Returns:
        `(..., *positions, prod(size) * channels)`, of the dtype of the images.

    >>> extract_patches(jnp.arange(4).reshape(1, 4, 1), (1, 2), (1, 2), (1, 1))[0].tolist()
    [[0, 1], [2, 3]]
    """
    rank, first = len(size), images.ndim - 1 - len(size)
    for i in range(rank):
        images = _windows(images, first + 2 * i, size[i], strides[i], dilation_rate[i], padding)
    positions, inside = [first + 2 * i for i in range(rank)], [first + 2 * i + 1 for i in range(rank)]
    images = jnp.transpose(images, (*range(first), *positions, *inside, images.ndim - 1))
    return images.reshape(*images.shape[: first + rank], -1)


def _windows(images: Array, axis: int, size: int, stride: int, dilation: int, padding: str) -> Array:
    """Replace `axis` by two: the number of the window, and the position inside."""
    length, span = images.shape[axis], (size - 1) * dilation + 1
    if padding == "same":
        total = max((math.ceil(length / stride) - 1) * stride + span - length, 0)
        widths = [(0, 0)] * images.ndim
        widths[axis] = (total // 2, total - total // 2)
        images = jnp.pad(images, widths)
        length += total
    count = (length - span) // stride + 1
    if count < 1:
        raise ValueError(f"extract_patches: a window of {span} does not fit into {length} pixels (axis {axis}).")
    if stride == size and dilation == 1:
        images = jax.lax.slice_in_dim(images, 0, count * size, axis=axis)
        return images.reshape(*images.shape[:axis], count, size, *images.shape[axis + 1 :])
    index = jnp.arange(count)[:, None] * stride + jnp.arange(size) * dilation
    return jnp.take(images, index, axis=axis)
