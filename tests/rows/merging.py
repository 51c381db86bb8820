"""Merging."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import SEQ, SEQUENCE, VEC, Comparison, Row, rows

CONTRACT = [
    Row("Add", lambda: layers.Add(), [SEQUENCE, SEQUENCE, SEQUENCE]),
    Row("Subtract", lambda: layers.Subtract(), [SEQUENCE, (3, 4)]),
    Row("Multiply", lambda: layers.Multiply(), [SEQUENCE, SEQUENCE]),
    Row("Average", lambda: layers.Average(), [SEQUENCE, SEQUENCE]),
    Row("Maximum", lambda: layers.Maximum(), [SEQUENCE, SEQUENCE]),
    Row("Minimum", lambda: layers.Minimum(), [SEQUENCE, SEQUENCE]),
    Row("Concatenate", lambda: layers.Concatenate(axis=1), [SEQUENCE, (3, 2, 4)]),
    Row("Dot", lambda: layers.Dot(axes=2, normalize=True), [SEQUENCE, (3, 6, 4)]),
]

ORACLE = [
    *[Comparison(name, {}, [SEQ, SEQ]) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")],
    *[Comparison(name, {}, [SEQ, SEQ], mask=True) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")],
    *[Comparison(name, {}, [SEQ, (3, 4), (3, 1, 4)]) for name in ("Add", "Multiply", "Maximum")],
    *rows("Concatenate", [SEQ, SEQ], {}, {"axis": 1}, {"axis": -1}),
    *rows("Concatenate", [SEQ, SEQ], {}, {"axis": 1}, mask=True),
    *rows("Dot", [SEQ, (3, 5, 4)], {"axes": 2}, {"axes": -1, "normalize": True}),
    *rows("Dot", [SEQ, (3, 5, 6)], {"axes": (1, 2)}),
    *rows("Dot", [VEC, VEC], {"axes": 1}, {"axes": 1, "normalize": True}),
]
