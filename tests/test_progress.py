"""Progress while training: in a terminal, in a file, and where nobody can see it."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest

from jkeras.display import Progbar, Progress, outputs, set_log_interval, use_theme
from jkeras.display.numbers import format_number

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
LOGS = {"loss": 0.4725, "accuracy": 0.8922}
TAIL = " - loss: 0.4725 - accuracy: 0.8922"


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and counts how often it is written to."""

    encoding = "utf-8"
    writes = 0

    def isatty(self):
        return True

    def write(self, text):
        self.writes += 1
        return super().write(text)


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def columns(monkeypatch):
    def use(width):
        monkeypatch.setenv("COLUMNS", str(width))

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    use(121)
    return use


@pytest.fixture
def clock():
    return Clock()


def train(stream, clock, verbose="auto", epochs=2, steps=1875, logs=LOGS):
    """An epoch of 4 seconds of compilation, 50 of steps and one of validation; then one without compilation."""
    compiled = [0.0]
    progress = Progress("fit", epochs, steps, verbose, stream, clock, lambda: compiled[0])
    for epoch in range(epochs):
        progress.epoch_begin(epoch)
        if epoch == 0:
            clock.now += 4
            compiled[0] = 4.0
        for done in (32, 1000, 1875):
            clock.now += 50 / 3
            progress.update(done, logs, samples=32 * done)
        clock.now += 1
        progress.epoch_end({**logs, "val_loss": 0.5 - 0.1 * epoch})
    progress.close()


def screen(text, width=200, height=40):
    """Return the rows that a terminal shows after `text`, and where its cursor is."""
    pyte = pytest.importorskip("pyte")
    shown = pyte.Screen(width, height)
    pyte.Stream(shown).feed(text.replace("\n", "\r\n"))
    return [row.rstrip() for row in shown.display if row.strip()], shown


def test_the_classic_look_character_by_character(columns, clock, monkeypatch):
    columns(140)
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    train(stream, clock)
    first = [
        f"  32/1875 [..............................] - ETA: 16:00{TAIL}",
        f"1000/1875 [===============>..............] - ETA: 29s{TAIL}",
        f"1875/1875 [==============================] - ETA: 0s{TAIL}",
        f"1875/1875 [==============================] - 55s 27ms/step{TAIL} - val_loss: 0.5000 - compiled in 4.0s",
    ]
    second = [*first[:3], f"1875/1875 [==============================] - 51s 27ms/step{TAIL} - val_loss: 0.4000"]
    expected = []
    for title, rows in (("Epoch 1/2\n", first), ("Epoch 2/2\n", second)):
        expected.append(title)
        shown = 0
        for row in rows:
            expected.append("\r" + row + " " * (shown - len(row)))
            shown = len(row)
        expected.append("\n")
    assert stream.getvalue() == "".join(expected)


def test_the_line_of_the_documentation_of_old(columns, clock):
    stream = Terminal()
    progress = Progress("fit", 1, 1875, 1, stream, clock, lambda: 0.0)
    progress.epoch_begin(0)
    clock.now += 55
    progress.epoch_end(LOGS)
    line = "1875/1875 [==============================] - 55s 29ms/step - loss: 0.4725 - accuracy: 0.8922"
    assert stream.getvalue() == f"Epoch 1/1\n{line}\n"


@pytest.mark.parametrize(("theme", "running", "finished"), [
    ("modern", "  32/1875 " + "\u2500" * 20 + " 16:00 left - 521ms/step, 61.4 samples/s" + TAIL,
     "1875/1875 " + "\u2501" * 20 + " 51.0s - 27ms/step, 1.2k samples/s" + TAIL + " - val_loss: 0.4000"),
    ("table", "2/2   32/1875 [....................] ETA: 16:00 - loss: 0.4725 - accuracy: 0.8922",
     "  2/2   0.4725    0.8922    0.4000*   51.0s"),
    ("plain", None, "Epoch 2/2 - 1875/1875 - 51s - 27ms/step - loss: 0.4725 - accuracy: 0.8922 - val_loss: 0.4000"),
])  # fmt: skip
def test_other_themes(columns, clock, monkeypatch, theme, running, finished):
    monkeypatch.setenv("NO_COLOR", "1")
    columns(140)
    stream = Terminal()
    with use_theme(theme):
        train(stream, clock)
    rows, _ = screen(stream.getvalue())
    assert rows[-1] == finished
    assert running is None or "\r" + running in stream.getvalue().replace("   \r", "\r")


