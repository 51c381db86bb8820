"""A run that was interrupted anywhere and started again ends as one that never was: the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from interruptions import Cut

import jkeras
from jkeras import callbacks, layers, optimizers, utils
from jkeras.models import Model, Sequential, training
from jkeras.saving.checkpoint import snapshot
from jkeras.training import chunks as chunking
from jkeras.training.data import ArrayData

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 4)).astype("float32")
Y = (X[:, :1] - X[:, 1:2] * 0.5).astype("float32")


def network(optimizer="adam", **options):
    net = Sequential([
        layers.Input((4,)), layers.Dense(6, activation="tanh"), layers.BatchNormalization(), layers.Dropout(0.3),
        layers.Dense(1),
    ])  # fmt: skip
    net.compile(optimizers.get(optimizer), "mse", metrics=["mae"], **options)
    return net


def watchers():
    return [
        callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.1),
        callbacks.EarlyStopping(patience=3, restore_best_weights=True),
    ]


def everything(model, history):
    """Return all that must be the same, as bytes and text."""
    groups = snapshot(model).on_host().arrays
    arrays = {f"{g}/{n}": a.tobytes() for g in ("params", "state", "optimizer", "rates") for n, a in groups[g].items()}
    return arrays, json.dumps([history.history, history.epoch])


def same(first, second):
    assert first[1] == second[1]
    assert first[0] == second[0]


def interrupted(tmp_path, make, fit, save_freq, *cuts, others=watchers):
    """Return what a whole run ends with, and what one does that was cut and begun again by new models."""
    utils.set_random_seed(5)
    model = make()
    whole = everything(model, fit(model, others()))

    def backup():
        return callbacks.BackupAndRestore(tmp_path / "backup", save_freq)

    utils.set_random_seed(5)
    for cut in cuts:
        with pytest.raises(InterruptedError):
            fit(make(), [backup(), *others(), cut])
        utils.set_random_seed(6)  # the seed of the run comes from the file
    model = make()
    resumed = everything(model, fit(model, [backup(), *others()]))
    assert not (tmp_path / "backup").exists(), "a complete run leaves nothing behind"
    return whole, resumed


def fit_arrays(model, hooks, epochs=4, **options):
    options = {"batch_size": 8, "validation_split": 0.2, **options}
    return model.fit(X, Y, epochs=epochs, verbose=0, callbacks=hooks, **options)


MODES = {
    "blocks": {},
    "steps": {"mode": "steps"},
    "chunks": {"mode": "chunks"},
    "stream": {"mode": "stream"},
    "steps_per_execution": {"steps_per_execution": 3},
    "batches shuffled": {"shuffle": "batch"},
    "steps_per_epoch": {"steps_per_epoch": 3},
    "not shuffled": {"shuffle": False, "mode": "chunks"},
}


@pytest.mark.parametrize("save_freq", ["epoch", 2])
@pytest.mark.parametrize("name", MODES)
def test_every_mode_resumes_exactly(tmp_path, monkeypatch, name, save_freq):
    options = dict(MODES[name])
    mode, compiled = options.pop("mode", "blocks"), {}
    if "steps_per_execution" in options:
        compiled["steps_per_execution"] = options.pop("steps_per_execution")
    if mode in ("chunks", "stream"):
        monkeypatch.setattr(ArrayData, "fits", lambda self: False)
        monkeypatch.setattr(chunking, "CHUNK_BYTES", 4 * 8 * 20 if mode == "chunks" else 10)
    if mode == "steps":
        decide = training.decide
        monkeypatch.setattr(training, "decide", lambda *a: decide(*a)._replace(mode="steps"))
    seen = []

    def fit(model, hooks):
        history = fit_arrays(model, hooks, **options)
        seen.append(model._compiled.decision.mode)
        return history

    same(*interrupted(tmp_path, lambda: network(**compiled), fit, save_freq, Cut(1, 5), Cut(3)))
    assert set(seen) == {mode}


def batches():
    for i in range(0, 70, 8):
        yield X[i : i + 8], Y[i : i + 8]


class Repeated:
    """Something that can be read as often as one likes."""

    def __iter__(self):
        return batches()


class Endless:
    """A generator that goes on from epoch to epoch."""

    def __iter__(self):
        while True:
            yield from batches()


class Sequence(utils.PyDataset):
    def __len__(self):
        return 9

    def __getitem__(self, index):
        return X[index * 8 : index * 8 + 8], Y[index * 8 : index * 8 + 8]


SOURCES = {
    "iterable": (Repeated, {}),
    "generator": (lambda: iter(Endless()), {"steps_per_epoch": 7}),
    "iterable over its end": (Repeated, {"steps_per_epoch": 12}),
    "dataset": (Sequence, {"shuffle": True}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_streams_resume_exactly(tmp_path, name):
    make, options = SOURCES[name]

    def fit(model, hooks):
        validation = {"validation_data": iter(Endless()), "validation_steps": 4}
        return model.fit(make(), epochs=4, verbose=0, callbacks=hooks, **validation, **options)

    same(*interrupted(tmp_path, network, fit, 2, Cut(1, 5), Cut(2)))


class Tracked(Model):
    """A pure step that keeps an average of its weights and draws noise."""

    def __init__(self):
        super().__init__()
        self.dense, self.out = layers.Dense(5, activation="tanh"), layers.Dense(1)
        self.seen = jkeras.metrics.Sum(name="seen")

    def call(self, x):
        return self.out(self.dense(x))

    def init_optimizer(self, params):
        return {"adam": optax.adam(0.01).init(params), "average": params, "key": jax.random.key(3)}

    def train_step(self, ts, batch):
        noise = jax.random.normal(ts.rng, batch.x.shape) * 0.1

        def loss(params):
            y, state = self.apply(params, ts.state, batch.x + noise, training=True)
            return ((y - batch.y) ** 2).mean(), state

        (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
        updates, adam = optax.adam(0.01).update(grads, ts.opt_state["adam"], ts.params)
        params = optax.apply_updates(ts.params, updates)
        average = jax.tree.map(lambda a, p: 0.9 * a + 0.1 * p, ts.opt_state["average"], params)
        self.seen.update_state(1.0)
        opt_state = {"adam": adam, "average": average, "key": jax.random.split(ts.opt_state["key"])[0]}
        return ts._replace(params=params, opt_state=opt_state, state=state), {"loss": value, "seen": self.seen}


def tracked():
    model = Tracked()
    model.compile("sgd")
    return model


class KerasStyle(Model):
    def __init__(self):
        super().__init__()
        self.dense, self.out = layers.Dense(5, activation="tanh"), layers.Dense(1)
        self.dropout, self.norm = layers.Dropout(0.5), layers.BatchNormalization()

    def call(self, x, training=False):
        return self.out(self.dropout(self.norm(self.dense(x)), training=training))

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs, "twice": 2 * logs["loss"]}, state


def keras_style():
    model = KerasStyle()
    model.build((None, 4))
    model.dense.trainable = False
    model.compile("adam", "mse", metrics=["mae"])
    return model


def stateful():
    model = Sequential([
        layers.Input(batch_shape=(8, 2, 2)), layers.GRU(3, stateful=True), layers.Dense(1),
    ])  # fmt: skip
    model.compile("rmsprop", "mse")
    return model


MODELS = {
    "pure step": (tracked, X),
    "Keras's step": (keras_style, X),
    "stateful": (stateful, X[:64].reshape(64, 2, 2)),
    "scaled loss": (lambda: network(optimizers.LossScaleOptimizer(optimizers.Adam(), dynamic_growth_steps=3)), X),
    "average": (lambda: network(optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=5)), X),
    "accumulated": (lambda: network(optimizers.SGD(0.1, gradient_accumulation_steps=3, momentum=0.9)), X),
    "schedule": (lambda: network(optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 30))), X),
    "optax": (lambda: network(optax.chain(optax.clip(0.5), optax.add_noise(0.01, 0.5, 3), optax.sgd(0.1))), X),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_resumes_exactly(tmp_path, name):
    make, x = MODELS[name]

    def fit(model, hooks):
        # A schedule that multiplies must not be applied twice to an epoch that is begun twice.
        halving = [] if name in ("schedule", "optax", "pure step") else [
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
        ]  # fmt: skip
        return model.fit(
            x, Y[: len(x)], batch_size=8, epochs=4, verbose=0, callbacks=[*halving, *hooks], shuffle=name != "stateful"
        )  # fmt: skip

    same(*interrupted(tmp_path, make, fit, 3, Cut(1, 5), Cut(2, 2), others=list))


class Thaw(callbacks.Callback):
    """Trains the first layer in the epochs 1 and 2 only."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.layers[0].trainable = epoch in (1, 2)


