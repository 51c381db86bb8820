"""Activations as layers."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import SEQ, SEQUENCE, STEPS, VEC, Comparison, Row, rows

CONTRACT = [
    Row("Activation", lambda: layers.Activation("gelu"), (3, 4)),
    Row("ReLU", lambda: layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), (3, 4)),
    Row("LeakyReLU", lambda: layers.LeakyReLU(), (3, 4)),
    Row("ELU", lambda: layers.ELU(), (3, 4)),
    Row("PReLU", lambda: layers.PReLU(alpha_initializer="uniform", shared_axes=[1]), SEQUENCE),
    Row("ThresholdedReLU", lambda: layers.ThresholdedReLU(0.2), (3, 4)),
    Row("Softmax", lambda: layers.Softmax(), (3, 5), mask=STEPS),
    Row("Lambda", lambda: layers.Lambda(layers.Activation("tanh").activation), (3, 4)),
]

ORACLE = [
    *[Comparison("Activation", {}, VEC, args=(name,)) for name in ("relu", "tanh", "softmax", "elu", "selu", "swish")],
    *rows("ReLU", VEC, {}, {"max_value": 0.5, "negative_slope": 0.2, "threshold": 0.1}),
    *rows("LeakyReLU", VEC, {}, {"negative_slope": 0.1}),
    *rows("ELU", VEC, {}, {"alpha": 0.5}),
    *rows("PReLU", SEQ, {"alpha_initializer": "uniform"}, {"shared_axes": [1], "alpha_initializer": "uniform"}),
    *rows("Softmax", SEQ, {}, {"axis": 1}, {"axis": (1, 2)}),
]
