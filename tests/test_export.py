"""Exported models run with JAX alone, in another process, for any batch size, and compute what predict computes."""

from __future__ import annotations

import subprocess
import sys

import jax
import numpy as np
import pytest
from processes import PYTHON

import jkeras
from jkeras import layers
from jkeras.models import Model, Sequential
from jkeras.saving.export import exported

rng = np.random.default_rng(0)

# Only JAX is imported there: what is asserted first.
READER = """
import pathlib, sys, jax, numpy as np
for path in map(str, pathlib.Path(sys.argv[1]).glob("*.stablehlo")):
    program = jax.export.deserialize(bytearray(open(path, "rb").read()))
    given = np.load(path + ".npz")
    for size in (3, 1):
        leaves = [given[name][:size] for name in given.files]
        args, kwargs = jax.tree.unflatten(program.in_tree, leaves)
        y = program.call(*args)
        np.savez(f"{path}.{size}.npz", *jax.tree.leaves(y))
    print(pathlib.Path(path).stem, sorted(y) if isinstance(y, dict) else type(y).__name__)
assert not [m for m in sys.modules if m.partition(".")[0] in ("jkeras", "keras", "optax")]
"""


def normal(*shape):
    return rng.normal(size=(3, *shape)).astype("float32")


def sentiment():
    net = Sequential([
        layers.Input((None,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.GRU(2), layers.Dense(1),
    ])  # fmt: skip
    return net, np.array([[1, 2, 0], [3, 4, 5], [6, 0, 0]])


def images():
    net = Sequential([
        layers.Input((8, 8, 1)), layers.Rescaling(0.5), layers.Conv2D(3, 3), layers.BatchNormalization(),
        layers.MaxPooling2D(), layers.SeparableConv2D(2, 2), layers.Flatten(), layers.Dropout(0.5),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    net.compile("adam", "mse")
    net.fit(normal(8, 8, 1), normal(2), verbose=0)
    return net, normal(8, 8, 1)


def several():
    a, b = layers.Input((None, 3), name="a"), layers.Input((None, 3), name="b")
    both = layers.Add()([a, b])
    outputs = {"each": layers.Dense(2)(both), "mean": layers.GlobalAveragePooling1D()(both)}
    return Model({"a": a, "b": b}, outputs), {"a": normal(4, 3), "b": normal(4, 3)}


def listed():
    a, b = layers.Input((3,)), layers.Input((2,))
    return Model([a, b], [layers.Concatenate()([a, b]), layers.Dense(1)(a)]), [normal(3), normal(2)]


def attention():
    x = layers.Input((None, 4))
    y = layers.LayerNormalization()(layers.MultiHeadAttention(2, 2)(x, x, use_causal_mask=True))
    return Model(x, layers.Reshape((-1, 2))(y)), normal(5, 4)


MODELS = {"sentiment": sentiment, "images": images, "several": several, "listed": listed, "attention": attention}


def test_programs_are_read_by_jax_alone(tmp_path):
    pytest.importorskip("flatbuffers")
    made = {name: make() for name, make in MODELS.items()}
    for name, (model, x) in made.items():
        model.export(tmp_path / f"{name}.stablehlo")
        np.savez(tmp_path / f"{name}.stablehlo.npz", *jax.tree.leaves(x))
    printed = subprocess.check_output([*PYTHON, "-c", READER, str(tmp_path)], text=True)
    for name, (model, x) in made.items():
        for size in (3, 1):
            expected = model.predict(jax.tree.map(lambda a, size=size: a[:size], x), verbose=0)
            found = list(np.load(tmp_path / f"{name}.stablehlo.{size}.npz").values())
            for a, b in zip(found, jax.tree.leaves(expected), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=name)
    kinds = dict(line.split(" ", 1) for line in printed.splitlines())
    assert kinds == {"sentiment": "ArrayImpl", "images": "ArrayImpl", "attention": "ArrayImpl", "listed": "list",
                     "several": "['each', 'mean']"}  # fmt: skip


def test_the_signature_may_be_given(tmp_path):
    net = Sequential([layers.Input((3,)), layers.Dense(2)])
    assert [a.shape for a in exported(net, jkeras.InputSpec(shape=(4, 3))).in_avals] == [(4, 3)]
    assert [a.shape for a in exported(net, [jax.ShapeDtypeStruct((4, 3), "float32")]).in_avals] == [(4, 3)]
    assert exported(net, platforms=["cpu"]).platforms == ("cpu",)
    with pytest.raises(ValueError, match="2 parts; the model .* has 1 inputs"):
        exported(net, [np.ones((1, 3)), np.ones((1, 3))])
    with pytest.raises(ValueError, match="things with a shape"):
        exported(net, jkeras.InputSpec(ndim=2))


class Own(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x, training=False):
        return self.dense(x) * (2.0 if training else 1.0)


def test_a_subclassed_model_needs_a_signature():
    net = Own()
    with pytest.raises(ValueError, match="not built"):
        exported(net, jkeras.InputSpec(shape=(None, 3)))
    x = normal(3)
    expected = net.predict(x, verbose=0)
    with pytest.raises(ValueError, match="input_signature=jkeras.InputSpec"):
        exported(net)
    program = exported(net, jkeras.InputSpec(shape=(None, 3)))
    np.testing.assert_allclose(program.call(x), expected, rtol=1e-6)


def test_a_model_that_needs_the_sizes_says_so():
    x = layers.Input((None, None, 2))
    net = Model(x, layers.Conv2DTranspose(2, 3, strides=2)(layers.Conv2D(3, 3, padding="same", strides=2)(x)))
    with pytest.raises(ValueError, match="left open.*Give all sizes"):
        exported(net)
    given = normal(6, 6, 2)
    program = exported(net, jkeras.InputSpec(shape=(3, 6, 6, 2)))
    np.testing.assert_allclose(program.call(given), net.predict(given, verbose=0), rtol=1e-5, atol=1e-6)


def test_what_cannot_be_exported_says_what_to_do(tmp_path):
    pytest.importorskip("flatbuffers")
    words = Sequential(
        [layers.Input((1,), dtype="string"), layers.StringLookup(vocabulary=["a", "b"]), layers.Dense(1)]
    )
    with pytest.raises(ValueError, match="layers of strings .string_lookup."):
        words.export(tmp_path / "m.stablehlo")
    net = Sequential([layers.Input((3,)), layers.Dense(2)])
    for format, message in (("tf_saved_model", "a program of TensorFlow"), ("openvino", "OpenVINO"),
                            ("stablehol", "stablehlo")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            net.export(tmp_path / "m", format=format)
    assert not list(tmp_path.iterdir())


def test_what_was_written_is_told(tmp_path, capsys):
    pytest.importorskip("flatbuffers")
    Sequential([layers.Input((3,)), layers.Dense(2)], name="net").export(tmp_path / "m", verbose=True)
    assert "Saved 'net' to" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # what jax2onnx imports is not ours
def test_onnx_files_are_run_by_the_reference_runtime(tmp_path):
    pytest.importorskip("jax2onnx")
    runtime = pytest.importorskip("onnxruntime")
    for make in (images, listed, several):
        model, x = make()
        model.export(tmp_path / "m.onnx")
        session = runtime.InferenceSession(tmp_path / "m.onnx")
        assert [i.name for i in session.get_inputs()] == model.input_names
        for size in (3, 1):
            part = jax.tree.map(lambda a, size=size: a[:size], x)
            found = session.run(None, dict(zip(model.input_names, jax.tree.leaves(part), strict=True)))
            for a, b in zip(found, jax.tree.leaves(model.predict(part, verbose=0)), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_without_its_package_onnx_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    net = Sequential([layers.Input((3,)), layers.Dense(2)])
    with pytest.raises(ImportError, match=r"'jkeras\[onnx\]'"):
        net.export(tmp_path / "m.onnx")
