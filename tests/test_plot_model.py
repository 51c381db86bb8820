"""Pictures of models, drawn by graphviz itself."""

from __future__ import annotations

import re
import shutil

import pytest

from jkeras import layers, utils
from jkeras.display import plot
from jkeras.models import Model, Sequential

pytest.importorskip("pydot")
needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
ALL = dict(show_shapes=True, show_dtype=True, show_layer_names=True, show_layer_activations=True, show_trainable=True)


def chain():
    return Sequential([layers.Conv2D(2, 3, activation="relu", input_shape=(8, 8, 1)), layers.Flatten()], name="a b-ü")


def siamese():
    encoder = Sequential([layers.Dense(4, input_shape=(8,)), layers.Dense(3, trainable=False)], name='编码器 "1"')
    left, right = layers.Input((8,), name="left"), layers.Input((8,), name="right<&>")
    joined = layers.Concatenate()([encoder(left), encoder(right)])
    return Model([left, right], [layers.Dense(1, name="one")(joined), layers.Dense(2, name="two")(joined)])


def recurrent():
    inputs = layers.Input((None, 5))
    outputs, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(inputs)
    return Model(inputs, layers.LSTM(4)(outputs, initial_state=[h, c]))


def text_of(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@needs_graphviz
@pytest.mark.parametrize("make", [chain, siamese, recurrent])
@pytest.mark.parametrize(
    "arguments", [{}, dict(ALL, expand_nested=True), dict(rankdir="LR", splines="curved", show_layer_names=True)]
)
def test_graphviz_draws_it(make, arguments, tmp_path):
    utils.plot_model(make(), tmp_path / "model.svg", **arguments)
    shown = text_of((tmp_path / "model.svg").read_text(encoding="utf-8"))
    assert len(shown) >= len(make().layers)
    if "show_shapes" in arguments:
        assert "Output shape:" in shown and "float32" in " ".join(shown) and "Trainable:" in " ".join(shown)


@needs_graphviz
@pytest.mark.parametrize("ending, start", [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_formats(ending, start, tmp_path):
    path = tmp_path / f"model.{ending}"
    utils.plot_model(chain(), path)
    assert path.read_bytes().startswith(start)


@needs_graphviz
def test_nested_models_are_drawn_open(tmp_path):
    utils.plot_model(siamese(), tmp_path / "m.svg", expand_nested=True, show_layer_names=True)
    shown = text_of((tmp_path / "m.svg").read_text(encoding="utf-8"))
    assert {"编码器 &quot;1&quot;", "dense (Dense)", "one (Dense)"} <= {*shown}
    chart = plot.chart_of(siamese(), expand_nested=True)
    inner = next(box for box in chart.boxes if box.inside is not None)
    assert (
        chart.arrows[0] == ("left", inner.inside.entries[0]) and (inner.inside.exits[0], "concatenate") in chart.arrows
    )


def test_arrows_lead_from_layer_to_layer():
    assert plot.chart_of(siamese()).arrows == [
        ("left", '编码器 "1"'), ("right<&>", '编码器 "1"'), ('编码器 "1"', "concatenate"), ("concatenate", "one"),
        ("concatenate", "two"),
    ]  # fmt: skip


def test_frozen_layers_look_frozen():
    text = utils.model_to_dot(siamese(), expand_nested=True, show_trainable=True).to_string()
    assert text.count(plot._FROZEN) == 1 and text.count("False") == 1
    assert plot._FROZEN not in utils.model_to_dot(siamese(), expand_nested=True).to_string()


def test_a_picture_of_a_subclassed_model_has_its_layers():
    class Network(Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(2), layers.Dense(1)

        def call(self, x):
            return self.second(self.first(x))

    text = utils.model_to_dot(Network(), show_shapes=True).to_string()
    assert "first (Dense)" in text and "second (Dense)" in text and "->" not in text and "?" in text


@needs_graphviz
def test_notebooks_are_given_the_picture(tmp_path):
    display = pytest.importorskip("IPython.display")
    assert isinstance(utils.plot_model(chain(), tmp_path / "m.png"), display.Image)
    assert isinstance(utils.plot_model(chain(), tmp_path / "m.svg"), display.SVG)


def test_without_graphviz_the_error_names_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'jkeras\[plot\]'.* graphviz"):
        utils.plot_model(chain(), tmp_path / "model.png")
    utils.plot_model(chain(), tmp_path / "model.dot")
    assert "digraph" in (tmp_path / "model.dot").read_text()


def test_the_arguments_are_those_of_keras():
    import inspect

    keras = pytest.importorskip("keras")
    for name in ("plot_model", "model_to_dot"):
        theirs, ours = (inspect.signature(getattr(module, name)) for module in (keras.utils, utils))
        expected = [(p.name, p.default) for p in theirs.parameters.values() if p.kind is not p.VAR_KEYWORD]
        assert [(p.name, p.default) for p in ours.parameters.values()][: len(expected)] == expected
