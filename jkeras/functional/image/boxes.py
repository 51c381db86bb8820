"""Bounding boxes, `(..., 4)`: formats, overlap, and what becomes of them when an image is cut or resized."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.functional.image.resize import frame_border, largest_window

EPSILON = 1e-7

Conversion = Callable[[Array, Array, Array, Array], tuple[Array, ...]]

# How each format is made of left, top, right, bottom, and these of it. Relative ones are in units of the image.
_FROM_CORNERS: dict[str, Conversion] = {
    "xyxy": lambda left, top, right, bottom: (left, top, right, bottom),
    "yxyx": lambda left, top, right, bottom: (top, left, bottom, right),
    "xywh": lambda left, top, right, bottom: (left, top, right - left, bottom - top),
    "center_xywh": lambda left, top, right, bottom: (
        (left + right) / 2, (top + bottom) / 2, right - left, bottom - top,
    ),
    "center_yxhw": lambda left, top, right, bottom: (
        (top + bottom) / 2, (left + right) / 2, bottom - top, right - left,
    ),
}  # fmt: skip
_TO_CORNERS: dict[str, Conversion] = {
    "xyxy": lambda left, top, right, bottom: (left, top, right, bottom),
    "yxyx": lambda top, left, bottom, right: (left, top, right, bottom),
    "xywh": lambda x, y, w, h: (x, y, x + w, y + h),
    "center_xywh": lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
    "center_yxhw": lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
}
FORMATS = (*_FROM_CORNERS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def check_format(name: Any) -> str:
    """Return the name of a format in lower case.

    Args:
        name: One of `FORMATS`, in any case.

    Returns:
        One of `FORMATS`.

    >>> check_format("center_xyWH")
    'center_xywh'
    """
    found = str(name).lower()
    if found not in FORMATS:
        raise ValueError(f"The format of bounding boxes must be one of {', '.join(FORMATS)}; got {name!r}.")
    return found


def convert(boxes: Array, source: str, target: str, height: Any = None, width: Any = None) -> Array:
    """Convert boxes from one format into another; `height` and `width` of the image are needed for relative ones.

    Args:
        boxes: `(..., 4)`.
        source: Their format, one of `FORMATS`.
        target: The format of the result.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        `(..., 4)`, of the dtype of the boxes.

    >>> convert(jnp.asarray([2.0, 1.0, 6.0, 4.0]), "xyxy", "rel_xywh", 8, 16).tolist()
    [0.125, 0.125, 0.25, 0.375]
    """
    source, target = check_format(source), check_format(target)
    if source == target:
        return boxes
    relative = [name.startswith("rel_") for name in (source, target)]
    if any(relative) and not all(relative) and (height is None or width is None):
        raise ValueError(
            f"Boxes cannot be converted from {source!r} to {target!r} without the size of the image: "
            "give height and width."
        )
    sides = _TO_CORNERS[source.removeprefix("rel_")](*jnp.moveaxis(boxes, -1, 0))
    if relative[0] != relative[1]:
        scale = (width, height, width, height)
        sides = tuple(s * n if relative[0] else s / n for s, n in zip(sides, scale))
    return jnp.stack(_FROM_CORNERS[target.removeprefix("rel_")](*sides), axis=-1).astype(boxes.dtype)


def clip(boxes: Array, height: Any, width: Any) -> tuple[Array, Array]:
    """Cut corners `xyxy` off at the edges of the image; return them, and which boxes still have an area.

    Args:
        boxes: `(..., 4)`.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        The boxes `(..., 4)`, and booleans `(...)`.

    >>> boxes, inside = clip(jnp.asarray([[-1.0, 0, 2, 2], [5, 5, 6, 6]]), 4, 4)
    >>> boxes.tolist(), inside.tolist()
    ([[0.0, 0.0, 2.0, 2.0], [4.0, 4.0, 4.0, 4.0]], [True, False])
    """
    limits = jnp.asarray([width, height, width, height], boxes.dtype)
    boxes = jnp.clip(boxes, jnp.zeros_like(limits), limits)
    return boxes, (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])


def area(boxes: Array) -> Array:
    """Return width times height of corners `xyxy`.

    Args:
        boxes: `(..., 4)`.

    Returns:
        `(...)`.

    >>> float(area(jnp.asarray([0.0, 0, 2, 3])))
    6.0
    """
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def overlap(first: Array, second: Array) -> tuple[Array, Array]:
    """Return intersection and union of the areas of corners `xyxy`, which broadcast.

    Args:
        first: `(..., 4)`.
        second: `(..., 4)`.

    Returns:
        Two arrays `(...)`.

    >>> [float(a) for a in overlap(jnp.asarray([0.0, 0, 2, 2]), jnp.asarray([1.0, 0, 3, 2]))]
    [2.0, 6.0]
    """
    low = jnp.maximum(first[..., :2], second[..., :2])
    high = jnp.minimum(first[..., 2:], second[..., 2:])
    shared = jnp.prod(jnp.maximum(high - low, 0), axis=-1)
    return shared, area(first) + area(second) - shared


def iou(first: Array, second: Array) -> Array:
    """Return intersection over union of corners `xyxy`; zero where neither has an area.

    Args:
        first: `(..., 4)`.
        second: `(..., 4)`.

    Returns:
        `(...)`, from 0 to 1.

    >>> float(iou(jnp.asarray([0.0, 0, 2, 2]), jnp.asarray([1.0, 0, 3, 2])))
    0.3333...
    """
    shared, union = overlap(first, second)
    return jnp.where(union > 0, shared / jnp.where(union > 0, union, 1), 0)


def complete_iou(first: Array, second: Array) -> Array:
    """Return `iou - d^2 / c^2 - v^2 / (1 - iou + v)` of corners `xyxy`.

    Here d is the distance of the centres, c the diagonal of the box round both, and
    `v = 4 / pi^2 (atan(w2 / h2) - atan(w1 / h1))^2`.

    Args:
        first: `(..., 4)`.
        second: `(..., 4)`.

    Returns:
        `(...)`, at most 1.

    >>> round(float(complete_iou(jnp.asarray([0.0, 0, 2, 2]), jnp.asarray([1.0, 0, 3, 2]))), 4)
    0.2564

    Reference: Zheng et al., 2020.
    """
    shared, union = overlap(first, second)
    ratio = shared / (union + EPSILON)
    centres = ((second[..., :2] + second[..., 2:]) - (first[..., :2] + first[..., 2:])) / 2
    hull = jnp.maximum(first[..., 2:], second[..., 2:]) - jnp.minimum(first[..., :2], second[..., :2])
    distance = jnp.sum(jnp.square(centres), axis=-1) / (jnp.sum(jnp.square(hull), axis=-1) + EPSILON)

    def slant(boxes: Array) -> Array:
        return jnp.arctan((boxes[..., 2] - boxes[..., 0]) / (boxes[..., 3] - boxes[..., 1] + EPSILON))

    v = 4 / math.pi**2 * jnp.square(slant(second) - slant(first))
    return ratio - distance - v * v / (v - ratio + 1 + EPSILON)


def encode(anchors: Array, boxes: Array) -> Array:
    """Return `((c - ca) / sa, log(s / sa))` of centres c and sizes s, both `center_...` formats.

    Args:
        anchors: `(..., 4)`.
        boxes: `(..., 4)`, in the format of the anchors.

    Returns:
        `(..., 4)`.

    >>> encode(jnp.asarray([0.0, 0, 2, 2]), jnp.asarray([1.0, 0, 2, 2])).tolist()
    [0.5, 0.0, 0.0, 0.0]

    Reference: Girshick et al., 2014.
    """
    shift = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return jnp.concatenate([shift, jnp.log(boxes[..., 2:] / anchors[..., 2:])], axis=-1)


def decode(anchors: Array, deltas: Array) -> Array:
    """Return the boxes whose `encode` is `deltas`.

    Args:
        anchors: `(..., 4)`.
        deltas: `(..., 4)`.

    Returns:
        `(..., 4)`, in the format of the anchors.

    >>> decode(jnp.asarray([0.0, 0, 2, 2]), jnp.asarray([0.5, 0, 0, 0])).tolist()
    [1.0, 0.0, 2.0, 2.0]
    """
    centre = deltas[..., :2] * anchors[..., 2:] + anchors[..., :2]
    return jnp.concatenate([centre, jnp.exp(deltas[..., 2:]) * anchors[..., 2:]], axis=-1)


def around(x: Array, y: Array) -> Array:
    """Return the corners `xyxy` of the smallest boxes round points, which are on the last axis.

    Args:
        x: `(..., points)`.
        y: `(..., points)`.

    Returns:
        `(..., 4)`.

    >>> around(jnp.asarray([1.0, 3.0]), jnp.asarray([2.0, 0.0])).tolist()
    [1.0, 0.0, 3.0, 2.0]
    """
    return jnp.stack([x.min(-1), y.min(-1), x.max(-1), y.max(-1)], axis=-1)


def corners(boxes: Array) -> tuple[Array, Array]:
    """Return x and y, `(..., 4)` each, of the four corners of boxes `xyxy`.

    Args:
        boxes: `(..., 4)`.

    Returns:
        Two arrays `(..., 4)`.

    >>> [part.tolist() for part in corners(jnp.asarray([0, 1, 2, 3]))]
    [[0, 2, 2, 0], [1, 1, 3, 3]]
    """
    left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)
    return jnp.stack([left, right, right, left], axis=-1), jnp.stack([top, top, bottom, bottom], axis=-1)


def resize(boxes: Array, size: Sequence[int], target: Sequence[int], crop: bool = False, pad: bool = False) -> Array:
    """Return corners `xyxy` of an image of `size` after it was resized to `target`, perhaps cropped or padded before.

    Args:
        boxes: `(..., 4)`.
        size: Height and width of the image.
        target: Height and width of the result.
        crop: Whether the largest window in the middle that has the aspect ratio of `target` was cut out first.
        pad: Whether the image was padded to that aspect ratio first.

    Returns:
        `(..., 4)`.

    >>> resize(jnp.asarray([2.0, 1, 6, 4]), (6, 8), (12, 12), crop=True).tolist()
    [2.0, 2.0, 10.0, 8.0]
    """
    top = left = 0
    if crop:
        window = largest_window(size, target)
        top, left = -((size[0] - window[0]) // 2), -((size[1] - window[1]) // 2)
        size = window
    elif pad:
        top, left = frame_border(size, target)
        size = (size[0] + 2 * top, size[1] + 2 * left)
    y, x = target[0] / size[0], target[1] / size[1]
    return (boxes + jnp.asarray([left, top, left, top], boxes.dtype)) * jnp.asarray([x, y, x, y], boxes.dtype)


def center_crop(boxes: Array, size: Sequence[int], target: Sequence[int]) -> Array:
    """Return corners `xyxy` after `resize.center_crop` of an image of `size`.

    Args:
        boxes: `(..., 4)`.
        size: Height and width of the image.
        target: Height and width of the result.

    Returns:
        `(..., 4)`.

    >>> center_crop(jnp.asarray([2.0, 1, 6, 4]), (6, 8), (3, 4)).tolist()
    [0.0, 0.0, 4.0, 3.0]
    """
    rows, columns = size[0] - target[0], size[1] - target[1]
    if rows < 0 or columns < 0:
        return resize(boxes, size, target, crop=True)
    top, left = rows // 2, columns // 2
    return boxes - jnp.asarray([left, top, left, top], boxes.dtype)


def affine(
    boxes: Array,
    angle: Any,
    translation: tuple[Any, Any],
    scale: Any,
    shear: tuple[Any, Any],
    center: tuple[Any, Any],
) -> Array:
    """Return the corners `xyxy` of boxes round the turned, shifted, scaled and sheared corners.

    `p' = c + s A (p - c + t)` with, for `u = tan(shear_x)` and `v = tan(shear_y)`,
    `A = [[cos + u (sin - v cos), sin + u (cos + v sin)], [v cos - sin, cos + v sin]]` of the angle, as in Keras.

    Args:
        boxes: `(..., N, 4)`.
        angle: In degrees, counter-clockwise; as all that follow, a number or an array that broadcasts to `(..., N)`.
        translation: To the right and downwards.
        scale: About the centre.
        shear: Angles in degrees.
        center: x and y of the centre.

    Returns:
        `(..., N, 4)`.

    >>> affine(jnp.asarray([[2.0, 1, 6, 4]]), 0.0, (1.0, 0.0), 1.0, (0.0, 0.0), (9.5, 4.5)).tolist()
    [[3.0, 1.0, 7.0, 4.0]]
    """
    angle, scale, shear_x, shear_y = (jnp.asarray(a)[..., None] for a in (angle, scale, *shear))
    right, down, center_x, center_y = (jnp.asarray(a)[..., None] for a in (*translation, *center))
    sin, cos = jnp.sin(jnp.deg2rad(angle)), jnp.cos(jnp.deg2rad(angle))
    u, v = jnp.tan(jnp.deg2rad(shear_x)), jnp.tan(jnp.deg2rad(shear_y))
    x, y = corners(boxes)
    x, y = x - center_x + right, y - center_y + down
    moved_x = (cos + u * (sin - v * cos)) * x + (sin + u * (cos + v * sin)) * y
    moved_y = (v * cos - sin) * x + (cos + v * sin) * y
    return around(center_x + scale * moved_x, center_y + scale * moved_y)
