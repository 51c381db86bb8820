"""`tf.image`: resizing, cropping, turning and colours of images with channels last."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras import ops, random
from jkeras.compat.tf.rows import publish, row


class ResizeMethod:
    """Names of ways to resize."""

    BILINEAR, NEAREST_NEIGHBOR, BICUBIC, AREA = "bilinear", "nearest", "bicubic", "area"
    LANCZOS3, LANCZOS5 = "lanczos3", "lanczos5"


def _random_flip(x: Any, axis: int, seed: Any) -> Any:
    return jnp.where(random.uniform((), seed=seed) < 0.5, jnp.flip(x, axis), x)


def _standard(x: Any) -> Any:
    x = jnp.asarray(x).astype(jnp.float32)
    axes = (-3, -2, -1)
    count = x.shape[-1] * x.shape[-2] * x.shape[-3]
    return (x - x.mean(axes, keepdims=True)) / jnp.maximum(x.std(axes, keepdims=True), count**-0.5)


def _convert(x: Any, dtype: Any) -> Any:
    x, dtype = jnp.asarray(x), jax.dtypes.canonicalize_dtype(dtype)
    from_integer, to_integer = (jnp.issubdtype(d, jnp.integer) for d in (x.dtype, dtype))
    if from_integer and not to_integer:
        return x.astype(dtype) / jnp.iinfo(x.dtype).max
    if to_integer and not from_integer:
        top = jnp.iinfo(dtype).max
        return jnp.clip(x * (top + 0.5), 0, top).astype(dtype)
    return x.astype(dtype)


def _crop(x: Any, offset_height: int, offset_width: int, target_height: int, target_width: int) -> Any:
    bottom, right = offset_height + target_height, offset_width + target_width
    return jnp.asarray(x)[..., offset_height:bottom, offset_width:right, :]


def _centre(x: Any, central_fraction: float) -> Any:
    height, width = jnp.shape(x)[-3:-1]
    top, left = (int((size - size * central_fraction) / 2) for size in (height, width))
    return _crop(x, top, left, height - 2 * top, width - 2 * left)


def _contrast(x: Any, factor: Any) -> Any:
    mean = jnp.mean(x, (-3, -2), keepdims=True)
    return (x - mean) * factor + mean


resize = row(
    lambda x, size, method, antialias: ops.image.resize(
        jnp.asarray(x).astype(jnp.float32), tuple(int(n) for n in size), interpolation=method, antialias=antialias,
        data_format="channels_last",
    ),
    "images, size, method='bilinear', antialias=False",
    "Another height and width.",
)  # fmt: skip
flip_left_right = row(lambda x: jnp.flip(x, -2), "image", "Mirrored.")
flip_up_down = row(lambda x: jnp.flip(x, -3), "image", "Upside down.")
random_flip_left_right = row(lambda x, seed: _random_flip(x, -2, seed), "image, seed=None", "Mirrored or not.")
random_flip_up_down = row(lambda x, seed: _random_flip(x, -3, seed), "image, seed=None", "Upside down or not.")
rot90 = row(lambda x, k: jnp.rot90(x, k, (-3, -2)), "image, k=1", "Turned counter-clockwise by quarters.")
rgb_to_grayscale = row(
    lambda x: ops.image.rgb_to_grayscale(x, data_format="channels_last"), "images", "One channel, of brightness."
)
grayscale_to_rgb = row(lambda x: jnp.repeat(x, 3, -1), "images", "Three equal channels.")
per_image_standardization = row(_standard, "image", "Mean 0 and variance 1.")
convert_image_dtype = row(_convert, "image, dtype", "Another dtype; floats are between 0 and 1.")
adjust_brightness = row(lambda x, delta: jnp.asarray(x) + delta, "image, delta", "Brighter by a number.")
adjust_contrast = row(_contrast, "images, contrast_factor", "Farther from the mean of each channel.")
central_crop = row(_centre, "image, central_fraction=1.0", "The middle.")
crop_to_bounding_box = row(
    _crop,
    "image, offset_height=0, offset_width=0, target_height=0, target_width=0",
    "A rectangle.",
)

__all__ = publish(globals())