@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_layers_that_a_callback_freezes_are_resumed_exactly(tmp_path, save_freq):
    def fit(model, hooks):
        return fit_arrays(model, [Thaw(), *hooks], epochs=5)

    same(*interrupted(tmp_path, network, fit, save_freq, Cut(1, 5), Cut(2), Cut(3, 2)))


def test_a_checkpoint_that_does_not_fit_leaves_the_choice_of_trained_layers_alone(tmp_path):
    model = network()
    model.layers[0].trainable = False
    fit_arrays(model, [])
    model.save_checkpoint(tmp_path / "run.h5")
    other = Sequential([layers.Input((4,)), layers.Dense(7), layers.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(ValueError):
        other.load_checkpoint(tmp_path / "run.h5")
    assert other.layers[0].trainable


def test_fit_resumes_from_a_folder(tmp_path):
    """Cut, resumed, run again when it is complete, and made longer: always as the run that was never cut."""

    def fit(epochs, *hooks):
        model = network(optimizers.Adam(0.01, use_ema=True))
        return model, fit_arrays(model, [*watchers(), *hooks], epochs=epochs, resume=tmp_path / "run")

    def whole(epochs):
        utils.set_random_seed(5)
        model = network(optimizers.Adam(0.01, use_ema=True))
        return everything(model, fit_arrays(model, watchers(), epochs=epochs))

    utils.set_random_seed(5)
    with pytest.raises(InterruptedError):
        fit(4, Cut(2, 4))
    utils.set_random_seed(9)
    same(whole(4), everything(*fit(4)))
    again, history = fit(4)
    assert history.epoch == [0, 1, 2, 3]
    same(whole(4), everything(again, history))
    same(whole(6), everything(*fit(6)))


@pytest.mark.parametrize("mode", ["blocks", "steps", "stream"])
def test_a_checkpoint_is_written_when_the_process_is_asked_to_end(tmp_path, monkeypatch, mode):
    if mode == "stream":
        monkeypatch.setattr(ArrayData, "fits", lambda self: False)
        monkeypatch.setattr(chunking, "CHUNK_BYTES", 10)
    if mode == "steps":
        decide = training.decide
        monkeypatch.setattr(training, "decide", lambda *a: decide(*a)._replace(mode="steps"))

    class Preempted(callbacks.Callback):
        batch_interval = 2

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if self.epoch == 1 and batch == 2:
                signal.raise_signal(signal.SIGTERM)

    def end(*signal_and_frame):
        raise InterruptedError

    def fit(*hooks):
        model = network()
        backup = callbacks.BackupAndRestore(tmp_path / "backup", 10**6, save_before_preemption=True)
        return model, fit_arrays(model, [*watchers(), backup, *hooks])

    utils.set_random_seed(5)
    model = network()
    whole = everything(model, fit_arrays(model, watchers()))
    before = signal.signal(signal.SIGTERM, end)
    try:
        utils.set_random_seed(5)
        with pytest.raises(InterruptedError):
            fit(Preempted())
        assert signal.getsignal(signal.SIGTERM) is end
        utils.set_random_seed(6)
        begun = []
        result = everything(*fit(callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))))
    finally:
        signal.signal(signal.SIGTERM, before)
    same(whole, result)
    assert begun == [1, 2, 3]


