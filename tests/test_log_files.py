"""Logs in files: TensorBoard's, CSV, JSON lines; of whole runs, killed ones, and resumed ones."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import jkeras
from jkeras import callbacks, layers, utils
from jkeras.callbacks.event_files import as_images, png
from jkeras.callbacks.log_values import json_text
from jkeras.models import Model, Sequential

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 4)).astype("float32")
Y = (X[:, :1] - X[:, 1:2] * 0.5).astype("float32")
EPOCH = 9  # batches of 8


def network():
    net = Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)])
    net.compile("adam", "mse", metrics=["mae"])
    return net


def fit(hooks, epochs=2, model=None, **options):
    options = {"batch_size": 8, "validation_data": (X[:16], Y[:16]), **options}
    return (model or network()).fit(X, Y, epochs=epochs, verbose=0, callbacks=hooks, **options)


def events(folder, run="train"):
    """Read a run with TensorBoard's own reader."""
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return module.EventAccumulator(str(Path(folder, run)), size_guidance={"tensors": 0}).Reload()


def scalars(folder, run="train"):
    """Return `{tag: [(step, value)]}`."""
    found = events(folder, run)
    return {
        tag: [(event.step, event.tensor_proto.float_val[0]) for event in found.Tensors(tag)]
        for tag in found.Tags()["tensors"]
        if found.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    }


def steps(rows):
    return [step for step, _ in rows]


# What Keras 3.15 wrote for the same runs, asked with a recorder in the place of `tf.summary`: tag, and its steps.
EPOCHS = {"epoch_loss": [0, 1], "epoch_mae": [0, 1], "epoch_learning_rate": [0, 1]}
TAGS = {
    "epoch": {},
    "batch": {"batch_loss": [*range(1, 19)], "batch_mae": [*range(1, 19)]},
    1: {"batch_loss": [*range(1, 19)], "batch_mae": [*range(1, 19)]},
    4: {"batch_loss": [4, 8, 12, 16], "batch_mae": [4, 8, 12, 16]},
}


@pytest.mark.parametrize("update_freq", TAGS)
def test_scalars_have_the_tags_and_steps_of_keras(tmp_path, update_freq):
    history = fit([callbacks.TensorBoard(tmp_path, update_freq=update_freq)]).history
    train, validation = scalars(tmp_path), scalars(tmp_path, "validation")
    assert {tag: steps(rows) for tag, rows in train.items()} == {**EPOCHS, **TAGS[update_freq]}
    assert {tag: steps(rows) for tag, rows in validation.items()} == {
        "evaluation_loss_vs_iterations": [9, 18], "evaluation_mae_vs_iterations": [9, 18],
        "epoch_loss": [0, 1], "epoch_mae": [0, 1],
    }  # fmt: skip
    np.testing.assert_allclose([value for _, value in train["epoch_loss"]], history["loss"])
    np.testing.assert_allclose([value for _, value in validation["epoch_mae"]], history["val_mae"])
    np.testing.assert_allclose([value for _, value in train["epoch_learning_rate"]], [1e-3] * 2)
    assert "learning_rate" not in history


def test_batches_written_are_those_of_a_callback_that_sees_all(tmp_path):
    seen = {}
    step = iter(range(1, 100))
    every = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.update({next(step): logs["loss"]}))
    fit([callbacks.TensorBoard(tmp_path, update_freq=5), every])
    assert scalars(tmp_path)["batch_loss"] == [(n, pytest.approx(seen[n])) for n in (5, 10, 15)]


def test_the_loop_stops_only_where_batches_are_written(tmp_path):
    for hooks, interval in (({}, None), ({"update_freq": 6}, 6), ({"profile_batch": 3}, None)):
        listed = callbacks.CallbackList(callbacks.TensorBoard(tmp_path, **hooks))
        assert listed.has_batch_hooks == (interval is not None)
        assert interval is None or listed.batch_interval == interval
    board, model = callbacks.TensorBoard(tmp_path, update_freq=6), network()
    fit([board], model=model)
    # The last batch of an epoch, the ninth, is smaller and apart: 6, 2, 1 and 3, 5, 1.
    assert model._compiled.record.blocks == 6


