"""Moving pixels between space and channels: blocks, and overlapping windows of images."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from typing import cast

import jax
import jax.numpy as jnp
from jax import Array, lax

from jkeras.functional.conv import Sizes, spatial_sizes


def space_to_depth(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Put the pixels of each block into one pixel: `(n, h * b, w * b, c)` to `(n, h, w, b * b * c)`.

    Channels first, `(n, c, h * b, w * b)` becomes `(n, c * b * b, h, w)`: what varies slowest there is the channel.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.
        block_size: Side `b` of a block, 2 or more; it divides height and width.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        An array of the dtype of `x`.

    Raises:
        ValueError: For another rank, block size or data format, or sizes that the block does not divide.

    >>> space_to_depth(jnp.arange(4).reshape(1, 2, 2, 1), 2).tolist()
    [[[[0, 1, 2, 3]]]]
    """
    n, h, w, c = _image_sizes("space_to_depth", x, block_size, data_format)
    b = block_size
    if h % b or w % b:
        raise ValueError(f"space_to_depth: blocks of {b} x {b} do not divide an image of {h} x {w}.")
    if data_format == "channels_last":
        blocks = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
        return blocks.reshape(n, h // b, w // b, b * b * c)
    blocks = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4)
    return blocks.reshape(n, c * b * b, h // b, w // b)


def depth_to_space(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Spread the channels of each pixel over a block: the inverse of `space_to_depth`.

    Args and errors are those of `space_to_depth`; `block_size ** 2` divides the channels.

    >>> depth_to_space(jnp.arange(4).reshape(1, 1, 1, 4), 2).ravel().tolist()
    [0, 1, 2, 3]
    """
    n, h, w, c = _image_sizes("depth_to_space", x, block_size, data_format)
    b = block_size
    if c % (b * b):
        raise ValueError(f"depth_to_space: blocks of {b} x {b} pixels do not divide {c} channels.")
    c //= b * b
    if data_format == "channels_last":
        return x.reshape(n, h, w, b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c)
    return x.reshape(n, c, b, b, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c, h * b, w * b)


def _image_sizes(name: str, x: Array, block_size: int, data_format: str) -> tuple[int, int, int, int]:
    if block_size < 2 or x.ndim != 4 or data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"{name} expects images, (batch, height, width, channels) or channels first, and a block of 2 or more; "
            f"got shape {x.shape}, block_size={block_size}, data_format={data_format!r}."
        )
    n, *rest = x.shape
    h, w, c = rest if data_format == "channels_last" else (rest[1], rest[2], rest[0])
    return n, h, w, c


def unfold(x: Array, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Array:
    """Return the windows of images as columns (im2col).

    Args:
        x: `(batch, channels, height, width)`.
        kernel_size: Size of a window, one number or `(height, width)`; so are the others.
        dilation: Distance of neighbouring pixels of a window.
        padding: Zeros on each side of the image.
        stride: Step from one window to the next.

    Returns:
        `(batch, channels * kernel height * kernel width, windows)`.

    Raises:
        ValueError: If `x` is no batch of images, or no window fits.

    >>> unfold(jnp.arange(6).reshape(1, 1, 2, 3), (2, 1)).tolist()
    [[[0, 1, 2], [3, 4, 5]]]
    """
    if x.ndim != 4:
        raise ValueError(f"unfold expects images (batch, channels, height, width); got shape {x.shape}.")
    (kh, kw), (dh, dw), (sh, sw) = _pairs(kernel_size, dilation, stride)
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    x = jnp.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    n, c, h, w = x.shape
    rows, columns = h - dh * (kh - 1), w - dw * (kw - 1)  # where windows may begin
    count = len(range(0, rows, sh)) * len(range(0, columns, sw))
    if not count:
        raise ValueError(f"unfold: no window of {(kh, kw)} with dilation {(dh, dw)} fits into an image of {(h, w)}.")
    places = [
        lax.slice(x, (0, 0, i, j), (n, c, i + rows, j + columns), (1, 1, sh, sw)).reshape(n, c, count)
        for i in range(0, dh * kh, dh)
        for j in range(0, dw * kw, dw)
    ]
    return jnp.stack(places, axis=2).reshape(n, c * kh * kw, count)


def fold(
    x: Array, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Array:
    """Sum windows into images (col2im): the transpose of `unfold` as a linear map.

    Args:
        x: `(batch, channels * kernel height * kernel width, windows)`.
        output_size: Size of the images, one number or `(height, width)`.
        kernel_size: As in `unfold`, like the others.
        dilation: As in `unfold`.
        padding: As in `unfold`.
        stride: As in `unfold`.

    Returns:
        `(batch, channels, height, width)`.

    Raises:
        ValueError: If the number of windows or channels does not fit.

    >>> fold(jnp.ones((1, 2, 2)), (1, 3), (1, 2)).tolist()
    [[[[1.0, 2.0, 1.0]]]]
    """
    size, window = _pairs(output_size, kernel_size)
    area = window[0] * window[1]

    def windows(images: Array) -> Array:
        return unfold(images, kernel_size, dilation, padding, stride)

    images = jax.ShapeDtypeStruct((x.shape[0], x.shape[1] // area, *size), x.dtype)
    expected = jax.eval_shape(windows, images).shape
    if x.shape != expected:
        raise ValueError(f"fold: windows of {window} in images of {size} have shape {expected}; got {x.shape}.")
    transposed = cast(Callable[[Array], list[Array]], jax.linear_transpose(windows, images))
    return transposed(x)[0]


def _pairs(*sizes: Sizes) -> list[tuple[int, ...]]:
    return [spatial_sizes("size", size, 2) for size in sizes]