RUN = """
    import hashlib, importlib.util, json, sys
    from pathlib import Path
    import jax, numpy as np
    from jkeras import callbacks, layers, optimizers, utils
    from jkeras.models import Sequential
    from jkeras.saving.checkpoint import snapshot

    folder, save_freq = sys.argv[1], sys.argv[2]
    utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1603, 8)).astype("float32")
    y = (x @ rng.normal(size=(8, 1)) + 0.1 * rng.normal(size=(1603, 1))).astype("float32")
    model = Sequential([
        layers.Input((8,)), layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(1)
    ])
    model.compile(optimizers.Adam(0.01, use_ema=True), "mse", metrics=["mae", "r2_score"])

    class Thaw(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.layers[0].trainable = epoch not in (0, 5)

    board = importlib.util.find_spec("tensorboard") is not None
    history = model.fit(x, y, epochs=16, batch_size=16, verbose=0, validation_split=0.2, callbacks=[
        callbacks.BackupAndRestore(folder, save_freq if save_freq == "epoch" else int(save_freq)),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.98),
        callbacks.SwapEMAWeights(swap_on_epoch=True),
        callbacks.ReduceLROnPlateau(patience=1, min_delta=0.05),
        callbacks.EarlyStopping("val_mae", patience=6, restore_best_weights=True, min_delta=0.01),
        callbacks.ModelCheckpoint(folder + ".weights.h5", save_best_only=True, save_weights_only=True),
        callbacks.CSVLogger(folder + ".csv"), callbacks.JSONLogger(folder + ".jsonl", update_freq=40),
        *([callbacks.TensorBoard(folder + ".board", histogram_freq=4, write_graph=False)] if board else []),
        callbacks.TimeBudget(10_000), callbacks.Timer(), callbacks.NaNFinder(50), callbacks.TerminateOnNaN(), Thaw(),
    ])
    digest = hashlib.sha256(repr([history.history, history.epoch]).encode())
    for group in ("params", "state", "optimizer", "rates"):
        for name, array in snapshot(model).on_host().arrays[group].items():
            digest.update(name.encode() + array.tobytes())
    digest.update(Path(folder + ".csv").read_bytes())
    for line in Path(folder + ".jsonl").read_text().splitlines():
        row = json.loads(line)
        assert row.pop("time") and (row.pop("samples_per_second", None) is None) == ("batch" in row), row
        digest.update(json.dumps(row).encode())
    model.load_weights(folder + ".weights.h5")
    for array in model.get_weights():
        digest.update(array.tobytes())
    print(digest.hexdigest(), len(history.epoch))
"""


