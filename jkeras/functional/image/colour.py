"""Colour spaces: red-green-blue, hue-saturation-value, grey. Colours are on the last axis."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

# Luma of ITU-R BT.601.
LUMA = (0.2989, 0.5870, 0.1140)


def rgb_to_grayscale(images: Array) -> Array:
    """Return `0.2989 r + 0.587 g + 0.114 b`, `(..., 1)`, in the dtype of the images; one channel stays as it is.

    Args:
        images: `(..., 3)`: red, green and blue.

    Returns:
        `(..., 1)`, of the dtype of the images.

    >>> rgb_to_grayscale(jnp.asarray([10, 10, 20], "uint8")).tolist()
    [11]
    """
    if images.shape[-1] == 1:
        return images
    is_float = jnp.issubdtype(images.dtype, jnp.floating)
    values = images if is_float else images.astype(jnp.float32)
    return jnp.sum(values * jnp.asarray(LUMA, values.dtype), axis=-1, keepdims=True).astype(images.dtype)


def rgb_to_hsv(images: Array) -> Array:
    """Return hue, saturation and value of colours in [0, 1]; red has hue 0, green 1/3, blue 2/3.

    Args:
        images: `(..., 3)`: red, green and blue.

    Returns:
        `(..., 3)`.

    >>> rgb_to_hsv(jnp.asarray([0.0, 1.0, 0.5])).tolist()
    [0.416666..., 1.0, 1.0]
    """
    _check_float("rgb_to_hsv", images)
    red, green, blue = images[..., 0], images[..., 1], images[..., 2]
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    # Grey has no hue, and black no saturation: divide by one there, so that the gradient is finite too.
    safe_spread = jnp.where(spread > 0, spread, 1)
    sector = jnp.where(
        red == value,
        (green - blue) / safe_spread,
        jnp.where(green == value, 2 + (blue - red) / safe_spread, 4 + (red - green) / safe_spread),
    )
    hue = jnp.where(spread > 0, jnp.mod(sector / 6, 1), 0)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    return jnp.stack([hue, saturation, value], axis=-1)


def hsv_to_rgb(images: Array) -> Array:
    """Return red, green and blue of colours given by hue, saturation and value in [0, 1].

    `f(n) = v - v s max(0, min(k, 4 - k, 1))` with `k = (n + 6 h) mod 6`, for red n = 5, green 3, blue 1.

    Args:
        images: `(..., 3)`: hue, saturation and value.

    Returns:
        `(..., 3)`.

    >>> hsv_to_rgb(jnp.asarray([1 / 3, 1.0, 0.5])).tolist()
    [0.0, 0.5, 0.0]
    """
    _check_float("hsv_to_rgb", images)
    hue, saturation, value = images[..., 0], images[..., 1], images[..., 2]

    def channel(n: int) -> Array:
        k = jnp.mod(n + 6 * hue, 6)
        return value - value * saturation * jnp.clip(jnp.minimum(k, 4 - k), 0, 1)

    return jnp.stack([channel(5), channel(3), channel(1)], axis=-1)


def _check_float(name: str, images: Array) -> None:
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"{name} expects floating-point images with values in [0, 1]; got {images.dtype}. "
            "Convert them: images.astype('float32') / 255."
        )
