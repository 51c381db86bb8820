"""Layers that prepare numbers. Those that return integers have their contract in test_preprocessing_layers.py."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import SEQ, SEQUENCE, VEC, Row, rows

CONTRACT = [
    Row("Normalization", lambda: layers.Normalization(axis=(1, -1)), SEQUENCE, has_state=True),
    Row("Normalization_given", lambda: layers.Normalization(mean=1.0, variance=[4.0, 1.0, 0.25, 2.0]), (3, 4)),
]

ORACLE = [
    *rows("Normalization", VEC, {"mean": 1.5, "variance": 4.0}, {"mean": [1, 2, 3, 4.0], "variance": [1, 4, 0.5, 2]}),
    *rows("Normalization", SEQ, {"axis": 1, "mean": 0.5, "variance": 2.0, "invert": True}),
]
