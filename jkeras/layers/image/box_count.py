"""A fixed number of bounding boxes for each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.layers.arguments import positive
from jkeras.layers.image.base import ImageLayer, Shape

__all__ = ["MaxNumBoundingBoxes"]


class MaxNumBoundingBoxes(ImageLayer):
    """Give each image `max_number` bounding boxes: more are cut off, fewer filled up. Images stay as they are.

    Boxes `(..., N, 4)` become `(..., max_number, 4)`, their labels `(..., N)` `(..., max_number)`.

    Args:
        max_number: Number of boxes of the outputs.
        fill_value: What the boxes and labels that are added consist of.

    >>> boxes = {"boxes": jnp.ones((1, 1, 4)), "labels": jnp.ones((1, 1))}
    >>> outputs = MaxNumBoundingBoxes(2)({"images": jnp.ones((1, 2, 2, 3)), "bounding_boxes": boxes})
    >>> outputs["bounding_boxes"]["labels"].tolist()
    [[1.0, -1.0]]
    """

    keeps_integers = True
    moves_pixels = False

    def __init__(self, max_number: int, fill_value: float = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number = positive(self, "max_number", max_number)
        self.fill_value = fill_value

    def transform(self, image: Array, drawn: Any) -> Array:
        """Return the image."""
        return image

    def _boxes(self, given: Mapping[str, Array], drawn: Any, shape: Shape) -> dict[str, Array]:
        def fitted(part: Array) -> Array:
            part = part[: self.max_number]
            widths = [(0, self.max_number - part.shape[0])] + [(0, 0)] * (part.ndim - 1)
            return jnp.pad(part, widths, constant_values=self.fill_value)

        return {name: fitted(part) for name, part in given.items()}
