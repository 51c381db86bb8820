"""Whole models in files: those that Keras 2 and 3 wrote are read, and those written here are read by Keras."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from jkeras import layers as L
from jkeras import ops, optimizers
from jkeras.models import Model, Sequential, load_model, model_from_json, model_from_yaml
from jkeras.saving.optimizer_weights import optimizer_rows

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = ("cnn_bn", "masked", "mlp", "nested_shared", "rnns", "time_distributed", "two_in_two_out")
MODELS = [f"{name}.k{era}" for name in NAMES for era in (2, 3)]
DRAWS = ("mlp",)  # has dropout, so that the next loss is a matter of chance
# Keras 3 forgot the configuration of the optimizer when the model was written as .h5 before; what is in the .keras file
# is its state and its name, which do not tell momentum and nesterov.
UNTOLD = "cnn_bn.k3.keras"


class Case:
    """A model of the fixtures: what Keras computed with it, and its data."""

    def __init__(self, name: str):
        with np.load(FIXTURES / f"{name}.npz") as file:
            self.given = {key: file[key] for key in file.files}
        self.x, self.targets, self.outputs = (self.arrays(key) for key in "xty")
        self.name = name

    def arrays(self, key: str) -> Any:
        found = [self.given[k] for k in sorted(self.given) if k[0] == key and k[1:].isdigit()]
        return found if len(found) > 1 else found[0]

    def check(self, model: Any, atol: float = 1e-4) -> None:
        assert_same(model.predict(self.x, verbose=0), self.outputs, atol)

    def next_losses(self, model: Any, count: int = 2) -> np.ndarray:
        return np.array([np.atleast_1d(model.train_on_batch(self.x, self.targets))[0] for _ in range(count)])


def assert_same(ours: Any, theirs: Any, atol: float) -> None:
    ours, theirs = (list(a) if isinstance(a, (list, tuple)) else [a] for a in (ours, theirs))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=atol, rtol=1e-4)


def real_keras() -> Any:
    return pytest.importorskip("keras")


def quietly(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a function of Keras, whose own warnings are no business of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


# Reading


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", MODELS)
def test_whole_models_of_keras_go_on_as_they_were(name, suffix):
    case = Case(name)
    if suffix == "keras" and name.endswith("k3"):
        with pytest.warns(UserWarning, match="does not say which optimizer"):
            model = load_model(FIXTURES / f"{name}.{suffix}")
    else:
        model = load_model(FIXTURES / f"{name}.{suffix}")
    case.check(model)
    rows = len(case.x[0] if isinstance(case.x, list) else case.x)
    told = np.atleast_1d(model.evaluate(case.x, case.targets, batch_size=rows, verbose=0))
    np.testing.assert_allclose(told, case.given["evaluate"], atol=1e-4)
    assert int(model.optimizer.iterations) > 0
    if not name.startswith(DRAWS) and f"{name}.{suffix}" != UNTOLD:
        np.testing.assert_allclose(case.next_losses(model), case.given["next_loss"], atol=2e-3)


WEIGHTS = [(n, s) for n in MODELS for s in ("weights.h5", "legacy_weights.h5") if (FIXTURES / f"{n}.{s}").exists()]


@pytest.mark.parametrize("name, suffix", WEIGHTS)
def test_weights_of_keras_fit_the_model_of_its_json(name, suffix):
    model = model_from_json((FIXTURES / f"{name}.json").read_text())
    model.load_weights(FIXTURES / f"{name}.{suffix}")
    Case(name).check(model)


def test_every_fixture_is_read_by_some_test():
    read = {f"{name}.{s}" for name in MODELS for s in ("h5", "keras", "json", "npz")}
    read |= {f"{name}.{suffix}" for name, suffix in WEIGHTS}
    assert {p.name for p in FIXTURES.glob("*.k[23].*") if not p.name.startswith(("operations", "hard_sigmoid"))} == read


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_the_same_after_json_and_yaml(name):
    model = model_from_json((FIXTURES / f"{name}.json").read_text())
    assert model_from_json(model.to_json()).to_json() == model.to_json()
    assert model_from_yaml(model.to_yaml()).to_json() == model.to_json()
    assert type(model).from_config(model.get_config()).get_config() == model.get_config()


def test_functions_of_tensorflow_in_a_graph_become_operations():
    with np.load(FIXTURES / "operations.k2.npz") as file:
        given = {key: file[key] for key in file.files}
    model = load_model(FIXTURES / "operations.k2.h5")
    assert_same(model.predict({"a": given["a"], "b": given["b"]}, verbose=0), [given["y0"], given["y1"]], 1e-5)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_hard_sigmoid_has_the_formula_of_its_era(suffix, tmp_path):
    with np.load(FIXTURES / "hard_sigmoid.k2.npz") as file:
        x, y = file["x"], file["y"]
    model = load_model(FIXTURES / f"hard_sigmoid.k2.{suffix}")
    assert_same(model.predict(x, verbose=0), y, 1e-5)
    model.save(tmp_path / f"again.{suffix}")
    assert_same(load_model(tmp_path / f"again.{suffix}").predict(x, verbose=0), y, 1e-5)
    both = Sequential([L.Input((2,)), L.Activation("hard_sigmoid"), L.Activation("legacy_hard_sigmoid")])
    with pytest.raises(ValueError, match="one name in .h5 files"):
        both.save(tmp_path / "both.h5")


@pytest.mark.parametrize("path", sorted((FIXTURES / "former").glob("*.json")), ids=lambda path: path.stem)
def test_weights_of_keras_1_and_cudnn_as_tf_keras_converts_them(path):
    model = model_from_json(path.read_text())
    model.load_weights(path.with_suffix(".h5"))
    with np.load(path.with_suffix(".npz")) as file:
        for ours, key in zip(model.get_weights(), file.files, strict=True):
            np.testing.assert_array_equal(ours, file[key])


def test_kernels_of_theano_are_flipped(tmp_path):
    model = Sequential([L.Input((5, 6, 2)), L.Conv2D(3, (2, 3))])
    kernel = np.arange(36, dtype="float32").reshape(2, 3, 2, 3)
    model.set_weights([kernel, np.zeros(3)])
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        for name in list(file.attrs):
            if "jkeras" in name:
                del file.attrs[name]
        file.attrs["backend"] = "theano"
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(model.get_weights()[0], kernel[::-1, ::-1])


def keras1(kind: str, name: str, inputs: list[str], **config: Any) -> dict[str, Any]:
    nodes = [[[other, 0, 0] for other in inputs]] if inputs else []
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, "trainable": True, **config},
        "inbound_nodes": nodes,
    }


def test_a_graph_of_keras_1():
    recurrent = {"output_dim": 3, "init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh",
                 "inner_activation": "hard_sigmoid", "consume_less": "cpu", "dropout_W": 0.0}  # fmt: skip
    decay = {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}
    rows = [
        {**keras1("InputLayer", "in", [], batch_input_shape=[None, 5, 4], input_dtype="float32"), "inbound_nodes": []},
        keras1("GRU", "gru", ["in"], **recurrent),
        keras1("LSTM", "lstm", ["in"], **recurrent, forget_bias_init="one"),
        keras1("Merge", "merge", ["gru", "lstm"], mode="concat", concat_axis=-1, mode_type="raw"),
        keras1("Dense", "out", ["merge"], output_dim=1, bias=True, W_regularizer=decay,
               W_constraint={"name": "MaxNorm", "m": 2, "axis": 0}),
    ]  # fmt: skip
    graph = {"name": "m", "layers": rows, "input_layers": [["in", 0, 0]], "output_layers": [["out", 0, 0]]}
    model = model_from_json(json.dumps({"class_name": "Model", "config": graph, "keras_version": "1.2.2"}))
    gru, dense = model.get_layer("gru"), model.get_layer("out")
    assert not gru.reset_after and gru.recurrent_activation.__name__ == "legacy_hard_sigmoid"
    assert float(dense.kernel_regularizer.l2) == pytest.approx(0.01) and dense.kernel_constraint.max_value == 2
    assert model.predict(np.ones((2, 5, 4)), verbose=0).shape == (2, 1)


def test_a_sequence_of_keras_1_is_a_list():
    first = {"class_name": "Convolution2D", "config": {
        "name": "c", "batch_input_shape": [None, 8, 8, 3], "nb_filter": 4, "nb_row": 3, "nb_col": 2,
        "dim_ordering": "tf", "border_mode": "same", "subsample": [1, 1], "activation": "relu"}}  # fmt: skip
    rest = [
        {"class_name": "BatchNormalization", "config": {"name": "b", "mode": 0, "axis": -1, "momentum": 0.9}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dropout", "config": {"name": "d", "p": 0.25}},
        {"class_name": "Dense", "config": {"name": "o", "output_dim": 2, "init": "uniform"}},
    ]
    model = model_from_json(json.dumps({"class_name": "Sequential", "config": [first, *rest]}))
    assert model.output_shape == (None, 2) and model.get_layer("d").rate == 0.25
    assert model.get_layer("c").kernel.shape == (3, 2, 3, 4)


# Writing


@pytest.mark.parametrize("name", MODELS)
def test_keras_3_goes_on_with_what_is_written(name, tmp_path):
    keras, case = real_keras(), Case(name)
    model = load_model(FIXTURES / f"{name}.h5")
    outputs = model.predict(case.x, verbose=0)
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    theirs = quietly(keras.models.load_model, tmp_path / "m.keras")
    assert_same(theirs.predict(case.x, verbose=0), outputs, 1e-5)
    state = [np.asarray(variable.value) for variable in theirs.optimizer.variables]
    assert_same(state, [array for _, array in optimizer_rows(model.optimizer, model.trainable_variables)], 1e-6)
    if not name.startswith(DRAWS):
        again = load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(case.next_losses(theirs), case.next_losses(again), atol=1e-5)
    plain = quietly(keras.models.model_from_json, model.to_json())
    plain.load_weights(tmp_path / "m.weights.h5")
    assert_same(plain.predict(case.x, verbose=0), outputs, 1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if "nested" not in name])
def test_keras_3_opens_h5(name, tmp_path):
    keras, case = real_keras(), Case(name)
    model = load_model(FIXTURES / f"{name}.keras", compile=False)
    model.compile("adam", "mse", metrics=["mae"] if isinstance(case.targets, np.ndarray) else None)
    model.save(tmp_path / "m.h5")
    theirs = quietly(keras.models.load_model, tmp_path / "m.h5")
    assert_same(theirs.predict(case.x, verbose=0), model.predict(case.x, verbose=0), 1e-5)
    assert type(theirs.optimizer).__name__ == "Adam"


@pytest.mark.slow
def test_tf_keras_goes_on_with_what_is_written(tmp_path):
    """In a process of its own: TensorFlow and JAX in one are more than a test wants."""
    pytest.importorskip("tf_keras")
    for name in MODELS:
        case, model = Case(name), load_model(FIXTURES / f"{name}.h5")
        model.save(tmp_path / f"{name}.h5")
        state = {
            f"s{i}": a for i, (_, a) in enumerate(optimizer_rows(model.optimizer, model.trainable_variables, era=2))
        }
        listed = case.x if isinstance(case.x, list) else [case.x]
        outputs = model.predict(case.x, verbose=0)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        arrays = {f"{k}{i}": a for k, values in (("x", listed), ("y", outputs)) for i, a in enumerate(values)}
        np.savez(tmp_path / f"{name}.npz", **arrays, **state)
    code = """
