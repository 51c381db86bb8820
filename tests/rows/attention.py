"""Attention."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import SEQUENCE, Comparison, Row, rows


class OfOne(layers.Layer):
    """Multi-head self-attention as a layer of one input, which is what the rows can call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = self.make()

    def make(self):
        return layers.MultiHeadAttention(2, 3, dropout=0.2, use_gate=True, dtype=self.dtype_policy)

    def call(self, inputs):
        return self.attention(inputs, inputs, use_causal_mask=True)


class Grouped(OfOne):
    """Self-attention with grouped queries."""

    def make(self):
        return layers.GroupQueryAttention(3, 4, 2, dropout=0.2, dtype=self.dtype_policy)


PAIR = [(3, 4, 5), (3, 6, 5)]

CONTRACT = [
    Row("Attention", lambda: layers.Attention(use_scale=True, score_mode="concat"), [SEQUENCE, (3, 6, 4)]),
    Row("AdditiveAttention", lambda: layers.AdditiveAttention(dropout=0.3), [SEQUENCE, (3, 6, 4)], uses_rng=True),
    Row("MultiHeadAttention", OfOne, SEQUENCE, uses_rng=True, custom=True),
    Row("GroupQueryAttention", Grouped, SEQUENCE, uses_rng=True, custom=True),
]

ORACLE = [
    *rows("Attention", PAIR, {}, {"use_scale": True}, {"use_scale": True, "score_mode": "concat"}),
    *rows("Attention", PAIR, {"use_scale": True}, mask=True),
    Comparison("Attention", {}, [*PAIR, (3, 6, 5)], mask=True),
    *rows("AdditiveAttention", PAIR, {}, {"use_scale": False}, mask=True),
]
