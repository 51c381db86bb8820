"""Convolutions."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import IMAGE, IMG, SEQ, SEQUENCE, VOL, VOLUME, Row, rows

CONTRACT = [
    Row("Conv1D", lambda: layers.Conv1D(4, 3, padding="causal", activation="relu"), SEQUENCE),
    Row("Conv2D", lambda: layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", groups=2), IMAGE),
    Row("Conv3D", lambda: layers.Conv3D(2, 2), VOLUME),
]

ORACLE = [
    *rows("Conv1D", SEQ, {}, {"strides": 2}, {"padding": "same"}, args=(4, 3)),
    *rows("Conv1D", SEQ, {"padding": "causal", "dilation_rate": 2}, args=(4, 3)),
    *rows("Conv1D", SEQ, {"data_format": "channels_first"}, {"groups": 2, "use_bias": False}, args=(4, 2)),
    *rows("Conv2D", IMG, {}, {"strides": (2, 1), "padding": "same"}, {"dilation_rate": (1, 2)}, args=(4, (3, 2))),
    *rows("Conv2D", IMG, {"data_format": "channels_first"}, {"groups": 2, "activation": "relu"}, args=(4, 2)),
    *rows("Conv3D", VOL, {}, {"padding": "same", "strides": 2}, args=(3, 2)),
]
