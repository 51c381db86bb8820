"""Image layers. One row for each way to be random; all the others are in test_image_layers.py."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import Row, rows

IMAGES = (2, 5, 6, 3)

CONTRACT = [
    Row("Rescaling", lambda: layers.Rescaling(0.5, offset=[1.0, 2.0, 3.0]), IMAGES),
    Row("Resizing", lambda: layers.Resizing(4, 3, pad_to_aspect_ratio=True), IMAGES),
    Row("RandomCrop", lambda: layers.RandomCrop(2, 3, seed=1), IMAGES, uses_rng=True),
    Row("RandomTranslation", lambda: layers.RandomTranslation(0.3, 0.4), IMAGES, uses_rng=True),
]

ORACLE = [
    *rows("Rescaling", IMAGES, {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}),
    *rows("CenterCrop", IMAGES, {"height": 4, "width": 3}, {"height": 7, "width": 3}),
]
