"""Bounding boxes: Keras's numbers in every format, and more formats than Keras's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jkeras.functional.image.boxes import FORMATS
from jkeras.utils import bounding_boxes as ours

keras = pytest.importorskip("keras")
BOXES = np.float32([[2, 1, 6, 4], [-3, -2, 5, 9], [7, 5, 7, 5], [10, 8, 12, 9]])
LABELS = np.int32([0, 1, 2, 3])
ANCHORS = np.float32([[0, 0, 4, 4], [2, 2, 8, 6]])
TRUTH = np.float32([[[1, 1, 4, 6], [2, 3, 9, 6]]])
SHAPE = (10, 20, 3)
MOVES = [30.0, 0.1, 0.2, 1.5, 10.0, 20.0]


def close(found: Any, expected: Any, tolerance: float = 1e-5) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, tolerance, tolerance)


@pytest.mark.parametrize("name", FORMATS)
def test_formats_agree_with_keras_and_come_back(name: str) -> None:
    converted = ours.convert_format(BOXES, "xyxy", name.upper(), height=10, width=20)
    close(converted, keras.utils.bounding_boxes.convert_format(BOXES, "xyxy", name, height=10, width=20))
    back = ours.convert_format({"boxes": converted, "labels": LABELS}, name, "xyxy", 10, 20, dtype="float16")
    assert back["boxes"].dtype == "float16"
    np.testing.assert_allclose(back["boxes"], BOXES, atol=2e-2)
    clipped = ours.clip_to_image_size({"boxes": converted, "labels": LABELS}, 6, 8, name)
    height, width = (10, 20) if "rel" in name else (6, 8)
    expected = np.clip(BOXES, 0, [width, height, width, height])
    np.testing.assert_allclose(ours.convert_format(clipped["boxes"], name, "xyxy", 10, 20), expected, atol=1e-5)
    assert clipped["labels"].tolist() == ([0, 1, -1, 3] if "rel" in name else [0, 1, -1, -1])


def test_overlap_agrees_with_keras() -> None:
    theirs = keras.utils.bounding_boxes
    other = BOXES[None] + 1
    close(ours.compute_iou(BOXES[:2], other, "xyxy"), theirs.compute_iou(BOXES[:2], other, "xyxy"))
    relative = {"bounding_box_format": "rel_xywh", "image_shape": SHAPE}
    close(
        ours.compute_iou(BOXES / 9, other[0] / 9, **relative), theirs.compute_iou(BOXES / 9, other[0] / 9, **relative)
    )
    padded = np.float32([[0, 0, 4, 4], [-1, -1, -1, -1]])
    assert ours.compute_iou(padded, padded, "xyxy", use_masking=True, mask_val=-7).tolist() == [[1, -7], [-7, -7]]
    in_pixels = ours.compute_ciou(BOXES[:2], BOXES[:2] + 2, "xyxy")
    close(in_pixels, theirs.compute_ciou(BOXES[:2], BOXES[:2] + 2, "xyxy"), 1e-4)
    # Keras refuses relative formats here, image_shape or not.
    scale = np.float32([20, 10, 20, 10])
    close(ours.compute_ciou(BOXES[:2] / scale, (BOXES[:2] + 2) / scale, "rel_xyxy", SHAPE), in_pixels, 1e-4)


def test_crop_pad_and_affine_agree_with_keras() -> None:
    theirs = keras.utils.bounding_boxes
    close(ours.crop(BOXES, 1, 2, 4, 5), theirs.crop(BOXES, 1, 2, 4, 5))
    for function, expected in ((ours.crop, [0, 0, 4, 3]), (ours.pad, [4, 2, 4, 3])):
        sizes = {"height": 4, "width": 5, "top": 1, "left": 2}
        assert function([[2, 1, 4, 3]], **sizes, bounding_box_format="xywh").tolist() == [expected]
    batch = np.stack([BOXES, BOXES + 1])
    several = [np.float32([move, -move if i != 3 else move]) for i, move in enumerate(MOVES)]
    size = {"height": 10, "width": 20, "center_x": 0.2, "center_y": 0.7}
    expected = theirs.affine_transform(batch, *several, **size)
    close(ours.affine_transform(batch, *several, **size), expected, 1e-4)
    # Plain numbers and other formats, which Keras does not take.
    as_sizes = ours.convert_format(BOXES, "xyxy", "xywh")
    moved = ours.affine_transform(as_sizes, *MOVES, **size, bounding_box_format="xywh")
    close(ours.convert_format(moved, "xywh", "xyxy"), expected[0], 1e-4)


@pytest.mark.parametrize("encoding", ["center_yxhw", "center_xywh"])
def test_deltas_agree_with_keras_and_come_back(encoding: str) -> None:
    variance = [0.1, 0.1, 0.2, 0.2]
    arguments = (ANCHORS, TRUTH, "xyxy", "xyxy", encoding, variance)
    deltas = ours.encode_box_to_deltas(*arguments)
    close(deltas, keras.utils.bounding_boxes.encode_box_to_deltas(*arguments))
    arguments = (ANCHORS, deltas, "xyxy", "rel_xywh", encoding, variance, SHAPE)
    boxes = ours.decode_deltas_to_boxes(*arguments)
    close(boxes, keras.utils.bounding_boxes.decode_deltas_to_boxes(*arguments))
    np.testing.assert_allclose(ours.convert_format(boxes, "rel_xywh", "xyxy", 10, 20), TRUTH, atol=1e-5)
    by_level = ours.decode_deltas_to_boxes({3: ANCHORS}, {3: deltas}, "xyxy", "xyxy", encoding, variance)
    np.testing.assert_allclose(by_level[3], TRUTH, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ours.convert_format(BOXES, "xyxy", "xxyy"), "must be one of xyxy"),
        (lambda: ours.convert_format(BOXES, "xyxy", "rel_xyxy"), "give height and width"),
        (lambda: ours.convert_format(BOXES[:, :3], "xyxy", "xywh"), "four numbers each"),
        (lambda: ours.clip_to_image_size({"boxes": BOXES, "labels": LABELS}), "give height and width"),
        (lambda: ours.crop(BOXES, 1, 1, 2, 2, "rel_xyxy"), "works on boxes in pixels"),
        (lambda: ours.encode_box_to_deltas(ANCHORS, TRUTH, "xyxy", "xyxy", "xyxy"), "'center_xywh' or 'center_yxhw'"),
        (lambda: ours.encode_box_to_deltas(ANCHORS, TRUTH, "xyxy", "xyxy", variance=[1.0]), "four numbers"),
    ],
)
def test_bad_arguments_say_how_to_write_it_right(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
