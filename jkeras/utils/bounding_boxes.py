"""Bounding boxes of objects in images: formats, overlap, and how they follow when an image changes.

A box is four numbers in one of the formats (upper or lower case)

    xyxy             left, top, right, bottom
    yxyx             top, left, bottom, right
    xywh             left, top, width, height
    center_xywh      x and y of the middle, width, height
    center_yxhw      y and x of the middle, height, width

or one of `rel_xyxy`, `rel_yxyx`, `rel_xywh`, `rel_center_xywh`, in units of the image's height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.functional.image import boxes as formulas

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Convert boxes from one format into another.

    Args:
        boxes: `(..., 4)`, or a dict of "boxes" and "labels".
        source: Their format.
        target: The format wanted.
        height: Height of the image; needed if one of the formats is relative.
        width: Width of the image.
        dtype: Dtype of the result.

    Returns:
        What came, with the boxes converted.

    Raises:
        ValueError: If a format is unknown, the size is missing, or there are not four numbers.

    >>> convert_format([[10, 20, 30, 40]], "xyxy", "xywh").tolist()
    [[10.0, 20.0, 20.0, 20.0]]
    """
    if isinstance(boxes, Mapping):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    return formulas.convert(_as_boxes(boxes, dtype), source, target, height, width)


def clip_to_image_size(
    bounding_boxes: Mapping[str, Any], height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict[str, Any]:
    """Cut boxes off at the edges of the image; the label of a box of which nothing is left becomes -1.

    Args:
        bounding_boxes: A dict of "boxes" `(..., N, 4)` and "labels" `(..., N)`.
        height: Height of the image; needed if the format is not relative.
        width: Width of the image.
        bounding_box_format: The format of the boxes.

    Returns:
        The dict with the boxes, float32, and the labels changed.

    Raises:
        ValueError: If the size is needed and missing.

    >>> found = clip_to_image_size({"boxes": [[-1, 0, 2, 2], [5, 5, 6, 6]], "labels": [3, 4]}, 4, 4)
    >>> found["boxes"].tolist(), found["labels"].tolist()
    ([[0.0, 0.0, 2.0, 2.0], [4.0, 4.0, 4.0, 4.0]], [3, -1])
    """
    name = formulas.check_format(bounding_box_format)
    if name.startswith("rel_"):
        height, width, corners = 1, 1, "rel_xyxy"
    else:
        corners = "xyxy"
    if height is None or width is None:
        raise ValueError(f"clip_to_image_size: boxes as {name!r} need the size of the image: give height and width.")
    boxes, inside = formulas.clip(formulas.convert(_as_boxes(bounding_boxes["boxes"]), name, corners), height, width)
    labels = jnp.where(inside, jnp.asarray(bounding_boxes["labels"]), -1)
    return {**bounding_boxes, "boxes": formulas.convert(boxes, corners, name), "labels": labels}


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Array:
    """Return intersection over union of each of `boxes1` with each of `boxes2`.

    Args:
        boxes1: `(M, 4)` or `(batch, M, 4)`.
        boxes2: `(N, 4)` or `(batch, N, 4)`.
        bounding_box_format: The format of both.
        use_masking: Whether boxes that consist of negative numbers count as padding.
        mask_val: The result for those.
        image_shape: Height, width (and channels) of the image; needed if the format is relative.

    Returns:
        `(M, N)` or `(batch, M, N)`.

    >>> compute_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [0, 0, 2, 1]], "xyxy").tolist()
    [[1.0, 0.5]]
    """
    given = [_as_boxes(b) for b in (boxes1, boxes2)]
    first, second = (_corners(b, bounding_box_format, image_shape) for b in given)
    result = formulas.iou(first[..., :, None, :], second[..., None, :, :])
    if not use_masking:
        return result
    padding = [jnp.all(b < 0, axis=-1) for b in given]
    return jnp.where(padding[0][..., :, None] | padding[1][..., None, :], mask_val, result)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Sequence[int] | None = None) -> Array:
    """Return the complete intersection over union of pairs of boxes, which regards distance and aspect ratio too.

    Args:
        boxes1: `(..., 4)`.
        boxes2: `(..., 4)`.
        bounding_box_format: The format of both.
        image_shape: Height, width (and channels) of the image; needed if the format is relative.

    Returns:
        `(...)`, at most 1.

    >>> compute_ciou([0, 0, 2, 2], [0, 0, 2, 2], "xyxy").round(4).item()
    1.0

    Reference: Zheng et al., 2020.
    """
    first, second = (_corners(_as_boxes(b), bounding_box_format, image_shape) for b in (boxes1, boxes2))
    return formulas.complete_iou(first, second)


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Array:
    """Return the boxes in a window of the image, cut off at its edges.

    Args:
        boxes: `(..., 4)`, in pixels.
        top: First row of the window.
        left: First column of the window.
        height: Height of the window.
        width: Width of the window.
        bounding_box_format: The format of the boxes; not a relative one.

    Returns:
        `(..., 4)`, float32, in pixels of the window.

    Raises:
        ValueError: If the format is relative.

    >>> crop([[2, 1, 6, 4]], top=1, left=2, height=4, width=3).tolist()
    [[0.0, 0.0, 3.0, 3.0]]
    """
    corners = formulas.convert(_as_boxes(boxes), _in_pixels("crop", bounding_box_format), "xyxy")
    inside, _ = formulas.clip(corners - jnp.asarray([left, top, left, top]), height, width)
    return formulas.convert(inside, "xyxy", bounding_box_format)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Array:
    """Return the boxes in an image that got rows at the top and columns on the left.

    Args:
        boxes: `(..., 4)`.
        top: Number of rows.
        left: Number of columns.
        height: Height of the image; accepted as in Keras, boxes in pixels do not depend on it.
        width: Width of the image; accepted as in Keras.
        bounding_box_format: The format of the boxes; not a relative one.

    Returns:
        `(..., 4)`, float32, in pixels of the larger image.

    Raises:
        ValueError: If the format is relative.

    >>> pad([[2, 1, 6, 4]], top=1, left=2).tolist()
    [[4.0, 2.0, 8.0, 5.0]]
    """
    corners = formulas.convert(_as_boxes(boxes), _in_pixels("pad", bounding_box_format), "xyxy")
    return formulas.convert(corners + jnp.asarray([left, top, left, top]), "xyxy", bounding_box_format)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Array:
    """Return the boxes round the corners of turned, shifted, scaled and sheared boxes.

    Args:
        boxes: `(N, 4)` or `(batch, N, 4)`.
        angle: Degrees, counter-clockwise; this and what follows is a number, or `(batch,)`.
        translate_x: Shift to the right, as a part of the width.
        translate_y: Shift downwards, as a part of the height.
        scale: Factor about the centre.
        shear_x: Degrees.
        shear_y: Degrees.
        height: Height of the image.
        width: Width of the image.
        center_x: The centre, as a part of the width; one half if left out.
        center_y: The centre, as a part of the height.
        bounding_box_format: The format of the boxes.

    Returns:
        Float32 of the shape of `boxes`.

    >>> affine_transform([[2, 1, 6, 4]], 0, 0, 0, 2, 0, 0, height=10, width=20).tolist()
    [[-5.5, -2.5, 2.5, 3.5]]
    """
    boxes = _as_boxes(boxes)
    corners = formulas.convert(boxes, bounding_box_format, "xyxy", height, width)
    angle, right, down, scale, shear_x, shear_y = (
        jnp.asarray(a, jnp.float32).reshape(-1, 1) if boxes.ndim == 3 else jnp.asarray(a, jnp.float32).reshape(())
        for a in (angle, translate_x, translate_y, scale, shear_x, shear_y)
    )
    last_x, last_y = width - 1, height - 1
    center = ((0.5 if center_x is None else center_x) * last_x, (0.5 if center_y is None else center_y) * last_y)
    moved = formulas.affine(corners, angle, (right * last_x, down * last_y), scale, (shear_x, shear_y), center)
    return formulas.convert(moved, "xyxy", bounding_box_format, height, width)


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Any:
    """Return boxes relative to anchors: the shift in units of the anchor, and the logarithm of the ratio of sizes.

    Args:
        anchors: `(N, 4)`.
        boxes: `(N, 4)` or `(batch, N, 4)`.
        anchor_format: The format of the anchors.
        box_format: The format of the boxes.
        encoding_format: "center_yxhw" or "center_xywh": the order of the four deltas.
        variance: Four numbers that the deltas are divided by.
        image_shape: Height, width (and channels) of the image; needed if a format is relative.

    Returns:
        The deltas, float32 of the shape of `boxes`.

    Raises:
        ValueError: If the encoding is another one, or `variance` are not four numbers.

    >>> encode_box_to_deltas([[0, 0, 2, 2]], [[1, 0, 3, 2]], "xyxy", "xyxy").tolist()
    [[0.0, 0.5, 0.0, 0.0]]

    Reference: Girshick et al., 2014.
    """
    centred = _delta_format("encoding_format", encoding_format)
    deltas = formulas.encode(
        _converted(anchors, anchor_format, centred, image_shape), _converted(boxes, box_format, centred, image_shape)
    )
    return deltas if variance is None else deltas / _variance(variance)


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Any:
    """Return the boxes that `encode_box_to_deltas` made deltas of.

    Args:
        anchors: `(N, 4)`, or a dict of them by level.
        boxes_delta: `(N, 4)` or `(batch, N, 4)`, or a dict of them by level.
        anchor_format: The format of the anchors.
        box_format: The format wanted.
        encoded_format: "center_yxhw" or "center_xywh": the order of the four deltas.
        variance: Four numbers that the deltas were divided by.
        image_shape: Height, width (and channels) of the image; needed if a format is relative.

    Returns:
        The boxes, float32 of the shape of `boxes_delta`; or a dict of them by level.

    Raises:
        ValueError: If the encoding is another one, or `variance` are not four numbers.

    >>> decode_deltas_to_boxes([[0, 0, 2, 2]], [[0, 0.5, 0, 0]], "xyxy", "xyxy").tolist()
    [[1.0, 0.0, 3.0, 2.0]]
    """
    if isinstance(anchors, Mapping):
        rest = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {level: decode_deltas_to_boxes(anchors[level], boxes_delta[level], *rest) for level in anchors}
    centred = _delta_format("encoded_format", encoded_format)
    deltas = _as_boxes(boxes_delta)
    deltas = deltas if variance is None else deltas * _variance(variance)
    boxes = formulas.decode(_converted(anchors, anchor_format, centred, image_shape), deltas)
    return _converted(boxes, centred, box_format, image_shape)


