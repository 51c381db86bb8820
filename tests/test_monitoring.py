"""40 runs of metric values, replayed through the callbacks that watch them and through Keras's: the same decisions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import jkeras
from jkeras import callbacks

BATCHES = 3  # in an epoch
NAN, INF = float("nan"), float("inf")
rng = np.random.default_rng(7)


def late(values, start, value):
    """Return `values` with `value` from epoch `start` on."""
    return [*values[:start], *[value] * (len(values) - start)]


# Each value is that of an epoch; None is an epoch whose logs lack the metric.
SEQUENCES: dict[str, list[float | None]] = {
    "falls": list(np.linspace(2, 0.5, 12)),
    "rises": list(np.linspace(0.5, 2, 12)),
    "falls by halves": [0.5**i for i in range(12)],
    "flat": [1.0] * 12,
    "flat at zero": [0.0] * 10,
    "negative and falling": [-0.3 * i for i in range(10)],
    "negative and rising": [-3.0 + 0.3 * i for i in range(10)],
    "falls, then flat": late([1.0, 0.8, 0.6, 0.5, 0, 0, 0, 0, 0, 0, 0, 0], 4, 0.5),
    "falls, then rises": [1.0, 0.8, 0.6, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1],
    "rises, then falls": [0.5, 0.6, 0.8, 1.0, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2],
    "two plateaus": [1.0, 0.7, 0.7, 0.7, 0.7, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
    "steps": [1.0, 1.0, 0.8, 0.8, 0.6, 0.6, 0.4, 0.4, 0.2, 0.2],
    "saw": [1.0, 0.9, 1.0, 0.8, 1.0, 0.7, 1.0, 0.6, 1.0, 0.5],
    "one lucky epoch": [1.0, 0.9, 0.1, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2],
    "best first": [0.1, 0.5, 0.4, 0.3, 0.6, 0.5, 0.4, 0.3, 0.6, 0.5],
    "best last": [1.0, 1.1, 1.2, 1.1, 1.2, 1.1, 1.2, 1.1, 1.2, 0.1],
    "ties within min_delta": [1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55],
    "exactly min_delta": [1.0, 0.875, 0.75, 0.75, 0.625, 0.5, 0.5, 0.375, 0.25, 0.25],
    "a little above min_delta": [1.0, 0.87, 0.74, 0.61, 0.48, 0.35, 0.22, 0.09],
    "tiny falls": [1.0 - 5e-5 * i for i in range(12)],
    "larger tiny falls": [1.0 - 1.5e-4 * i for i in range(12)],
    "noise": list(rng.normal(size=14)),
    "more noise": list(rng.normal(size=14)),
    "noise on a fall": list(np.linspace(2, 0, 14) + 0.3 * rng.normal(size=14)),
    "noise on a rise": list(np.linspace(0, 2, 14) + 0.3 * rng.normal(size=14)),
    "coarse noise": list(rng.integers(0, 4, size=14) / 4),
    "NaN at once": [NAN] * 6,
    "NaN first": [NAN, 1.0, 0.9, 0.8, 0.9, 1.0, 1.1, 1.2],
    "NaN in the middle": [1.0, 0.9, NAN, 0.8, NAN, NAN, 0.7, 0.9, 1.0, 1.1],
    "NaN from then on": late([1.0, 0.9, 0.8, 0, 0, 0, 0, 0, 0], 3, NAN),
    "infinite first": [INF, INF, 1.0, 0.9, 1.0, 1.1, 1.2, 1.3],
    "minus infinity": [1.0, -INF, 0.5, 0.4, 0.3, 0.2, 0.1],
    "diverges": [1.0, 0.9, 5.0, 1e6, 1e30, INF, INF, NAN, NAN],
    "missing first": [None, None, 1.0, 0.9, 0.95, 0.96, 0.97, 0.98],
    "missing every other epoch": [1.0, None, 0.9, None, 0.95, None, 0.96, None, 0.97, None],
    "missing at the end": [1.0, 0.9, 0.95, None, None, None],
    "never there": [None] * 5,
    "baseline reached late": [2.0, 1.9, 1.8, 1.7, 0.65, 0.66, 0.67, 0.6, 0.61, 0.62, 0.63],
    "baseline reached at once": [0.5, 0.6, 0.55, 0.58, 0.57, 0.56],
    "one epoch": [1.0],
}


class Case(NamedTuple):
    """How a callback is made, and what it watches.

    Attributes:
        name: The class, in both packages.
        arguments: Given to both.
        ours: What is given to ours instead of some of them: spellings that Keras 3 does not know.
        told: `f(epoch, value)`: whether Keras's is told of the end of an epoch. Ours always is.
    """

    name: str
    arguments: dict[str, Any]
    ours: dict[str, Any] = {}
    told: Callable[[int, float | None], bool] = lambda epoch, value: True


def stopping(**arguments):
    return Case("EarlyStopping", arguments)


def plateau(**arguments):
    return Case("ReduceLROnPlateau", {"patience": 2, **arguments})


def has_metric(epoch, value):
    """Without the metric, Keras 3.15 warns that it cannot tell what is best, and writes the file all the same.

    It would take the place of the best one. Keras 1 and 2 wrote none, and so do we.
    """
    return value is not None


def checkpoint(template="{epoch:02d}.weights.h5", **arguments):
    arguments = {"filepath": template, "save_weights_only": True, **arguments}
    is_epoch = arguments.get("save_freq", "epoch") == "epoch"
    if arguments.get("save_best_only") and is_epoch:
        return Case("ModelCheckpoint", arguments, told=has_metric)
    return Case("ModelCheckpoint", arguments)


def every(period, template="{epoch}.weights.h5", **arguments):
    """`period` of Keras 1 and 2: the callback of today, if it is told of each so many epochs."""
    case = checkpoint(template, **arguments)
    return case._replace(
        ours={**case.arguments, "period": period},
        told=lambda epoch, value: (epoch + 1) % period == 0 and case.told(epoch, value),
    )


CASES = [
    stopping(),
    stopping(patience=2),
    stopping(patience=2, restore_best_weights=True),
    stopping(patience=1, restore_best_weights=True, mode="max"),
    stopping(patience=3, min_delta=0.125, restore_best_weights=True),
    stopping(patience=2, min_delta=-0.1),
    stopping(patience=2, baseline=0.7, restore_best_weights=True),
    stopping(patience=1, baseline=0.7, mode="max"),
    stopping(patience=2, start_from_epoch=4, restore_best_weights=True),
    stopping(patience=0, start_from_epoch=2, restore_best_weights=True, baseline=0.9),
    stopping(patience=99, restore_best_weights=True),
    stopping(patience=2, monitor="loss", mode="min"),
    stopping(patience=2, monitor="val_acc", restore_best_weights=True),
    stopping(patience=2, monitor="val_auc", min_delta=0.1),
    stopping(patience=2, monitor="mse"),
    plateau(),
    plateau(patience=0),
    plateau(patience=1, factor=0.5),
    plateau(factor=0.5, cooldown=2),
    plateau(patience=1, factor=0.5, cooldown=1, min_delta=0.125),
    plateau(patience=1, factor=0.3, min_lr=0.02),
    plateau(patience=1, factor=0.5, min_lr=0.1),
    plateau(patience=1, mode="max", min_delta=0.2),
    plateau(monitor="val_auc", factor=0.2),
    plateau(monitor="acc", cooldown=3, patience=1),
    Case("ReduceLROnPlateau", {"patience": 1, "min_delta": 0.2}, {"patience": 1, "epsilon": 0.2}),
    checkpoint(),
    checkpoint("{epoch}-{val_loss:.2f}.weights.h5", monitor="val_loss", save_best_only=True),
    checkpoint("{epoch}-{acc:.3f}-{val_auc:.1e}.weights.h5", monitor="val_acc", save_best_only=True),
    checkpoint(monitor="auc", save_best_only=True, mode="auto"),
    checkpoint(monitor="mse", save_best_only=True),
    checkpoint(monitor="loss", save_best_only=True, mode="max"),
    checkpoint(save_best_only=True, initial_value_threshold=0.75),
    checkpoint(save_best_only=True, mode="max", initial_value_threshold=0.75),
    checkpoint("whole-{epoch}.keras", save_weights_only=False),
    checkpoint("{epoch}-{batch}.weights.h5", save_freq=2),
    checkpoint("{epoch}-{batch}-{loss:.1f}.weights.h5", save_freq=7),
    checkpoint("{epoch}-{batch}.weights.h5", monitor="loss", save_freq=4, save_best_only=True),
    every(2),
    every(3, "{epoch}-{loss:.3g}.weights.h5", monitor="loss", save_best_only=True),
    Case("TerminateOnNaN", {}),
    Case("LearningRateScheduler", {"schedule": lambda epoch: 0.1 / (epoch + 1)}),
    Case("LearningRateScheduler", {"schedule": lambda epoch, rate: rate * 0.7}),
    Case("LearningRateScheduler", {"schedule": lambda epoch, rate=0.5: np.float32(rate * 0.5)}),
]


class Model:
    """What the callbacks see of a model: each epoch has weights of its own, and files are names."""

    def __init__(self, metrics):
        self.optimizer = SimpleNamespace(learning_rate=0.1)
        self.metrics = metrics
        self.stop_training, self.built = False, True
        self.weight, self.saved = np.zeros(2), []

    def get_weights(self):
        return [self.weight.copy()]

    def set_weights(self, weights):
        (weight,) = weights
        self.weight = np.array(weight)

    def save_weights(self, path, overwrite=True):
        self.saved.append((str(path), float(self.weight[0])))

    def save(self, path, overwrite=True):
        self.saved.append((f"whole {path}", float(self.weight[0])))


def replay(callback, metrics, sequence, told=lambda epoch, value: True):
    """Train a model by a sequence, and return all that the callback decided."""
    model = Model(metrics)
    callback.set_model(model)
    callback.set_params({"verbose": 0, "epochs": len(sequence), "steps": BATCHES})
    callback.on_train_begin({})
    rates, shown, epoch, logs = [], [], 0, {}
    for epoch, value in enumerate(sequence):
        callback.on_epoch_begin(epoch, {})
        rates.append(float(model.optimizer.learning_rate))
        for batch in range(BATCHES):
            model.weight = np.full(2, epoch + batch / BATCHES)
            callback.on_train_batch_begin(batch, {})
            # What is not there at the end of the epoch, such as a validation, is no loss of a batch either.
            callback.on_train_batch_end(batch, {"loss": 0.5 if value is None else value * (1 + 0.1 * (batch - 1))})
            if model.stop_training:
                break
        names = ("loss", "acc", "auc", "mse", "val_loss", "val_acc", "val_auc")
        logs = {"other": 1.0} if value is None else dict.fromkeys(names, value)
        if told(epoch, value):
            callback.on_epoch_end(epoch, logs)
        shown.append(logs.get("learning_rate"))
        if model.stop_training:
            break
    callback.on_train_end(logs)
    return {
        "last epoch": epoch,
        "best epoch": getattr(callback, "best_epoch", None),
        "stopped epoch": getattr(callback, "stopped_epoch", None),
        "weights": model.weight.tolist(),
        "rates": [*rates, float(model.optimizer.learning_rate)],
        "shown rates": shown,
        "files": model.saved,
    }


@pytest.fixture(scope="module")
def metrics():
    """The metrics of a compiled model, of ours and of Keras's: what "auto" goes by."""
    keras = pytest.importorskip("keras")
    found = []
    for package in (jkeras, keras):
        model = package.Sequential([package.Input((2,)), package.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["acc", package.metrics.AUC(name="auc"), "mse"])
        found.append(model)
    # Keras knows its metrics by name once it has seen data; training would take seconds.
    found[1]._compile_metrics.build(np.ones((2, 1)), np.ones((2, 1)))
    return [model.metrics for model in found]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{CASES.index(case)}")
def test_decisions_are_those_of_keras(case, metrics, tmp_path, monkeypatch):
    keras = pytest.importorskip("keras")
    monkeypatch.chdir(tmp_path)  # the folders of files are made
    differing = {}
    for name, sequence in SEQUENCES.items():
        ours = replay(getattr(callbacks, case.name)(**(case.ours or case.arguments)), metrics[0], sequence)
        theirs = replay(getattr(keras.callbacks, case.name)(**case.arguments), metrics[1], sequence, case.told)
        if ours != theirs:
            differing[name] = {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
    assert differing == {}


def test_there_are_40_sequences():
    assert len(SEQUENCES) == 40


@pytest.mark.parametrize("make", [
    lambda package: package.EarlyStopping(mode="min", min_delta=1e-4, patience=99),
    lambda package: package.EarlyStopping(mode="max", min_delta=0.3, patience=99),
    lambda package: package.ReduceLROnPlateau(mode="min", patience=99),
    lambda package: package.ReduceLROnPlateau(mode="max", min_delta=0.1, patience=99),
])  # fmt: skip
def test_ties_are_decided_in_single_precision_as_in_keras(make):
    real = pytest.importorskip("keras").callbacks
    draw = np.random.default_rng(0)
    decided = set()
    for _ in range(60):
        best, delta = draw.normal(), make(callbacks).min_delta
        sign = -1 if make(callbacks).mode == "min" else 1
        value = best + sign * delta + best * draw.choice([0, 1, -1]) * draw.choice([6e-8, 3e-8, 1e-16])
        waits = []
        for package in (callbacks, real):
            callback = make(package)
            replay(callback, [], [float(best), float(value)])
            waits.append(callback.wait)
        assert waits[0] == waits[1], (best, value)
        decided.add(waits[0])
    assert decided == {0, 1}


@pytest.mark.parametrize("killed", [False, True])
def test_the_best_weights_stay_on_the_device_and_come_back_bit_by_bit(tmp_path, killed):
    """They are kept while training goes on with the same buffers, and pass through a checkpoint."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(50, 4)).astype("float32"), draw.normal(size=(50, 1)).astype("float32")
    seen = {}

    def make():
        layers = jkeras.layers
        model = jkeras.Sequential([
            layers.Input((4,)), layers.Dense(5), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1),
        ])  # fmt: skip
        model.layers[0].trainable = False
        model.compile("adam", "mse")
        return model

    def fit(model, cut=None):
        def note(epoch, logs):
            if epoch == cut:
                raise InterruptedError
            seen[epoch] = model.get_weights()
            # The best epoch is the third.
            logs["val_loss"] = abs(epoch - 2.0)

        stopping = callbacks.EarlyStopping(patience=3, restore_best_weights=True)
        own = [callbacks.LambdaCallback(on_epoch_end=note), stopping, callbacks.BackupAndRestore(tmp_path / "backup")]
        model.fit(x, y, batch_size=8, epochs=9, verbose=0, callbacks=own)
        return stopping

    jkeras.utils.set_random_seed(1)
    if killed:
        with pytest.raises(InterruptedError):
            fit(make(), cut=4)
    model = make()
    stopping = fit(model)
    assert (stopping.stopped_epoch, stopping.best_epoch) == (5, 2)
    for ours, expected in zip(model.get_weights(), seen[2], strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert any((a != b).any() for a, b in zip(seen[2], seen[5], strict=True))
    assert killed or all(isinstance(array, jax.Array) for array in stopping.best_weights)
    assert all(isinstance(array, np.ndarray) for array in stopping.state_dict()["best_weights"])


@pytest.mark.parametrize("save_freq", [2, 7])
def test_files_by_batches_in_fit_are_those_of_keras_and_the_loop_stops_for_them_only(tmp_path, monkeypatch, save_freq):
    keras = pytest.importorskip("keras")
    monkeypatch.chdir(tmp_path)
    arguments = {"filepath": "{epoch}-{batch}.weights.h5", "save_freq": save_freq, "save_weights_only": True}
    theirs = keras.callbacks.ModelCheckpoint(**arguments)
    expected = [name for _ in range(2) for name, _ in replay(theirs, [], [1.0] * 5)["files"]]
    model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
    model.compile("sgd", "mse")
    saved, stops = [], []
    monkeypatch.setattr(model, "save_weights", lambda path, overwrite: saved.append(path))
    ours = callbacks.ModelCheckpoint(**arguments)
    for _ in range(2):
        model.fit(np.ones((BATCHES * 4, 2)), np.ones(BATCHES * 4), batch_size=4, epochs=5, verbose=0, callbacks=[ours])
        stops.append(model._compiled.record.blocks)
    assert saved == expected
    # Each epoch ends a block, and each file within one; what the first training left over, the second stops to count.
    first = [step for step in range(1, 16) if step % save_freq == 0 or step % BATCHES == 0]
    assert stops == [len(first), 15]


@pytest.mark.filterwarnings("ignore")
def test_where_keras_errs(metrics, tmp_path, monkeypatch):
    """What the table leaves out."""
    keras = pytest.importorskip("keras").callbacks
    monkeypatch.chdir(tmp_path)
    # Without the metric it cannot tell, says so, and writes over the best file.
    arguments = checkpoint("best.weights.h5", save_best_only=True, monitor="loss").arguments
    sequence = [1.0, None, 2.0]
    assert len(replay(keras.ModelCheckpoint(**arguments), metrics[1], sequence)["files"]) == 2
    assert len(replay(callbacks.ModelCheckpoint(**arguments), metrics[0], sequence)["files"]) == 1
    # Within the first epoch it has nothing to compare a threshold with.
    arguments |= {"save_freq": 2, "initial_value_threshold": 5.0}
    with pytest.raises(TypeError):
        replay(keras.ModelCheckpoint(**arguments), metrics[1], sequence)
    assert len(replay(callbacks.ModelCheckpoint(**arguments), metrics[0], sequence)["files"]) == 2


@pytest.mark.parametrize("name", ["BackupAndRestore", "OrbaxCheckpoint"])
def test_batches_are_counted_over_the_end_of_epochs_of_unknown_length(tmp_path, monkeypatch, name):
    class Batches:
        def __iter__(self):
            return ((np.ones((2, 2)), np.ones((2, 1))) for _ in range(7))

    if name == "OrbaxCheckpoint":
        pytest.importorskip("orbax.checkpoint")
    callback = getattr(callbacks, name)(str(tmp_path), save_freq=5)
    model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
    model.compile("sgd", "mse")
    saved = []
    monkeypatch.setattr(callback._store, "save", lambda *args: saved.append(int(model.optimizer.iterations)))
    model.fit(Batches(), epochs=4, verbose=0, callbacks=[callback])
    assert saved == [5, 10, 15, 20, 25]