def test_the_table_says_what_compiling_took(clock):
    stream = io.StringIO()
    with use_theme("table"):
        train(stream, clock, 2)
    assert [line.split()[-4:] for line in stream.getvalue().splitlines()[2:]] == [
        ["55.0s", "compiled", "in", "4.0s"], ["0.4725", "0.8922", "0.4000*", "51.0s"],
    ]  # fmt: skip


def test_the_table_has_a_header_and_grows_columns(columns, clock):
    stream = io.StringIO()
    with use_theme("table"):
        progress = Progress("fit", 3, 10, 2, stream, clock, lambda: 0.0)
        for epoch, logs in enumerate([{"loss": 0.5}, {"loss": 0.4, "val_损失": 0.123456}, {"loss": 0.3}]):
            progress.epoch_begin(epoch)
            clock.now += 2.5
            progress.epoch_end(logs)
    assert stream.getvalue().splitlines() == [
        "epoch      loss    time",
        "-----  --------  ------",
        "  1/3   0.5000*    2.5s",
        "epoch      loss  val_损失    time",
        "-----  --------  --------  ------",
        "  2/3   0.4000    0.1235     2.5s",
        "  3/3   0.3000               2.5s",
    ]


@pytest.mark.parametrize("verbose", ["auto", 1, 2, True])
def test_a_file_gets_one_clean_line_an_epoch(clock, verbose):
    stream = io.StringIO()
    set_log_interval(None)
    try:
        train(stream, clock, verbose)
    finally:
        set_log_interval(30.0)
    assert not CONTROLS.search(stream.getvalue())
    assert stream.getvalue().splitlines() == [
        "Epoch 1/2 - 1875/1875 - 55s - 27ms/step" + TAIL + " - val_loss: 0.5000 - compiled in 4.0s",
        "Epoch 2/2 - 1875/1875 - 51s - 27ms/step" + TAIL + " - val_loss: 0.4000",
    ]


def test_a_long_epoch_gives_a_sign_of_life_in_a_file_but_not_with_verbose_2(clock):
    stream = io.StringIO()
    train(stream, clock, epochs=1)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Epoch 1/1 - 1000/1875 - ETA: 29s - 33ms/step - loss: 0.4725 - accuracy: 0.8922"
    assert len(lines) == 2
    stream = io.StringIO()
    train(stream, clock, verbose=2, epochs=1)
    assert len(stream.getvalue().splitlines()) == 1


def test_verbose_2_in_a_terminal_is_the_same_clean_line(columns, clock):
    stream = Terminal()
    train(stream, clock, 2)
    assert not CONTROLS.search(stream.getvalue()) and len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize("verbose", [0, False])
def test_silence(clock, verbose):
    stream = Terminal()
    train(stream, clock, verbose)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("width", "running"), [
    (20, "  32/1875 [.......]"),
    (30, "  32/1875 - loss: 0.4725"),
    (40, "  32/1875 - ETA: 55s - loss: 0.4725"),
    (60, "  32/1875 - ETA: 55s - loss: 0.4725 - accuracy: 0.8922"),
    (80, "  32/1875 [......................] - ETA: 55s - loss: 0.4725 - accuracy: 0.8922"),
    (200, "  32/1875 [..............................] - ETA: 55s - loss: 0.4725 - accuracy: 0.8922"),
])  # fmt: skip
def test_what_a_narrow_terminal_has_no_room_for_is_left_out(columns, clock, width, running):
    columns(width)
    stream = Terminal()
    progress = Progress("fit", 1, 1875, 1, stream, clock, lambda: 0.0)
    progress.epoch_begin(0)
    clock.now += 55 * 32 / 1843
    progress.update(32, LOGS)
    assert stream.getvalue() == f"Epoch 1/1\n\r{running}"


@pytest.mark.parametrize("width", [20, 40, 60, 80])
@pytest.mark.parametrize("theme", ["classic", "modern", "table"])
def test_a_redraw_never_wraps_and_leaves_nothing_behind(columns, clock, width, theme):
    columns(width)
    stream = Terminal()
    names = ["loss", "平均绝对误差", "e\u0301tat", "🙂", "a\tb\x1b[2J"]
    with use_theme(theme):
        progress = Progress("fit", 1, 1000, 1, stream, clock, lambda: 0.0)
        progress.epoch_begin(0)
        for done in range(0, 1001, 50):
            clock.now += 1
            count = len(names) if done < 500 else 1
            progress.update(done, dict.fromkeys(names[:count], 0.5), samples=done)
            rows, shown = screen(stream.getvalue(), width)
            assert len(rows) == (1 if theme == "table" else 2) and shown.cursor.y == len(rows) - 1
            assert shown.cursor.x < width
    assert "\x1b" not in stream.getvalue() and "\t" not in stream.getvalue()