@pytest.mark.parametrize("prescribed, found", [(4, [4, 8, 12, 16]), (5, [5, 10, 14, 18])])
def test_with_prescribed_blocks_the_first_batch_told_after_a_multiple_counts(tmp_path, prescribed, found):
    model = Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=prescribed)
    fit([callbacks.TensorBoard(tmp_path, update_freq=4)], model=model, validation_data=None)
    written = steps(scalars(tmp_path)["batch_loss"])
    assert all(step % 4 < prescribed or step % EPOCH == 0 for step in written) and len(written) == 4


def test_rates(tmp_path):
    fit([callbacks.TensorBoard(tmp_path, update_freq=4, write_steps_per_second=True)])
    found = scalars(tmp_path)
    assert steps(found["epoch_steps_per_second"]) == [0, 1]
    assert steps(found["batch_steps_per_second"]) == [4, 8, 12, 16]
    assert all(0 < value < 1e6 for tag in ("epoch", "batch") for _, value in found[f"{tag}_steps_per_second"])


def test_steps_of_an_evaluation_on_its_own_and_of_a_second_training(tmp_path):
    board, model = callbacks.TensorBoard(tmp_path, update_freq=9), network()
    fit([board], epochs=1, model=model)
    model.evaluate(X, Y, verbose=0, callbacks=[board])
    fit([board], epochs=1, model=model)
    assert steps(scalars(tmp_path, "validation")["evaluation_loss_vs_iterations"]) == [9, 9, 18]
    assert steps(scalars(tmp_path)["batch_loss"]) == [9, 9]


def test_histograms_and_images_of_every_weight(tmp_path):
    pytest.importorskip("PIL")
    import io

    from PIL import Image

    model = network()
    fit([callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True)], epochs=3, model=model)
    found = events(tmp_path)
    kinds = {tag: found.SummaryMetadata(tag).plugin_data.plugin_name for tag in found.Tags()["tensors"]}
    histograms = {tag for tag, kind in kinds.items() if kind == "histograms"}
    assert histograms == {
        f"{path}/{name}/histogram"
        for path, names in (
            ("dense", ("kernel", "bias")), ("dense_1", ("kernel", "bias")),
            ("batch_normalization", ("gamma", "beta", "moving_mean", "moving_variance")),
        )
        for name in names
    }  # fmt: skip
    for tag in histograms:
        assert [event.step for event in found.Tensors(tag)] == [0, 2]
    buckets = tensor(found.Tensors("dense/kernel/histogram")[-1])
    kernel = model.layers[0].kernel.numpy()
    assert buckets[:, 2].sum() == kernel.size
    np.testing.assert_allclose([buckets[0, 0], buckets[-1, 1]], [kernel.min(), kernel.max()])
    # A bias of one number is no picture.
    assert {tag for tag, kind in kinds.items() if kind == "images"} == {
        tag.replace("histogram", "image") for tag in histograms - {"dense_1/bias/histogram"}
    }
    width, height, picture = found.Tensors("dense/kernel/image")[-1].tensor_proto.string_val
    opened = np.asarray(Image.open(io.BytesIO(picture)))
    assert (int(width), int(height)) == (4, 3) and opened.shape == (3, 4)
    spread = (kernel.T - kernel.min()) / np.ptp(kernel) * 255
    np.testing.assert_allclose(opened, spread, atol=0.51)


def tensor(event):
    from tensorboard.util.tensor_util import make_ndarray

    return make_ndarray(event.tensor_proto)


@pytest.mark.parametrize("shape, expected", [
    ((5,), (1, 5, 1)), ((1,), None), ((4, 3), (1, 3, 4)), ((3, 5), (1, 3, 5)), ((3, 1), (1, 3, 1)),
    ((3, 3, 1, 5), (5, 3, 3)), ((3, 4, 5), (5, 3, 4)), ((3, 3, 3, 5), None),
])  # fmt: skip
def test_pictures_are_laid_out_as_keras_does(shape, expected):
    found = as_images(np.zeros(shape))
    assert (None if found is None else found.shape) == expected


