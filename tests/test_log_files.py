"""Logs in files, of whole runs, of killed ones, and of resumed ones; and what all loggers have in common."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from interruptions import Cut
from logs import X, Y, events, fit, network, scalars, steps

from jkeras import callbacks, utils
from jkeras.callbacks.log_values import json_text

# Runs that are cut and go on


def loggers(folder):
    pytest.importorskip("tensorboard")
    return [
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.JSONLogger(folder / "log.jsonl", update_freq=4),
        callbacks.TensorBoard(folder / "board", update_freq=4, histogram_freq=1, hparams={"units": 3}),
    ]


def lines(path):
    """Return the JSON lines without what tells of the clock."""
    rows = [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("time", "samples_per_second")} for row in rows]


def check_same(resumed, whole):
    """The files of both folders tell the same; TensorBoard's may tell it twice."""
    assert (resumed / "log.csv").read_bytes() == (whole / "log.csv").read_bytes()
    assert lines(resumed / "log.jsonl") == lines(whole / "log.jsonl")
    for run in ("train", "validation"):
        assert {t: dict(rows) for t, rows in scalars(resumed / "board", run).items()} == {
            t: dict(rows) for t, rows in scalars(whole / "board", run).items()
        }
    found = events(resumed / "board")
    assert {event.step for event in found.Tensors("dense/kernel/histogram")} == {0, 1, 2, 3}
    assert len(found.Tensors("keras")) == 1


@pytest.mark.parametrize("save_freq, cuts", [
    ("epoch", [Cut(2)]), ("epoch", [Cut(1, 5), Cut(3, 1)]),
    (12, [Cut(2)]),  # the last checkpoint is in the second epoch, whose row is in the file already
    (12, [Cut(1, 5), Cut(1, 8), Cut(3)]),
    (100, [Cut(3)]),  # no checkpoint at all: begun anew
])  # fmt: skip
def test_files_of_a_resumed_run_are_those_of_a_whole_one(tmp_path, save_freq, cuts):
    utils.set_random_seed(3)
    fit(loggers(tmp_path / "whole"), epochs=4)
    utils.set_random_seed(3)
    for cut in cuts:
        with pytest.raises(InterruptedError):
            fit([callbacks.BackupAndRestore(tmp_path / "b", save_freq), *loggers(tmp_path / "cut"), cut], epochs=4)
        if not list((tmp_path / "b").glob("*.h5")):
            utils.set_random_seed(3)  # it begins anew
    if save_freq == 100:  # what was described once is described once more by a run that begins anew
        for file in (tmp_path / "cut" / "board" / "train").iterdir():
            file.unlink()
    fit([callbacks.BackupAndRestore(tmp_path / "b", save_freq), *loggers(tmp_path / "cut")], epochs=4)
    check_same(tmp_path / "cut", tmp_path / "whole")


KILLED = """
    import os, pathlib, signal, sys
    sys.path.insert(0, sys.argv[2])
    import test_log_files as t
    from jkeras import callbacks, utils

    folder = pathlib.Path(sys.argv[1])
    utils.set_random_seed(3)
    def kill(epoch, logs):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    killer = callbacks.LambdaCallback(on_epoch_begin=kill)
    t.fit([callbacks.BackupAndRestore(folder / "b", 7), *t.loggers(folder / "cut"), killer], epochs=4)
"""


def test_a_killed_run_leaves_whole_lines_and_readable_events(tmp_path):
    pytest.importorskip("tensorboard")
    here = str(Path(__file__).parent)
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), here])
    assert process.returncode == -signal.SIGKILL
    cut = tmp_path / "cut"
    assert len((cut / "log.csv").read_text().splitlines()) == 3
    assert [row["epoch"] for row in lines(cut / "log.jsonl") if "batch" not in row] == [0, 1]
    assert steps(scalars(cut / "board")["epoch_loss"]) == [0, 1]
    assert steps(scalars(cut / "board")["batch_loss"]) == [4, 8, 12, 16]
    utils.set_random_seed(4)
    fit([callbacks.BackupAndRestore(tmp_path / "b", 7), *loggers(cut)], epochs=4)
    utils.set_random_seed(3)
    fit(loggers(tmp_path / "whole"), epochs=4)
    check_same(cut, tmp_path / "whole")


# JSON lines and CSV


def test_json_lines(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    history = fit([callbacks.JSONLogger(path, update_freq=6)]).history
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["epoch"], row.get("batch"), row.get("step")) for row in rows] == [
        (0, 5, 6), (0, None, None), (1, 2, 12), (1, 8, 18), (1, None, None),
    ]  # fmt: skip
    epochs = [row for row in rows if "batch" not in row]
    assert [row["loss"] for row in epochs] == history["loss"] and [row["val_mae"] for row in epochs] == history[
        "val_mae"
    ]
    assert all(row["samples_per_second"] > 0 and row["time"].endswith("+00:00") for row in epochs)
    frame = pytest.importorskip("pandas").read_json(path, lines=True)
    assert frame.shape == (5, 9)


def test_json_has_no_constants_of_its_own():
    values = {"a": np.float32("nan"), "b": [float("inf")], "c": -np.inf, "d": np.int64(3), "e": np.ones(2), "f": None}
    read = json.loads(json_text(values), parse_constant=pytest.fail)
    assert read == {"a": "NaN", "b": ["Infinity"], "c": "-Infinity", "d": 3, "e": [1.0, 1.0], "f": None}
    assert float(read["c"]) == -np.inf
    import jax.numpy as jnp

    assert json_text({"x": jnp.float32(0.5), "y": jnp.bfloat16(2), "z": {"k": (True,)}}) == (
        '{"x": 0.5, "y": 2.0, "z": {"k": [true]}}'
    )


