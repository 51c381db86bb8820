"""Sizes of images: resampling, cropping, padding."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax import Array

RESIZE_METHODS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def is_float(images: Array) -> bool:
    """Whether the pixels are floating-point numbers.

    Args:
        images: An array.

    Returns:
        True or False.

    >>> is_float(jnp.zeros(1)), is_float(jnp.zeros(1, jnp.uint8))
    (True, False)
    """
    return jnp.issubdtype(images.dtype, jnp.floating)


def saturating_cast(values: Array, dtype: Any) -> Array:
    """Cast to `dtype`; for integers, round to the nearest (ties to even) and limit to what the dtype holds.

    Args:
        values: Floating point.
        dtype: The dtype of the result.

    Returns:
        The shape of `values`.

    >>> saturating_cast(jnp.asarray([-3.0, 1.5, 2.5, 300.0]), "uint8").tolist()
    [0, 2, 2, 255]
    """
    if not jnp.issubdtype(dtype, jnp.integer):
        return values.astype(dtype)
    limits = jnp.iinfo(dtype)
    # The largest float32 below 2**31 is 2**31 - 128: a limit that was rounded up would overflow.
    high = jnp.nextafter(jnp.float32(limits.max), 0) if limits.bits > 24 else limits.max
    return jnp.clip(jnp.round(values), limits.min, high).astype(dtype)


def stretch(images: Array, size: Sequence[int], interpolation: str = "bilinear", antialias: bool = False) -> Array:
    """Resample `(..., height, width, channels)` to `size`, whatever happens to the aspect ratio.

    Args:
        images: `(..., height, width, channels)`.
        size: Height and width.
        interpolation: One of `RESIZE_METHODS`.
        antialias: Whether the image is smoothed first where it becomes smaller.

    Returns:
        `(..., *size, channels)`, of the dtype of the images.

    >>> stretch(jnp.arange(4.0).reshape(1, 4, 1), (1, 2)).ravel().tolist()
    [0.5, 2.5]
    """
    shape = (*images.shape[:-3], *size, images.shape[-1])
    if interpolation == "nearest" or is_float(images):
        return cast(Array, jax.image.resize(images, shape, interpolation, antialias))
    resized = cast(Array, jax.image.resize(images.astype(jnp.float32), shape, interpolation, antialias))
    return saturating_cast(resized, images.dtype)


def largest_window(size: Sequence[int], target: Sequence[int]) -> tuple[int, int]:
    """Return the size of the largest window of an image of `size` that has the aspect ratio of `target`.

    Args:
        size: Height and width.
        target: Height and width that are wanted.

    Returns:
        Height and width.

    >>> largest_window((6, 8), (4, 4))
    (6, 6)
    """
    (height, width), (target_height, target_width) = size, target
    window_height = max(min(height, int(width * target_height / target_width)), 1)
    window_width = max(min(width, int(height * target_width / target_height)), 1)
    return window_height, window_width


def frame_border(size: Sequence[int], target: Sequence[int]) -> tuple[int, int]:
    """Return the rows above and below, and the columns at both sides, that give an image the aspect ratio of `target`.

    Args:
        size: Height and width.
        target: Height and width that are wanted.

    Returns:
        `(rows, columns)`, at least one of them 0.

    >>> frame_border((6, 8), (4, 4))
    (1, 0)
    """
    (height, width), (target_height, target_width) = size, target
    rows = int(width * target_height / target_width) - height
    columns = int(height * target_width / target_height) - width
    return max(rows, 0) // 2, max(columns, 0) // 2


def resize(
    images: Array,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_value: float = 0.0,
) -> Array:
    """Resize `(..., height, width, channels)` to `size`, `(height, width)`.

    Args:
        images: Of any dtype, which the result has too: integers are rounded.
        size: Height and width of the result.
        interpolation: One of `RESIZE_METHODS`.
        antialias: Whether the image is smoothed first where it becomes smaller.
        crop_to_aspect_ratio: Resize the largest window in the middle that has the aspect ratio of `size`.
        pad_to_aspect_ratio: Put the image in the middle of the smallest frame that has the aspect ratio of `size`.
        fill_value: Value of that frame.

    Returns:
        `(..., *size, channels)`.

    Raises:
        ValueError: If the interpolation is unknown, or the image is to be cropped and padded both.

    >>> resize(jnp.ones((2, 6, 8, 3)), (4, 4), pad_to_aspect_ratio=True)[0, :, 0, 0].tolist()
    [0.5, 1.0, 1.0, 0.5]
    """
    if interpolation not in RESIZE_METHODS:
        raise ValueError(f"resize: interpolation must be one of {', '.join(RESIZE_METHODS)}; got {interpolation!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True.")
    height, width = images.shape[-3:-1]
    if crop_to_aspect_ratio:
        window = largest_window((height, width), size)
        top, left = int((height - window[0]) / 2), int((width - window[1]) / 2)
        images = images[..., top : top + window[0], left : left + window[1], :]
    elif pad_to_aspect_ratio:
        # The fill value may lie between two integers, so it meets the pixels before they are rounded.
        top, left = frame_border((height, width), size)
        framed = pad(images if is_float(images) else images.astype(jnp.float32), top, left, top, left, fill_value)
        return saturating_cast(stretch(framed, size, interpolation, antialias), images.dtype)
    return stretch(images, size, interpolation, antialias)


def pad(images: Array, top: int, left: int, bottom: int, right: int, value: float = 0) -> Array:
    """Add rows and columns of `value` round `(..., height, width, channels)`.

    Args:
        images: `(..., height, width, channels)`.
        top: Rows above.
        left: Columns on the left.
        bottom: Rows below.
        right: Columns on the right.
        value: What is put there.

    Returns:
        `(..., top + height + bottom, left + width + right, channels)`.

    >>> pad(jnp.ones((1, 1, 1)), 0, 1, 0, 1).ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    widths = [(0, 0)] * (images.ndim - 3) + [(top, bottom), (left, right), (0, 0)]
    return jnp.pad(images, widths, constant_values=jnp.asarray(value).astype(images.dtype))


