"""Mirror images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.layers.arguments import one_of
from jkeras.layers.image.base import RandomImageLayer, Shape

__all__ = ["RandomFlip"]

MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomImageLayer):
    """In training, mirror each image with probability one half in each direction.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        mode: "horizontal" (left and right), "vertical" or "horizontal_and_vertical" (each on its own).
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomFlip("horizontal")
    >>> y, _ = layer.apply({}, {}, jnp.arange(2.0).reshape(1, 2, 1), training=True, rng=0)
    >>> y.ravel().tolist() in ([0.0, 1.0], [1.0, 0.0])
    True
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = one_of(self, "mode", mode, MODES)

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return whether to mirror vertically and horizontally."""
        return jax.random.bernoulli(key, 0.5, (2,)) & jnp.asarray(["vertical" in self.mode, "horizontal" in self.mode])

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the image, mirrored or not."""
        image = jnp.where(drawn[0], image[::-1], image)
        return jnp.where(drawn[1], image[:, ::-1], image)

    def transform_boxes(self, boxes: Array, drawn: Array, shape: Shape) -> Array:
        """Return the boxes, mirrored or not."""
        height, width = shape[:2]
        left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)
        left, right = (jnp.where(drawn[1], a, b) for a, b in ((width - right, left), (width - left, right)))
        top, bottom = (jnp.where(drawn[0], a, b) for a, b in ((height - bottom, top), (height - top, bottom)))
        return jnp.stack([left, top, right, bottom], axis=-1)
