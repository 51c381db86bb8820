"""Normalization."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import IMG, SEQ, SEQUENCE, STEPS, Row, rows

BOUNDS = {"rmin": 0.5, "rmax": 1.5, "dmax": 0.3}


def _renorm() -> layers.BatchNormalization:
    return layers.BatchNormalization(renorm=True, renorm_clipping=BOUNDS)


CONTRACT = [
    Row("BatchNormalization", lambda: layers.BatchNormalization(), SEQUENCE, has_state=True, mask=STEPS),
    Row("BatchNormalization_renorm", _renorm, SEQUENCE, has_state=True, mask=STEPS),
    Row("GroupNormalization", lambda: layers.GroupNormalization(2), SEQUENCE, mask=STEPS),
    Row("RMSNormalization", lambda: layers.RMSNormalization(axis=(1, 2)), SEQUENCE),
    Row("UnitNormalization", lambda: layers.UnitNormalization(), SEQUENCE, mask=STEPS),
    Row("LayerNormalization", lambda: layers.LayerNormalization(axis=(1, 2)), SEQUENCE),
]

ORACLE = [
    *rows("BatchNormalization", SEQ, {}, {"axis": 1, "scale": False}, training=True),
    *rows("BatchNormalization", SEQ, {"center": False, "momentum": 0.5}, training=True),
    *rows("BatchNormalization", SEQ, {}, {"epsilon": 0.1}, {"trainable": False}),
    *rows("BatchNormalization", SEQ, {"trainable": False}, training=True),
    *rows("BatchNormalization", SEQ, {}, training=True, mask=True),
    *rows("LayerNormalization", SEQ, {}, {"axis": [1, 2]}, {"center": False, "epsilon": 0.1}),
    *rows("BatchNormalization", SEQ, {"renorm": True}, {"renorm": True, "axis": 1, "scale": False}, training=True),
    *rows("BatchNormalization", SEQ, {"renorm": True, "renorm_clipping": BOUNDS}, training=True, mask=True),
    *rows("LayerNormalization", SEQ, {"scale": False, "axis": 1}),
    *rows("GroupNormalization", SEQ, {"groups": 2}, {"groups": -1, "epsilon": 0.1}, {"groups": 3, "axis": 1}),
    *rows("GroupNormalization", IMG, {"groups": 1, "center": False}, {"groups": 4, "scale": False}, mask=True),
    *rows("RMSNormalization", SEQ, {}, {"axis": [1, 2], "epsilon": 0.1}),
    *rows("UnitNormalization", SEQ, {}, {"axis": 1}, {"axis": [1, 2]}, mask=True),
]