def run_killed(folder, save_freq, kills, seed=0):
    """Run the script above, kill it when it has written so many checkpoints, and again; return what it prints."""
    path = Path(folder, "latest.checkpoint.h5")
    pause = np.random.default_rng(seed)
    for kill in (*kills, None):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RUN), str(folder), str(save_freq)], stdout=subprocess.PIPE, text=True
        )
        written, last = 0, path.stat().st_ino if path.exists() else None
        while kill is not None and written < kill and process.poll() is None:
            try:
                found = path.stat().st_ino
            except FileNotFoundError:
                continue
            written += found != last
            last = found
        if kill is not None:
            os.sched_yield()
            for _ in range(int(pause.integers(3000))):  # a moment of its own each time, below the time of an epoch
                pass
            assert process.poll() is None, "it was to be killed in the middle"
            process.send_signal(signal.SIGKILL)
        printed = process.communicate()[0]
        assert process.returncode == (0 if kill is None else -signal.SIGKILL)
    return printed


@pytest.mark.parametrize("save_freq, kills", [(30, (9,))])
def test_a_killed_process_goes_on_as_if_nothing_had_been(tmp_path, monkeypatch, capsys, save_freq, kills):
    assert run_killed(tmp_path / "killed", save_freq, kills) == run_whole(tmp_path, monkeypatch, capsys)


def run_whole(folder, monkeypatch, capsys):
    """Run the script to its end, in this process."""
    monkeypatch.setattr(sys, "argv", ["run", str(folder / "whole"), "epoch"])
    exec(textwrap.dedent(RUN), {})
    return capsys.readouterr().out


@pytest.mark.slow
def test_twenty_kills_at_random_moments(tmp_path, monkeypatch, capsys):
    """One kill in each of ten runs, and ten more in runs that are killed again and again."""
    whole = run_whole(tmp_path, monkeypatch, capsys)
    for seed in range(13):
        random, save_freq = np.random.default_rng(seed), ("epoch", 7, 30)[seed % 3]
        checkpoints = {"epoch": 4, 7: 45, 30: 10}[save_freq]  # so that even three kills come before the end
        kills = random.integers(1, checkpoints, size=1 if seed < 10 else 3 + (seed == 12))
        assert run_killed(tmp_path / f"killed{seed}", save_freq, kills, seed) == whole
