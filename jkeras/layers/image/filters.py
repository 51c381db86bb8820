"""Layers that blur, distort or erase parts of images with some probability."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.image import adjust, filters, geometry
from jkeras.layers.arguments import one_of
from jkeras.layers.image.base import RandomImageLayer, Shape, factor_range, happens, uniform, value_range_of
from jkeras.layers.image.warp import FILL_MODES

__all__ = ["RandomElasticTransform", "RandomErasing", "RandomGaussianBlur"]


class RandomGaussianBlur(RandomImageLayer):
    """In training, with some probability, blur each image with a Gaussian of random width.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Probability, drawn between `(lower, upper)`, or f for `(0, f)`.
        kernel_size: Odd height and width of the kernel, or one number for both.
        sigma: Bounds of the standard deviations, in pixels: `(lower, upper)`, or s for `(0, s)`.
        value_range: The values of black and white, to which the result is clipped.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = RandomGaussianBlur((1.0, 1.0), sigma=(1.0, 1.0))
    >>> layer.apply({}, {}, jnp.ones((3, 3, 1)), training=True, rng=0)[0][1, 1].round(3).tolist()
    [1.0]
    """

    moves_pixels = False

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.kernel_size = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)
        if len(self.kernel_size) != 2 or any(not isinstance(n, int) or n < 1 or n % 2 == 0 for n in self.kernel_size):
            raise ValueError(
                f"RandomGaussianBlur: kernel_size must be an odd positive integer or two; got {kernel_size!r}."
            )
        self.sigma = factor_range(self, "sigma", sigma, 0, math.inf)
        self.value_range = value_range_of(self, value_range)

    def draw(self, key: Any, shape: Shape) -> tuple[Array, Array]:
        """Return whether to blur, and both standard deviations."""
        chance, width = jax.random.split(key)
        low, high = self.sigma
        return happens(chance, self.factor), jax.random.uniform(width, (2,), minval=low, maxval=high)

    def transform(self, image: Array, drawn: tuple[Array, Array]) -> Array:
        """Return the image, blurred or not."""
        blurs, sigma = drawn
        blurred = filters.blur(image, self.kernel_size, tuple(jnp.maximum(sigma, 1e-3)))
        return jnp.where(blurs, adjust.limit(blurred, self.value_range), image)


class RandomErasing(RandomImageLayer):
    """In training, with some probability, overwrite a random rectangle of each image.

    Height and width of the rectangle are `sqrt(s)` of the image's, each with its own s.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Probability, drawn between `(lower, upper)`, or f for `(0, f)`.
        scale: Bounds of s, `(lower, upper)`.
        fill_value: What is written; None for normal noise about black with the range as deviation, clipped to it.
        value_range: The values of black and white.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0.0)
    >>> layer.apply({}, {}, jnp.ones((4, 4, 1)), training=True, rng=0)[0].sum().item()
    12.0

    Reference: Zhong et al., 2017.
    """

    moves_pixels = False

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: float | None = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.scale = factor_range(self, "scale", scale, 0, 1)
        self.fill_value = fill_value
        self.value_range = value_range_of(self, value_range)

    def draw(self, key: Any, shape: Shape) -> tuple[Array, Any]:
        """Return what is erased, `(height, width, 1)`, and what is written."""
        chance, tall, wide, place, noise = jax.random.split(key, 5)
        parts = jnp.sqrt(jnp.stack([uniform(tall, self.scale), uniform(wide, self.scale)]))
        erased = rectangle(place, parts, shape) & happens(chance, self.factor)
        if self.fill_value is not None:
            return erased, self.fill_value
        low, high = self.value_range
        return erased, adjust.limit(low + (high - low) * jax.random.normal(noise, shape), self.value_range)

    def transform(self, image: Array, drawn: tuple[Array, Any]) -> Array:
        """Return the image with the rectangle overwritten."""
        erased, value = drawn
        return jnp.where(erased, jnp.asarray(value).astype(image.dtype), image)


def rectangle(key: Any, parts: Array, shape: Shape) -> Array:
    """Return a mask `(height, width, 1)` that is true in a rectangle at a random place.

    Args:
        key: For the place.
        parts: Height and width of the rectangle as parts of the image's.
        shape: Shape of the image.

    >>> rectangle(jax.random.key(0), jnp.asarray([0.5, 1.0]), (4, 4, 1)).sum().item()
    8
    """
    size = jnp.asarray(shape[:2], jnp.float32)
    extent = jnp.round(parts * size)
    first = jnp.floor(jax.random.uniform(key, (2,)) * (size - extent + 1))
    rows, columns = (
        (jnp.arange(n) >= first[i]) & (jnp.arange(n) < first[i] + extent[i]) for i, n in enumerate(shape[:2])
    )
    return (rows[:, None] & columns)[..., None]


class RandomElasticTransform(RandomImageLayer):
    """In training, with some probability, displace the pixels of each image by a smooth random field.

    The field is normal noise, blurred with a deviation of `0.05 s` of the image's shorter side and multiplied by
    `0.1 s` of its longer side.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        factor: Probability, drawn between `(lower, upper)`, or f for `(0, f)`.
        scale: Bounds of s, `(lower, upper)`, or s for `(0, s)`.
        interpolation: "bilinear" or "nearest".
        fill_mode: "reflect", "constant", "wrap" or "nearest": what is beyond the edges.
        fill_value: The value there for "constant".
        value_range: The values of black and white, to which the result is clipped.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomElasticTransform((1.0, 1.0))
    >>> jax.eval_shape(lambda x: layer.apply({}, {}, x, training=True, rng=0)[0], jnp.ones((4, 4, 1))).shape
    (4, 4, 1)

    Reference: Simard et al., 2003.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.scale = factor_range(self, "scale", scale, 0, 1)
        geometry.interpolation_order(interpolation)
        self.interpolation = interpolation
        self.fill_mode = one_of(self, "fill_mode", fill_mode, FILL_MODES)
        self.fill_value = fill_value
        self.value_range = value_range_of(self, value_range)

    def draw(self, key: Any, shape: Shape) -> tuple[Array, Array]:
        """Return the displacement of each pixel to the right and downwards."""
        chance, amount, field = jax.random.split(key, 3)
        scale = uniform(amount, self.scale)
        shorter, longer = min(shape[:2]), max(shape[:2])
        # The kernel's size cannot depend on what is drawn.
        size = int(6 * 0.05 * shorter * self.scale[1]) | 1
        dx, dy = geometry.smooth_field(field, shape, jnp.maximum(0.05 * shorter * scale, 1e-3), size)
        strength = 0.1 * longer * scale * happens(chance, self.factor)
        return strength * dx, strength * dy

    def transform(self, image: Array, drawn: tuple[Array, Array]) -> Array:
        """Return the distorted image."""
        return adjust.limit(self._displaced(image, drawn, self.interpolation), self.value_range)

    def transform_mask(self, mask: Array, drawn: tuple[Array, Array]) -> Array:
        """Return the distorted mask, with no values that it did not have."""
        return self._displaced(mask, drawn, "nearest")

    def _displaced(self, image: Array, drawn: tuple[Array, Array], interpolation: str) -> Array:
        return geometry.displace(image, *drawn, interpolation, self.fill_mode, self.fill_value)
