"""What image layers have in common: draw one transformation an image, and apply it to all that belongs to the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import is_float
from jkeras.core.layer import Layer
from jkeras.functional.image import boxes as box_formats
from jkeras.layers.dropout import check_seed, seeded_key

__all__ = ["ImageLayer", "RandomImageLayer"]

PARTS = ("images", "labels", "segmentation_masks", "bounding_boxes")
Shape = tuple[int, ...]
Pair = tuple[float, float]


class ImageLayer(Layer):
    """Base of layers that transform images, with what belongs to them.

    They take one image `(height, width, channels)` or a batch `(batch, height, width, channels)`, or a dict with
    "images" and any of "labels" `(batch, ...)`, "segmentation_masks" `(batch, height, width)` or `(..., classes)`, and
    "bounding_boxes", a dict of "boxes" `(batch, N, 4)` and "labels" `(batch, N)`; and return the same. With
    `data_format="channels_first"` channels come before height.

    A subclass says what happens to one image, whose channels are always last: `transform`, and where pixels move
    `transform_mask`, `transform_boxes` and `output_size`. Everything else (batches, dictionaries, formats of boxes and
    images, dtypes, keys) is done here. One that draws derives from `RandomImageLayer` and writes `draw` as well.

    Args:
        data_format: "channels_last" or "channels_first"; the default of the configuration if left out.
        bounding_box_format: How bounding boxes are given, e.g. "xyxy"; needed only where they come.

    Attributes:
        in_inference: Whether it acts in inference too.
        keeps_integers: Whether integer images stay integers; otherwise the result is in the compute dtype.
        moves_pixels: Whether pixels change their places, so that masks and boxes must follow.

    >>> class Halve(ImageLayer):
    ...     moves_pixels = False
    ...     def transform(self, image, drawn):
    ...         return image / 2
    >>> Halve()(jnp.ones((1, 1, 3))).tolist()
    [[[0.5, 0.5, 0.5]]]
    """

    in_inference = True
    keeps_integers = False
    moves_pixels = True

    def __init__(self, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Any):
        kwargs.setdefault("autocast", False)  # labels and boxes are not computed with
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        if bounding_box_format is not None:
            box_formats.check_format(bounding_box_format)
        self.bounding_box_format = bounding_box_format

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; the format of bounding boxes only if there is one."""
        return {k: v for k, v in super().get_config().items() if k != "bounding_box_format" or v is not None}

    # What a subclass says, of one image

    def draw(self, key: Any, shape: Shape) -> Any:
        """Draw the transformation of one image.

        Args:
            key: A random key; None if nothing is to be drawn.
            shape: `(height, width, channels)` of the image.

        Returns:
            Anything, which the other methods get as `drawn`: a tree of arrays, or None.
        """
        return None

    def transform(self, image: Array, drawn: Any) -> Array:
        """Transform the image.

        Args:
            image: `(height, width, channels)`, in the compute dtype, or as integers if `keeps_integers`.
            drawn: What `draw` returned for it.

        Returns:
            The image after it, of the size that `output_size` says.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `transform`.")

    def transform_mask(self, mask: Array, drawn: Any) -> Array:
        """Transform the segmentation mask: as an image if pixels move, or not at all.

        Args:
            mask: `(height, width, classes)`, or `(height, width, 1)` of class numbers.
            drawn: What `draw` returned for the image.

        Returns:
            The mask after it, with no values that it did not have.
        """
        return self.transform(mask, drawn) if self.moves_pixels else mask

    def transform_label(self, label: Array, drawn: Any) -> Array:
        """Transform the label, which stays as it is unless a subclass says otherwise.

        Args:
            label: The image's label, of any shape.
            drawn: What `draw` returned for the image.

        Returns:
            The label after it.
        """
        return label

    def transform_boxes(self, boxes: Array, drawn: Any, shape: Shape) -> Array:
        """Transform the bounding boxes; they are clipped to the image afterwards.

        Args:
            boxes: `(N, 4)`, each left, top, right and bottom in pixels.
            drawn: What `draw` returned for the image.
            shape: `(height, width, channels)` of the image before it.

        Returns:
            The boxes `(N, 4)` after it, likewise.

        Raises:
            ValueError: If a subclass whose pixels move does not say what becomes of boxes.
        """
        raise ValueError(
            f"{type(self).__name__} does not transform bounding boxes. Leave them out, or transform them yourself with "
            "jkeras.utils.bounding_boxes."
        )

    def output_size(self, shape: Shape) -> Shape:
        """Return the size of the image after it, which is that before it unless a subclass says otherwise.

        Args:
            shape: `(height, width, channels)` of the image before it.

        Returns:
            `(height, width)`.
        """
        return shape[:2]

    # The call

    # As in Keras, a layer that is called on its own, and not told, changes its images.
    def call(self, data: Any, training: bool = True) -> Any:
        """Return the images, or the dict with all of its parts, after the transformation.

        Args:
            data: The images, or a dict of them and what belongs to them.
            training: Whether layers that act in training only do so.

        Returns:
            What came, transformed.

        Raises:
            ValueError: If it is something else, or boxes come and `bounding_box_format` was not given.
        """
        given = dict(data) if isinstance(data, Mapping) else {"images": data}
        unknown = [name for name in given if name not in PARTS]
        if "images" not in given or unknown:
            raise ValueError(
                f"Layer {self.path!r} expects an array, or a dict with 'images' and any of {', '.join(PARTS[1:])}; "
                f"got {', '.join(map(repr, given))}."
            )
        given["images"] = self._as_computed(given["images"])
        outputs = self._transform_all(given) if training or self.in_inference else self._leave(given)
        return {name: outputs[name] for name in given} if isinstance(data, Mapping) else outputs["images"]

    def _leave(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what becomes of the inputs when the layer is at rest: they stay as they are."""
        return given

    def _transform_all(self, given: dict[str, Any]) -> dict[str, Any]:
        """Transform one image or a batch, with one transformation for each."""
        return self._transform_each(given, self._keys(given["images"].shape[0] if given["images"].ndim == 4 else None))

    def _transform_each(self, given: dict[str, Any], keys: Any) -> dict[str, Any]:
        """Transform one image or a batch, with one key for each or without."""
        if given["images"].ndim == 3:
            return self._transform_one(given, keys)
        return jax.vmap(self._transform_one, (0, None if keys is None else 0))(given, keys)

    def _keys(self, count: int | None) -> Any:
        """Return a key for each image, one key if there is no batch, or None if nothing is drawn."""
        return None

    def _transform_one(self, given: dict[str, Any], key: Any) -> dict[str, Any]:
        image = self._channels_last(given["images"])
        drawn = self.draw(key, image.shape)
        outputs: dict[str, Any] = {"images": self._channels_back(self.transform(image, drawn).astype(image.dtype))}
        if "labels" in given:
            outputs["labels"] = self.transform_label(given["labels"], drawn)
        if "segmentation_masks" in given:
            outputs["segmentation_masks"] = self._mask(given["segmentation_masks"], drawn)
        if "bounding_boxes" in given:
            outputs["bounding_boxes"] = self._boxes(given["bounding_boxes"], drawn, image.shape)
        return outputs

    def _mask(self, mask: Array, drawn: Any) -> Array:
        if mask.ndim == 2:
            return self.transform_mask(mask[..., None], drawn)[..., 0].astype(mask.dtype)
        return self._channels_back(self.transform_mask(self._channels_last(mask), drawn)).astype(mask.dtype)

    def _boxes(self, given: Mapping[str, Array], drawn: Any, shape: Shape) -> dict[str, Array]:
        if not self.moves_pixels:
            return dict(given)
        if self.bounding_box_format is None:
            raise ValueError(
                f"Layer {self.path!r} got bounding boxes, but not how they are given. "
                f"Say so: {type(self).__name__}(..., bounding_box_format='xyxy')."
            )
        boxes = box_formats.convert(given["boxes"], self.bounding_box_format, "xyxy", *shape[:2])
        boxes = self.transform_boxes(boxes, drawn, shape)
        boxes, inside = box_formats.clip(boxes, *self.output_size(shape))
        boxes = box_formats.convert(boxes, "xyxy", self.bounding_box_format, *self.output_size(shape))
        outputs = {**given, "boxes": boxes}
        if "labels" in given:
            outputs["labels"] = jnp.where(inside, given["labels"], -1)
        return outputs

    def _channels_last(self, image: Array) -> Array:
        return jnp.moveaxis(image, 0, -1) if self.data_format == "channels_first" else image

    def _channels_back(self, image: Array) -> Array:
        return jnp.moveaxis(image, -1, 0) if self.data_format == "channels_first" else image

    def _as_computed(self, images: Any) -> Array:
        images = jnp.asarray(images)
        if images.ndim not in (3, 4):
            raise ValueError(
                f"Layer {self.path!r} expects one image of 3 dimensions or a batch of 4; got shape {images.shape}."
            )
        keep = self.keeps_integers and not is_float(images)
        return images if keep else images.astype(self.compute_dtype)


