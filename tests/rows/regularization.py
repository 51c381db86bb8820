"""Dropout and other noise."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import SEQ, SEQUENCE, VEC, Row, rows

CONTRACT = [
    Row("Dropout", lambda: layers.Dropout(0.4, noise_shape=(None, 1, None), seed=3), SEQUENCE, uses_rng=True),
    Row("SpatialDropout1D", lambda: layers.SpatialDropout1D(0.4), SEQUENCE, uses_rng=True),
    Row("ActivityRegularization", lambda: layers.ActivityRegularization(0.1, 0.2), (3, 4)),
]

ORACLE = [
    *rows("Dropout", VEC, {}, args=(0.4,)),
    *rows("SpatialDropout1D", SEQ, {}, args=(0.4,)),
]