def test_pictures_are_png_files():
    image = pytest.importorskip("PIL.Image")
    import io

    levels = rng.integers(0, 256, size=(7, 11)).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(image.open(io.BytesIO(png(levels)))), levels)


def test_weights_that_are_no_numbers_do_not_end_the_training(tmp_path):
    model = network()
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    fit([callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True)], model=model, epochs=1)
    assert tensor(events(tmp_path).Tensors("dense/kernel/histogram")[0])[:, 2].sum() == 0
    assert np.isnan(scalars(tmp_path)["epoch_loss"][0][1])


def functional():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    inner = Sequential([layers.Input((4,)), layers.Dense(3, name="in_inner")], name="inner")
    added = layers.Add(name="added")([inner(a), layers.Dense(3, name="beside")(b)])
    return Model([a, b], layers.Dense(1, name="end")(added), name="two")


def test_tensorboard_makes_the_graph_of_layers(tmp_path):
    keras_util = pytest.importorskip("tensorboard.plugins.graph.keras_util")
    model = functional()
    model.compile("sgd", "mse")
    model.fit([X, X], Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)])
    found = events(tmp_path)
    assert found.SummaryMetadata("keras").plugin_data.plugin_name == "graph_keras_model"
    (event,) = found.Tensors("keras")
    graph = keras_util.keras_model_to_graph_def(json.loads(event.tensor_proto.string_val[0]))
    assert found.Graph() == graph  # what is shown first
    inputs = {node.name: list(node.input) for node in graph.node}
    assert inputs["two/end"] == ["two/added"]
    assert set(inputs["two/added"]) == {"two/inner/in_inner", "two/beside"}
    assert inputs["two/beside"] == ["two/b"]
    assert {node.name: node.attr["keras_class"].s for node in graph.node}["two/added"] == b"Add"


def test_the_summary_is_a_text_and_a_class_of_ones_own_has_no_graph(tmp_path):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.end = layers.Dense(1)

        def call(self, x):
            return self.end(x)

    model = Own()
    model.compile("sgd", "mse")
    fit([callbacks.TensorBoard(tmp_path / "own")], model=model)
    fit([callbacks.TensorBoard(tmp_path / "none", write_graph=False)])
    found = events(tmp_path / "own")
    assert "keras" not in found.Tags()["tensors"]
    assert found.SummaryMetadata("model_summary").plugin_data.plugin_name == "text"
    text = found.Tensors("model_summary")[0].tensor_proto.string_val[0].decode()
    assert "end (Dense)" in text and text.startswith("```")
    assert not {"keras", "model_summary"} & set(events(tmp_path / "none").Tags()["tensors"])


def test_hyperparameters(tmp_path):
    metadata = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    given = {"units": 3, "rate": np.float32(0.5), "bias": True, "name": "x", "shape": (2, 3)}
    fit([callbacks.TensorBoard(tmp_path, hparams=given)])
    found = events(tmp_path, "")
    began = metadata.parse_session_start_info_plugin_data(
        found.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    )
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in began.hparams.items()}
    assert values == {"units": 3.0, "rate": 0.5, "bias": True, "name": "x", "shape": "[2, 3]"}
    ended = metadata.parse_session_end_info_plugin_data(
        found.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    )
    assert ended.status == 1 and ended.end_time_secs >= began.start_time_secs


