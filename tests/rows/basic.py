"""Dense layers, reshaping, embedding, masking."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import IMAGE, IMG, SEQ, SEQUENCE, STEPS, VEC, Comparison, Row, rows

CONTRACT = [
    Row("Dense", lambda: layers.Dense(3, activation="tanh", kernel_regularizer="l2"), (3, 4)),
    Row("Dense_sequence", lambda: layers.Dense(3), SEQUENCE, mask=STEPS),
    Row("Flatten", lambda: layers.Flatten(), IMAGE),
    Row("Reshape", lambda: layers.Reshape((2, -1)), SEQUENCE),
    Row("Permute", lambda: layers.Permute((2, 1)), SEQUENCE),
    Row("RepeatVector", lambda: layers.RepeatVector(3), (3, 4)),
    Row("Embedding", lambda: layers.Embedding(7, 4, mask_zero=True), (3, 5), high=7),
    Row("ReversibleEmbedding", lambda: layers.ReversibleEmbedding(7, 4, tie_weights=False), (3, 5), high=7),
    Row("EinsumDense", lambda: layers.EinsumDense("...td,dhk->...thk", (None, 2, 3), bias_axes="hk"), SEQUENCE),
    Row("Identity", lambda: layers.Identity(), SEQUENCE, mask=STEPS),
    Row("Masking", lambda: layers.Masking(), SEQUENCE),
]

ORACLE = [
    *rows("Dense", VEC, {}, {"use_bias": False, "activation": "relu"}, {"activation": "softmax"}, args=(5,)),
    *rows("Dense", SEQ, {"activation": "gelu"}, args=(5,), mask=True),
    *rows("EinsumDense", VEC, {"bias_axes": "c"}, {"activation": "relu"}, args=("ab,bc->ac", 5)),
    *rows("EinsumDense", SEQ, {"bias_axes": "td"}, args=("btc,cd->btd", (6, 5))),
    *rows("EinsumDense", SEQ, {"bias_axes": "d"}, args=("btc,tcd->bdt", (5, 6))),
    *rows("EinsumDense", SEQ, {"bias_axes": "n"}, args=("btc,cnh->btnh", (None, 2, 3))),
    *rows("EinsumDense", IMG, {"bias_axes": "wd"}, args=("...wc,cd->...wd", (6, 5))),
    *rows("EinsumDense", IMG, {"bias_axes": "d"}, args=("bc...,cd->bd...", 5)),
    Comparison("EinsumDense", {}, SEQ, args=("btc,tc->b", ())),
    Comparison("Identity", {}, SEQ, mask=True),
    *rows("Flatten", IMG, {}, {"data_format": "channels_first"}),
    Comparison("Flatten", {}, (3,)),
    *[Comparison("Reshape", {}, SEQ, args=(shape,)) for shape in ((3, 8), (-1,), (2, -1, 3))],
    Comparison("Permute", {}, IMG, args=((3, 1, 2),)),
    Comparison("RepeatVector", {}, VEC, args=(3,)),
    *rows("Embedding", (3, 6), {}, {"mask_zero": True}, args=(7, 4), high=7),
    *rows("ReversibleEmbedding", (3, 6), {}, {"tie_weights": False}, args=(7, 4), high=7),
    *rows("Masking", SEQ, {}, {"mask_value": 1.0}, ties=True),
]
