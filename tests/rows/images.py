"""Image layers. One row for each way to be random is run by default; what they compute is in test_image_layers.py."""

from __future__ import annotations

from functools import partial
from typing import Any

from jkeras import layers
from rows.kinds import Row, rows

IMAGES = (2, 5, 6, 3)

FAMILY: list[tuple[str, dict[str, Any]]] = [
    ("CenterCrop", {"height": 3, "width": 4}),
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": 0.2}),
    ("RandomZoom", {"height_factor": 0.2}),
    ("RandomShear", {"x_factor": 0.3}),
    ("RandomPerspective", {}),
    ("RandomElasticTransform", {}),
    ("RandomErasing", {}),
    ("RandomGaussianBlur", {}),
    ("RandomSharpness", {"factor": 0.4}),
    ("RandomBrightness", {"factor": 0.4}),
    ("RandomContrast", {"factor": 0.4}),
    ("RandomHue", {"factor": 0.4}),
    ("RandomSaturation", {"factor": 0.4}),
    ("RandomGrayscale", {}),
    ("RandomInvert", {"factor": 0.5}),
    ("RandomColorJitter", {"brightness_factor": 0.2, "contrast_factor": 0.3}),
    ("RandomColorDegeneration", {"factor": 0.4}),
    ("RandomPosterization", {"factor": 4}),
    ("Solarization", {"addition_factor": 0.3}),
    ("AutoContrast", {}),
    ("Equalization", {}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 2)}),
    ("RandAugment", {}),
    ("AugMix", {}),
]

# Counts of equal values decide what comes out.
FLAT = ("RandomPosterization", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization", "RandAugment")

CONTRACT = [
    *[
        Row(
            name,
            partial(getattr(layers, name), **kwargs),
            IMAGES,
            uses_rng=name.startswith("Random") or name in ("Solarization", "RandAugment", "AugMix"),
            flat=name in FLAT,
            slow=True,
        )
        for name, kwargs in FAMILY
    ],
    Row("Rescaling", lambda: layers.Rescaling(0.5, offset=[1.0, 2.0, 3.0]), IMAGES),
    Row("Resizing", lambda: layers.Resizing(4, 3, pad_to_aspect_ratio=True), IMAGES),
    Row("RandomCrop", lambda: layers.RandomCrop(2, 3, seed=1), IMAGES, uses_rng=True),
    Row("RandomTranslation", lambda: layers.RandomTranslation(0.3, 0.4), IMAGES, uses_rng=True),
]

ORACLE = [
    *rows("Rescaling", IMAGES, {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}),
    *rows("CenterCrop", IMAGES, {"height": 4, "width": 3}, {"height": 7, "width": 3}),
]
