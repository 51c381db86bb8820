"""What notebooks show, and what `repr` says."""

from __future__ import annotations

import html.parser
import math

import numpy as np
import pytest

from jkeras import layers
from jkeras.callbacks import History
from jkeras.models import Model, Sequential

EVIL = "<script>alert('x')<b>"


class Reader(html.parser.HTMLParser):
    """Checks that every tag is closed, and collects the text of the cells."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.tags, self.text = [], [], set(), ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "td" in self.open:
            self.cells[-1] += data


def read(value):
    reader = Reader(value._repr_html_())
    assert "script" not in reader.tags and "b" in reader.tags
    return reader


class Network(Model):
    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(2), layers.LSTM(3)]

    def call(self, x):
        return self.blocks[1](self.blocks[0](x))


def nested():
    inner = Sequential([layers.Dense(4, input_shape=(8,))], name="inner")
    inputs = layers.Input((8,))
    hidden = inner(inputs)
    outputs = layers.Dense(2, name=EVIL, trainable=False)(layers.concatenate([hidden, hidden]))
    return Model(inputs, outputs, name=EVIL.replace("script", "i"))


def test_a_model_is_its_summary():
    model = nested()
    model.compile("adam", "mse")
    shown = read(model)
    assert EVIL in shown.cells and "inner" in shown.cells and "(None, 4)" in shown.cells
    assert "inner[0][0], inner[0][0]" in shown.cells and "no" in shown.cells
    assert "Total params: 54 (216.00 B)" in shown.text and "compiled with Adam" in shown.text


@pytest.mark.parametrize(
    "make", [Network, Sequential, lambda: Sequential([layers.Dense(3)]), lambda: nested().layers[1]]
)
def test_models_in_any_state(make):
    read(make())


def test_a_layer_shows_what_differs_and_its_weights():
    layer = layers.Dense(5, activation="relu", use_bias=True, name=EVIL)
    unbuilt = read(layer)
    assert unbuilt.cells == ["units", "5", "activation", "'relu'"] and "not built yet" in unbuilt.text
    layer.trainable = False
    layer(np.ones((1, 3), "float32"))
    assert {f"{EVIL}/kernel", "(3, 5)", "(5,)"} <= {*read(layer).cells} and "frozen" in read(layer).text


def test_layers_with_arrays_layers_and_lambdas_in_their_arguments():
    embedding = layers.Embedding(3, 2, weights=[np.ones((3, 2))])
    assert "[<float64 array of shape (3, 2)>]" in read(embedding).cells
    assert "LSTM(units=4)" in read(layers.Bidirectional(layers.LSTM(4))).cells
    read(layers.Lambda(lambda x: x))
    assert len(repr(layers.Lambda(lambda x: x, arguments={"a": "b" * 1000}))) < 500


def test_a_layer_shown_while_it_is_traced():
    seen = []

    class Curious(layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(3,), name="kernel")

        def call(self, x):
            seen.append((self._repr_html_(), repr(self)))
            return x * self.kernel

    Curious()(layers.Input((3,)))
    assert seen and all("kernel" in page and text == "Curious()" for page, text in seen)


def test_what_cannot_be_shown_has_a_name():
    class Broken(layers.Layer):
        @property
        def weights(self):
            raise ZeroDivisionError

    assert "Broken object" in Broken()._repr_html_()


def history_of(*epochs):
    history = History()
    for number, logs in enumerate(epochs):
        history.on_epoch_end(number, logs)
    return history


def test_a_history_shows_last_and_best_and_a_curve():
    rows = ({EVIL: 1.0, "loss": 4 - e, "val_loss": (e - 1.0) ** 2, "learning_rate": 0.1} for e in range(4))
    shown = read(history_of(*rows))
    assert shown.cells[6:12] == ["loss", "1.000", "4.000", "0.000", "epoch 2", ""]
    assert {"svg", "polyline", "circle"} <= shown.tags and "4 epochs" in shown.text


@pytest.mark.parametrize(
    "rows", [[], [{"loss": 1.0}], [{"loss": math.nan}], [{"loss": 1.0}, {"loss": math.inf}, {"loss": 2.0}],
             [{"note": "x"}], [{"f1": np.ones(3)}]]
)  # fmt: skip
def test_histories_of_any_kind(rows):
    shown = read(history_of(*rows))
    assert "nan" not in "".join(part for part in history_of(*rows)._repr_html_().split("<svg")[1:])
    assert "History" in shown.text


def test_nothing_is_computed_to_show_a_model():
    model = Sequential([layers.Dense(3, input_shape=(4,))])
    read(model), repr(model), repr(model.layers[0]), read(model.layers[0])
    assert not any(weight.is_drawn for weight in model.weights)


def test_reprs_are_short():
    model = nested()
    assert repr(Sequential()) == "<Sequential 'sequential': 0 layers, not built>"
    assert repr(Network()) == "<Network 'network': 2 layers, not built>"
    model.compile("sgd", "mse")
    assert repr(model).endswith("4 layers, 54 parameters, compiled with SGD>")
    assert repr(layers.Dense(3, name="d")) == "Dense(units=3, name='d')"