class RandomImageLayer(ImageLayer):
    """Base of image layers that draw: they act in training only, and each image of a batch has its own draw.

    Args:
        seed: Integer folded into the key.

    Attributes:
        one_draw: Whether all images of a batch share one draw.

    >>> class Salt(RandomImageLayer):
    ...     moves_pixels = False
    ...     def draw(self, key, shape):
    ...         return jax.random.bernoulli(key, 0.5, (*shape[:2], 1))
    ...     def transform(self, image, drawn):
    ...         return jnp.where(drawn, 255, image)
    >>> y, _ = Salt().apply({}, {}, jnp.zeros((4, 4, 3)), training=True, rng=0)
    >>> sorted(set(y.ravel().tolist()))
    [0.0, 255.0]
    """

    in_inference = False
    one_draw = False

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = check_seed(self, seed)

    def _keys(self, count: int | None) -> Any:
        key = seeded_key(self, self.seed)
        if count is None:
            return key
        return jnp.broadcast_to(key, (count,)) if self.one_draw else jax.random.split(key, count)


def uniform(key: Any, bounds: Pair) -> Array:
    """Return a float32 drawn between the bounds."""
    return jax.random.uniform(key, (), jnp.float32, *bounds)


def happens(key: Any, bounds: Pair) -> Array:
    """Return whether something happens whose probability is itself drawn between the bounds."""
    probability, threshold = jax.random.split(key)
    return jax.random.uniform(threshold) < uniform(probability, bounds)


