"""Normalization."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import SEQ, SEQUENCE, STEPS, Row, rows

CONTRACT = [
    Row("BatchNormalization", lambda: layers.BatchNormalization(), SEQUENCE, has_state=True, mask=STEPS),
    Row("LayerNormalization", lambda: layers.LayerNormalization(axis=(1, 2)), SEQUENCE),
]

ORACLE = [
    *rows("BatchNormalization", SEQ, {}, {"axis": 1, "scale": False}, training=True),
    *rows("BatchNormalization", SEQ, {"center": False, "momentum": 0.5}, training=True),
    *rows("BatchNormalization", SEQ, {}, {"epsilon": 0.1}, {"trainable": False}),
    *rows("BatchNormalization", SEQ, {"trainable": False}, training=True),
    *rows("BatchNormalization", SEQ, {}, training=True, mask=True),
    *rows("LayerNormalization", SEQ, {}, {"axis": [1, 2]}, {"center": False, "epsilon": 0.1}),
    *rows("LayerNormalization", SEQ, {"scale": False, "axis": 1}),
]