import sys, glob, numpy as np, tf_keras
for path in sorted(glob.glob(sys.argv[1] + "/*.h5")):
    z = np.load(path[:-3] + ".npz")
    get = lambda k: [z[f"{k}{i}"] for i in range(len([n for n in z.files if n[0] == k]))]
    model, x = tf_keras.models.load_model(path), get("x")
    y = model.predict(x if len(x) > 1 else x[0], verbose=0)
    for a, b in zip(y if isinstance(y, list) else [y], get("y"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for a, b in zip(model.optimizer.variables, get("s"), strict=True):
        np.testing.assert_allclose(a.numpy(), b, atol=1e-6)
"""
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-2000:]


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "nesterov": True}, "RMSprop": {"momentum": 0.5, "centered": True},
    "Adam": {"amsgrad": True, "use_ema": True}, "AdamW": {"gradient_accumulation_steps": 2}, "Adamax": {}, "Nadam": {},
    "Adadelta": {"learning_rate": 0.5}, "Adagrad": {}, "Adafactor": {}, "Ftrl": {}, "Lion": {}, "Lamb": {}, "Muon": {},
}  # fmt: skip


def trained(models: Any, layers: Any, optimizer: Any, seed: int = 0) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(16, 4)).astype("float32"), rng.normal(size=(16, 2)).astype("float32")
    model = models.Sequential([layers.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(2)])
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    model.compile(optimizer, "mean_squared_error")
    for _ in range(3):
        model.train_on_batch(x, y)
    return model, x, y


@pytest.mark.parametrize("name", [*OPTIMIZERS, "LossScaleOptimizer"])
def test_the_state_of_every_optimizer_goes_both_ways(name, tmp_path):
    keras = real_keras()

    def make(module: Any) -> Any:
        if name == "LossScaleOptimizer":
            return module.LossScaleOptimizer(module.Adam(), initial_scale=16.0)
        return getattr(module, name)(**OPTIMIZERS[name])

    theirs, x, y = quietly(trained, keras.models, keras.layers, make(keras.optimizers))
    quietly(theirs.save, tmp_path / "theirs.keras")
    ours = load_model(tmp_path / "theirs.keras")
    values = [np.asarray(variable.value) for variable in theirs.optimizer.variables]
    if name != "Adafactor":  # in Keras it keeps more than it uses
        assert_same([a for _, a in optimizer_rows(ours.optimizer, ours.trainable_variables)], values, 1e-6)
    ours.save(tmp_path / "ours.keras")
    back = quietly(keras.models.load_model, tmp_path / "ours.keras")
    losses = [[float(model.train_on_batch(x, y)) for _ in range(3)] for model in (theirs, ours, back)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-4)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", [*OPTIMIZERS, "LossScaleOptimizer", "ScheduleFreeAdamW"])
def test_the_state_of_every_optimizer_is_kept(name, suffix, tmp_path):
    if name == "LossScaleOptimizer":
        optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(), initial_scale=16.0)
    else:
        optimizer = getattr(optimizers, name)(**OPTIMIZERS.get(name, {}))
    import jkeras.models

    model, x, y = trained(jkeras.models, L, optimizer)
    model.save(tmp_path / f"m.{suffix}")
    again = load_model(tmp_path / f"m.{suffix}")
    losses = [[float(m.train_on_batch(x, y)) for _ in range(3)] for m in (model, again)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def graph_of_operations() -> Any:
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    x = ops.concatenate([(a * 2.0 + b)[:, 1:], ops.sum(b, axis=1, keepdims=True)], axis=-1)
    x = ops.clip(ops.relu(ops.expand_dims(x, -1)), -1.0, 2.0)
    x = ops.mean(1.0 / (ops.exp(-ops.transpose(ops.reshape(x, (-1, 2, 2)), (0, 2, 1))) + 1), axis=(1,))
    x = ops.maximum(ops.stack([ops.where(x > 0.5, x, 0.1), x], axis=1), 0.2)
    x = ops.matmul(ops.cast(ops.softmax(x, axis=-1), "float32"), ops.transpose(x, (0, 2, 1)))
    x = ops.einsum(
        "bij,bij->bi", ops.tile(x, (1, 2, 1)) ** 2, ops.tile(ops.squeeze(ops.expand_dims(x, 0), 0), (1, 2, 1))
    )
    inner = L.Input((4,))
    encoder, head = Sequential([L.Input((4,)), L.Dense(4)]), Model(inner, L.Dense(4)(inner))
    z = encoder(a) + head(b) + head(encoder(b))
    attended = L.MultiHeadAttention(1, 2)(ops.expand_dims(z, 1), value=ops.expand_dims(a, 1))
    states = L.LSTM(3)(attended, initial_state=[L.Dense(3)(a), L.Dense(3)(b)])
    return Model({"a": a, "b": b}, [x, attended, states])


def test_a_graph_of_operations_and_models_inside(tmp_path):
    keras, model = real_keras(), graph_of_operations()
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(5, 4)).astype("float32") for name in "ab"}
    model.save(tmp_path / "m.keras")
    for other in (load_model(tmp_path / "m.keras"), quietly(keras.models.load_model, tmp_path / "m.keras")):
        assert_same(quietly(other.predict, x, verbose=0), model.predict(x, verbose=0), 1e-5)


def test_a_function_that_no_name_finds_cannot_be_written():
    x = L.Input((2,))
    from jkeras.core.operation import operate

    model = Model(x, operate(lambda a: a + 1, x))
    with pytest.raises(ValueError, match="none of jkeras.ops"):
        model.to_json()


def test_a_subclass_may_say_itself_how_it_is_compiled(tmp_path):
    class Twice(Model):
        def compile(self, factor=1.0, **rest):
            super().compile(**rest)
            self.factor = factor

        def get_compile_config(self):
            return {"factor": self.factor}

        def compile_from_config(self, config):
            self.compile(optimizer="sgd", loss="mse", **config)

    x = L.Input((2,))
    model = Twice(x, L.Dense(1)(x))
    model.compile(factor=3.0, optimizer="adam", loss="mae")
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras", custom_objects={"Twice": Twice})
    assert again.factor == 3.0 and type(again.optimizer).__name__ == "SGD"
    assert load_model(tmp_path / "m.keras", custom_objects={"Twice": Twice}, compile=False)._compiled is None


def test_classes_and_functions_of_users_come_back(tmp_path):
    from jkeras import saving

    @saving.register_keras_serializable("test_whole_files")
    class Scaled(L.Layer):
        def __init__(self, factor=1.0, **rest):
            super().__init__(**rest)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    class Around(L.Layer):  # its configuration is its arguments, a layer among them
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, inputs):
            return self.inner(inputs)

    class Network(Model):
        def __init__(self, units=3, **rest):
            super().__init__(**rest)
            self.hidden = [L.Dense(units, activation="relu"), Around(Scaled(2.0))]
            self.last = L.Dense(1)

        def call(self, inputs):
            for layer in self.hidden:
                inputs = layer(inputs)
            return self.last(inputs)

    def own_loss(y_true, y_pred):
        return (y_true - y_pred) ** 2

    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    network = Network(5)
    network.compile("adam", own_loss, metrics=["mae"])
    network.fit(x, y, verbose=0)
    i = L.Input((2,))
    graph = Model(i, Around(L.Dense(2))(Scaled(3.0)(i)))
    objects = {"Network": Network, "Around": Around, "own_loss": own_loss}
    for suffix in ("keras", "h5"):
        network.save(tmp_path / f"n.{suffix}")
        with pytest.raises(ValueError, match="'Network'.*custom_objects"):
            load_model(tmp_path / f"n.{suffix}")
        again = load_model(tmp_path / f"n.{suffix}", custom_objects=objects)
        assert again.train_on_batch(x, y) == pytest.approx(network.train_on_batch(x, y))
        graph.save(tmp_path / f"g.{suffix}")
        with saving.custom_object_scope({"Around": Around}):
            again = load_model(tmp_path / f"g.{suffix}")
        assert_same(again.predict(x, verbose=0), graph.predict(x, verbose=0), 1e-6)
