"""Layers that change the size of images, and the scale of their values."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.functional.image import boxes as box_shapes
from jkeras.functional.image import resize as sizes
from jkeras.layers.arguments import one_of, positive
from jkeras.layers.image.base import ImageLayer, RandomImageLayer, Shape

__all__ = ["CenterCrop", "RandomCrop", "Rescaling", "Resizing"]


class Rescaling(Layer):
    """`inputs * scale + offset`, in the compute dtype, in training and inference.

    Inputs of any shape keep it; `scale` and `offset` broadcast to them.

    Args:
        scale: A number, or one for each channel.
        offset: A number, or one for each channel.

    >>> import numpy as np
    >>> Rescaling(1 / 127.5, offset=-1)(np.asarray([0, 255], "uint8")).tolist()
    [-1.0, 1.0]
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def call(self, inputs: Array) -> Array:
        """Return the inputs in the new range."""
        dtype = self.compute_dtype
        scale, offset = jnp.asarray(self.scale, dtype), jnp.asarray(self.offset, dtype)
        return inputs.astype(dtype) * scale + offset


class ToSize(ImageLayer):
    """Base of layers that give all images one size."""

    def _keep_size(self, height: int, width: int) -> None:
        self.height = positive(self, "height", height)
        self.width = positive(self, "width", width)

    @property
    def _size(self) -> tuple[int, int]:
        return self.height, self.width

    def output_size(self, shape: Shape) -> Shape:
        """Return `(height, width)`."""
        return self._size


class Resizing(ToSize):
    """Resize images to `height` and `width`, in training and inference.

    Integer images stay integers. Segmentation masks are resized to the nearest pixel.

    Images `(..., rows, columns, channels)` become `(..., height, width, channels)`.

    Args:
        height: Height of the outputs.
        width: Width of the outputs.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: Resize the largest window in the middle that has the aspect ratio of the outputs.
        pad_to_aspect_ratio: Pad to the aspect ratio of the outputs first.
        fill_mode: "constant": what is padded with.
        fill_value: The value of the padding.
        antialias: Whether images are smoothed where they become smaller.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: For other values, or if images are to be cropped and padded both.

    >>> import numpy as np
    >>> Resizing(2, 3)(np.zeros((1, 4, 6, 3), "float32")).shape
    (1, 2, 3, 3)
    """

    keeps_integers = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self._keep_size(height, width)
        self.interpolation = one_of(self, "interpolation", str(interpolation).lower(), sizes.RESIZE_METHODS)
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        self.fill_mode = one_of(self, "fill_mode", fill_mode, ("constant",))
        self.fill_value = fill_value
        self.antialias = bool(antialias)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing: crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True.")

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the image in its new size."""
        return self._resized(image, self.interpolation, self.antialias)

    def transform_mask(self, mask: Array, drawn: Any) -> Array:
        """Return the mask in its new size, with no values that it did not have."""
        return self._resized(mask, "nearest", False)

    def _resized(self, image: Array, interpolation: str, antialias: bool) -> Array:
        return sizes.resize(
            image, self._size, interpolation, antialias, self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio, self.fill_value,
        )  # fmt: skip

    def transform_boxes(self, boxes: Array, drawn: Any, shape: Shape) -> Array:
        """Return the boxes in the resized image."""
        return box_shapes.resize(boxes, shape[:2], self._size, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio)


class CenterCrop(ToSize):
    """Cut the middle of images, in training and inference.

    An image that is too small is resized to the largest window of that aspect ratio.

    Images `(..., rows, columns, channels)` become `(..., height, width, channels)`.

    Args:
        height: Height of the outputs.
        width: Width of the outputs.
        data_format: "channels_last" or "channels_first".

    >>> import numpy as np
    >>> CenterCrop(1, 3)(np.arange(5.0, dtype="float32").reshape(1, 1, 5, 1)).ravel().tolist()
    [1.0, 2.0, 3.0]
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self._keep_size(height, width)

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the middle of the image."""
        return sizes.center_crop(image, *self._size)

    def transform_mask(self, mask: Array, drawn: Any) -> Array:
        """Return the middle of the mask, with no values that it did not have."""
        return sizes.center_crop(mask, self.height, self.width, "nearest")

    def transform_boxes(self, boxes: Array, drawn: Any, shape: Shape) -> Array:
        """Return the boxes in the middle."""
        return box_shapes.center_crop(boxes, shape[:2], self._size)


class RandomCrop(ToSize, RandomImageLayer):
    """In training, cut a window at a random place, the same for all images of a batch; in inference, the middle.

    In inference images are resized first, so that the largest window of that aspect ratio is kept; in training only
    if they are too small.

    Images `(..., rows, columns, channels)` become `(..., height, width, channels)`.

    Args:
        height: Height of the outputs.
        width: Width of the outputs.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".
        name: The layer's name.

    >>> import numpy as np
    >>> RandomCrop(2, 2)(np.zeros((1, 4, 6, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    one_draw = True

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self._keep_size(height, width)

    def _leave(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the middle of everything, resized."""
        return self._transform_each(given, None)

    def draw(self, key: Any, shape: Shape) -> Any:
        """Return the first row and column, or None if nothing is drawn or the image is too small."""
        rows, columns = shape[0] - self.height, shape[1] - self.width
        if key is None or rows < 0 or columns < 0:
            return None
        down, right = jax.random.split(key)
        return jax.random.randint(down, (), 0, rows + 1), jax.random.randint(right, (), 0, columns + 1)

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the window."""
        return self._window(image, drawn, "bilinear")

    def transform_mask(self, mask: Array, drawn: Any) -> Array:
        """Return the window of the mask."""
        return self._window(mask, drawn, "nearest")

    def _window(self, image: Array, drawn: Any, interpolation: str) -> Array:
        if drawn is None:
            return sizes.resize(image, self._size, interpolation, crop_to_aspect_ratio=True)
        top, left = drawn
        return sizes.crop(image, top, left, *self._size)

    def transform_boxes(self, boxes: Array, drawn: Any, shape: Shape) -> Array:
        """Return the boxes in the window."""
        if drawn is None:
            return box_shapes.resize(boxes, shape[:2], self._size, crop=True)
        top, left = drawn
        return boxes - jnp.stack([left, top, left, top]).astype(boxes.dtype)
