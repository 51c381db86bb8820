"""Recurrent layers and their wrappers."""

from __future__ import annotations

from typing import Any

from jkeras import layers
from rows.kinds import SEQ, SEQUENCE, STEPS, Comparison, Row, rows


def recurrent(name: str, *own: dict[str, Any]) -> list[Comparison]:
    units = (3,)
    both, backwards = {"return_sequences": True, "return_state": True}, {"go_backwards": True, "return_sequences": True}
    states = 2 if name == "LSTM" else 1
    return [
        *rows(name, SEQ, {}, backwards, {"use_bias": False}, *own, args=units),
        *rows(name, SEQ, both, backwards, *own[:1], args=units, mask=True),
        *rows(name, SEQ, {"return_state": True, "activation": "relu"}, args=units, mask=True),
        *rows(name, SEQ, {"unroll": True}, args=units, states=states),
        *rows(name, SEQ, both, args=units, states=states, mask=True),
    ]


class OneStep(layers.Layer):
    """A cell as a layer of one input: its step from a state that is not zero."""

    kind: type = layers.LSTMCell

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.cell = self.kind(3, dropout=0.2, recurrent_dropout=0.2, dtype=self.dtype_policy)

    def call(self, inputs: Any) -> Any:
        begin = [state + 0.5 for state in self.cell.get_initial_state(batch_size=inputs.shape[0])]
        return self.cell(inputs, begin)[0]


class OneStepOfGRU(OneStep):
    """One step of a GRU."""

    kind = layers.GRUCell


class OneStepOfSimpleRNN(OneStep):
    """One step of a simple recurrence."""

    kind = layers.SimpleRNNCell


CONTRACT = [
    Row("LSTMCell", OneStep, (3, 4), uses_rng=True, custom=True),
    Row("GRUCell", OneStepOfGRU, (3, 4), uses_rng=True, custom=True),
    Row("SimpleRNNCell", OneStepOfSimpleRNN, (3, 4), uses_rng=True, custom=True),
    Row("LSTM", lambda: layers.LSTM(3, dropout=0.2, recurrent_dropout=0.2), SEQUENCE, uses_rng=True, mask=STEPS),
    Row("GRU", lambda: layers.GRU(3, return_sequences=True, return_state=True), SEQUENCE, mask=STEPS),
    Row("GRU_before", lambda: layers.GRU(3, reset_after=False, unroll=True), SEQUENCE, mask=STEPS),
    Row("SimpleRNN", lambda: layers.SimpleRNN(3, go_backwards=True), SEQUENCE, mask=STEPS),
    Row("RNN", lambda: layers.RNN(layers.LSTMCell(3, dropout=0.2)), SEQUENCE, uses_rng=True, mask=STEPS),
    Row(
        "RNN_stacked",
        lambda: layers.RNN([layers.GRUCell(3, reset_after=False), layers.SimpleRNNCell(2)], return_state=True),
        SEQUENCE,
    ),
    Row("ConvLSTM1D", lambda: layers.ConvLSTM1D(2, 2, recurrent_dropout=0.2), (2, 3, 5, 2), uses_rng=True),
    Row("ConvLSTM2D", lambda: layers.ConvLSTM2D(2, 2, return_sequences=True), (3, 5, 3, 3, 2), mask=STEPS),
    Row("ConvLSTM3D", lambda: layers.ConvLSTM3D(2, 2, padding="same", return_state=True), (2, 2, 3, 2, 2, 1)),
    Row("LSTM_stateful", lambda: layers.LSTM(3, stateful=True), SEQUENCE, has_state=True),
    Row(
        "Bidirectional",
        lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True, return_state=True), merge_mode="sum"),
        SEQUENCE,
        mask=STEPS,
    ),
    Row("Bidirectional_pair", lambda: layers.Bidirectional(layers.GRU(3), merge_mode=None), SEQUENCE),
    Row("TimeDistributed", lambda: layers.TimeDistributed(layers.Dense(3)), SEQUENCE, mask=STEPS),
]

ORACLE = [
    *recurrent("LSTM", {"recurrent_activation": "hard_sigmoid"}, {"unit_forget_bias": False}),
    *recurrent("GRU", {"reset_after": False}, {"reset_after": False, "use_bias": False}),
    *recurrent("SimpleRNN"),
    *[
        Comparison("Bidirectional", inner, SEQ, args=(3,), wrap=wrap, outer={"merge_mode": mode}, mask=mask)
        for wrap, mode, mask, inner in (
            ("LSTM", "concat", True, {"return_sequences": True}),
            ("LSTM", "sum", False, {"return_sequences": True, "return_state": True}),
            ("LSTM", "mul", True, {}),
            ("GRU", "ave", False, {"return_sequences": True}),
            ("GRU", None, True, {"return_sequences": True}),
            ("SimpleRNN", "concat", False, {"return_state": True}),
        )
    ],
    Comparison("Bidirectional", {"return_sequences": True}, SEQ, args=(3,), wrap="LSTM", states=4),
    Comparison("TimeDistributed", {"activation": "relu"}, SEQ, args=(3,), wrap="Dense"),
    Comparison("TimeDistributed", {}, (2, 3, 5, 4), args=(3,), wrap="LSTM"),
    *[
        Comparison("RNN", kwargs, SEQ, args=(3,), wrap=cell, outer=outer, mask=mask)
        for cell, kwargs, outer, mask in (
            ("LSTMCell", {"unit_forget_bias": False}, {"return_sequences": True, "go_backwards": True}, True),
            ("GRUCell", {}, {"return_state": True}, False),
            ("GRUCell", {"reset_after": False, "use_bias": False}, {"return_sequences": True, "unroll": True}, False),
            ("SimpleRNNCell", {"activation": "relu"}, {"return_sequences": True, "zero_output_for_mask": True}, True),
        )
    ],
    *rows(
        "ConvLSTM1D", (2, 3, 6, 2), {"strides": 2}, {"padding": "same", "data_format": "channels_first"}, args=(2, 3)
    ),
    *rows("ConvLSTM2D", (3, 6, 4, 4, 2), {"return_sequences": True, "return_state": True}, args=(2, (3, 2))),
    *rows("ConvLSTM2D", (2, 3, 5, 4, 2), {"dilation_rate": 2, "go_backwards": True, "use_bias": False}, args=(2, 2)),
    *rows("ConvLSTM3D", (1, 2, 3, 3, 3, 1), {"recurrent_activation": "hard_sigmoid"}, args=(2, 2)),
]
