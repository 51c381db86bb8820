"""Layers that move pixels by a random linear map: turned, zoomed, shifted, sheared, seen from the side."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.image import boxes as box_shapes
from jkeras.functional.image import geometry
from jkeras.layers.arguments import one_of
from jkeras.layers.image.base import Pair, RandomImageLayer, Shape, factor_range, happens, uniform

__all__ = ["RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"]

FILL_MODES = ("reflect", "constant", "wrap", "nearest")


class Warp(RandomImageLayer):
    """Pixels come from where a random projective map says.

    A subclass gives the bounds of its draw, `_ranges`, and makes the eight numbers of the map of them, `_matrix`.
    Masks take the nearest pixel; a box becomes the box round its moved corners.

    Args:
        fill_mode: "reflect", "constant", "wrap" or "nearest": what is beyond the edges.
        interpolation: "bilinear" or "nearest".
        fill_value: The value there for "constant".
    """

    def __init__(
        self, fill_mode: str = "reflect", interpolation: str = "bilinear", fill_value: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.fill_mode = one_of(self, "fill_mode", fill_mode, FILL_MODES)
        geometry.interpolation_order(interpolation)
        self.interpolation = interpolation
        self.fill_value = fill_value

    def _ranges(self) -> list[Pair]:
        """Return the bounds of each number that is drawn."""
        raise NotImplementedError(f"{type(self).__name__} must define _ranges.")

    def _matrix(self, amounts: list[Array], height: int, width: int) -> Array:
        """Return the eight numbers of the map from the output to the input."""
        raise NotImplementedError(f"{type(self).__name__} must define _matrix.")

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return the eight numbers of the map."""
        ranges = self._ranges()
        keys = jax.random.split(key, len(ranges))
        return self._matrix([uniform(k, bounds) for k, bounds in zip(keys, ranges)], *shape[:2])

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the moved image."""
        return geometry.affine_transform(image, drawn, self.interpolation, self.fill_mode, self.fill_value)

    def transform_mask(self, mask: Array, drawn: Array) -> Array:
        """Return the moved mask, with no values that it did not have."""
        return geometry.affine_transform(mask, drawn, "nearest", self.fill_mode, self.fill_value)

    def transform_boxes(self, boxes: Array, drawn: Array, shape: Shape) -> Array:
        """Return the boxes round the moved corners."""
        # The corner of an image is half a pixel away from the middle of its first one.
        x, y = box_shapes.corners(boxes)
        x, y = geometry.project(geometry.inverse(drawn), x - 0.5, y - 0.5)
        return box_shapes.around(x + 0.5, y + 0.5)


class RandomRotation(Warp):
    """In training, turn each image about its middle by a random part of a full turn.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Bounds as a part of 360 degrees, counter-clockwise: `(lower, upper)`, or f for `(-f, f)`.
        fill_mode: "reflect", "constant", "wrap" or "nearest": what is beyond the edges.
        interpolation: "bilinear" or "nearest".
        seed: Integer folded into the key.
        fill_value: The value beyond the edges for "constant".
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomRotation((0.25, 0.25))
    >>> image = jnp.arange(4.0).reshape(2, 2, 1)
    >>> layer.apply({}, {}, image, training=True, rng=0)[0][..., 0].round().tolist()
    [[1.0, 3.0], [0.0, 2.0]]
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, -1, 1, symmetric=True)

    def _ranges(self) -> list[Pair]:
        """Return the bounds of the turn."""
        return [self.factor]

    def _matrix(self, amounts: list[Array], height: int, width: int) -> Array:
        """Return the rotation about the middle."""
        return geometry.rotation_matrix(amounts[0], height, width)


