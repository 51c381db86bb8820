"""Layers that apply other image layers: a few chosen ones, chains of them, or each of a list."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.functional.image.geometry import interpolation_order
from jkeras.layers.arguments import positive
from jkeras.layers.dropout import seeded_key
from jkeras.layers.image import colour, histogram, warp
from jkeras.layers.image.base import ImageLayer, Pair, RandomImageLayer, Shape, factor_range, value_range_of

__all__ = ["AugMix", "RandAugment", "RandomColorJitter"]


class RandomColorJitter(RandomImageLayer):
    """In training, change brightness, contrast, saturation and hue, in this order, each by a random factor.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        value_range: The values of black and white.
        brightness_factor: As `RandomBrightness` takes it; None leaves the brightness.
        contrast_factor: As `RandomContrast` takes it.
        saturation_factor: As `RandomSaturation` takes it.
        hue_factor: As `RandomHue` takes it.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = RandomColorJitter(brightness_factor=(0.5, 0.5), value_range=(0, 1))
    >>> layer.apply({}, {}, jnp.zeros((1, 1, 3)), training=True, rng=0)[0].ravel().tolist()
    [0.5, 0.5, 0.5]
    """

    moves_pixels = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        steps = (
            (colour.RandomBrightness, brightness_factor),
            (colour.RandomContrast, contrast_factor),
            (colour.RandomSaturation, saturation_factor),
            (colour.RandomHue, hue_factor),
        )
        shared = {"value_range": self.value_range, "data_format": self.data_format, "dtype": self.dtype_policy}
        self._steps = [step(factor, **shared) for step, factor in steps if factor is not None]

    def draw(self, key: Any, shape: Shape) -> list[Any]:
        """Return the draw of each step."""
        keys = jax.random.split(key, max(len(self._steps), 1))
        return [step.draw(k, shape) for step, k in zip(self._steps, keys)]

    def transform(self, image: Array, drawn: list[Any]) -> Array:
        """Return the image after all steps."""
        for step, one in zip(self._steps, drawn, strict=True):
            image = step.transform(image, one)
        return image


def steps_of(layer: Any, factor: Pair, with_colours: bool = True) -> list[ImageLayer]:
    """Return the layers that a policy chooses from, in the strength `factor`.

    >>> len(steps_of(RandAugment(), (0.0, 0.5)))
    11
    """
    shared = {
        "data_format": layer.data_format,
        "bounding_box_format": layer.bounding_box_format,
        "dtype": layer.dtype_policy,
    }
    values = {**shared, "value_range": layer.value_range}
    moves = {**shared, "interpolation": layer.interpolation}
    bits = tuple(max(1, int(8 * f)) for f in factor)
    steps: list[ImageLayer] = [
        warp.RandomShear(factor, factor, **moves),
        warp.RandomTranslation(factor, factor, **moves),
        warp.RandomRotation(factor, **moves),
        colour.Solarization(factor, factor, **values),
        colour.RandomPosterization(bits, **values),
        histogram.AutoContrast(**values),
        histogram.Equalization(**values),
    ]
    colours = (
        colour.RandomBrightness, colour.RandomColorDegeneration, colour.RandomContrast, colour.RandomSharpness,
    )  # fmt: skip
    return steps + [kind(factor, **values) for kind in colours] if with_colours else steps


class Policy(RandomImageLayer):
    """One choice of layers for a whole batch, with a draw of each for every image.

    Choosing for each image on its own would make the program compute every layer for every image.
    """

    interpolation: str
    _steps: list[ImageLayer]

    def _transform_all(self, given: dict[str, Any]) -> dict[str, Any]:
        """Transform one image or a batch."""
        count = given["images"].shape[0] if given["images"].ndim == 4 else None
        return self._apply_policy(given, seeded_key(self, self.seed), count)

    def _apply_policy(self, given: dict[str, Any], key: Any, count: int | None) -> dict[str, Any]:
        """Choose steps and apply them; `count` is the number of images, or None for one without a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define _apply_policy.")

    def _apply_step(self, given: dict[str, Any], choice: Array, key: Any, count: int | None) -> dict[str, Any]:
        """Apply the step of number `choice`; the number after the last leaves everything as it is."""
        keys = key if count is None else jax.random.split(key, count)
        branches = [step._transform_each for step in self._steps]
        return jax.lax.switch(choice, [*branches, lambda given, keys: dict(given)], given, keys)


