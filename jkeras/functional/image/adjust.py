"""Values of pixels: contrast, hue, saturation, posterizing, solarizing, sharpening. For one image, channels last.

A range `(low, high)` is that of black and white.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.functional.image.colour import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from jkeras.functional.image.filters import separable_filter

Range = tuple[float, float]


def rescale(values: Array, source: Range, target: Range) -> Array:
    """Map the interval `source` linearly to `target`.

    Args:
        values: An array of any shape.
        source: Its two ends.
        target: What they become.

    Returns:
        The shape of `values`.

    >>> rescale(jnp.asarray([0.0, 255.0]), (0, 255), (-1, 1)).tolist()
    [-1.0, 1.0]
    """
    return (values - source[0]) * ((target[1] - target[0]) / (source[1] - source[0])) + target[0]


def limit(values: Array, value_range: Range) -> Array:
    """Clip to the range.

    Args:
        values: An array of any shape.
        value_range: The least and the largest value.

    Returns:
        The shape of `values`.

    >>> limit(jnp.asarray([-1.0, 2.0]), (0, 1)).tolist()
    [0.0, 1.0]
    """
    return jnp.clip(values, *value_range)


def blend(first: Array, second: Array, amount: Any) -> Array:
    """Return `first + amount (second - first)`: beyond the second image for amounts above one.

    Args:
        first: An array.
        second: Another one of its shape.
        amount: A number, or an array that broadcasts to the image.

    Returns:
        Their shape.

    >>> blend(jnp.asarray([0.0]), jnp.asarray([2.0]), 0.25).tolist()
    [0.5]
    """
    return first + jnp.asarray(amount).astype(first.dtype) * (second - first)


def contrast(image: Array, factor: Any, value_range: Range) -> Array:
    """Return `mean + factor (x - mean)`, with the mean of each channel, clipped to the range.

    Args:
        image: `(height, width, channels)`, floating point.
        factor: A number, or an array that broadcasts to the image.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> contrast(jnp.asarray([[[0.0], [100.0]]]), 0.5, (0, 255)).ravel().tolist()
    [25.0, 75.0]
    """
    mean = jnp.mean(image, axis=(0, 1), keepdims=True)
    return limit(blend(mean, image, factor), value_range)


def brightness(image: Array, delta: Any, value_range: Range) -> Array:
    """Return `x + delta (high - low)`, clipped to the range.

    Args:
        image: `(height, width, channels)`, floating point.
        delta: In units of the range; a number, or an array that broadcasts to the image.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> brightness(jnp.asarray([[[0.0], [0.9]]]), 0.2, (0, 1)).ravel().tolist()
    [0.2..., 1.0]
    """
    low, high = value_range
    return limit(image + (jnp.asarray(delta) * (high - low)).astype(image.dtype), value_range)


def hue(image: Array, turns: Any, value_range: Range) -> Array:
    """Turn the hue of a colour image by `turns` times 360 degrees.

    Args:
        image: `(height, width, 3)`, floating point.
        turns: A number.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> hue(jnp.asarray([[[1.0, 0.0, 0.0]]]), 1 / 3, (0, 1)).ravel().round(3).tolist()
    [0.0, 1.0, 0.0]
    """
    colours = rgb_to_hsv(rescale(image, value_range, (0, 1)))
    turned = jnp.mod(colours[..., 0] + jnp.asarray(turns).astype(colours.dtype), 1)
    return limit(rescale(hsv_to_rgb(colours.at[..., 0].set(turned)), (0, 1), value_range), value_range)


def saturation(image: Array, factor: Any, value_range: Range) -> Array:
    """Multiply the saturation of a colour image by `factor`; it stays within zero and one.

    Args:
        image: `(height, width, 3)`, floating point.
        factor: A number, or an array that broadcasts to the image.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> saturation(jnp.asarray([[[1.0, 0.5, 0.5]]]), 0.5, (0, 1)).ravel().tolist()
    [1.0, 0.75, 0.75]
    """
    colours = rgb_to_hsv(rescale(image, value_range, (0, 1)))
    scaled = jnp.clip(colours[..., 1] * jnp.asarray(factor).astype(colours.dtype), 0, 1)
    return limit(rescale(hsv_to_rgb(colours.at[..., 1].set(scaled)), (0, 1), value_range), value_range)


def degenerate(image: Array, factor: Any) -> Array:
    """Blend a colour image with its grey version: 0 leaves it, 1 is grey.

    Args:
        image: `(height, width, 3)`, floating point.
        factor: A number, or an array that broadcasts to the image.

    Returns:
        The shape of the image, floating point.

    >>> degenerate(jnp.asarray([[[1.0, 1.0, 1.0]]]), 1.0).ravel().round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    return blend(image, rgb_to_grayscale(image), factor)


def posterize(image: Array, bits: Any, value_range: Range) -> Array:
    """Keep the first `bits` of the eight bits of each value; `bits` may be traced.

    Args:
        image: `(height, width, channels)`, floating point.
        bits: From 0 to 8.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> posterize(jnp.asarray([[[10.0], [200.0]]]), 2, (0, 255)).ravel().tolist()
    [0.0, 192.0]
    """
    step = jnp.exp2(8.0 - jnp.asarray(bits)).astype(image.dtype)
    levels = jnp.floor(jnp.floor(rescale(image, value_range, (0, 255))) / step) * step
    return rescale(levels, (0, 255), value_range)


def solarize(image: Array, threshold: Any, addition: Any, value_range: Range) -> Array:
    """Add `addition`, clip to the range, and invert what is then above `threshold`; both in units of the range.

    Args:
        image: `(height, width, channels)`, floating point.
        threshold: From 0 to 1.
        addition: From -1 to 1.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> solarize(jnp.asarray([[[10.0], [200.0]]]), 100.0, 5.0, (0, 255)).ravel().tolist()
    [15.0, 50.0]
    """
    low, high = value_range
    image = limit(image + jnp.asarray(addition).astype(image.dtype), value_range)
    return jnp.where(image < jnp.asarray(threshold).astype(image.dtype), image, high + low - image)


def sharpen(image: Array, amount: Any, value_range: Range) -> Array:
    """Blend the image smoothed by `[[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13` with itself: 1 leaves it, above 1 sharpens.

    Beyond the edges it is black.

    Args:
        image: `(height, width, channels)`, floating point.
        amount: A number, or an array that broadcasts to the image.
        value_range: The values of black and white.

    Returns:
        The shape of the image, floating point.

    >>> sharpen(jnp.zeros((3, 3, 1)).at[1, 1].set(13.0), 0.0, (0, 255))[1].ravel().tolist()
    [1.0, 5.0, 1.0]
    """
    ones = jnp.ones(3, image.dtype)
    smooth = (separable_filter(image, ones, ones) + 4 * image) / 13
    return limit(blend(smooth, image, amount), value_range)
