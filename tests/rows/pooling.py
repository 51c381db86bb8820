"""Pooling."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import IMAGE, IMG, SEQ, SEQUENCE, STEPS, VOL, VOLUME, Row, rows

CONTRACT = [
    Row("MaxPooling1D", lambda: layers.MaxPooling1D(2), SEQUENCE),
    Row("MaxPooling2D", lambda: layers.MaxPooling2D((3, 2), strides=2, padding="same"), IMAGE),
    Row("MaxPooling3D", lambda: layers.MaxPooling3D(2), VOLUME),
    Row("AveragePooling1D", lambda: layers.AveragePooling1D(2), SEQUENCE),
    Row("AveragePooling2D", lambda: layers.AveragePooling2D((3, 2), strides=2, padding="same"), IMAGE),
    Row("AveragePooling3D", lambda: layers.AveragePooling3D(2), VOLUME),
    Row("GlobalMaxPooling1D", lambda: layers.GlobalMaxPooling1D(), SEQUENCE),
    Row("GlobalMaxPooling2D", lambda: layers.GlobalMaxPooling2D(keepdims=True), IMAGE),
    Row("GlobalMaxPooling3D", lambda: layers.GlobalMaxPooling3D(), VOLUME),
    Row("GlobalAveragePooling1D", lambda: layers.GlobalAveragePooling1D(), SEQUENCE, mask=STEPS),
    Row("GlobalAveragePooling2D", lambda: layers.GlobalAveragePooling2D(), IMAGE),
    Row("GlobalAveragePooling3D", lambda: layers.GlobalAveragePooling3D(), VOLUME),
    Row("AdaptiveMaxPooling1D", lambda: layers.AdaptiveMaxPooling1D(3), SEQUENCE),
    Row("AdaptiveMaxPooling2D", lambda: layers.AdaptiveMaxPooling2D((3, 2)), IMAGE),
    Row("AdaptiveMaxPooling3D", lambda: layers.AdaptiveMaxPooling3D(2), VOLUME),
    Row("AdaptiveAveragePooling1D", lambda: layers.AdaptiveAveragePooling1D(3), SEQUENCE),
    Row("AdaptiveAveragePooling2D", lambda: layers.AdaptiveAveragePooling2D((3, 2)), IMAGE),
    Row("AdaptiveAveragePooling3D", lambda: layers.AdaptiveAveragePooling3D(2), VOLUME),
]

ORACLE = [
    *[
        row
        for rank, shape in ((1, SEQ), (2, IMG), (3, VOL))
        for kind in ("Max", "Average")
        for row in rows(
            f"{kind}Pooling{rank}D",
            shape,
            {"pool_size": 2},
            {"pool_size": 3, "strides": 2, "padding": "same"},
            {"pool_size": 2, "data_format": "channels_first"},
            ties=True,
        )
    ],
    *[
        row
        for rank, shape in ((1, SEQ), (2, IMG), (3, VOL))
        for kind in ("Max", "Average")
        for row in rows(f"Global{kind}Pooling{rank}D", shape, {}, {"keepdims": True, "data_format": "channels_first"})
    ],
    *rows("GlobalAveragePooling1D", SEQ, {}, {"keepdims": True}, mask=True),
    *[
        row
        for kind in ("Max", "Average")
        for rank, shape, sizes in ((1, SEQ, [4]), (2, IMG, [(3, 6), 1]), (3, VOL, [(2, 3, 5)]))
        for size in sizes
        for row in rows(f"Adaptive{kind}Pooling{rank}D", shape, {"output_size": size}, ties=True)
    ],
    *rows("AdaptiveMaxPooling2D", IMG, {"output_size": (3, 2), "data_format": "channels_first"}, ties=True),
    *rows("AdaptiveAveragePooling2D", IMG, {"output_size": (3, 2), "data_format": "channels_first"}),
]
