"""Resizing images on the host, as `tf.image.resize` does: along one axis after the other, without antialiasing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import floatx
from jkeras.core.errors import nearest
from jkeras.preprocessing.image.loading import middle

Function = Callable[[np.ndarray], np.ndarray]


def _lanczos(radius: int) -> Function:
    return lambda t: np.sinc(t) * np.sinc(t / radius)


def _cubic(b: float, c: float) -> Function:
    """The piecewise cubics of Mitchell and Netravali: near 0 and between 1 and 2."""

    def weigh(t: np.ndarray) -> np.ndarray:
        t = np.abs(t)
        near = (12 - 9 * b - 6 * c) * t**3 + (-18 + 12 * b + 6 * c) * t**2 + 6 - 2 * b
        far = (-b - 6 * c) * t**3 + (6 * b + 30 * c) * t**2 + (-12 * b - 48 * c) * t + 8 * b + 24 * c
        return np.where(t < 1, near, far) / 6

    return weigh


# How far the weights reach, in pixels, and what they are at a distance.
_KERNELS: dict[str, tuple[float, Function]] = {
    "bilinear": (1, lambda t: 1 - np.abs(t)),
    "bicubic": (2, _cubic(0, 0.5)),
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
    "gaussian": (1.5, lambda t: np.exp(-2 * t**2)),
    "mitchellcubic": (2, _cubic(1 / 3, 1 / 3)),
}
INTERPOLATIONS = ("nearest", "area", *_KERNELS)


@functools.lru_cache(maxsize=256)
def taps(length: int, size: int, interpolation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return which elements of an axis make each element of the resized one, and their weights, which add up to 1.

    Returns:
        Two arrays `(taps, size)`.

    >>> index, weight = taps(2, 4, "bilinear")
    >>> (index * weight).sum(0).tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    step = length / size
    if interpolation == "nearest":
        index = np.floor((np.arange(size) + 0.5) * step).astype(int)[None]
        return np.minimum(index, length - 1), np.ones((1, size), "float32")
    if interpolation == "area":
        begin = np.arange(size) * step
        index = np.floor(begin).astype(int) + np.arange(math.ceil(step) + 1)[:, None]
        weight = np.clip(np.minimum(index + 1, begin + step) - np.maximum(index, begin), 0, None)
    else:
        radius, kernel = _KERNELS[interpolation]
        centre = (np.arange(size) + 0.5) * step - 0.5
        index = np.floor(centre - radius).astype(int) + 1 + np.arange(math.ceil(2 * radius))[:, None]
        weight = np.where(np.abs(index - centre) < radius, kernel(index - centre), 0)
    weight = np.where((index >= 0) & (index < length), weight, 0)
    return np.clip(index, 0, length - 1), (weight / weight.sum(0)).astype("float32")


def resize(image: np.ndarray, size: tuple[int, int], interpolation: str = "bilinear") -> np.ndarray:
    """Resize images `(..., height, width, channels)` to `(..., *size, channels)`; the result is float32.

    Raises:
        ValueError: If the interpolation is unknown.
    """
    if interpolation not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        raise ValueError(
            f"interpolation must be one of {known}; got {interpolation!r}.{nearest(interpolation, INTERPOLATIONS)}"
        )
    x = np.asarray(image, "float32")
    for axis, target in ((-3, size[0]), (-2, size[1])):
        if x.shape[axis] == target:
            continue
        index, weight = taps(x.shape[axis], target, interpolation)
        along = weight.reshape(*weight.shape, *(1,) * (-axis - 1))
        out = np.take(x, index[0], axis) * along[0]
        for i, w in zip(index[1:], along[1:]):
            out += np.take(x, i, axis) * w
        x = out
    return x


def crop_to_ratio(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the middle of images `(..., height, width, channels)` that has the proportions of `size`."""
    left, top, width, height = middle(image.shape[-2], image.shape[-3], size[1], size[0])
    return image[..., top : top + height, left : left + width, :]


def pad_to_ratio(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return images `(..., height, width, channels)` with zeros around, so that they have the proportions of `size`."""
    height, width = image.shape[-3:-1]
    below = max(height, width * size[0] // size[1]) - height
    beside = max(width, height * size[1] // size[0]) - width
    around = [(below // 2, below - below // 2), (beside // 2, beside - beside // 2), (0, 0)]
    return np.pad(image, [(0, 0)] * (image.ndim - 3) + around)


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> np.ndarray:
    """Resize images without changing proportions: the middle that has those of `size` is cut out first.

    Args:
        x: `(height, width, channels)` or `(batch, height, width, channels)`; channels first if `data_format` says so.
        size: `(height, width)`.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic".
        data_format: "channels_last" or "channels_first".
        **kwargs: `backend_module` is accepted for its name's sake: there is one backend.

    Returns:
        Array of float32.

    Raises:
        ValueError: If the shapes are not those of images.

    >>> smart_resize(np.arange(8.0).reshape(2, 4, 1), (2, 2)).ravel()
    array([1., 2., 5., 6.], dtype=float32)

    Reference: `keras.preprocessing.image.smart_resize`.
    """
    if unknown := [name for name in kwargs if name != "backend_module"]:
        raise TypeError(f"smart_resize got an unexpected keyword argument {unknown[0]!r}.")
    if len(size) != 2:
        raise ValueError(f"smart_resize expects size as (height, width); got {size!r}.")
    image = np.asarray(x)
    if image.ndim not in (3, 4):
        raise ValueError(f"smart_resize expects one image or a batch of images; got shape {image.shape}.")
    first = standardize_data_format(data_format) == "channels_first"
    image = np.moveaxis(image, -3, -1) if first else image
    resized = resize(crop_to_ratio(image, size), size, interpolation).astype(floatx(), copy=False)
    return np.moveaxis(resized, -1, -3) if first else resized
