"""Weight files: both layouts, both ways against Keras, and files that do not fit or cannot be trusted."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from jkeras import layers
from jkeras.models import Model, Sequential
from jkeras.saving import load_weights, save_weights
from jkeras.saving.hdf5 import read_names, write_names

FIXTURES = Path(__file__).parent / "fixtures"
SUFFIXES = (".weights.h5", ".h5")


def keras():
    return pytest.importorskip("keras")


def mlp(L, models):
    return models.Sequential([
        L.Input((6,)), L.Dense(6, activation="relu"), L.Dropout(0.2), L.Dense(6, activation="tanh", name="named"),
        L.Dense(3, activation="softmax"),
    ])  # fmt: skip


def rnns(L, models):
    x = inputs = L.Input((7, 4))
    x = L.LSTM(5, return_sequences=True)(x)
    x = L.GRU(4, return_sequences=True)(x)
    x = L.Bidirectional(L.LSTM(5, return_sequences=True))(x)
    x = L.Bidirectional(L.GRU(3, return_sequences=True, reset_after=False), merge_mode="sum")(x)
    x = L.SimpleRNN(4, go_backwards=True)(x)
    return models.Model(inputs, L.Dense(1)(x))


def recurrent(L, models):
    return models.Sequential([
        L.Input((4, 3)), L.LSTM(2, return_sequences=True), L.Bidirectional(L.GRU(2)), L.Dense(1)
    ])  # fmt: skip


def masked(L, models):
    return models.Sequential([
        L.Input((None,), dtype="int32"), L.Embedding(30, 7, mask_zero=True), L.Bidirectional(L.LSTM(3)),
        L.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def normalised(L, models):
    return models.Sequential([
        L.Input((4, 3)), L.BatchNormalization(), L.LayerNormalization(), L.Conv1D(3, 2), L.BatchNormalization(),
        L.Flatten(), L.Dense(2),
    ])  # fmt: skip


def nested(L, models):
    encoder = models.Sequential([L.Input((4, 3)), L.Conv1D(5, 2), L.Flatten(), L.BatchNormalization(), L.Dense(3)])
    first, second = L.Input((4, 3)), L.Input((4, 3))
    x = L.Subtract()([encoder(first), encoder(second)])
    inner_input = L.Input((3,))
    inner = models.Model(inner_input, L.Dense(3)(inner_input))
    x = inner(inner(x))
    shared = L.Dense(3)
    return models.Model([first, second], L.Dense(1)(shared(shared(x))))


def wrapped(L, models):
    return models.Sequential([L.Input((4, 3)), L.TimeDistributed(L.Dense(2)), L.Flatten(), L.Dense(1)])


def subclassed(L, models):
    class Network(models.Model):
        def __init__(self):
            super().__init__()
            self.zeta = L.Dense(3)
            self._private = L.Dense(2)
            self.blocks = [L.Dense(4), [L.Dense(5)]]
            self.table = {"b": L.Dense(6), "a": L.BatchNormalization()}
            self.alpha = L.Dense(2)
            self.again = self.zeta

        def call(self, x):
            x = self.blocks[1][0](self.blocks[0](self._private(self.zeta(x))))
            return self.alpha(self.table["a"](self.table["b"](x)))

    return Network()


class Ours:
    """The two namespaces a builder takes."""

    layers, models = layers, type("models", (), {"Model": Model, "Sequential": Sequential})


BUILDERS = {
    build.__name__: (build, shapes)
    for build, shapes in (
        (mlp, [(5, 6)]),
        (recurrent, [(5, 4, 3)]),
        (masked, [(5, 9)]),
        (normalised, [(5, 4, 3)]),
        (nested, [(5, 4, 3), (5, 4, 3)]),
        (wrapped, [(5, 4, 3)]),
        (subclassed, [(5, 3)]),
    )
}


def data(shapes, integers=False):
    rng = np.random.default_rng(0)
    draw = (lambda s: rng.integers(0, 30, s).astype("int32")) if integers else lambda s: rng.normal(size=s).astype("f4")
    arrays = [draw(shape) for shape in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


@functools.cache
def made(name):
    """Make our model and that of Keras, once, and an input."""
    build, shapes = BUILDERS[name]
    inputs = data(shapes, integers=name == "masked")
    models = build(Ours.layers, Ours.models), build(keras().layers, keras())
    for model in models:
        if not model.built:
            model(inputs)
    return *models, inputs


def ours_and_theirs(name):
    """Return our model, that of Keras with other weights, and an input."""
    ours, theirs, inputs = made(name)
    rng = np.random.default_rng(1)
    for model in (ours, theirs):
        model.set_weights([rng.uniform(0.1, 1.0, w.shape) for w in model.weights])
    return ours, theirs, inputs


def outputs(model, inputs):
    return np.asarray(model.predict(inputs, verbose=0))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_keras_reads_what_we_write(name, suffix, tmp_path):
    ours, theirs, inputs = ours_and_theirs(name)
    path = str(tmp_path / f"model{suffix}")
    ours.save_weights(path)
    theirs.load_weights(path)
    np.testing.assert_allclose(outputs(theirs, inputs), outputs(ours, inputs), rtol=2e-4, atol=2e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_we_read_what_keras_writes(name, suffix, tmp_path):
    ours, theirs, inputs = ours_and_theirs(name)
    path = str(tmp_path / f"model{suffix}")
    if suffix == ".h5":
        if name == "subclassed":
            pytest.skip("Keras 3 writes no legacy files of subclassed models")
        theirs.save(path)
    else:
        theirs.save_weights(path)
    ours.load_weights(path)
    np.testing.assert_allclose(outputs(ours, inputs), outputs(theirs, inputs), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("build", [mlp, rnns, masked])
@pytest.mark.parametrize("kind", ["k2.legacy_weights", "k3.weights"])
def test_files_written_long_ago_predict_what_they_predicted(build, kind):
    model = build(Ours.layers, Ours.models)
    model.load_weights(FIXTURES / f"{build.__name__}.{kind}.h5")
    recorded = np.load(FIXTURES / f"{build.__name__}.{kind[:2]}.npz")
    np.testing.assert_allclose(outputs(model, recorded["x0"]), recorded["y0"], rtol=1e-4, atol=1e-5)


def small(units=2, **kwargs):
    return Sequential([layers.Dense(3, input_shape=(4,), name="first"), layers.Dense(units, name="second", **kwargs)])


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".hdf5", ".ckpt", ""])
def test_round_trip_under_any_name(suffix, tmp_path):
    model, twin = small(), small()
    path = tmp_path / "deep" / f"w{suffix}"
    save_weights(model, path)
    load_weights(twin, path)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert os.listdir(path.parent) == [path.name]


def test_the_legacy_layout_is_that_of_keras_2(tmp_path):
    model = small()
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        assert read_names(file, "layer_names") == ["first", "second"]
        assert read_names(file["first"], "weight_names") == ["first/kernel:0", "first/bias:0"]
        assert file["first/first/kernel:0"].shape == (4, 3)
        assert {"backend", "keras_version"} <= set(file.attrs)


def test_long_lists_of_names_are_split(tmp_path):
    names = [f"layer_{i:05d}_{'x' * 90}" for i in range(2000)]
    with h5py.File(tmp_path / "n.h5", "w") as file:
        write_names(file, "layer_names", names)
        assert "layer_names0" in file.attrs and "layer_names" not in file.attrs
        assert read_names(file, "layer_names") == names
    legacy = pytest.importorskip("keras.src.legacy.saving.legacy_h5_format")
    with h5py.File(tmp_path / "n.h5") as file:
        assert legacy.load_attributes_from_hdf5_group(file, "layer_names") == names


def test_a_file_written_frozen_is_read_unfrozen(tmp_path):
    def build():
        inner = Sequential([layers.Dense(3, input_shape=(3,)), layers.BatchNormalization(), layers.Dense(3)])
        return Sequential([inner, layers.Dense(1)])

    model, twin = build(), build()
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1.0, w.shape) for w in model.get_weights()])
    model.layers[0].layers[0].trainable = False
    model.save_weights(tmp_path / "w.h5")
    twin.load_weights(tmp_path / "w.h5")
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bfloat16_survives(suffix, tmp_path):
    model, twin = small(dtype="bfloat16"), small(dtype="bfloat16")
    model.save_weights(tmp_path / f"w{suffix}")
    twin.load_weights(tmp_path / f"w{suffix}")
    assert twin.get_weights()[2].dtype == "bfloat16"
    np.testing.assert_array_equal(np.float32(twin.get_weights()[2]), np.float32(model.get_weights()[2]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_bfloat16_goes_both_ways_with_keras(tmp_path):
    K = keras()
    theirs = K.Sequential([K.Input((4,)), K.layers.Dense(3), K.layers.Dense(2, dtype="bfloat16")])
    ours = small(dtype="bfloat16")
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.load_weights(tmp_path / "a.weights.h5")
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(np.float32(a), np.float32(b))
    theirs.set_weights([np.full(w.shape, 0.5) for w in theirs.get_weights()])
    theirs.save_weights(tmp_path / "b.weights.h5")
    ours.load_weights(tmp_path / "b.weights.h5")
    assert all(np.all(np.float32(w) == 0.5) for w in ours.get_weights())


def test_by_name_takes_what_has_the_same_name(tmp_path):
    model = small()
    model.save_weights(tmp_path / "w.h5")
    other = Sequential([layers.Dense(7, input_shape=(9,), name="new"), layers.Dense(2, name="second")])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"'second', weight 'kernel'.*\(7, 2\).*\(3, 2\)"):
        other.load_weights(tmp_path / "w.h5", by_name=True)
    with pytest.warns(UserWarning, match="second"):
        other.load_weights(tmp_path / "w.h5", by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])
    fitting = Sequential([layers.Dense(3, input_shape=(4,), name="elsewhere"), layers.Dense(2, name="second")])
    fitting.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(fitting.get_weights()[2], model.get_weights()[2])
    assert not np.array_equal(fitting.get_weights()[0], model.get_weights()[0])
    stranger = Sequential([layers.Dense(3, input_shape=(4,), name="stranger")])
    with pytest.warns(UserWarning, match="nothing was loaded"):
        stranger.load_weights(tmp_path / "w.h5", by_name=True)


def test_by_name_needs_names(tmp_path):
    model = small()
    model.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match="by_name"):
        model.load_weights(tmp_path / "w.weights.h5", by_name=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_mismatch_names_layer_weight_and_shapes_and_changes_nothing(suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    small(units=5).save_weights(path)
    model = small()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"Layer 'second', weight 'kernel'.*expected shape \(3, 2\).*found \(3, 5\)"):
        model.load_weights(path)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="second"):
        model.load_weights(path, skip_mismatch=True)
    assert not np.array_equal(model.get_weights()[0], before[0])
    np.testing.assert_array_equal(model.get_weights()[2], before[2])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_number_of_layers_is_an_error_that_lists_both(suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    longer = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(2), layers.Dense(2, name="surplus")])
    longer.save_weights(path)
    with pytest.raises(ValueError, match="surplus" if suffix == ".h5" else "dense_2"):
        small().load_weights(path)
    small().save_weights(path)
    with pytest.raises(ValueError, match=r"'?surplus'?"):
        longer.load_weights(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nan_is_refused_by_name_unless_allowed(suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    model = small()
    weights = [np.array(w) for w in model.get_weights()]
    weights[3][1] = np.nan
    model.set_weights(weights)
    model.save_weights(path)
    twin = small()
    before = twin.get_weights()
    with pytest.raises(ValueError, match="Layer 'second', weight 'bias' holds NaN"):
        twin.load_weights(path)
    np.testing.assert_array_equal(twin.get_weights()[0], before[0])
    load_weights(twin, path, allow_nan=True)
    assert np.isnan(twin.get_weights()[3][1])


def test_files_that_are_none(tmp_path):
    model = small()
    with pytest.raises(FileNotFoundError, match="nowhere.h5"):
        model.load_weights(tmp_path / "nowhere.h5")
    (tmp_path / "w.ckpt.index").write_text("")
    with pytest.raises(FileNotFoundError, match="TensorFlow checkpoint"):
        model.load_weights(tmp_path / "w.ckpt")
    for name, content in (("text.h5", b"hello"), ("empty.h5", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="not an HDF5 file"):
            model.load_weights(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        model.load_weights(tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["something"] = np.zeros(3)
    with pytest.raises(ValueError, match="first"):
        model.load_weights(tmp_path / "other.h5")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_an_error_and_changes_nothing(suffix, keep, tmp_path):
    path = tmp_path / f"w{suffix}"
    model = small()
    model.save_weights(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    before = model.get_weights()
    with pytest.raises(ValueError, match="damaged"):
        model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def _soft(file, at):
    del file[at]
    file[at] = h5py.SoftLink("/elsewhere")


def _external(file, at):
    del file[at]
    file[at] = h5py.ExternalLink("/etc/passwd", "/")


def _outside(file, at):
    shape = file[at].shape
    del file[at]
    file.create_dataset(at, shape, "f4", external=[("/etc/passwd", 0, 4 * int(np.prod(shape)))])


def _virtual(file, at):
    shape = file[at].shape
    del file[at]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", shape)
    file.create_virtual_dataset(at, layout)


def _objects(file, at):
    shape = file[at].shape
    del file[at]
    file.create_dataset(at, shape, dtype=h5py.string_dtype())


def _group(file, at):
    del file[at]
    file.create_group(at)


@pytest.mark.parametrize("harm", [_soft, _external, _outside, _virtual, _objects, _group])
@pytest.mark.parametrize(("suffix", "at"), [(".weights.h5", "layers/dense/vars/0"), (".h5", "first/first/kernel:0")])
def test_nothing_outside_of_the_file_is_read(harm, suffix, at, tmp_path):
    path = tmp_path / f"w{suffix}"
    model = small()
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        harm(file, at)
    before = model.get_weights()
    with pytest.raises(ValueError, match="link|outside|expected numbers|expected shape|expected a dataset"):
        model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_dataset_that_claims_to_be_huge_is_not_read(tmp_path):
    path = tmp_path / "w.weights.h5"
    model = small()
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars"].create_dataset("0", (2**40,), "f8", chunks=(2**20,), compression="gzip")
    with pytest.raises(ValueError, match=r"expected shape \(4, 3\)"):
        model.load_weights(path)


def test_an_existing_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "w.h5"
    model = small()
    model.save_weights(path)
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save_weights(path, overwrite=False)

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("jkeras.saving.legacy_weights.write_array", fail)
    with pytest.raises(OSError, match="disk full"):
        model.save_weights(path)
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["w.h5"]
    with pytest.raises(IsADirectoryError):
        model.save_weights(tmp_path)


@pytest.mark.parametrize("act", [save_weights, load_weights])
def test_a_model_without_weights_yet_says_how_to_make_them(act, tmp_path):
    with pytest.raises(ValueError, match="not built"):
        act(Sequential([layers.Dense(2)]), tmp_path / "w.h5")