def crop(images: Array, top: Any, left: Any, height: int, width: int) -> Array:
    """Cut the window of `height` and `width` at `(top, left)`, which may be traced, from `(..., H, W, channels)`.

    Args:
        images: `(..., height, width, channels)`.
        top: The first row.
        left: The first column.
        height: In pixels.
        width: In pixels.

    Returns:
        `(..., height, width, channels)`.

    >>> crop(jnp.arange(9).reshape(3, 3, 1), 1, 0, 1, 2).ravel().tolist()
    [3, 4]
    """
    images = jax.lax.dynamic_slice_in_dim(images, top, height, images.ndim - 3)
    return jax.lax.dynamic_slice_in_dim(images, left, width, images.ndim - 2)


def center_crop(images: Array, height: int, width: int, interpolation: str = "bilinear") -> Array:
    """Cut the window in the middle; an image that is too small is resized to the largest window of that shape.

    Args:
        images: `(..., height, width, channels)`.
        height: In pixels.
        width: In pixels.
        interpolation: One of `RESIZE_METHODS`.

    Returns:
        `(..., height, width, channels)`.

    >>> center_crop(jnp.arange(5.0).reshape(1, 5, 1), 1, 3).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    rows, columns = images.shape[-3] - height, images.shape[-2] - width
    if rows < 0 or columns < 0:
        return resize(images, (height, width), interpolation, crop_to_aspect_ratio=True)
    return crop(images, rows // 2, columns // 2, height, width)


def scale_and_translate(
    images: Array,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Array:
    """Resample so that the point `x` of the input comes to `x * scale + translation` of the output.

    Args:
        images: Of any dtype; the result of integers is float32.
        output_shape: Shape of the result.
        scale: Scale of each of `spatial_dims`; may be traced, and has a gradient.
        translation: Translation of each of `spatial_dims`, in pixels of the output.
        spatial_dims: The axes that are resampled.
        method: "linear", "cubic", "lanczos3" or "lanczos5".
        antialias: Whether the image is smoothed where it becomes smaller.

    Returns:
        An array of `output_shape`.

    >>> x = jnp.arange(3.0)
    >>> scale_and_translate(x, (3,), jnp.ones(1), jnp.ones(1), (0,), "linear").tolist()
    [0.0, 0.0, 1.0]
    """
    scale, translation = jnp.asarray(scale, jnp.float32), jnp.asarray(translation, jnp.float32)
    places = tuple(output_shape), tuple(spatial_dims), scale, translation
    return cast(Array, jax.image.scale_and_translate(images, *places, method, antialias))
