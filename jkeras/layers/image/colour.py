"""Layers that change the values of pixels by a random factor, and leave each in its place."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.image import adjust
from jkeras.functional.image.colour import rgb_to_grayscale
from jkeras.layers.image.base import Pair, RandomImageLayer, Shape, factor_range, happens, uniform, value_range_of

__all__ = [
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomContrast",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "RandomSharpness",
    "Solarization",
]


class ColourLayer(RandomImageLayer):
    """Each image is changed by a factor of its own.

    Args:
        factor: Bounds of the factor, `(lower, upper)`, or f for `(0, f)`.
        value_range: The values of black and white.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.
    """

    moves_pixels = False
    limits: Pair = (0.0, 1.0)
    """What the factor is within."""
    needs_rgb = False

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = self._as_range(factor)
        self.value_range = value_range_of(self, value_range)

    def _as_range(self, factor: Any) -> Pair:
        """Return the bounds of the factor."""
        return factor_range(self, "factor", factor, *self.limits)

    def draw(self, key: Any, shape: Shape) -> Any:
        """Return the factor of one image."""
        if self.needs_rgb and shape[-1] != 3:
            raise ValueError(
                f"Layer {self.path!r} expects images of 3 channels (red, green, blue); got {shape[-1]}. "
                f"Its data_format is {self.data_format!r}."
            )
        return uniform(key, self.factor)


class RandomContrast(ColourLayer):
    """In training, `mean + c (x - mean)` with the mean of each channel, clipped to the range.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: `(lower, upper)`, or f for `(f, f)`: c is drawn between `1 - lower` and `1 + upper`.
        value_range: The values of black and white.
        seed: Integer folded into the key.

    >>> layer = RandomContrast(0.5)
    >>> layer.apply({}, {}, jnp.ones((2, 2, 1)), training=True, rng=0)[0].ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def _as_range(self, factor: Any) -> Pair:
        """Return `(lower, upper)`."""
        return factor_range(self, "factor", factor if isinstance(factor, (tuple, list)) else (factor, factor), 0, 1)

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return c."""
        return uniform(key, (1 - self.factor[0], 1 + self.factor[1]))

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the image in the new contrast."""
        return adjust.contrast(image, drawn, self.value_range)


class RandomBrightness(ColourLayer):
    """In training, add a random part of the range, and clip to it. Integer images stay integers.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Bounds of the part, between -1 (black) and 1 (white): `(lower, upper)`, or f for `(-f, f)`.
        value_range: The values of black and white.
        seed: Integer folded into the key.

    >>> layer = RandomBrightness((0.25, 0.25), value_range=(0, 1))
    >>> layer.apply({}, {}, jnp.zeros((1, 1, 3)), training=True, rng=0)[0].ravel().tolist()
    [0.25, 0.25, 0.25]
    """

    keeps_integers = True

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def _as_range(self, factor: Any) -> Pair:
        """Return the bounds of the factor."""
        return factor_range(self, "factor", factor, -1, 1, symmetric=True)

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the brighter or darker image."""
        return adjust.brightness(image.astype(self.compute_dtype), drawn, self.value_range).astype(image.dtype)


class RandomHue(ColourLayer):
    """In training, turn the hue of each image by up to half of the colour circle, to either side.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Bounds of the turn, 1 for half of the circle: `(lower, upper)`, or f for `(0, f)`.
        value_range: The values of black and white.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomHue((1.0, 1.0), value_range=(0, 1))
    >>> layer.apply({}, {}, jnp.asarray([[[1.0, 0.0, 0.0]]]), training=True, rng=0)[0].ravel().round(3).tolist()
    [0.0, 1.0, 1.0]
    """

    needs_rgb = True

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return the turn."""
        amount, side = jax.random.split(key)
        return super().draw(amount, shape) * jnp.where(jax.random.bernoulli(side), 0.5, -0.5)

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the image in other colours."""
        return adjust.hue(image, drawn, self.value_range)


class RandomSaturation(ColourLayer):
    """In training, multiply the saturation of each image by `f / (1 - f)`: 0 is grey, 0.5 leaves it, 1 is garish.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Bounds of f, `(lower, upper)`, or f for `(0, f)`.
        value_range: The values of black and white.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomSaturation((0.0, 0.0), value_range=(0, 1))
    >>> layer.apply({}, {}, jnp.asarray([[[1.0, 0.0, 0.0]]]), training=True, rng=0)[0].ravel().tolist()
    [1.0, 1.0, 1.0]
    """

    needs_rgb = True
    limits = (-1.0, 1.0)

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the image in stronger or weaker colours."""
        return adjust.saturation(image, drawn / jnp.maximum(1 - drawn, 1e-6), self.value_range)