class RandAugment(Policy):
    """In training, apply `num_ops` random steps, one after the other.

    The steps shear, shift, turn, solarize, posterize, stretch or equalize the histogram, or change brightness, colour,
    contrast or sharpness. All images of a batch go through the same steps, in strengths of their own.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        value_range: The values of black and white.
        num_ops: Number of steps.
        factor: Bounds of the strength, `(lower, upper)`, or f for `(0, f)`; between 0 and 1.
        interpolation: "bilinear" or "nearest", of the steps that move pixels.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = RandAugment(num_ops=1)
    >>> augment = lambda images: layer.apply({}, {}, images, training=True, rng=0)[0]
    >>> jax.eval_shape(augment, jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)

    Reference: Cubuk et al., 2019.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        interpolation_order(interpolation)
        self.value_range = value_range_of(self, value_range)
        self.num_ops = positive(self, "num_ops", num_ops)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.interpolation = interpolation
        self._steps = steps_of(self, self.factor)

    def _apply_policy(self, given: dict[str, Any], key: Any, count: int | None) -> dict[str, Any]:
        """Apply random steps one after the other."""
        for one in jax.random.split(key, self.num_ops):
            choice, draws = jax.random.split(one)
            given = self._apply_step(given, jax.random.randint(choice, (), 0, len(self._steps)), draws, count)
        return given


class AugMix(Policy):
    """In training, mix each image with a mixture of versions of it that went through chains of random steps.

    `(1 - m) x + m sum_i w_i chain_i(x)` with m of Beta(alpha, alpha) and w of Dirichlet(alpha). A chain has 0 to
    `chain_depth` steps, the same for all images of a batch. Labels, masks and boxes stay as they are.

    Images `(..., height, width, channels)` keep their shape.

    Args:
        value_range: The values of black and white.
        num_chains: Number of chains.
        chain_depth: The most steps that a chain has.
        factor: Bounds of the strength, `(lower, upper)`, or f for `(0, f)`; between 0 and 1.
        alpha: Parameter of both distributions.
        all_ops: Whether brightness, colour, contrast and sharpness are changed too.
        interpolation: "bilinear" or "nearest", of the steps that move pixels.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = AugMix(num_chains=1, chain_depth=1)
    >>> augment = lambda images: layer.apply({}, {}, images, training=True, rng=0)[0]
    >>> jax.eval_shape(augment, jnp.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)

    Reference: Hendrycks et al., 2020.
    """

    moves_pixels = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        interpolation_order(interpolation)
        self.value_range = value_range_of(self, value_range)
        self.num_chains = positive(self, "num_chains", num_chains)
        self.chain_depth = positive(self, "chain_depth", chain_depth)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        if not isinstance(alpha, (int, float)) or alpha <= 0:
            raise ValueError(f"AugMix: alpha must be a positive number; got {alpha!r}.")
        self.alpha = alpha
        self.all_ops = bool(all_ops)
        self.interpolation = interpolation
        self._steps = steps_of(self, self.factor, self.all_ops)

    def _apply_policy(self, given: dict[str, Any], key: Any, count: int | None) -> dict[str, Any]:
        """Mix the images with the mixture of chains."""
        images = given["images"]
        chains, weights, share = jax.random.split(key, 3)
        parts = jax.random.dirichlet(weights, jnp.full(self.num_chains, self.alpha)).astype(images.dtype)
        m = jax.random.beta(share, self.alpha, self.alpha).astype(images.dtype)

        def one_chain(mixture: Array, chain: tuple[Any, Array]) -> tuple[Array, None]:
            key, part = chain
            return mixture + part * self._chain(images, key, count), None

        # A loop, so that the steps are compiled once and not for each chain.
        keys = jax.random.split(chains, self.num_chains)
        mixture, _ = jax.lax.scan(one_chain, jnp.zeros_like(images), (keys, parts))
        return {**given, "images": (1 - m) * images + m * mixture}

    def _chain(self, images: Array, key: Any, count: int | None) -> Array:
        depth, steps = jax.random.split(key)
        length = jax.random.randint(depth, (), 0, self.chain_depth + 1)

        def one_step(images: Array, numbered: tuple[Any, Array]) -> tuple[Array, None]:
            key, number = numbered
            choice, draws = jax.random.split(key)
            chosen = jax.random.randint(choice, (), 0, len(self._steps))
            chosen = jnp.where(number < length, chosen, len(self._steps))
            return self._apply_step({"images": images}, chosen, draws, count)["images"], None

        keys = jax.random.split(steps, self.chain_depth)
        return jax.lax.scan(one_step, images, (keys, jnp.arange(self.chain_depth)))[0]