def test_a_narrowed_terminal_is_cleared_of_what_it_folded(columns, clock):
    stream = Terminal()
    progress = Progress("fit", 1, 1000, 1, stream, clock, lambda: 0.0)
    progress.epoch_begin(0)
    clock.now += 1
    progress.update(1, LOGS)
    columns(50)
    clock.now += 1
    progress.update(2, LOGS)
    assert stream.getvalue().endswith("\r\x1b[1A\x1b[J   2/1000 [.........] - ETA: 16:38 - loss: 0.4725")


def test_compilation_does_not_count_for_the_rate(clock):
    stream = io.StringIO()
    compiled = [7.0]  # of others, before
    progress = Progress("fit", 1, 10, 2, stream, clock, lambda: compiled[0])
    progress.epoch_begin(0)
    clock.now += 5.0
    compiled[0] += 4.0
    progress.update(10, {}, samples=10)
    clock.now += 4.0  # validation
    progress.epoch_end({})
    assert stream.getvalue() == "Epoch 1/1 - 10/10 - 9s - 100ms/step - compiled in 4.0s\n"


def test_steps_of_an_earlier_run_count_for_no_rate(clock):
    stream = io.StringIO()
    progress = Progress("fit", 1, 100, 2, stream, clock, lambda: 0.0)
    progress.epoch_begin(0)
    progress.skip(90)
    clock.now += 1.0
    progress.update(100, {}, samples=1000)
    progress.epoch_end({})
    assert stream.getvalue() == "Epoch 1/1 - 100/100 - 1s - 100ms/step\n"


def test_an_unknown_number_of_steps_is_learnt(columns, clock):
    stream = Terminal()
    progress = Progress("fit", 1, None, 1, stream, clock, lambda: 0.0)
    progress.epoch_begin(0)
    clock.now += 7.0
    progress.update(7, {"loss": 1.0})
    assert stream.getvalue().endswith("\r      7/Unknown - 7s 1s/step - loss: 1.0000")
    progress.epoch_end({"loss": 1.0})
    rows, _ = screen(stream.getvalue())
    assert rows[1] == "7/7 [==============================] - 7s 1s/step - loss: 1.0000"


@pytest.mark.parametrize("mode", ["evaluate", "predict"])
def test_evaluate_and_predict_show_one_line(columns, clock, mode):
    logs = {"loss": 0.5} if mode == "evaluate" else {}
    expected = "4/4{} - 2s 500ms/step" + (" - loss: 0.5000" if logs else "")
    for stream, bar in ((io.StringIO(), ""), (Terminal(), f" [{'=' * 30}]")):
        progress = Progress(mode, 1, 4, "auto", stream, clock, lambda: 0.0)
        progress.epoch_begin(0)
        clock.now += 2.0
        progress.update(2, {})
        progress.epoch_end(logs, seconds=2.0)
        rows, _ = screen(stream.getvalue())
        assert [row.replace(" - 500ms", " 500ms") for row in rows] == [expected.format(bar)]


def test_ten_redraws_a_second_at_most(columns, clock):
    stream = Terminal()
    progress = Progress("fit", 1, 3000, 1, stream, clock, lambda: 0.0)
    progress.epoch_begin(0)
    for step in range(3000):
        clock.now += 0.001
        progress.update(step, {"loss": 0.5})
    assert 28 <= stream.getvalue().count("\r") <= 30


def test_lines_of_short_epochs_are_written_together_and_none_is_lost(columns, clock):
    stream = Terminal()
    progress = Progress("fit", 1000, 10, 1, stream, clock, lambda: 0.0)
    for epoch in range(1000):
        progress.epoch_begin(epoch)
        clock.now += 0.001
        progress.update(10, {"loss": 0.5})
        progress.epoch_end({"loss": 0.5})
    progress.close()
    assert stream.writes < 25 and sys.stdout is not stream
    rows = [row.split("\r")[-1] for row in stream.getvalue().split("\n")[:-1]]
    assert [row for row in rows if row.startswith("Epoch")] == [f"Epoch {i + 1}/1000" for i in range(1000)]
    assert sum(row.startswith("10/10 [====") for row in rows) == 1000 and len(rows) == 2000


