"""Callbacks: what they do in each hook, compared with Keras on the same logs."""

from __future__ import annotations

import csv
import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from jkeras import callbacks
from jkeras.callbacks.base import HOOKS, Callback
from jkeras.metrics.direction import direction_of


class Model:
    """What callbacks see of a model."""

    def __init__(self, rate=0.1):
        self.optimizer = SimpleNamespace(learning_rate=rate)
        self.stop_training = False
        self.history = None
        self.metrics = []
        self.weights = [np.zeros(2)]
        self.saved = []
        self.built = True

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = [w.copy() for w in weights]

    def save_weights(self, path, overwrite=True):
        self.saved.append(str(path))

    def save(self, path, overwrite=True):
        self.saved.append(f"whole {path}")


def run(callback, rows, monitor="val_loss", rate=0.1):
    """Drive one callback through epochs and return what can be seen of it."""
    model = Model(rate)
    callback.set_model(model)
    callback.set_params({"verbose": 0, "epochs": len(rows), "steps": 1})
    callback.on_train_begin({})
    rates, logs = [], {}
    for epoch, value in enumerate(rows):
        model.weights = [np.full(2, float(epoch + 1))]
        callback.on_epoch_begin(epoch, {})
        logs = {monitor: float(value)}
        callback.on_epoch_end(epoch, logs)
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end(logs)
    return SimpleNamespace(epochs=len(rates), rates=rates, weights=model.weights[0][0], saved=model.saved, logs=logs)


SEQUENCES = [
    [1.0, 0.9, 0.95, 0.96, 0.97, 0.5, 0.55, 0.6, 0.65],
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    [5.0, 4.0, 3.0, 2.0, 1.0],
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    [float("nan"), 1.0, float("inf"), 0.5, float("nan"), float("nan")],
    list(np.random.default_rng(0).normal(size=12)),
    list(np.random.default_rng(1).normal(size=12)),
]
EARLY_STOPPING = [
    {"patience": 0},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 2, "min_delta": 0.15},
    {"patience": 3, "baseline": 0.7},
    {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True},
    {"patience": 50, "restore_best_weights": True},
    {"patience": 2, "mode": "max", "min_delta": -0.05},
]
PLATEAU = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5, "cooldown": 2},
    {"patience": 1, "factor": 0.3, "min_lr": 0.02},
    {"patience": 2, "mode": "max", "min_delta": 0.2},
]


def keras_callbacks():
    return pytest.importorskip("keras").callbacks


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("arguments", EARLY_STOPPING, ids=str)
@pytest.mark.parametrize("rows", SEQUENCES, ids=range(len(SEQUENCES)))
def test_early_stopping_agrees_with_keras(arguments, rows):
    ours = run(callbacks.EarlyStopping(**{"mode": "min", **arguments}), rows)
    theirs = run(keras_callbacks().EarlyStopping(**{"mode": "min", **arguments}), rows)
    assert (ours.epochs, ours.weights) == (theirs.epochs, theirs.weights)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("arguments", PLATEAU, ids=str)
@pytest.mark.parametrize("rows", SEQUENCES, ids=range(len(SEQUENCES)))
def test_reduce_lr_on_plateau_agrees_with_keras(arguments, rows):
    ours = run(callbacks.ReduceLROnPlateau(**{"mode": "min", **arguments}), rows)
    theirs = keras_callbacks().ReduceLROnPlateau(**{"mode": "min", **arguments})
    theirs = run(theirs, rows)
    np.testing.assert_allclose(ours.rates, theirs.rates, rtol=1e-6)
    assert list(ours.logs) == list(theirs.logs) == ["val_loss", "learning_rate"]
    assert ours.rates != [0.1] * len(rows) or len(set(rows)) == len(rows)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("threshold", [None, 0.9])
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("rows", SEQUENCES, ids=range(len(SEQUENCES)))
def test_model_checkpoint_agrees_with_keras(tmp_path, rows, mode, threshold):
    path = str(tmp_path / "{epoch:02d}-{val_loss:.2f}.weights.h5")
    arguments = {"save_best_only": True, "save_weights_only": True, "mode": mode, "initial_value_threshold": threshold}
    ours = run(callbacks.ModelCheckpoint(path, **arguments), rows)
    theirs = run(keras_callbacks().ModelCheckpoint(path, **arguments), rows)
    assert ours.saved == theirs.saved


def test_plateau_takes_the_old_spelling_and_refuses_others():
    assert callbacks.ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.raises(TypeError, match="patience"):
        callbacks.ReduceLROnPlateau(patince=3)
    with pytest.raises(ValueError, match="factor"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_early_stopping_says_what_it_did(capsys):
    run(callbacks.EarlyStopping(patience=1, verbose=1, restore_best_weights=True), [1.0, 2.0])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 2: early stopping",
        "Restoring model weights from the end of the best epoch: 1.",
    ]


