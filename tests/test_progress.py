"""The progress line: in a terminal, in a file, and where nobody can see it."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

from jkeras.display import Progbar, Progress
from jkeras.display import line as lines
from jkeras.display.numbers import format_number


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def screen(text):
    """Return the lines a terminal shows after `text`."""
    shown = []
    for raw in text.split("\n"):
        row = ""
        for part in raw.split("\r"):
            row = part + row[len(part) :]
        shown.append(row.rstrip())
    return shown


@pytest.fixture
def columns(monkeypatch):
    def use(width):
        monkeypatch.setenv("COLUMNS", str(width))

    use(120)
    return use


def fit(stream, verbose="auto", steps=100, epochs=2):
    progress = Progress("fit", epochs, steps, verbose, stream)
    for epoch in range(epochs):
        progress.epoch_begin(epoch)
        if epoch == 0:
            progress.compiling(1.3)
        for step in (25, 50, 100):
            progress.update(step, {"loss": 1 / step}, samples=step * 32)
        compiled = 1.3 if epoch == 0 else 0
        progress.epoch_end({"loss": 0.1234, "val_loss": -0.00004}, seconds=2.3, compile_seconds=compiled)


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_file_gets_one_clean_line_an_epoch(verbose):
    stream = io.StringIO()
    fit(stream, verbose)
    text = stream.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    first, second = text.splitlines()
    assert first.startswith("Epoch 1/2 - 100/100 - 2.3s - ")
    assert first.endswith("/step - compiled in 1.3s - loss: 0.1234 - val_loss: -4.000e-05")
    assert "compiled" not in second and second.startswith("Epoch 2/2 - 100/100 - 2.3s - ")


def test_verbose_2_in_a_terminal_is_the_same_clean_line():
    stream = Terminal()
    fit(stream, 2)
    assert "\r" not in stream.getvalue() and len(stream.getvalue().splitlines()) == 2


def test_silence():
    stream = Terminal()
    fit(stream, 0)
    assert stream.getvalue() == ""


def test_a_terminal_shows_one_line_rewritten(columns):
    stream = Terminal()
    fit(stream)
    rows = screen(stream.getvalue())
    assert rows[0] == "Epoch 1/2"
    assert re.fullmatch(
        r"100/100 \[={20}\] 2\.3s \S+/step, \S+ samples/s - compiled in 1\.3s - loss: 0\.1234 - val_loss: -4\.000e-05",
        rows[1],
    )
    assert rows[2] == "Epoch 2/2" and "compiled" not in rows[3] and rows[4:] == [""]
    assert "ETA" in stream.getvalue() and "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("width", [1, 20, 40, 79, 80, 200])
def test_a_line_that_is_rewritten_never_wraps(columns, width):
    columns(width)
    stream = Terminal()
    progress = Progress("fit", 1, 1000, 1, stream)
    progress.epoch_begin(0)
    for step in range(0, 1001, 100):
        progress.update(step, {f"metric_{i}": 0.5 for i in range(4)})
    for part in re.split(r"[\r\n]", stream.getvalue())[2:]:
        assert len(part) <= max(width - 1, 10)


def test_compilation_does_not_count_for_the_rate(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    stream = io.StringIO()
    progress = Progress("fit", 1, 10, 2, stream)
    progress.epoch_begin(0)
    now[0] = 5.0
    progress.compiling(4.0)
    progress.update(10, {}, samples=10)
    now[0] = 9.0  # validation
    progress.epoch_end({})
    assert stream.getvalue() == "Epoch 1/1 - 10/10 - 9.0s - 100ms/step - compiled in 4.0s\n"


def test_an_unknown_number_of_steps_is_learnt(columns):
    stream = Terminal()
    progress = Progress("fit", 1, None, 1, stream)
    progress.epoch_begin(0)
    progress.update(7, {"loss": 1.0})
    assert "7/?" in stream.getvalue() and "[" not in stream.getvalue()
    progress.epoch_end({"loss": 1.0}, seconds=1.0)
    assert "7/7 [====================]" in screen(stream.getvalue())[1]


@pytest.mark.parametrize("mode", ["evaluate", "predict"])
def test_evaluate_and_predict_show_one_line(mode):
    for stream in (io.StringIO(), Terminal()):
        progress = Progress(mode, 1, 4, "auto", stream)
        progress.epoch_begin(0)
        progress.update(2, {})
        progress.epoch_end({"loss": 0.5}, seconds=0.2)
        rows = [row for row in screen(stream.getvalue()) if row]
        assert len(rows) == 1 and "4/4" in rows[0] and rows[0].endswith("- loss: 0.5000")


def test_a_closed_or_missing_stream_never_raises(monkeypatch):
    closed = io.StringIO()
    closed.close()
    fit(closed)
    monkeypatch.setattr("sys.stdout", None)
    fit(None)

    class Broken(Terminal):
        def write(self, text):
            raise BrokenPipeError

    fit(Broken())


def test_a_stream_that_cannot_print_a_name_prints_the_rest():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    progress = Progress("fit", 1, 1, 2, stream)
    progress.epoch_begin(0)
    progress.epoch_end({"größe": 1.0}, seconds=1.0)
    stream.flush()
    assert b"gr??e: 1.000" in raw.getvalue()


def test_a_notebook_is_live():
    notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    assert lines.Line(notebook).is_live


@pytest.mark.parametrize("arguments", [{"verbose": 7}, {"verbose": "loud"}, {"mode": "train"}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="must be"):
        Progress(**{"mode": "fit", "epochs": 1, "steps": 1, **arguments})


@pytest.mark.parametrize(("value", "text"), [
    (0.12345, "0.1235"), (9.99961, "10.00"), (0.99996, "1.000"), (9999.6, "10000"), (1234567.0, "1234567"),
    (-0.98, "-0.9800"), (0.001, "0.001000"), (0.0009999, "9.999e-04"), (-1.2e-5, "-1.200e-05"), (float("nan"), "nan"),
    (float("-inf"), "-inf"), (np.float32(0.5), "0.5000"), (True, "1.000"), (0.0, "0.000"),
])  # fmt: skip
def test_numbers(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(("arguments", "shown"), [
    ({}, {"a": "2.300", "b": "6.300"}),
    ({"stateful_metrics": ["b"]}, {"a": "2.300", "b": "7.000"}),
    ({"stateless_metrics": ["a"]}, {"a": "2.300", "b": "7.000"}),
    ({"stateful_metrics": []}, {"a": "2.300", "b": "6.300"}),
])  # fmt: skip
def test_progbar_averages_over_steps(monkeypatch, arguments, shown):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    bar = Progbar(10, verbose=2, **arguments)
    bar.update(3, [("a", 1.0), ("b", 5.0)])
    bar.update(4, [("a", 2.0), ("b", 6.0)])
    bar.update(10, [("a", 3.0), ("b", 7.0)])
    assert dict(re.findall(r"- ([ab]): (\S+)", stream.getvalue())) == shown


def test_progbar_adds_and_needs_no_target(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    bar = Progbar(None, unit_name="sample")
    bar.add(3)
    bar.update(5, finalize=True)
    assert re.fullmatch(r"5/5 - \S+ - \S+/sample\n", stream.getvalue())
    with pytest.raises(ValueError, match="not both"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])
