"""Layers that change the size of images at random, which only eager calls can do."""

from __future__ import annotations

from typing import Any

from jax import Array
from jax.core import Tracer

from jkeras.functional.image import boxes as box_shapes
from jkeras.functional.image import resize as sizes
from jkeras.layers.arguments import one_of, share_arguments
from jkeras.layers.dropout import seeded_key
from jkeras.layers.image.base import RandomImageLayer, Shape, factor_range, uniform

__all__ = ["RandomHeight", "RandomWidth"]


class RandomSize(RandomImageLayer):
    """In training, one side of all images of a batch is multiplied by `1 + f`, with a random f.

    A compiled program has fixed sizes, so this works in eager calls only: on the data, before `fit`.
    """

    side = 0
    """The axis of `(height, width)` that changes."""

    def __init__(self, factor: Any, interpolation: str = "bilinear", seed: int | None = None, **kwargs: Any):
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(self, "factor", factor, -1, 10, symmetric=True)
        if self.factor[0] <= -1:
            raise ValueError(f"{type(self).__name__}: factor must be above -1; got {factor!r}.")
        self.interpolation = one_of(self, "interpolation", str(interpolation).lower(), sizes.RESIZE_METHODS)

    def _keys(self, count: int | None) -> Any:
        # One size for the batch: drawn here, outside of what is mapped over the images.
        if self._frame is not None and self._frame.declaring:
            self._stretch = 1.0
            return None
        key = seeded_key(self, self.seed)
        if isinstance(key, Tracer):
            raise ValueError(
                f"Layer {self.path!r} gives images a random size, which a compiled program cannot have. "
                "Use RandomZoom, whose outputs keep their size; or call this layer on the data before `fit`."
            )
        self._stretch = 1 + float(uniform(key, self.factor))
        return None

    def draw(self, key: Any, shape: Shape) -> tuple[Shape, Shape]:
        """Return the size before and after."""
        size = list(shape[:2])
        size[self.side] = max(1, int(size[self.side] * self._stretch))
        return shape[:2], (size[0], size[1])

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the image in its new size."""
        return sizes.stretch(image, drawn[1], self.interpolation)

    def transform_mask(self, mask: Array, drawn: Any) -> Array:
        """Return the mask in its new size, with no values that it did not have."""
        return sizes.stretch(mask, drawn[1], "nearest")

    def transform_boxes(self, boxes: Array, drawn: Any, shape: Shape) -> Array:
        """Return the boxes in the resized image."""
        return box_shapes.resize(boxes, *drawn)

    def output_size(self, shape: Shape) -> Shape:
        """Return height and width after it."""
        return self.draw(None, shape)[1]


class RandomHeight(RandomSize):
    """In training, change the height of all images of a batch by the same random factor. In eager calls only.

    Images `(..., rows, columns, channels)` become `(..., floor((1 + f) * rows), columns, channels)`.

    Args:
        factor: Bounds of f, `(lower, upper)`, or f for `(-f, f)`; above -1.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        seed: Integer folded into the key.

    Raises:
        ValueError: In training, if it is traced (by `jit`, in `fit`): use `RandomZoom` there.

    >>> import jax
    >>> layer = RandomHeight((0.5, 0.5))
    >>> layer.apply({}, {}, jax.numpy.ones((4, 4, 1)), training=True, rng=0)[0].shape
    (6, 4, 1)
    """


class RandomWidth(RandomSize):
    """In training, change the width of all images of a batch by the same random factor. In eager calls only.

    Images `(..., rows, columns, channels)` become `(..., rows, floor((1 + f) * columns), channels)`.

    >>> import jax
    >>> layer = RandomWidth((0.5, 0.5))
    >>> layer.apply({}, {}, jax.numpy.ones((4, 4, 1)), training=True, rng=0)[0].shape
    (4, 6, 1)
    """

    side = 1


share_arguments(RandomHeight, RandomWidth)