@pytest.mark.parametrize("make", [
    lambda: callbacks.EarlyStopping("nope", patience=1),
    lambda: callbacks.ReduceLROnPlateau("nope"),
    lambda: callbacks.ModelCheckpoint("x.weights.h5", "nope", save_best_only=True, save_weights_only=True),
])  # fmt: skip
def test_a_missing_metric_warns_once_and_names_what_there_is(make):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = run(make(), [1.0, 2.0, 3.0])
    assert result.epochs == 3 and result.saved == []
    (warning,) = caught
    assert "nope" in str(warning.message) and "val_loss" in str(warning.message)


@pytest.mark.parametrize(("monitor", "expected"), [
    ("loss", "min"), ("val_loss", "min"), ("main_output_loss", "min"), ("val_acc", "max"), ("accuracy", "max"),
    ("val_sparse_categorical_accuracy", "max"), ("head_accuracy", "max"), ("val_auc_2", "max"), ("auc", "max"),
    ("mse", "min"), ("val_mae", "min"), ("out_false_positives", "min"), ("top_k_categorical_accuracy", "max"),
    ("val_precision_1", "max"), ("my_metric", None), ("", None),
])  # fmt: skip
def test_auto_mode_goes_by_the_name(monitor, expected):
    assert direction_of(monitor) == expected


def test_a_declared_direction_wins_over_the_name():
    model = SimpleNamespace(metrics=[SimpleNamespace(name="loss_like", _direction="up")])
    assert direction_of("val_loss_like", model) == "max"


def test_an_unknown_direction_is_an_error_and_an_unknown_mode_a_warning():
    with pytest.raises(ValueError, match="mode='max' or mode='min'"):
        run(callbacks.EarlyStopping("surprise", patience=1), [1.0, 2.0], monitor="surprise")
    with pytest.warns(UserWarning, match="sideways"):
        assert callbacks.EarlyStopping(mode="sideways").mode == "auto"


def test_checkpoint_counts_epochs_by_period_and_batches_by_frequency(tmp_path):
    every_second = callbacks.ModelCheckpoint("e{epoch}.h5", period=2, save_weights_only=True)
    assert run(every_second, [1.0] * 5).saved == ["e2.h5", "e4.h5"]
    by_batch = callbacks.ModelCheckpoint("e{epoch}b{batch}.h5", save_freq=2, save_weights_only=True)
    model = Model()
    hooks = callbacks.CallbackList(by_batch, model=model)
    assert hooks.has_batch_hooks
    for epoch in range(2):
        hooks.on_epoch_begin(epoch)
        for batch in range(3):
            hooks.on_train_batch_end(batch, {"loss": 1.0})
        hooks.on_epoch_end(epoch, {"loss": 1.0})
    assert model.saved == ["e1b2.h5", "e2b1.h5", "e2b3.h5"]
    assert not callbacks.CallbackList(callbacks.ModelCheckpoint("x.h5")).has_batch_hooks


def test_checkpoint_saves_whole_models_and_makes_folders(tmp_path):
    path = tmp_path / "new" / "{epoch}.keras"
    assert run(callbacks.ModelCheckpoint(path), [1.0]).saved == [f"whole {tmp_path / 'new' / '1.keras'}"]
    assert (tmp_path / "new").is_dir()


def test_checkpoint_errors():
    with pytest.raises(KeyError, match="val_loss"):
        run(callbacks.ModelCheckpoint("{vall_loss:.2f}.h5"), [1.0])
    with pytest.raises(ValueError, match="save_freq"):
        callbacks.ModelCheckpoint("x.h5", save_freq="batch")
    with pytest.raises(ValueError, match="TensorFlow's checkpoints"):
        callbacks.ModelCheckpoint("x.h5", options=object())
    with pytest.raises(TypeError, match="save_best_only"):
        callbacks.ModelCheckpoint("x.h5", save_best=True)


def test_learning_rate_scheduler_takes_one_or_two_arguments(capsys):
    assert run(callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)), [1, 1]).rates == [0.1, 0.05]
    result = run(callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5, verbose=1), [1, 1])
    assert result.rates == [0.05, 0.025]
    assert result.logs["learning_rate"] == 0.025
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.025." in capsys.readouterr().out
    assert run(callbacks.LearningRateScheduler(lambda epoch, rate: np.float32(0.5)), [1]).rates == [0.5]