class RandomSharpness(ColourLayer):
    """In training, blend each image with its smoothed version: 0 is smooth, 0.5 leaves it, 1 is sharper.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Bounds of the factor, `(lower, upper)`, or f for `(0, f)`.
        value_range: The values of black and white.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomSharpness((0.5, 0.5))
    >>> layer.apply({}, {}, jnp.eye(3)[..., None], training=True, rng=0)[0][..., 0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the smoother or sharper image."""
        return adjust.sharpen(image, 2 * drawn, self.value_range)


class RandomColorDegeneration(ColourLayer):
    """In training, blend each image with its grey version: 0 leaves it, 1 is grey.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Bounds of the part of grey, `(lower, upper)`, or f for `(0, f)`.
        value_range: The values of black and white.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomColorDegeneration((1.0, 1.0), value_range=(0, 1))
    >>> layer.apply({}, {}, jnp.asarray([[[0.0, 1.0, 0.0]]]), training=True, rng=0)[0].ravel().round(3).tolist()
    [0.58..., 0.58..., 0.58...]
    """

    needs_rgb = True
    limits = (-1.0, 1.0)

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the paler image."""
        return adjust.limit(adjust.degenerate(image, drawn), self.value_range)


class RandomPosterization(ColourLayer):
    """In training, keep only the first of the eight bits of each value.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Bounds of the number of bits, both included, between 1 and 8: `(lower, upper)`, or f for `(1, f)`.
        value_range: The values of black and white.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomPosterization((1, 1))
    >>> layer.apply({}, {}, jnp.asarray([[[100.0], [200.0]]]), training=True, rng=0)[0].ravel().tolist()
    [0.0, 128.0]
    """

    limits = (1, 8)

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return the number of bits."""
        return jax.random.randint(key, (), int(self.factor[0]), int(self.factor[1]) + 1)

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the image with fewer colours."""
        return adjust.posterize(image, drawn, self.value_range)


class RandomInvert(ColourLayer):
    """In training, with some probability, turn black into white: `low + high - x`.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Probability, drawn between `(lower, upper)`, or f for `(0, f)`.
        value_range: The values of black and white.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomInvert((1.0, 1.0))
    >>> layer.apply({}, {}, jnp.asarray([[[55.0]]]), training=True, rng=0)[0].item()
    200.0
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return whether to invert."""
        return happens(key, self.factor)

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the image, inverted or not."""
        low, high = self.value_range
        return jnp.where(drawn, high + low - image, image)


class RandomGrayscale(RandomImageLayer):
    """In training, with probability `factor`, make images grey; they keep their three channels. Integers stay integers.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: The probability.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomGrayscale(1.0)
    >>> layer.apply({}, {}, jnp.asarray([[[0, 100, 0]]]), training=True, rng=0)[0].ravel().tolist()
    [58, 58, 58]
    """

    moves_pixels = False
    keeps_integers = True

    def __init__(self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)[1]

    def draw(self, key: Any, shape: Shape) -> Array:
        """Return whether to make the image grey."""
        if shape[-1] not in (1, 3):
            raise ValueError(f"Layer {self.path!r} expects images of 3 channels (red, green, blue); got {shape[-1]}.")
        return jax.random.bernoulli(key, self.factor)

    def transform(self, image: Array, drawn: Array) -> Array:
        """Return the image, grey or not."""
        return jnp.where(drawn, rgb_to_grayscale(image), image)


class Solarization(RandomImageLayer):
    """In training, add a random part of the range, clip, and invert what is above a random threshold.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        addition_factor: Bounds of what is added, as a part of the range: `(lower, upper)`, or f for `(0, f)`.
        threshold_factor: Bounds of the threshold, as a part of the range.
        value_range: The values of black and white.
        seed: Integer folded into the key.

    >>> layer = Solarization(threshold_factor=(0.5, 0.5))
    >>> layer.apply({}, {}, jnp.asarray([[[100.0], [200.0]]]), training=True, rng=0)[0].ravel().tolist()
    [100.0, 55.0]
    """

    moves_pixels = False

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = factor_range(self, "addition_factor", addition_factor, 0, 1)
        self.threshold_factor = factor_range(self, "threshold_factor", threshold_factor, 0, 1)
        self.value_range = value_range_of(self, value_range)

    def draw(self, key: Any, shape: Shape) -> tuple[Array, Array]:
        """Return threshold and addition, as parts of the range."""
        first, second = jax.random.split(key)
        return uniform(first, self.threshold_factor), uniform(second, self.addition_factor)

    def transform(self, image: Array, drawn: tuple[Array, Array]) -> Array:
        """Return the solarized image."""
        low, high = self.value_range
        threshold, addition = drawn
        return adjust.solarize(image, low + threshold * (high - low), addition * (high - low), self.value_range)