def _as_boxes(boxes: Any, dtype: Any = "float32") -> Array:
    array = jnp.asarray(boxes, dtype)
    if array.ndim == 0 or array.shape[-1] != 4:
        raise ValueError(f"Bounding boxes are four numbers each, on the last axis; got shape {array.shape}.")
    return array


def _converted(boxes: Any, source: str, target: str, image_shape: Sequence[int] | None) -> Array:
    height, width = (None, None) if image_shape is None else image_shape[:2]
    return formulas.convert(_as_boxes(boxes), source, target, height, width)


def _corners(boxes: Array, name: str, image_shape: Sequence[int] | None) -> Array:
    return _converted(boxes, name, "xyxy", image_shape)


def _in_pixels(function: str, name: str) -> str:
    if formulas.check_format(name).startswith("rel_"):
        raise ValueError(
            f"{function} works on boxes in pixels; got {name!r}. "
            "Convert them first, with the size of the image: convert_format(boxes, source, 'xyxy', height, width)."
        )
    return name


def _delta_format(argument: str, name: str) -> str:
    if name not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"{argument} must be 'center_xywh' or 'center_yxhw'; got {name!r}.")
    return name


def _variance(variance: Sequence[float]) -> Array:
    array = jnp.asarray(variance, jnp.float32)
    if array.shape != (4,):
        raise ValueError(f"variance must be four numbers; got {variance!r}.")
    return array
