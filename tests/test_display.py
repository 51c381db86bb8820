"""Themes, widths of text, `Progbar` and `ProgbarLogger`, and what `fit` itself shows."""

from __future__ import annotations

import io
import os
import re
import runpy
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
from test_progress import Clock, Terminal, screen

import jkeras
from jkeras import display
from jkeras.callbacks import Callback, CallbackList, ProgbarLogger
from jkeras.core import settings as settings_module
from jkeras.core.settings import settings
from jkeras.display import Progbar, layout, themes, width
from jkeras.display.facts import Facts
from jkeras.layers import Dense

X = np.arange(64, dtype="float32").reshape(32, 2) / 64
Y = X.sum(1, keepdims=True)


def small_model():
    model = jkeras.Sequential([Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.fixture
def open_terminal(monkeypatch):
    for name, value in (("COLUMNS", "121"), ("TERM", "xterm"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)

    def become_standard_output():
        stream = Terminal()
        monkeypatch.setattr("sys.stdout", stream)
        return stream

    return become_standard_output


@pytest.mark.parametrize(("text", "expected"), [
    ("loss", 4), ("损失", 4), ("e\u0301", 1), ("\u1112\u1161\u11ab", 2), ("한", 2), ("🙂", 2), ("❤\ufe0f", 2),
    ("a\u200bb", 2), ("ﾛｽ", 2), ("ＡＢ", 4), ("", 0), ("ключ", 4),
])  # fmt: skip
def test_columns(text, expected):
    assert width.columns(text) == expected
    wcwidth = pytest.importorskip("wcwidth")
    assert wcwidth.wcswidth(text) in (expected, expected + 1)  # parts of Korean syllables are counted in several ways


@pytest.mark.parametrize("text", ["平均绝对误差: 0.5", "e\u0301a\u0302x", "👩\u200d👧 ab", "ascii only"])
def test_a_cut_never_breaks_a_character_nor_exceeds_the_width(text):
    whole = list(width.clusters(text))
    assert "".join(whole) == text
    for room in range(width.columns(text) + 2):
        kept = width.cut(text, room)
        assert width.columns(kept) <= room and any(kept == "".join(whole[:n]) for n in range(len(whole) + 1))
        rest = whole[len(list(width.clusters(kept))) :]
        assert not rest or width.columns(kept + rest[0]) > room


def test_fields_and_ranks_are_of_one_table():
    assert set(themes.FIELD_NAMES) == {*layout.FIELDS, "bar", "metrics"}
    facts = Facts("fit", 0, 2, 5, 10, "step", 2.0, 1.0, 5, 0.5, 160, {"loss": 0.5}, frozenset(["loss"]))
    for theme in display.THEMES.values():
        display.register_theme(theme)  # which checks it
        for state in (facts, facts._replace(is_finished=True), facts._replace(total=None)):
            assert "0.5" in layout.running_line(state, theme, 200).plain + layout.finished_line(state, theme, 200).plain
            assert "0.5" in layout.logged_line(state, theme)


def test_themes_are_chosen_by_name():
    with display.use_theme("table"):
        assert display.current_theme().is_table
        with pytest.raises(ValueError, match="no theme 'moden'. Did you mean 'modern'"), display.use_theme("moden"):
            pass
        assert display.current_theme().name == "table"
    assert display.current_theme().name == "classic"
    display.set_theme("plain")
    try:
        assert display.current_theme().name == "plain"
    finally:
        display.set_theme("classic")


def test_a_theme_of_ones_own_is_checked_when_it_is_registered():
    classic = display.THEMES["classic"]
    with pytest.raises(TypeError, match="Theme"):
        display.register_theme({"name": "mine"})
    with pytest.raises(ValueError, match="five parts"):
        display.register_theme(classic._replace(bar="[]"))
    with pytest.raises(ValueError, match="'mine' names the field {second}.*Did you mean 'seconds'"):
        display.register_theme(classic._replace(name="mine", finished=("{count}", " {second}")))
    assert "mine" not in display.THEMES


def test_the_environment_names_the_theme(monkeypatch):
    monkeypatch.setenv("JKERAS_THEME", "tabel")
    monkeypatch.setattr(settings, "theme", runpy.run_path(settings_module.__file__)["settings"].theme)
    with pytest.raises(ValueError, match="There is no theme 'tabel'. Did you mean 'table'?"):
        display.Progress("fit", 1, 1)


@pytest.mark.parametrize(("arguments", "shown"), [
    ({}, {"a": "2.3000", "b": "6.3000"}),
    ({"stateful_metrics": ["b"]}, {"a": "2.3000", "b": "7.0000"}),
    ({"stateless_metrics": ["a"]}, {"a": "2.3000", "b": "7.0000"}),
    ({"stateful_metrics": []}, {"a": "2.3000", "b": "6.3000"}),
])  # fmt: skip
def test_progbar_averages_over_steps(monkeypatch, arguments, shown):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    bar = Progbar(10, verbose=2, **arguments)
    bar.update(3, [("a", 1.0), ("b", 5.0)])
    bar.update(4, [("a", 2.0), ("b", 6.0)])
    bar.update(10, [("a", 3.0), ("b", 7.0)])
    assert dict(re.findall(r"- ([ab]): (\S+)", stream.getvalue())) == shown


def test_progbar_is_drawn_as_the_line_of_fit_is(open_terminal):
    terminal = open_terminal()
    clock = Clock()
    bar = Progbar(10, width=10, unit_name="file", clock=clock)
    for seconds, count in ((1.0, 4), (0.01, 5), (1.0, 10)):
        clock.now += seconds
        bar.update(count, [("size", 2.0)])
    assert terminal.getvalue() == (
        "\r 4/10 [===>......] - ETA: 2s - size: 2.0000\r10/10 [==========] - 2s 201ms/file - size: 2.0000\n"
    )
    assert sys.stdout is terminal


def test_progbar_redraws_as_often_as_it_is_asked_but_ten_times_a_second_at_most(open_terminal):
    terminal = open_terminal()
    for interval, most in ((0.0, 11), (0.05, 11), (0.5, 3)):
        terminal.truncate(0)
        clock = Clock()
        bar = Progbar(2000, interval=interval, clock=clock)
        for step in range(1000):
            clock.now += 0.001
            bar.update(step)
        assert most - 2 <= terminal.getvalue().count("\r") <= most


def test_progbar_adds_and_needs_no_target(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    bar = Progbar(None, unit_name="sample")
    bar.add(3)
    bar.update(5, finalize=True)
    assert re.fullmatch(r"5/5 - 0s - \S+/sample\n", stream.getvalue())
    with pytest.raises(ValueError, match="not both"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])
    with pytest.raises(ValueError, match="verbose must be"):
        Progbar(1, verbose=5)


def loop_by_hand(logger, epochs=1, **params):
    hooks = CallbackList([logger], epochs=epochs, steps=4, **params)
    hooks.on_train_begin()
    for epoch in range(epochs):
        hooks.on_epoch_begin(epoch)
        for batch, loss in enumerate((4.0, 3.0, 2.0, 1.0)):
            hooks.on_train_batch_end(batch, {"loss": loss, "auc": loss})
        hooks.on_test_begin()
        hooks.on_test_end({"loss": 9.0})
        hooks.on_epoch_end(epoch, {"auc": 1.0} if logger.stateful_metrics else {"loss": 1.0, "auc": 1.0})
    hooks.on_train_end()


@pytest.mark.parametrize(("logger", "shown"), [
    (ProgbarLogger(), r"4/4 - 0s - \S+/step - loss: 1.0000 - auc: 1.0000"),
    (ProgbarLogger("samples"), r"50/50 - 0s - \S+/sample - loss: 1.0000 - auc: 1.0000"),
    (ProgbarLogger(stateful_metrics=["auc"]), r"4/4 - 0s - \S+/step - loss: 2.5000 - auc: 1.0000"),
])  # fmt: skip
def test_progbar_logger_in_a_loop_by_hand(capsys, logger, shown):
    loop_by_hand(logger, verbose=2, samples=50, batch_size=13)
    assert re.fullmatch(rf"Epoch 1/1 - {shown}\n", capsys.readouterr().out)
    with pytest.raises(ValueError, match="count_mode must be 'steps' or 'samples'; got 'epochs'"):
        ProgbarLogger("epochs")


def test_progbar_logger_redraws_ten_times_a_second_at_most(open_terminal, monkeypatch):
    terminal = open_terminal()
    logger = ProgbarLogger()
    hooks = CallbackList([logger], epochs=1, steps=1000, verbose=1)
    hooks.on_train_begin()
    logger._progress._clock = clock = Clock()
    logger._progress._output.pace._clock = clock
    hooks.on_epoch_begin(0)
    for batch in range(1000):
        clock.now += 0.001
        hooks.on_train_batch_end(batch, {"loss": 1.0})
    assert 8 <= terminal.getvalue().count("\r") <= 10
    hooks.on_epoch_end(0, {"loss": 1.0})
    hooks.on_train_end()
    assert sys.stdout is terminal


class Loud(ProgbarLogger):
    """Overrides a hook, as subclasses in published code do."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        print("loud", epoch)


def test_progbar_logger_in_fit_shows_no_second_line_and_stops_at_no_batch(capsys):
    model = small_model()
    loud = Loud("samples")
    model.fit(X, Y, batch_size=10, epochs=2, callbacks=[loud])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "loud 0", "Epoch 2/2", "loud 1"]
    assert " - 32/32 - " in lines[0] and "/sample" in lines[0]
    hooks = CallbackList([loud], progress=display.Progress("fit", 1, 1, 0))
    assert not hooks.has_batch_hooks and CallbackList([loud]).has_batch_hooks
    model.evaluate(X, Y, callbacks=[ProgbarLogger()])
    model.predict(X, callbacks=[ProgbarLogger()])
    assert len(capsys.readouterr().out.splitlines()) == 2
    model.fit(X, Y, verbose=0, callbacks=[ProgbarLogger()])
    assert capsys.readouterr().out == ""


def test_fit_evaluate_and_predict_in_a_terminal(open_terminal):
    terminal = open_terminal()
    model = small_model()
    model.fit(X, Y, batch_size=8, epochs=3, validation_data=(X, Y))
    model.evaluate(X, Y, batch_size=8)
    model.predict(X, batch_size=8)
    rows, shown = screen(terminal.getvalue())
    bar = r"4/4 \[={30}\] - \d+s \d+(us|ms|s)/step"
    assert [row for row in rows if row.startswith("Epoch")] == [f"Epoch {i}/3" for i in (1, 2, 3)]
    for row in rows[1:6:2]:
        assert re.fullmatch(bar + r" - loss: \S+ - val_loss: \S+( - compiled in \S+)?", row)
    assert re.fullmatch(bar + r" - loss: \S+( - compiled in \S+)?", rows[6])
    assert re.fullmatch(bar + r"( - compiled in \S+)?", rows[7])
    assert len(rows) == 8 and shown.cursor.x == 0 and sys.stdout is terminal


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_whatever_breaks_off_leaves_the_cursor_on_a_new_line(open_terminal, monkeypatch, error, method):
    terminal = open_terminal()
    hook = {"fit": "on_train_batch_end", "evaluate": "on_test_batch_end", "predict": "on_predict_batch_end"}[method]
    monkeypatch.setattr("jkeras.display.outputs.REDRAW", -1.0)  # each update is drawn

    def broken(self, batch, logs=None):
        if batch == 2:
            raise error("broken")

    callback = type("Broken", (Callback,), {hook: broken})()
    model = small_model()
    targets = () if method == "predict" else (Y,)
    with pytest.raises(error):
        getattr(model, method)(X, *targets, batch_size=8, callbacks=[callback])
    rows, shown = screen(terminal.getvalue())
    assert sys.stdout is terminal and shown.cursor.x == 0
    assert re.match(r"[12]/4 \[", rows[-1])


@pytest.mark.parametrize("verbose", [3, "loud", -1])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_verbose_is_checked(method, verbose):
    targets = () if method == "predict" else (Y,)
    with pytest.raises(ValueError, match="verbose must be 'auto', 0"):
        getattr(small_model(), method)(X, *targets, verbose=verbose)


SCRIPT = """
import time, jkeras, numpy as np
class Slow(jkeras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)
        if batch == 5:
            print("printed")
x = np.ones((320, 2), "float32")
model = jkeras.Sequential([jkeras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], batch_size=1, epochs=2, callbacks=[Slow()])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no pty")
@pytest.mark.parametrize("columns", [20, 80])
def test_a_real_terminal_and_an_interruption(columns):
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "JAX_PLATFORMS": "cpu"}
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the child takes over
    child = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=theirs, stderr=subprocess.PIPE, env=environment)
    signal.signal(signal.SIGINT, before)
    os.close(theirs)
    text = ""
    while True:
        try:
            read = os.read(ours, 4096).decode()
        except OSError:
            break
        earlier, text = text, text + read
        if text.count("\r") > 20 >= earlier.count("\r"):
            child.send_signal(signal.SIGINT)
    os.close(ours)
    assert "KeyboardInterrupt" in child.communicate()[1].decode()
    rows, shown = screen(text.replace("\r\n", "\n"), columns)
    assert rows[:2] == ["Epoch 1/2", "printed"] and re.match(r" *\d+/320", rows[2]) and len(rows) == 3
    assert shown.cursor.x == 0 and shown.cursor.y == 3