def words():
    model = Sequential([
        layers.Input((3,)), layers.Embedding(5, 2, name="words"), layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("options", [
    {"embeddings_metadata": "labels.tsv"}, {"embeddings_metadata": {"words": "labels.tsv"}},
    {"embeddings_layer_names": ["words"], "embeddings_metadata": "labels.tsv"},
])  # fmt: skip
def test_embeddings_are_read_by_the_projector(tmp_path, options):
    plugin = pytest.importorskip("tensorboard.plugins.projector.projector_plugin")
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    model = words()
    board = callbacks.TensorBoard(tmp_path, embeddings_freq=2, **options)
    model.fit(np.ones((8, 3), int), np.ones(8), epochs=3, verbose=0, callbacks=[board])
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (entry,) = config.embeddings
    assert (entry.tensor_name, list(entry.tensor_shape), entry.metadata_path) == ("words", [5, 2], "labels.tsv")
    table = np.array(plugin._read_tensor_tsv_file(str(tmp_path / entry.tensor_path)), np.float32)
    np.testing.assert_array_equal(table, model.get_weights()[0])


def test_a_trace_of_some_batches(tmp_path):
    model = network()
    fit([callbacks.TensorBoard(tmp_path, profile_batch=(11, 13))], model=model)
    assert list(tmp_path.glob("plugins/profile/*/*.xplane.pb"))
    assert not model._compiled.record.hooked
    with pytest.raises(ValueError, match="take one"):
        fit([callbacks.TensorBoard(tmp_path, profile_batch=2)], profile=tmp_path / "other")


def test_arguments_of_tensorboard(tmp_path):
    with pytest.warns(UserWarning, match=r"batch_size=\.\.\.\) has no effect"):
        callbacks.TensorBoard(tmp_path, batch_size=32)
    with pytest.warns(UserWarning, match="gradients"):
        callbacks.TensorBoard(tmp_path, write_grads=True)
    callbacks.TensorBoard(tmp_path, write_grads=False, embeddings_layer_names=None, embeddings_data=None)
    for name, wrong in {
        "update_freq": [0, -1, "batches"],
        "histogram_freq": [-1, 0.5, "epoch"],
        "profile_batch": [(3, 2), -1, "x", (1, 2, 3), [], None],
    }.items():
        for value in wrong:
            with pytest.raises(ValueError, match=name):
                callbacks.TensorBoard(tmp_path, **{name: value})
    with pytest.raises(TypeError, match="histogram_freq"):
        callbacks.TensorBoard(tmp_path, histogram_frequency=1)
    with pytest.raises(ValueError, match="no embedding layer of the model. There is: words"):
        board = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_layer_names=["wrods"])
        words().fit(np.ones((8, 3), int), np.ones(8), verbose=0, callbacks=[board])


@pytest.mark.parametrize("name, package, words", [
    ("TensorBoard", "tensorboard", r"jkeras\[tensorboard\]"), ("MLflowLogger", "mlflow", "pip install mlflow"),
    ("WandbLogger", "wandb", "pip install wandb"),
])  # fmt: skip
def test_a_missing_package_is_named(monkeypatch, name, package, words):
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=words):
        getattr(callbacks, name)()


# Runs that are cut and go on


def loggers(folder):
    return [
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.JSONLogger(folder / "log.jsonl", update_freq=4),
        callbacks.TensorBoard(folder / "board", update_freq=4, histogram_freq=1, hparams={"units": 3}),
    ]


class Cut(callbacks.Callback):
    """Raises in the middle of training."""

    def __init__(self, epoch, batch=None):
        self.at, self.epoch = (epoch, batch), 0
        if batch is not None:
            self.on_train_batch_end = self._count

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.at == (epoch, None):
            raise InterruptedError

    def _count(self, batch, logs=None):
        if (self.epoch, batch) >= self.at:
            raise InterruptedError


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


@pytest.mark.parametrize("make, kept", [
    (callbacks.JSONLogger, '{"epoch": 0}\n'), (callbacks.CSVLogger, "epoch,loss\n0,0.5\n"),
])  # fmt: skip
def test_appending_drops_a_line_that_was_cut_off(tmp_path, make, kept):
    path = tmp_path / "log"
    path.write_text(kept + "1,0.")
    logger = make(path, append=True)
    logger.on_train_begin()
    logger.on_epoch_end(1, {"loss": 0.25})
    logger.on_train_end()
    assert path.read_text().startswith(kept)
    assert len(path.read_text().splitlines()) == len(kept.splitlines()) + 1


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
    assert jkeras.callbacks.CSVLogger is callbacks.CSVLogger and os.path.exists(tmp_path / "log.csv")
