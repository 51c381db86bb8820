"""Brightness and channel shifts of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.preprocessing.image.affine import two_factors
from jkeras.preprocessing.image.loading import array_to_img, img_to_array, pillow


def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Add `intensity` to every value, and clip to the least and the greatest value that the image had.

    Args:
        x: One image.
        intensity: What is added.
        channel_axis: Axis of channels; all channels are treated alike, so the result does not depend on it.

    Returns:
        Array of the shape of `x`.

    Raises:
        ValueError: If there is no such axis.

    >>> apply_channel_shift(np.array([[[1.0, 5.0]]]), 2.0).tolist()
    [[[3.0, 5.0]]]
    """
    x = np.asarray(x)
    if not -x.ndim <= channel_axis < x.ndim:
        raise ValueError(f"channel_axis={channel_axis} is no axis of an image of shape {x.shape}.")
    return np.clip(x + intensity, x.min(), x.max())


def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """`apply_channel_shift` by an amount from `-intensity_range ... intensity_range`, drawn from `numpy.random`.

    Args:
        x: One image.
        intensity_range: How much is added at most.
        channel_axis: Axis of channels, as in `apply_channel_shift`.

    Returns:
        Array of the shape of `x`.

    >>> random_channel_shift(np.zeros((1, 2, 2)), 5.0).max()
    np.float64(0.0)
    """
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def apply_brightness_shift(x: Any, brightness: float, scale: bool = True) -> np.ndarray:
    """Multiply the values of an image of 0 ... 255 by `brightness`, in whole numbers.

    Args:
        x: One image, channels last.
        brightness: The factor.
        scale: Whether values are brought to 0 ... 255 first, smallest to largest. If not, that is done only for
            images that reach beyond this range, and they are brought back to their own range afterwards.

    Returns:
        Array of the shape of `x`, in `floatx()`.

    Raises:
        ImportError: If Pillow is not installed.

    >>> apply_brightness_shift(np.full((1, 1, 3), 100.0), 0.5, scale=False).tolist()
    [[[50.0, 50.0, 50.0]]]
    """
    pillow()
    from PIL import ImageEnhance

    x = np.asarray(x)
    low, high = x.min(), x.max()
    beyond = bool(low < 0 or high > 255)
    image = array_to_img(x, "channels_last", beyond or scale)
    out = img_to_array(ImageEnhance.Brightness(image).enhance(brightness), "channels_last")
    return out / 255 * (high - low) + low if beyond and not scale else out


def random_brightness(x: Any, brightness_range: Sequence[float], scale: bool = True) -> np.ndarray:
    """`apply_brightness_shift` by a factor from `brightness_range`, drawn from `numpy.random`.

    Args:
        x: One image, channels last.
        brightness_range: Two factors to draw between.
        scale: As in `apply_brightness_shift`.

    Returns:
        Array of the shape of `x`, in `floatx()`.

    Raises:
        ValueError: If `brightness_range` is not two numbers.

    >>> random_brightness(np.full((1, 1, 1), 100.0), (0.5, 0.5), scale=False).item()
    50.0
    """
    return apply_brightness_shift(x, np.random.uniform(*two_factors("brightness_range", brightness_range)), scale)