def test_learning_rate_scheduler_errors():
    with pytest.raises(ValueError, match="must return a number"):
        run(callbacks.LearningRateScheduler(lambda epoch: None), [1])
    with pytest.raises(TypeError, match="function"):
        callbacks.LearningRateScheduler(0.1)
    scheduler = callbacks.LearningRateScheduler(lambda epoch: 0.1)
    for optimizer in (None, SimpleNamespace(learning_rate=None)):  # the second as optax transformations are
        scheduler.set_model(SimpleNamespace(optimizer=optimizer))
        with pytest.raises(ValueError, match="inject_hyperparams"):
            scheduler.on_epoch_begin(0)


def test_an_error_inside_a_schedule_is_not_hidden():
    def schedule(epoch, rate):
        raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        run(callbacks.LearningRateScheduler(schedule), [1])


def test_real_optimizers_are_read_and_written():
    optimizers = pytest.importorskip("jkeras.optimizers")
    model = Model()
    model.optimizer = optimizers.Adam(0.5)
    scheduler = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    scheduler.set_model(model)
    scheduler.on_epoch_begin(0)
    assert float(model.optimizer.learning_rate) == 0.25


def test_history_keeps_every_metric_and_belongs_to_the_model():
    model = Model()
    hooks = callbacks.CallbackList(
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch)), True, model=model, epochs=2
    )
    hooks.on_train_begin()
    for epoch in range(2):
        hooks.on_epoch_end(epoch, {"loss": 1.0})
    assert model.history is hooks.history
    assert model.history.history == {"loss": [1.0, 1.0], "extra": [0, 1]}
    assert model.history.epoch == [0, 1] and model.history.params == {"epochs": 2}
    own = callbacks.History()
    assert callbacks.CallbackList([own], add_history=True).history is own


def test_the_list_calls_only_what_is_overridden_and_in_order():
    calls = []

    class First(Callback):
        def on_epoch_end(self, epoch, logs=None):
            calls.append(("first", epoch))

    class Old(Callback):
        def on_batch_end(self, batch, logs=None):
            calls.append(("old", batch, logs))

    hooks = callbacks.CallbackList([First(), [callbacks.LambdaCallback(on_epoch_end=lambda e, logs: calls.append(e))]])
    assert not (hooks.has_batch_hooks or hooks.has_test_batch_hooks or hooks.has_predict_batch_hooks)
    for hook in HOOKS:
        getattr(hooks, hook)(*([3] if "batch" in hook or "epoch" in hook else []))
    assert calls == [("first", 3), 3]
    hooks.append(Old())
    assert hooks.has_batch_hooks and not hooks.has_test_batch_hooks
    calls.clear()
    hooks.on_train_batch_end(7, {"loss": 1.0})
    hooks.on_batch_end(8)
    assert calls == [("old", 7, {"loss": 1.0}), ("old", 8, {})]


def test_every_hook_of_keras_is_there():
    theirs = {name for name in dir(keras_callbacks().Callback) if name.startswith("on_")}
    assert theirs == set(HOOKS)


def test_the_list_refuses_what_is_no_callback():
    with pytest.raises(TypeError, match=r"EarlyStopping\(\.\.\.\)"):
        callbacks.CallbackList([callbacks.EarlyStopping])
    with pytest.raises(TypeError, match="Callback"):
        callbacks.CallbackList(["loss"])


def test_lambda_callback_refuses_misspelt_hooks():
    with pytest.raises(TypeError, match="on_epoch_end"):
        callbacks.LambdaCallback(on_epoc_end=print)
    with pytest.raises(TypeError, match="function"):
        callbacks.LambdaCallback(on_epoch_end=3)
    hooks = callbacks.CallbackList(callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: None))
    assert hooks.has_test_batch_hooks and not hooks.has_batch_hooks


def test_csv_logger_writes_what_keras_writes(tmp_path):
    rows = [{"loss": 0.5, "accuracy": 0.25}, {"loss": 0.25, "accuracy": 0.5, "val_loss": 0.125, "val_accuracy": 1.0}]
    for name, logger in (("ours", callbacks.CSVLogger), ("theirs", keras_callbacks().CSVLogger)):
        callback = logger(str(tmp_path / name), separator=";")
        callback.set_model(Model())
        callback.on_train_begin({})
        for epoch, logs in enumerate(rows):
            callback.on_epoch_end(epoch, logs)
        callback.on_train_end({})
    assert (tmp_path / "ours").read_text() == (tmp_path / "theirs").read_text().replace("\r\n", "\n")


