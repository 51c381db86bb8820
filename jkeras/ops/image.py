"""Array functions of images: one image of three dimensions or a batch of four, channels last or first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.operation import operation, publish
from jkeras.core.seeds import as_key, next_key
from jkeras.functional.image import colour, filters, geometry, patches
from jkeras.functional.image import resize as sizes


def _on_images(function: Callable[..., Array], rank: int = 2, count: int = 1) -> Callable[..., Array]:
    """Return `function` of channels-last images, its first `count` arguments, as one that takes `data_format` too."""

    @functools.wraps(function)
    def call(*args: Any, data_format: str | None = None, **kwargs: Any) -> Array:
        first = standardize_data_format(data_format) == "channels_first"
        images = [jnp.asarray(a) for a in args[:count]]
        for array in images:
            if array.ndim not in (rank + 1, rank + 2):
                raise ValueError(
                    f"{function.__name__.strip('_')} expects one image of {rank + 1} dimensions or a batch of "
                    f"{rank + 2}; got shape {array.shape}."
                )
        if first:
            images = [jnp.moveaxis(a, -rank - 1, -1) for a in images]
        outputs = function(*images, *args[count:], **kwargs)
        return jnp.moveaxis(outputs, -1, -rank - 1) if first and outputs.ndim > rank else outputs

    return call


def _each(function: Callable[..., Array], ndim: int) -> Callable[..., Array]:
    """Return `function` of one image and arrays of `ndim` dimensions as one that maps over a batch of images.

    The other arrays belong to all images, or have one more dimension and a row for each.
    """

    @functools.wraps(function)
    def call(images: Array, *arrays: Any, **options: Any) -> Array:
        one = functools.partial(function, **options)
        rest = [jnp.asarray(a) for a in arrays]
        if images.ndim == 3:
            return one(images, *(a[0] if a.ndim > ndim else a for a in rest))
        shared = [a.ndim <= ndim or a.shape[0] == 1 for a in rest]
        rest = [a[0] if a.ndim > ndim and of_all else a for a, of_all in zip(rest, shared)]
        if any(not of_all and a.shape[0] != images.shape[0] for a, of_all in zip(rest, shared)):
            shapes = ", ".join(str(a.shape) for a in rest)
            raise ValueError(f"{function.__name__} expects one row for each of {images.shape[0]} images; got {shapes}.")
        return jax.vmap(one, (0, *(None if of_all else 0 for of_all in shared)))(images, *rest)

    return call


def _resize(images: Array, size: Sequence[int], fill_mode: str = "constant", **options: Any) -> Array:
    size = tuple(map(int, size))
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"resize: size must be (height, width), both positive; got {size}.")
    if fill_mode != "constant":
        raise ValueError(f"resize: fill_mode must be 'constant'; got {fill_mode!r}. Pad first: ops.pad(x, ..., mode).")
    return sizes.resize(images, size, **options)


def _borders(side: str, length: int, before: Any, after: Any, target: Any, sign: int) -> tuple[int, int]:
    """Return both borders along an axis from the two numbers that are given; `sign` is that of what they add."""
    ends = "top and bottom" if side == "height" else "left and right"
    if sum(n is not None for n in (before, after, target)) != 2:
        raise ValueError(
            f"Give two of the numbers for {ends}, and target_{side}; got {before} and {after}, and {target}."
        )
    if before is None:
        before = sign * (target - length) - after
    if after is None:
        after = sign * (target - length) - before
    if before < 0 or after < 0 or length + sign * (before + after) < 1:
        raise ValueError(f"{before} and {after} pixels at {ends} do not fit to a {side} of {length}.")
    return int(before), int(after)


def _crop_images(
    images: Array,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
) -> Array:
    height, width = images.shape[-3:-1]
    top, bottom = _borders(
        "top_cropping, bottom_cropping, target_height", height, top_cropping, bottom_cropping, target_height, -1
    )
    left, right = _borders(
        "left_cropping, right_cropping, target_width", width, left_cropping, right_cropping, target_width, -1
    )
    return images[..., top : height - bottom, left : width - right, :]


def _pad_images(
    images: Array,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
) -> Array:
    height, width = images.shape[-3:-1]
    top, bottom = _borders(
        "top_padding, bottom_padding, target_height", height, top_padding, bottom_padding, target_height, 1
    )
    left, right = _borders(
        "left_padding, right_padding, target_width", width, left_padding, right_padding, target_width, 1
    )
    return sizes.pad(images, top, left, bottom, right)


def _elastic_transform(images: Array, seed: Any = None, **options: Any) -> Array:
    if seed is None:
        key = next_key()
    else:  # a `SeedGenerator`, an integer or a key
        key = seed.next() if hasattr(seed, "next") else as_key(seed)
    if images.ndim == 3:
        return geometry.elastic_transform(images, key, **options)
    keys = jax.random.split(key, images.shape[0])
    return jax.vmap(functools.partial(geometry.elastic_transform, **options))(images, keys)


def _extract_patches(
    images: Array,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    rank: int | None = None,
) -> Array:
    rank = rank or (2 if isinstance(size, int) else len(size))
    if rank not in (2, 3) or (not isinstance(size, int) and len(size) != rank):
        raise ValueError(f"extract_patches: size must be an integer or have 2 or 3 entries; got {size!r}.")
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"extract_patches: padding must be 'valid' or 'same'; got {padding!r}.")
    size, strides, dilation_rate = (
        (value,) * rank if isinstance(value, int) else tuple(value)
        for value in (size, size if strides is None else strides, dilation_rate)
    )
    cut = _on_images(patches.extract_patches, rank)
    return cut(images, size, strides, dilation_rate, padding.lower(), data_format=data_format)


def _sobel_edges(images: Array, data_format: str | None = None) -> Array:
    images = jnp.asarray(images)
    if images.ndim != 4:
        raise ValueError(f"sobel_edges expects a batch of images of 4 dimensions; got shape {images.shape}.")
    if standardize_data_format(data_format) == "channels_last":
        return filters.sobel_edges(images)
    return jnp.moveaxis(filters.sobel_edges(jnp.moveaxis(images, 1, -1)), -2, 1)


def _ssim(image1: Array, image2: Array, filter_size: int = 11, **options: Any) -> Array:
    if image1.shape != image2.shape or min(image1.shape[-3:-1]) < filter_size:
        raise ValueError(
            f"ssim expects two images of the same shape, at least {filter_size} pixels high and wide (filter_size); "
            f"got {image1.shape} and {image2.shape}."
        )
    dtype = jnp.promote_types(image1.dtype, image2.dtype)
    dtype = dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.float32
    return filters.ssim(image1.astype(dtype), image2.astype(dtype), filter_size=filter_size, **options)


def _gaussian_blur(images: Array, kernel_size: Sequence[int] = (3, 3), sigma: Sequence[float] = (1.0, 1.0)) -> Array:
    # Keras calls the two entries height and width, but its results have the first along the width.
    return filters.blur(images, kernel_size[::-1], sigma[::-1])


def _map_coordinates(inputs: Any, coordinates: Any, order: int, **options: Any) -> Array:
    return geometry.map_coordinates(jnp.asarray(inputs), coordinates, order, **options)


def _scale_and_translate(images: Any, *args: Any, **options: Any) -> Array:
    return sizes.scale_and_translate(jnp.asarray(images), *args, **options)


_row = functools.partial(
    operation, returns="Array of the shape and dtype of `images`.",
    interpolation='"bilinear" or "nearest".',
    fill_mode='What lies outside: "constant", "nearest", "reflect", "mirror" or "wrap".',
    fill_value='The value outside for "constant".',
)  # fmt: skip
_PATCHES = "Array `(..., rows, columns, pixels of a window * channels)` of their dtype."
_two_of_three = functools.partial(
    _row, target_height="Height of the result.", target_width="Width of the result.",
    returns="Images of the new height and width.",
)  # fmt: skip

affine_transform = _row(
    _on_images(_each(geometry.affine_transform, 1)),
    "images, transform, interpolation='bilinear', fill_mode='constant', fill_value=0, data_format=None",
    "Images whose pixel `(x, y)` comes from `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`, `k = c0 x + c1 y + 1`.",
    "[[[1.0], [2.0]]], [1, 0, 1, 0, 1, 0, 0, 0] -> [[[2.0], [0.0]]]",
    transform="Numbers `(a0, a1, a2, b0, b1, b2, c0, c1)`, shape `(8,)`, or `(batch, 8)`.",
)  # fmt: skip
crop_images = _two_of_three(
    _on_images(_crop_images),
    "images, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None, target_height=None, "
    "target_width=None, data_format=None",
    "Images without so many rows and columns; of the two borders and the target size, two are given.",
    "jnp.ones((5, 5, 1)), 1, 1, target_height=3, target_width=2 -> shape (3, 2, 1)",
    top_cropping="Rows at the top.", left_cropping="Columns at the left.", bottom_cropping="Rows at the bottom.",
    right_cropping="Columns at the right.",
)  # fmt: skip
elastic_transform = _row(
    _on_images(_elastic_transform),
    "images, alpha=20.0, sigma=5.0, interpolation='bilinear', fill_mode='reflect', fill_value=0.0, seed=None, "
    "data_format=None",
    "Images whose pixels are displaced by a smooth random field.",
    ">>> jax.eval_shape(lambda x: elastic_transform(x, seed=1), jnp.ones((4, 4, 1))).shape\n(4, 4, 1)",
    alpha="How far pixels move.", sigma="How smooth the field is, in pixels.",
    seed="An integer, a `SeedGenerator`, which goes on, a key of `jax.random`, or None for fresh numbers.",
)  # fmt: skip
extract_patches = _row(
    _extract_patches, "images, size, strides=None, dilation_rate=1, padding='valid', data_format=None",
    "Windows of images (or volumes, if `size` has three entries), each flattened into the channels.",
    "jnp.ones((4, 6, 1)), 2 -> shape (2, 3, 4)", size="Height and width of a window, or one number for both.",
    strides="Distance between windows; None is their size.", returns=_PATCHES,
)  # fmt: skip
extract_patches_3d = _row(
    functools.partial(_extract_patches, rank=3),
    "volumes, size, strides=None, dilation_rate=1, padding='valid', data_format=None",
    "Windows of volumes, each flattened into the channels.",
    ">>> jax.eval_shape(lambda x: extract_patches_3d(x, 2), jnp.ones((2, 4, 6, 1))).shape\n(1, 2, 3, 8)",
    volumes="Array `(depth, height, width, channels)` or `(batch, depth, height, width, channels)`.",
    size="Depth, height and width of a window, or one number for all.",
    strides="Distance between windows; None is their size.",
    returns=_PATCHES,
)  # fmt: skip
gaussian_blur = _row(
    _on_images(_gaussian_blur), "images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None",
    "Images blurred with a Gaussian.", ">>> jax.eval_shape(gaussian_blur, jnp.ones((4, 4, 1))).shape\n(4, 4, 1)",
    kernel_size="Pixels of the kernel along width and height, as Keras computes it.",
    sigma="Its width along both, in pixels.",
)  # fmt: skip
hsv_to_rgb = _row(
    _on_images(colour.hsv_to_rgb), "images, data_format=None",
    "Red, green, blue from hue, saturation, value in [0, 1].",
    "[[[0.0, 1.0, 1.0]]] -> [[[1.0, 0.0, 0.0]]]", images="Images of three channels, floats in [0, 1].",
)  # fmt: skip
map_coordinates = _row(
    _map_coordinates, "inputs, coordinates, order, fill_mode='constant', fill_value=0", "Values at `coordinates`.",
    "[1.0, 3.0, 5.0], [[0.5, 2.0]], 1 -> [2.0, 5.0]", inputs="Array of any shape.",
    coordinates="Array `(axes, ...)`: one row for each axis of `inputs`.",
    order="0 for the nearest element, 1 for linear interpolation.", returns="Array `(...)` of the dtype of `inputs`.",
)  # fmt: skip
pad_images = _two_of_three(
    _on_images(_pad_images),
    "images, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None, target_height=None, "
    "target_width=None, data_format=None",
    "Images with so many rows and columns of zeros; of the two borders and the target size, two are given.",
    "jnp.ones((2, 2, 1)), 1, 1, target_height=4, target_width=3 -> shape (4, 3, 1)",
    top_padding="Rows at the top.", left_padding="Columns at the left.", bottom_padding="Rows at the bottom.",
    right_padding="Columns at the right.",
)  # fmt: skip
perspective_transform = _row(
    _on_images(_each(geometry.perspective_transform, 2)),
    "images, start_points, end_points, interpolation='bilinear', fill_value=0, data_format=None",
    "Images in which the four `start_points` `(x, y)` have moved to `end_points`.",
    ">>> corners = jnp.asarray([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [3.0, 3.0]])\n"
    ">>> jax.eval_shape(perspective_transform, jnp.ones((4, 4, 1)), corners, corners).shape\n(4, 4, 1)",
    start_points="Array `(4, 2)`, or `(batch, 4, 2)`.", end_points="Array of the same shape.",
    fill_value="The value outside.",
)  # fmt: skip
resize = _row(
    _on_images(_resize),
    "images, size, interpolation='bilinear', antialias=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False, "
    "fill_mode='constant', fill_value=0.0, data_format=None",
    "Images of another size.", "[[[1.0], [3.0]]], (1, 4), 'nearest' -> [[[1.0], [1.0], [3.0], [3.0]]]",
    size="New height and width.", interpolation='"bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".',
    antialias="Whether images are smoothed before they are made smaller.",
    crop_to_aspect_ratio="Whether to keep the ratio of the sides by cutting some off.",
    pad_to_aspect_ratio="Whether to keep the ratio of the sides by adding a border.", fill_mode='"constant".',
    fill_value="The value of the border.", returns="Images of `size`; of their dtype.",
)  # fmt: skip
rgb_to_grayscale = _row(
    _on_images(colour.rgb_to_grayscale), "images, data_format=None", "`0.2989 r + 0.587 g + 0.114 b`, one channel.",
    "jnp.ones((2, 2, 3)) -> shape (2, 2, 1)", images="Images of three channels.", returns="Images of one channel.",
)  # fmt: skip
rgb_to_hsv = _row(
    _on_images(colour.rgb_to_hsv), "images, data_format=None",
    "Hue, saturation, value from red, green, blue in [0, 1].",
    "[[[1.0, 0.0, 0.0]]] -> [[[0.0, 1.0, 1.0]]]", images="Images of three channels, floats in [0, 1].",
)  # fmt: skip
scale_and_translate = _row(
    _scale_and_translate, "images, output_shape, scale, translation, spatial_dims, method, antialias=True",
    "Resampled images: the point `x` of `spatial_dims` comes to `x * scale + translation`.",
    ">>> doubled = scale_and_translate([1.0, 3.0], (4,), jnp.full(1, 2.0), jnp.zeros(1), (0,), 'linear')\n"
    ">>> doubled.tolist()\n[1.0, 1.5, 2.5, 3.0]",
    output_shape="Shape of the result, with all axes.", scale="One factor for each axis of `spatial_dims`.",
    translation="One distance for each of them, in pixels.", spatial_dims="The axes that are resampled.",
    method='"linear", "cubic", "lanczos3" or "lanczos5".',
    antialias="Whether images are smoothed before they are made smaller.",
    returns="Array of `output_shape`.",
)  # fmt: skip
sobel_edges = _row(
    _sobel_edges, "images, data_format=None", "Sobel's gradient `[dy, dx]` on a new last axis.",
    "jnp.ones((1, 4, 4, 1)) -> shape (1, 4, 4, 1, 2)", images="Images `(batch, height, width, channels)`.",
    returns="Array `(batch, height, width, channels, 2)`.",
)  # fmt: skip
ssim = _row(
    _on_images(_ssim, count=2),
    "image1, image2, max_val=1.0, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, data_format=None",
    "Structural similarity of two images, or of each pair of two batches.",
    "jnp.ones((4, 4, 1)), jnp.ones((4, 4, 1)), filter_size=3 -> 1.0",
    image1="Images `(height, width, channels)` or `(batch, height, width, channels)`.",
    image2="Images of the same shape.",
    max_val="The range of the values.", filter_size="Pixels of the window.",
    filter_sigma="Width of its Gaussian in pixels.",
    k1="Constant that steadies the comparison of means.", k2="Constant that steadies that of variances.",
    returns="A number for each image, at most 1: shape `()` or `(batch,)`.",
)  # fmt: skip

__all__ = publish(globals())
