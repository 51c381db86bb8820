"""`model.summary()`: what it says, and how it looks where."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.display import print_summary, table
from jkeras.display.inventory import take_inventory
from jkeras.display.width import columns
from jkeras.models import Model, Sequential


def lines_of(model, **arguments):
    lines = []
    print_summary(model, print_fn=lines.append, **arguments)
    return lines


def convolutional():
    return Sequential([
        layers.Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)), layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2), layers.Dropout(0.25), layers.Flatten(), layers.Dense(128), layers.Dropout(0.5),
        layers.Dense(10),
    ])  # fmt: skip


def branched():
    inputs = layers.Input((4,), name="given")
    shared = layers.Dense(4, name="shared")
    inner = Sequential([layers.Dense(5, input_shape=(4,)), layers.Dense(4)], name="inner")
    first = shared(inner(inputs))
    second = shared(inputs)
    total = layers.Add(name="total")([first, second])
    return Model(inputs, [total, layers.Dense(1, name="head")(total)])


def test_a_chain_shows_names_shapes_and_counts():
    text = "\n".join(lines_of(convolutional()))
    for part in ("conv2d_1", "max_pooling2d", "dropout_1", "dense_1", "320", "9,248", "589,952", "600,810 (2.29 MB)"):
        assert part in text
    assert "Connected to" not in text and "Trainable params: 600,810" in text
    assert re.search(r"conv2d \(Conv2D\) +\(None, 26, 26, 32\) +320", text)


def test_branches_show_where_they_come_from():
    rows = {row.name: row for row in take_inventory(branched()).rows}
    assert rows["given"].connected == () and rows["given"].kind == "InputLayer"
    assert sorted(rows["total"].connected) == ["shared[0][0]", "shared[1][0]"]
    assert sorted(rows["shared"].connected) == ["given[0][0]", "inner[0][0]"]
    assert rows["head"].connected == ("total[0][0]",)
    assert "Connected to" in "\n".join(lines_of(branched()))


def test_nested_models_are_shown_indented_on_request():
    assert not any(">" in line for line in lines_of(branched()))
    inside = [line for line in lines_of(branched(), expand_nested=True) if ">" in line]
    assert len(inside) == 2 and "25" in inside[0] and "24" in inside[1]


def test_frozen_layers_are_counted_and_marked():
    model = convolutional()
    model.layers[1].trainable = False
    lines = lines_of(model, show_trainable=True)
    assert "Trainable" in lines[2]
    assert next(line for line in lines if "conv2d_1" in line).rstrip().endswith("N")
    assert next(line for line in lines if "conv2d " in line).rstrip().endswith("Y")
    assert "Trainable params: 591,562" in "\n".join(lines)
    assert "Non-trainable params: 9,248 (36.12 KB)" in lines


def test_what_is_not_built_says_so():
    text = "\n".join(lines_of(Sequential([layers.Dense(3), layers.Dropout(0.5)])))
    assert re.search(r"dense \(Dense\) +\? +0 \(unbuilt\)", text) and "Total params: 0 (0.00 B)" in text


def test_a_subclassed_model_shows_its_attributes():
    class Network(Model):
        def __init__(self):
            super().__init__()
            self.encoder = layers.Dense(3)
            self.blocks = [layers.Dense(2), layers.Dense(1)]

        def call(self, x):
            return self.blocks[1](self.blocks[0](self.encoder(x)))

    model = Network()
    assert "encoder (Dense)" in "\n".join(lines_of(model))
    model.build((None, 4))
    text = "\n".join(lines_of(model))
    assert all(name in text for name in ("encoder (Dense)", "blocks_0 (Dense)", "blocks_1 (Dense)"))
    assert "Total params: 26" in text


def test_long_names_are_never_cut():
    name = "a_very_long_name_of_a_layer_" * 4
    model = Sequential([layers.Dense(3, input_shape=(4,), name=name)])
    assert any(f"{name} (Dense)" in line for line in lines_of(model))
    narrow = lines_of(model, line_length=50)
    assert max(map(len, narrow[1:-3])) <= 50
    assert name in "".join(re.sub(r"  .*", "", line).strip() for line in narrow)


@pytest.mark.parametrize("positions", [[0.5, 0.8, 1.0], [50, 80, 100]])
def test_columns_end_where_asked(positions):
    lines = lines_of(convolutional(), line_length=100, positions=positions)
    assert lines[1] == "-" * 100
    assert lines[2].index("Output Shape") == 51 and lines[2].index("Param #") == 81


@pytest.mark.parametrize("positions", [[0.5, 1.0], [0.5, 0.5, 1.0]])
def test_positions_that_cannot_be(positions):
    with pytest.raises(ValueError, match="positions"):
        lines_of(convolutional(), positions=positions)


def test_a_range_of_layers():
    shown = [row.name for row in take_inventory(convolutional(), layer_range=["conv2d_1", "flatten"]).rows]
    assert shown == ["conv2d_1", "max_pooling2d", "dropout", "flatten"]
    with pytest.raises(ValueError, match="no layer fits 'nope'"):
        lines_of(convolutional(), layer_range=["nope", "flatten"])
    with pytest.raises(ValueError, match="two layer names"):
        lines_of(convolutional(), layer_range="conv2d")


def test_totals_agree_with_keras():
    keras = pytest.importorskip("keras")
    L = keras.layers
    theirs = keras.Sequential([L.Input((28, 28, 1)), L.Conv2D(32, 3), L.BatchNormalization(), L.Flatten(), L.Dense(10)])
    ours = Sequential([
        layers.Input((28, 28, 1)), layers.Conv2D(32, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(10)
    ])  # fmt: skip
    text = []
    theirs.summary(print_fn=lambda s, **_: text.append(s))
    totals = [line.strip() for line in "\n".join(text).splitlines() if "params:" in line]
    assert [line for line in lines_of(ours) if "params:" in line] == totals


class Terminal(io.StringIO):
    """A stream that says it is a terminal, with an encoding."""

    encoding = "utf-8"

    def isatty(self):
        return True


def printed(monkeypatch, stream, model, **arguments):
    monkeypatch.setattr("sys.stdout", stream)
    print_summary(model, **arguments)
    monkeypatch.undo()
    return stream.getvalue()


def test_output_that_is_no_terminal_is_plain_ascii(monkeypatch):
    text = printed(monkeypatch, io.StringIO(), branched(), expand_nested=True, show_trainable=True)
    assert text.isascii() and "\x1b" not in text


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_gets_boxes_that_fit(monkeypatch, columns):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(monkeypatch, Terminal(), branched(), expand_nested=True))
    assert "\u2503" in text and max(map(len, text.splitlines())) <= columns
    assert "Total params: 74" in text


def test_a_terminal_that_cannot_draw_boxes_gets_plain_text(monkeypatch):
    stream = Terminal()
    stream.encoding = "ascii"
    assert printed(monkeypatch, stream, branched()).isascii()


def test_without_rich_it_is_plain_text(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rich", None)
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    assert not table.print_rich(table.Table("t", ["a"], [], []), None, 0)
    print_summary(convolutional())
    monkeypatch.undo()
    assert stream.getvalue().isascii()


def test_the_optimizer_is_counted_as_keras_does():
    keras = pytest.importorskip("keras")
    x, y = np.ones((4, 4), "float32"), np.ones((4, 1), "float32")
    totals = []
    for package in (keras, jkeras):
        L = package.layers
        model = package.Sequential([L.Input((4,)), L.Dense(3), L.BatchNormalization(), L.Dense(1)])
        model.compile("adam", "mse")
        before, after = [], []
        model.summary(print_fn=lambda s, to=before, **_: to.append(s))
        model.fit(x, y, verbose=0)
        model.summary(print_fn=lambda s, to=after, **_: to.append(s))
        totals.append(
            [[line.strip() for line in "\n".join(t).splitlines() if "params:" in line] for t in (before, after)]
        )
    assert totals[0] == totals[1] and "Optimizer params: 52 (208.00 B)" in totals[1][1]


def test_columns_are_counted_as_terminals_do():
    model = Sequential([layers.Dense(3, input_shape=(4,), name="一个全连接层"), layers.Dense(2, name="e\u0301")])
    lines = lines_of(model)
    starts = {columns(line[: line.index("(None,")]) for line in lines if "(None," in line}
    assert len(starts) == 1
    narrow = lines_of(model, line_length=34)
    assert max(map(columns, narrow[1:-3])) <= 34 and " 一个全连接" in narrow[4] and " 层 (Dense)" in narrow[5]
    assert table.wrap(["全连接"], 1) == ["全", "连", "接"]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_terminal_of_any_width_with_wide_characters(monkeypatch, width):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    model = Sequential([layers.Dense(3, input_shape=(4,), name="一个全连接层" * 6), layers.Dense(2, name="b" * 50)])
    text = printed(monkeypatch, Terminal(), model, show_trainable=True)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    box = [line for line in text.splitlines() if line[:1] in "┏┃┡│├└" and line]
    assert len({columns(line) for line in box}) == 1 and columns(box[0]) <= width