def test_csv_logger_has_each_row_on_disk_at_once_and_appends_in_the_old_columns(tmp_path):
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path)
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    assert path.read_text() == "epoch,loss,val_loss\n0,1.0,2.0\n"
    logger.on_train_end()
    more = callbacks.CSVLogger(path, append=True)
    more.on_train_begin()
    more.on_epoch_end(1, {"val_loss": 4.0, "loss": 3.0})
    more.on_train_end()
    with path.open() as file:
        assert list(csv.reader(file))[1:] == [["0", "1.0", "2.0"], ["1", "3.0", "4.0"]]
    other = callbacks.CSVLogger(path, append=True)
    other.on_train_begin()
    with pytest.raises(ValueError, match="no column for accuracy"):
        other.on_epoch_end(2, {"loss": 1.0, "accuracy": 1.0})
    other.on_train_end()


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.float32("nan")])
def test_terminate_on_nan(loss, capsys):
    model = Model()
    hooks = callbacks.CallbackList(callbacks.TerminateOnNaN(), model=model)
    hooks.on_train_batch_end(0, {"loss": 1.0})
    assert not model.stop_training and hooks.has_batch_hooks
    hooks.on_train_batch_end(4, {"loss": loss})
    assert model.stop_training
    assert capsys.readouterr().out == "Batch 4: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="batch 4"):
        callbacks.TerminateOnNaN(raise_error=True).on_train_batch_end(4, {"loss": loss})


STATEFUL = [
    lambda: callbacks.EarlyStopping(patience=3),
    lambda: callbacks.ReduceLROnPlateau(patience=1, cooldown=1),
    lambda: callbacks.ModelCheckpoint("{epoch}.h5", save_best_only=True, save_weights_only=True, period=2),
    lambda: callbacks.History(),
]


@pytest.mark.parametrize("make", STATEFUL, ids=range(len(STATEFUL)))
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_run_that_is_cut_and_resumed_ends_like_one_that_is_not(make, cut):
    rows = [1.0, 0.8, 0.9, 0.7, 0.75, 0.76, 0.77, 0.78]

    def drive(callback, model, epochs):
        for epoch in epochs:
            callback.on_epoch_begin(epoch, {})
            callback.on_epoch_end(epoch, {"val_loss": rows[epoch]})

    whole, first, second = make(), make(), make()
    models = Model(), Model()
    whole.set_model(models[0])
    first.set_model(models[1])
    second.set_model(models[1])
    whole.on_train_begin()
    first.on_train_begin()
    drive(whole, models[0], range(8))
    drive(first, models[1], range(cut))
    second.on_train_begin()
    second.load_state_dict(json.loads(json.dumps(first.state_dict(), allow_nan=False)))
    drive(second, models[1], range(cut, 8))
    assert whole.state_dict() == second.state_dict()
    assert models[0].saved == models[1].saved
    assert models[0].optimizer.learning_rate == models[1].optimizer.learning_rate


def test_the_state_of_a_list_goes_back_to_the_same_callbacks_only():
    hooks = callbacks.CallbackList([callbacks.EarlyStopping(patience=3)], add_history=True, model=Model())
    hooks.on_train_begin()
    hooks.on_epoch_end(0, {"val_loss": 1.0})
    states = hooks.state_dict()
    twin = callbacks.CallbackList([callbacks.EarlyStopping(patience=3)], add_history=True, model=Model())
    twin.load_state_dict(states)
    assert twin.state_dict() == states
    with pytest.raises(ValueError, match="EarlyStopping"):
        callbacks.CallbackList([callbacks.CSVLogger("x")], add_history=True).load_state_dict(states)
    with pytest.raises(ValueError, match="surprise"):
        callbacks.History().load_state_dict({"surprise": 1})


def test_callbacks_in_a_real_run(tmp_path):
    from jkeras import layers
    from jkeras.models import Sequential

    batches = []

    class Watch(Callback):
        def on_train_batch_end(self, batch, logs=None):
            batches.append((batch, float(logs["loss"])))

    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    y = x.sum(1, keepdims=True)
    model = Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile("sgd", "mse")
    history = model.fit(x, y, epochs=5, batch_size=8, validation_split=0.2, verbose=0, callbacks=[
        Watch(),
        callbacks.LearningRateScheduler(lambda epoch: [0.1, 0.1, 2.0, 2.0, 2.0][epoch]),  # it diverges in the third
        callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_best_only=True, save_weights_only=True),
        callbacks.CSVLogger(tmp_path / "log.csv"),
        callbacks.EarlyStopping(patience=1, restore_best_weights=True),
    ])  # fmt: skip
    assert [batch for batch, _ in batches] == [0, 1, 2, 3] * 3
    assert history.epoch == [0, 1, 2] and model.history is history
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.1, 2.0], rtol=1e-6)
    best = min(history.history["val_loss"])
    np.testing.assert_allclose(model.evaluate(x[32:], y[32:], verbose=0), best, rtol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5", "log.csv"]
    model.set_weights([np.zeros((4, 1)), np.zeros(1)])
    model.load_weights(tmp_path / "2.weights.h5")
    np.testing.assert_allclose(model.evaluate(x[32:], y[32:], verbose=0), best, rtol=1e-5)