class RandomZoom(Warp):
    """In training, make each image larger or smaller about its middle.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        height_factor: Bounds, `(lower, upper)`, or f for `(-f, f)`: positive numbers zoom out, negative ones in.
        width_factor: The same for the width; None keeps the aspect ratio.
        fill_mode: "reflect", "constant", "wrap" or "nearest": what is beyond the edges.
        interpolation: "bilinear" or "nearest".
        seed: Integer folded into the key.
        fill_value: The value beyond the edges for "constant".
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomZoom((1.0, 1.0), fill_mode="constant")
    >>> image = jnp.ones((4, 4, 1))
    >>> layer.apply({}, {}, image, training=True, rng=0)[0][:, 1, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._ranges()

    def _ranges(self) -> list[Pair]:
        """Return the bounds of both factors."""
        names = ["height_factor"] if self.width_factor is None else ["height_factor", "width_factor"]
        return [factor_range(self, name, getattr(self, name), -1, 1, symmetric=True) for name in names]

    def _matrix(self, amounts: list[Array], height: int, width: int) -> Array:
        """Return the zoom about the middle."""
        return geometry.zoom_matrix(1 + amounts[0], 1 + amounts[-1], height, width)


class RandomTranslation(Warp):
    """In training, shift each image.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        height_factor: Bounds as a part of the height, downwards: `(lower, upper)`, or f for `(-f, f)`.
        width_factor: Bounds as a part of the width, to the right.
        fill_mode: "reflect", "constant", "wrap" or "nearest": what is beyond the edges.
        interpolation: "bilinear" or "nearest".
        seed: Integer folded into the key.
        fill_value: The value beyond the edges for "constant".
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
    >>> image = jnp.arange(1.0, 5.0).reshape(1, 4, 1)
    >>> layer.apply({}, {}, image, training=True, rng=0)[0].ravel().tolist()
    [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._ranges()

    def _ranges(self) -> list[Pair]:
        """Return the bounds of both factors."""
        names = ("height_factor", "width_factor")
        return [factor_range(self, name, getattr(self, name), -1, 1, symmetric=True) for name in names]

    def _matrix(self, amounts: list[Array], height: int, width: int) -> Array:
        """Return the shift."""
        return geometry.translation_matrix(amounts[0] * height, amounts[1] * width)


class RandomShear(Warp):
    """In training, shear each image to either side: `(x, y)` comes from `(x + s a y, y + s b x)` with a random sign s.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        x_factor: Bounds of a, `(lower, upper)`, or f for `(0, f)`; between 0 and 1.
        y_factor: Bounds of b.
        interpolation: "bilinear" or "nearest".
        fill_mode: "reflect", "constant", "wrap" or "nearest": what is beyond the edges.
        fill_value: The value beyond the edges for "constant".
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomShear((1.0, 1.0), fill_mode="nearest")
    >>> image = jnp.broadcast_to(jnp.arange(3.0)[:, None], (3, 3, 1))
    >>> layer.apply({}, {}, image, training=True, rng=0)[0].shape
    (3, 3, 1)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.x_factor = factor_range(self, "x_factor", x_factor, 0, 1)
        self.y_factor = factor_range(self, "y_factor", y_factor, 0, 1)

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return the eight numbers of the map."""
        first, second, side = jax.random.split(key, 3)
        sign = jnp.where(jax.random.bernoulli(side), 1.0, -1.0)
        return geometry.shear_matrix(sign * uniform(first, self.x_factor), sign * uniform(second, self.y_factor))


class RandomPerspective(Warp):
    """In training, with some probability, show each image as if seen from another point.

    Each coordinate of the four corners is multiplied by a number between `1 - scale / 2` and `1 + scale / 2`.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Probability, drawn between `(lower, upper)`, or f for `(0, f)`.
        scale: How far the corners move.
        interpolation: "bilinear" or "nearest".
        fill_value: The value beyond the edges.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomPerspective((1.0, 1.0), scale=0.0)
    >>> layer.apply({}, {}, jnp.ones((3, 3, 1)), training=True, rng=0)[0].shape
    (3, 3, 1)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__("constant", interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.scale = factor_range(self, "scale", scale, 0, 1)[1]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; beyond the edges there is always a constant."""
        return {k: v for k, v in super().get_config().items() if k != "fill_mode"}

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return the eight numbers of the map, or those of the identity."""
        chance, places = jax.random.split(key)
        bottom, right = shape[0] - 1.0, shape[1] - 1.0
        start = jnp.asarray([[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]])
        moved = start * (1 + jax.random.uniform(places, (4, 2), minval=-self.scale / 2, maxval=self.scale / 2))
        matrix = geometry.perspective_matrix(start, moved)
        return jnp.where(happens(chance, self.factor), matrix, geometry.translation_matrix(0.0, 0.0))