def factor_range(layer: Layer, name: str, factor: Any, low: float, high: float, symmetric: bool = False) -> Pair:
    """Return `factor` as `(lower, upper)`: a pair is sorted, a number f means `(0, f)`, or `(-f, f)` if symmetric.

    Raises:
        ValueError: If it is neither, or not within `low` and `high`.
    """
    numbers = list(factor) if isinstance(factor, (tuple, list)) else [factor]
    fits = all(isinstance(f, (int, float)) and low <= f <= high for f in numbers)
    if not fits or len(numbers) != (2 if isinstance(factor, (tuple, list)) else 1):
        raise ValueError(
            f"{type(layer).__name__}: {name} must be a number between {low} and {high}, or a pair of them; "
            f"got {factor!r}."
        )
    if len(numbers) == 2:
        return (min(numbers), max(numbers))
    number = numbers[0]
    return (-abs(number), abs(number)) if symmetric else (min(max(low, 0), number), max(low, 0, number))


def value_range_of(layer: Layer, value_range: Any) -> Pair:
    """Return `value_range` as `(low, high)`, or raise `ValueError` if it is not an interval."""
    fits = isinstance(value_range, (tuple, list)) and len(value_range) == 2
    if not fits or not all(isinstance(v, (int, float)) for v in value_range) or value_range[0] >= value_range[1]:
        raise ValueError(f"{type(layer).__name__}: value_range must be (low, high); got {value_range!r}.")
    return (value_range[0], value_range[1])