@pytest.mark.parametrize("make, before, kept", [
    (callbacks.JSONLogger, '{"epoch": 0}\n{"epoch": 1, "lo', '{"epoch": 0}\n'),
    (callbacks.JSONLogger, '{"epoch": 0}\n{"epoch": 1}', '{"epoch": 0}\n{"epoch": 1}\n'),
    (callbacks.CSVLogger, "epoch,loss\n0,0.5\n1", "epoch,loss\n0,0.5\n"),
    (callbacks.CSVLogger, "epoch,loss\n0,0.5\n1,0.25", "epoch,loss\n0,0.5\n1,0.25\n"),
    (callbacks.CSVLogger, "epoch,loss", "epoch,loss\n"),
    (callbacks.CSVLogger, "epoch,loss\r\n0,0.5\r\n", "epoch,loss\r\n0,0.5\r\n"),
])  # fmt: skip
def test_appending_ends_the_last_line_or_drops_what_is_none(tmp_path, make, before, kept):
    path = tmp_path / "log"
    path.write_bytes(before.encode())
    logger = make(path, append=True)
    logger.on_train_begin()
    logger.on_epoch_end(2, {"loss": 0.125})
    logger.on_train_end()
    text = path.read_bytes().decode()
    assert text.startswith(kept) and text.removeprefix(kept).count("\n") == 1 and "0.125" in text.removeprefix(kept)
    assert logger.state_dict()["size"] == len(text)


@pytest.mark.parametrize("make", [callbacks.JSONLogger, callbacks.CSVLogger])
def test_a_run_without_an_epoch_leaves_an_empty_file_and_a_resumed_one_what_there_was(tmp_path, make):
    path = tmp_path / "log"
    path.write_text("of an earlier run\n")
    logger = make(path)
    logger.on_train_begin()
    logger.load_state_dict({**logger.state_dict(), "size": 18})
    logger.on_train_end()
    assert path.read_text() == "of an earlier run\n"
    logger.on_train_begin()
    logger.on_train_end()
    assert path.read_text() == ""


def test_lines_that_went_missing_are_told(tmp_path):
    logger = callbacks.JSONLogger(tmp_path / "log")
    logger.on_train_begin()
    logger.load_state_dict({**logger.state_dict(), "size": 500})
    with pytest.warns(UserWarning, match="had 500 bytes .* and has 0 now"):
        logger.on_epoch_end(7, {"loss": 1.0})
    assert len(lines(tmp_path / "log")) == 1


# What all of them have


@pytest.mark.parametrize("make", [
    lambda folder: callbacks.CSVLogger(folder / "log.csv"),
    lambda folder: callbacks.JSONLogger(folder / "log.jsonl", update_freq=4),
    lambda folder: callbacks.TensorBoard(folder, update_freq=4),
    lambda folder: callbacks.EarlyStopping(),
    lambda folder: callbacks.ReduceLROnPlateau(patience=0),
    lambda folder: callbacks.ModelCheckpoint(folder / "a.weights.h5", save_weights_only=True, save_freq=4),
    lambda folder: callbacks.History(),
])  # fmt: skip
def test_states_pass_through_json_and_callbacks_through_pickle(tmp_path, make):
    callback = make(tmp_path)
    fit([callback], epochs=2)
    state = callback.state_dict()
    assert state and state != make(tmp_path).state_dict()
    other = make(tmp_path)
    other.load_state_dict(json.loads(json.dumps(state, allow_nan=False)))
    assert other.state_dict() == state
    callback.set_model(None)
    assert pickle.loads(pickle.dumps(callback)).state_dict() == state


def test_without_fit_steps_are_counted_by_what_is_told(tmp_path):
    """A loop of one's own calls the hooks."""
    board, log = callbacks.TensorBoard(tmp_path, update_freq=2), callbacks.JSONLogger(tmp_path / "l", update_freq=2)
    model = network()
    hooks = callbacks.CallbackList([board, log], model=model, steps=3, epochs=2)
    hooks.on_train_begin()
    for epoch in range(2):
        hooks.on_epoch_begin(epoch)
        for batch in range(3):
            hooks.on_train_batch_begin(batch)
            hooks.on_train_batch_end(batch, {"loss": 1.0})
        hooks.on_epoch_end(epoch, {"loss": 1.0})
    hooks.on_train_end()
    assert steps(scalars(tmp_path)["batch_loss"]) == [2, 4, 6]
    assert [row.get("step") for row in lines(tmp_path / "l")] == [2, None, 4, 6, None]


def test_streams_of_unknown_length(tmp_path):
    class Batches:
        def __iter__(self):
            return ((X[i : i + 8], Y[i : i + 8]) for i in range(0, 56, 8))

    model = network()
    model.fit(Batches(), epochs=3, verbose=0, callbacks=loggers(tmp_path))
    assert steps(scalars(tmp_path / "board")["batch_loss"]) == [4, 8, 12, 16, 20]
    assert [row["step"] for row in lines(tmp_path / "log.jsonl") if "step" in row] == [4, 8, 12, 16, 20]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
