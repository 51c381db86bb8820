"""What TensorBoard's own reader finds in the files that the callback wrote."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import optax
import pytest
from logs import EPOCH, X, Y, events, fit, network, scalars, steps

from jkeras import callbacks, layers, optimizers
from jkeras.callbacks.event_files import png
from jkeras.callbacks.model_events import as_images
from jkeras.models import Model, Sequential

pytest.importorskip("tensorboard")

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
    levels = np.random.default_rng(0).integers(0, 256, size=(7, 11)).astype(np.uint8)
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


@pytest.mark.parametrize("optimizer", ["optax", "schedule", "scaled"])
def test_the_rate_of_any_optimizer(tmp_path, optimizer):
    optimizer, rates = {
        "optax": lambda: (optax.adam(0.5), None),
        "schedule": lambda: (optimizers.SGD(optimizers.schedules.ExponentialDecay(0.5, EPOCH, 0.5)), [0.25, 0.125]),
        "scaled": lambda: (optimizers.LossScaleOptimizer(optimizers.SGD(0.5)), [0.5, 0.5]),
    }[optimizer]()
    model = Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(optimizer, "mse")
    fit([callbacks.TensorBoard(tmp_path)], model=model)
    found = scalars(tmp_path).get("epoch_learning_rate")
    assert found == (None if rates is None else [(epoch, pytest.approx(rate)) for epoch, rate in enumerate(rates)])
    assert events(tmp_path).Graph() is not None


def test_a_layer_without_a_configuration_costs_the_graph_only(tmp_path):
    class Own(layers.Layer):
        def get_config(self):
            raise TypeError("not data")

        def call(self, inputs):
            return inputs + 1

    model = Sequential([layers.Input((4,)), Own(), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no graph, .* not data"):
        fit([callbacks.TensorBoard(tmp_path)], model=model)
    assert {"epoch_loss", "model_summary"} <= set(events(tmp_path).Tags()["tensors"])


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
    ("TensorBoard", "tensorboard", r"jkeras\[tensorboard\]"), ("MLflowLogger", "mlflow", r"jkeras\[mlflow\]"),
    ("WandbLogger", "wandb", r"jkeras\[wandb\]"),
])  # fmt: skip
def test_a_missing_package_is_named(monkeypatch, name, package, words):
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=words):
        getattr(callbacks, name)()


def test_numbers_are_written_as_tensorboard_writes_them(monkeypatch, tmp_path):
    summary = pytest.importorskip("tensorboard.plugins.scalar.summary_v2")
    from jkeras.callbacks.event_files import EventFiles

    written = []
    monkeypatch.setattr(EventFiles, "summary", lambda self, run, value, step: written.append(value))
    EventFiles(tmp_path).scalars("train", {"loss": 0.1, "nan": np.nan}, step=1)
    expected = summary.scalar_pb("loss", 0.1)
    expected.MergeFrom(summary.scalar_pb("nan", np.nan))
    assert written[0].SerializeToString() == expected.SerializeToString()
