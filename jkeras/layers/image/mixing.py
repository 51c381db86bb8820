"""Layers that mix the images of a batch with each other, and their labels alike."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.dtypes import is_float
from jkeras.layers.dropout import seeded_key
from jkeras.layers.image.base import RandomImageLayer, factor_range
from jkeras.layers.image.filters import rectangle

__all__ = ["CutMix", "MixUp"]


class Mixing(RandomImageLayer):
    """In training, each image of a batch meets another one of it.

    Labels are mixed as the images are, so they are numbers: one-hot rows rather than class numbers.
    """

    def _transform_all(self, given: dict[str, Any]) -> dict[str, Any]:
        """Mix everything with a permutation of itself."""
        images = given["images"]
        if images.ndim != 4:  # an image alone meets itself
            return given
        key, order = jax.random.split(seeded_key(self, self.seed))
        permutation = jax.random.permutation(order, images.shape[0])
        return self._mix(given, jax.tree.map(lambda part: part[permutation], given), key)

    def _mix(self, given: dict[str, Any], other: dict[str, Any], key: Any) -> dict[str, Any]:
        """Return what becomes of the inputs and the permuted ones."""
        raise NotImplementedError(f"{type(self).__name__} must define _mix.")

    def _blended(self, name: str, own: Array, other: Array, weight: Array) -> Array:
        if not is_float(own) and own.ndim < 2 + 2 * (name == "segmentation_masks"):
            raise ValueError(
                f"Layer {self.path!r} cannot mix {name} that are class numbers ({own.dtype}, shape {own.shape}). "
                "Make them one-hot first: jkeras.utils.to_categorical(labels, num_classes)."
            )
        own, other = (a if is_float(a) else a.astype(self.compute_dtype) for a in (own, other))
        weight = weight.reshape(-1, *(1,) * (own.ndim - 1)).astype(own.dtype)
        return weight * own + (1 - weight) * other


class MixUp(Mixing):
    """In training, `w x + (1 - w) x'` for each image x and another x' of the batch, with w of Beta(alpha, alpha).

    Labels and one-hot segmentation masks are mixed with the same w; an image has the bounding boxes of both.

    Images are a batch, `(batch, height, width, channels)`, of which one alone stays as it is.

    Args:
        alpha: How much is mixed: near 0 hardly, 1 evenly.
        data_format: "channels_last" or "channels_first".
        seed: Integer folded into the key.

    >>> layer = MixUp(1.0)
    >>> data = {"images": jnp.zeros((2, 3, 3, 1)), "labels": jnp.eye(2)}
    >>> mixed = jax.eval_shape(lambda data: layer.apply({}, {}, data, training=True, rng=0)[0], data)
    >>> {name: part.shape for name, part in mixed.items()}
    {'images': (2, 3, 3, 1), 'labels': (2, 2)}

    Reference: Zhang et al., 2018.
    """

    def __init__(self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.alpha = factor_range(self, "alpha", alpha, 0, 1)[1]
        if self.alpha == 0:
            raise ValueError("MixUp: alpha must be above 0; leave the layer out where nothing is to be mixed.")

    def _mix(self, given: dict[str, Any], other: dict[str, Any], key: Any) -> dict[str, Any]:
        """Return the weighted means."""
        weight = jax.random.beta(key, self.alpha, self.alpha, (given["images"].shape[0],))
        outputs = {
            name: self._blended(name, given[name], other[name], weight) for name in given if name != "bounding_boxes"
        }
        if "bounding_boxes" in given:
            join = lambda a, b: jnp.concatenate([a, b], axis=1)  # noqa: E731
            outputs["bounding_boxes"] = jax.tree.map(join, given["bounding_boxes"], other["bounding_boxes"])
        return outputs


class CutMix(Mixing):
    """In training, paste a random rectangle of another image of the batch into each.

    With w of Beta(a, a) and a drawn between the bounds of `factor`, height and width of the rectangle are `sqrt(1 - w)`
    of the image's, and the label is `w y + (1 - w) y'`.

    Images are a batch, `(batch, height, width, channels)`, of which one alone stays as it is.

    Args:
        factor: Bounds of a, `(lower, upper)`, or f for `(0, f)`; between 0 and 1.
        seed: Integer folded into the key.
        data_format: "channels_last" or "channels_first".

    >>> layer = CutMix((1.0, 1.0))
    >>> data = {"images": jnp.zeros((2, 3, 3, 1), "uint8"), "labels": jnp.eye(2)}
    >>> jax.eval_shape(lambda data: layer.apply({}, {}, data, training=True, rng=0)[0], data)["images"].dtype
    dtype('float32')

    Reference: Yun et al., 2019.
    """

    def __init__(self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)

    def _mix(self, given: dict[str, Any], other: dict[str, Any], key: Any) -> dict[str, Any]:
        """Return images with a rectangle of the others, and labels in proportion."""
        if "bounding_boxes" in given:
            raise ValueError(f"Layer {self.path!r} does not cut bounding boxes. Leave them out.")
        count = given["images"].shape[0]
        bounds, weights, places = jax.random.split(key, 3)
        alpha = jax.random.uniform(bounds, (count,), minval=self.factor[0], maxval=self.factor[1])
        alpha = jnp.maximum(alpha, 1e-3)
        weight = jax.random.beta(weights, alpha, alpha)
        first = self.data_format == "channels_first"
        shape = (*(given["images"].shape[2:] if first else given["images"].shape[1:3]), 1)
        parts = jnp.sqrt(1 - weight)[:, None] * jnp.ones(2)
        pasted = jax.vmap(lambda k, p: rectangle(k, p, shape))(jax.random.split(places, count), parts)
        pasted = jnp.moveaxis(pasted, -1, 1) if first else pasted
        outputs = {"images": jnp.where(pasted, other["images"], given["images"])}
        if "labels" in given:
            outputs["labels"] = self._blended("labels", given["labels"], other["labels"], weight)
        if "segmentation_masks" in given:
            masks = given["segmentation_masks"]
            inside = pasted if masks.ndim == 4 else pasted.reshape(count, *shape[:2])
            outputs["segmentation_masks"] = jnp.where(inside, other["segmentation_masks"], masks)
        return outputs