@pytest.mark.parametrize(("setting", "is_marked"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_what_is_best_so_far_is_marked(columns, clock, monkeypatch, setting, is_marked):
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    progress = Progress("fit", 4, 1, 1, stream, clock, lambda: 0.0)
    marked = []
    for epoch, (loss, accuracy) in enumerate([(0.5, 0.8), (0.4, 0.7), (0.6, 0.9), (float("nan"), 0.9)]):
        progress.epoch_begin(epoch)
        progress.epoch_end({"loss": 1 / (epoch + 1), "surprise": 1.0, "val_loss": loss, "val_accuracy": accuracy})
    progress.close()
    for line in stream.getvalue().splitlines()[1::2]:
        marked.append(re.findall(r"(\w+): \x1b\[1;32m[^ ]*\x1b\[0m", line))
    both = [["val_loss", "val_accuracy"], ["val_loss"], ["val_accuracy"], []]
    assert marked == (both if is_marked else [[]] * 4)


def test_prints_of_others_do_not_run_into_the_line(columns, clock, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    progress = Progress("fit", 1, 100, 1, None, clock, lambda: 0.0)
    progress.epoch_begin(0)
    for step, text in ((10, "a whole line\n"), (20, "a part"), (30, ""), (40, "")):
        clock.now += 1
        progress.update(step, {"loss": 0.5})
        print(text, end="")
    assert sys.stdout.isatty() and sys.stdout is not stream
    rows, shown = screen(stream.getvalue())
    assert rows[:3] == ["Epoch 1/1", "a whole line", "a part"] and rows[3].startswith(" 40/100 [") and len(rows) == 4
    progress.epoch_end({"loss": 0.5})
    progress.close()
    assert sys.stdout is stream
    rows, _ = screen(stream.getvalue())
    assert len(rows) == 4 and rows[3].startswith("100/100 [")


def test_a_print_between_short_epochs_stands_where_it_belongs(columns, clock, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    progress = Progress("fit", 3, 1, 1, None, clock, lambda: 0.0)
    for epoch in range(3):
        progress.epoch_begin(epoch)
        progress.epoch_end({})
        print("after", epoch + 1)
    progress.close()
    rows, _ = screen(stream.getvalue())
    assert [row[:7] for row in rows] == [part for i in (1, 2, 3) for part in (f"Epoch {i}", "1/1 [==", f"after {i}")]


def test_a_line_that_nobody_has_any_more_leaves_standard_output(columns, clock, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    for _ in range(50):
        bar = Progbar(10, clock=clock)
        clock.now += 1
        bar.update(5)
        del bar
    print("text")
    assert sys.stdout.behind is stream
    bar = Progbar(2, clock=clock)
    clock.now += 1
    bar.update(1)
    bar.update(2)
    assert sys.stdout is stream


def test_a_closed_or_missing_stream_never_raises(clock, monkeypatch):
    closed = io.StringIO()
    closed.close()
    train(closed, clock)
    monkeypatch.setattr("sys.stdout", None)
    train(None, clock)

    class Broken(Terminal):
        def write(self, text):
            raise BrokenPipeError

    train(Broken(), clock)


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", b"gr??e ??: 1.000"), ("latin-1", b"gr\xf6\xdfe ??: 1.000")])
def test_a_stream_that_cannot_print_a_name_prints_the_rest(encoding, shown):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    with use_theme("modern"):
        progress = Progress("evaluate", 1, 1, 2, stream)
        progress.epoch_begin(0)
        progress.epoch_end({"größe 损失": 1.0}, seconds=1.0)
    stream.flush()
    assert shown in raw.getvalue()


def test_a_terminal_without_the_characters_of_a_bar_gets_the_classic_one(columns):
    stream = Terminal()
    stream.encoding = "ascii"
    with use_theme("modern"):
        assert outputs.output_for(stream, 1, outputs.THEMES["modern"], 1).theme.bar == "[=>.]"


@pytest.mark.parametrize(("arguments", "message"), [
    ({"verbose": 3}, "verbose must be 'auto', 0 .silent.*got 3"), ({"verbose": "loud"}, "got 'loud'"),
    ({"verbose": [1]}, r"got \[1\]"), ({"verbose": None}, "got None"), ({"mode": "train"}, "mode must be"),
])  # fmt: skip
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Progress(**{"mode": "fit", "epochs": 1, "steps": 1, **arguments})


@pytest.mark.parametrize(("value", "text"), [
    (0.12345, "0.1235"), (9.99961, "10.00"), (0.99996, "1.000"), (9999.6, "10000"), (1234567.0, "1234567"),
    (-0.98, "-0.9800"), (0.001, "0.001000"), (0.0009999, "9.999e-04"), (-1.2e-5, "-1.200e-05"), (float("nan"), "nan"),
    (float("-inf"), "-inf"), (np.float32(0.5), "0.5000"), (True, "1.000"), (0.0, "0.000"),
])  # fmt: skip
def test_numbers(value, text):
    assert format_number(value) == text
