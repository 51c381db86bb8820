"""Training on eight virtual devices: the numbers of one device, arrays where the rules want them, nothing dropped."""

from __future__ import annotations

import itertools
import re

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

import jkeras
from jkeras import Input, Model, Sequential, callbacks, distribution, layers, optimizers
from jkeras.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, TensorLayout, shardings
from jkeras.training.data import Batch
from jkeras.utils import PyDataset

pytestmark = pytest.mark.needs_devices(8)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(45, 16)).astype("float32")
Y = (X[:, :3].sum(1) > 0).astype("int32")
TP = [("hidden/kernel", P(None, "model")), ("hidden/bias", P("model")), ("narrow/kernel", P("model", None))]


def data_mesh():
    return jax.make_mesh((8,), ("data",))


def grid():
    return jax.make_mesh((2, 4), ("data", "model"))


MESHES = {
    "data parallel": lambda: {"mesh": data_mesh()},
    "fully sharded": lambda: {"mesh": data_mesh(), "rules": "fully_sharded"},
    "tensor parallel": lambda: {"mesh": grid(), "rules": TP},
    "both": lambda: {"mesh": grid(), "rules": [*TP, (".*", "fully_sharded")]},
}


def dense():
    """Batch statistics, dropout and a penalty: what depends on the whole batch, and on random bits."""
    return Sequential(
        [
            layers.Input((16,)),
            layers.Dense(32, "relu", kernel_regularizer="l2", name="hidden"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(16, "tanh", name="narrow"),
            layers.Dense(2, "softmax", name="head"),
        ]
    )


def fitted(make=dense, x=X, y=Y, batch_size=13, epochs=2, optimizer="adam", fit=None, **place):
    jkeras.utils.set_random_seed(3)
    model = make()
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, **place, **(fit or {}))
    return model, history.history


@pytest.fixture(scope="module")
def alone():
    """The run on one device, what it evaluates and what it predicts."""
    model, history = fitted(fit={"validation_split": 0.3})
    return model, history, model.evaluate(X, Y, 13, verbose=0), model.predict(X, 13, verbose=0)


def assert_same(history, expected, tolerance=1e-5):
    assert list(history) == list(expected)
    for key, values in history.items():
        np.testing.assert_allclose(values, expected[key], rtol=tolerance, atol=tolerance, err_msg=key)


def specs(tree):
    return [tuple(leaf.sharding.spec) for leaf in jax.tree.leaves(tree)]


@pytest.mark.parametrize("kind", MESHES)
def test_training_on_eight_devices_equals_training_on_one(kind, alone):
    """45 samples, of which 31 train, in batches of 13 and 5: nothing divides by 8."""
    _, expected, evaluated, predicted = alone
    model, history = fitted(fit={"validation_split": 0.3}, **MESHES[kind]())
    assert_same(history, expected)
    np.testing.assert_allclose(model.evaluate(X, Y, 13, verbose=0), evaluated, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X, 13, verbose=0), predicted, rtol=1e-4, atol=1e-5)
    for weight, other in zip(model.weights, alone[0].weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), other.numpy(), rtol=1e-4, atol=1e-5, err_msg=weight.path)
        assert len(weight.value.sharding.device_set) == 8


def test_weights_and_what_the_optimizer_keeps_lie_as_the_rules_say_after_every_epoch():
    seen = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append({w.path: tuple(w.value.sharding.spec) for w in self.model.trainable_weights})

    model, _ = fitted(fit={"callbacks": [Look()]}, **MESHES["both"]())
    wanted = {
        "hidden/kernel": (None, "model"), "hidden/bias": ("model",), "batch_normalization/gamma": ("data",),
        "batch_normalization/beta": ("data",), "narrow/kernel": ("model",), "narrow/bias": ("data",),
        "head/kernel": ("data",), "head/bias": ("data",),
    }  # fmt: skip
    assert len(seen) == 2
    for found in seen:
        assert {re.sub(r"^sequential[^/]*/", "", path): spec for path, spec in found.items()} == wanted
    slots = model.optimizer.variables
    state, _ = model._compiled.opt_state
    moments = [leaf for leaf in jax.tree.leaves(state) if leaf.ndim]
    assert len(moments) == 2 * len(wanted) and len(slots) > len(moments)
    assert sorted(specs(moments), key=str) == sorted([*wanted.values()] * 2, key=str)
    for array in moments:  # each device holds a part, not the whole
        assert array.addressable_shards[0].data.size * 2 <= array.size


CONTENT = {
    "convolution": lambda: Sequential(
        [layers.Input((4, 4, 1)), layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(),
         layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2, "softmax")]
    ),
    "recurrent": lambda: Sequential(
        [layers.Input((4, 4)), layers.Masking(), layers.LSTM(8, dropout=0.2), layers.Dense(2, "softmax")]
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CONTENT)
def test_convolutions_and_recurrences_equal_one_device(kind):
    x = X.reshape((-1, 4, 4, 1) if kind == "convolution" else (-1, 4, 4))
    _, expected = fitted(CONTENT[kind], x)
    model, history = fitted(CONTENT[kind], x, mesh=data_mesh(), rules="fully_sharded")
    assert_same(history, expected)
    kernel = model.weights[0].value
    assert not kernel.sharding.is_fully_replicated


def test_attention_with_its_heads_split_over_devices_equals_one_device():
    def make():
        x = Input((4, 4))
        y = layers.MultiHeadAttention(4, 4, name="attention")(x, x)
        return Model(x, layers.Dense(2, "softmax")(layers.Flatten()(y)))

    rules = [("attention/(query|key|value)/kernel", P(None, "model")), ("attention_output/kernel", P("model"))]
    x = X.reshape(-1, 4, 4)
    _, expected = fitted(make, x)
    model, history = fitted(make, x, mesh=grid(), rules=rules)
    assert_same(history, expected)
    assert tuple(model.get_layer("attention").weights[0].value.sharding.spec) == (None, "model")


class Batches(PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, number):
        rows = slice(number * 13, (number + 1) * 13)
        return X[rows], Y[rows]


def endless():
    for number in itertools.count():
        yield Batches()[number % 4]


@pytest.mark.parametrize("source", ["dataset", "generator", "memory map", "class weight"])
def test_data_that_come_in_batches_equal_one_device(source, tmp_path):
    given = {"x": X, "y": Y, "batch_size": 13}
    fit = {"shuffle": False}
    if source == "dataset":
        given = {"x": Batches(), "y": None, "batch_size": None}
    elif source == "memory map":
        np.save(tmp_path / "x.npy", X)
        given["x"] = np.load(tmp_path / "x.npy", mmap_mode="r")
        fit = {}
    elif source == "class weight":
        fit = {"class_weight": {0: 2.0, 1: 0.5}, "sample_weight": np.linspace(0, 1, 45)}
    else:
        fit["steps_per_epoch"] = 4

    def run(**place):
        own = {"x": endless(), "y": None, "batch_size": None} if source == "generator" else given
        return fitted(**own, fit=fit, **place)

    _, expected = run()
    model, history = run(mesh=data_mesh(), rules="fully_sharded")
    assert_same(history, expected)
    assert not model.layers[0].kernel.value.sharding.is_fully_replicated


OPTIMIZERS = {
    "accumulating": lambda: optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=2),
    "averaging": lambda: optimizers.Adam(0.01, use_ema=True, clipnorm=0.1),
    "factored": lambda: optimizers.Adafactor(0.01),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.RMSprop(0.01)),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name != "averaging")) for name in OPTIMIZERS]
)
def test_optimizers_keep_their_state_sharded(name):
    _, expected = fitted(optimizer=OPTIMIZERS[name](), epochs=1)
    model, history = fitted(optimizer=OPTIMIZERS[name](), epochs=1, mesh=data_mesh(), rules="fully_sharded")
    assert_same(history, expected)
    state, _ = model._compiled.opt_state
    shapes = {w.shape: w.value.sharding for w in model.trainable_weights}
    for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]:
        if leaf.shape in shapes and leaf.ndim == 2:
            assert leaf.sharding == shapes[leaf.shape], path


def test_a_step_of_the_models_own_runs_on_a_mesh():
    class Own(Model):
        def train_step(self, ts, batch):
            def loss(params):
                y, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)
                return -jax.numpy.log(y[jax.numpy.arange(len(batch.y)), batch.y]).mean(), state

            (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
            return self.apply_updates(ts, grads, state), {"deviation": value}

    class Styled(Model):
        def train_step(self, state, data):
            return super().train_step(state, data)

    def make(kind):
        def made():
            x = Input((16,))
            return kind(x, layers.Dense(2, "softmax", name="hidden")(layers.Dropout(0.2)(x)))

        return made

    for kind in (Own, Styled):
        _, expected = fitted(make(kind))
        model, history = fitted(make(kind), mesh=data_mesh(), rules=[("kernel", P("data"))])
        assert_same(history, expected)
        assert tuple(model.get_layer("hidden").kernel.value.sharding.spec) == ("data",)


@pytest.mark.parametrize("eager", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_one_batch_at_a_time_and_eagerly(eager):
    def run(eager=False, **place):
        jkeras.utils.set_random_seed(3)
        model = dense()
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=eager)
        if place:
            model.distribute(**place)
        losses = [model.train_on_batch(X[:13], Y[:13]) for _ in range(2)]
        return [*losses, model.test_on_batch(X[:13], Y[:13]), model.predict_on_batch(X[:5]).sum()]

    mesh = MESHES["tensor parallel" if eager else "fully sharded"]()
    np.testing.assert_allclose(run(eager, **mesh), run(), rtol=1e-5)


def test_dropout_bits_do_not_depend_on_the_mesh():
    layer, x = layers.Dropout(0.5), np.ones((16, 8), "float32")

    def drop(x):
        return layer.apply({}, {}, x, training=True, rng=jax.random.key(1))[0]

    spread = jax.device_put(x, NamedSharding(data_mesh(), P("data")))
    np.testing.assert_array_equal(jax.jit(drop)(spread), jax.jit(drop)(x))


def test_each_length_of_batch_is_compiled_once():
    model, _ = fitted(epochs=3, mesh=grid(), rules=TP)
    assert sorted(c.what for c in model._compiled.record.compiled) == [
        "a loop of steps on 13 samples",
        "a step on 6 samples",
    ]
    assert "each of the 8 devices of the mesh (data=2, model=4)" in model.explain_fit()


def test_training_goes_on_from_the_mesh_and_back_home():
    """The same run in three pieces: on one device, on a mesh, and on one device again."""
    _, expected = fitted(epochs=1)
    jkeras.utils.set_random_seed(3)
    model, twin = dense(), dense()
    for net in (model, twin):
        net.compile("adam", "sparse_categorical_crossentropy")
    twin.set_weights(model.get_weights())
    runs = [{}, {"mesh": data_mesh(), "rules": "fully_sharded"}, {}]
    for number, place in enumerate(runs):
        if number == 2:
            model.distribute(None)
        losses = []
        for net, given in ((model, place), (twin, {})):
            jkeras.utils.set_random_seed(number)
            losses.append(net.fit(X, Y, 13, 2, verbose=0, **given).history["loss"])
        np.testing.assert_allclose(*losses, rtol=1e-5)
    arrays = [w.value for w in model.weights] + jax.tree.leaves(model._compiled.opt_state[0])
    assert all(len(array.sharding.device_set) == 1 for array in arrays)


def test_what_a_callback_sets_is_laid_out_again():
    class Halve(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[0].kernel.assign(self.model.layers[0].kernel.numpy() / 2)

    _, expected = fitted(fit={"callbacks": [Halve()]})
    model, history = fitted(fit={"callbacks": [Halve()]}, mesh=data_mesh(), rules="fully_sharded")
    assert_same(history, expected)
    assert len(model._compiled.record.compiled) == 2
    model.evaluate(X, Y, verbose=0)


class PowerCut(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 6:
            raise KeyboardInterrupt


def test_a_run_on_a_mesh_that_was_cut_in_an_epoch_ends_with_the_same_bits(tmp_path):
    def run(*others, folder):
        jkeras.utils.set_random_seed(3)
        model = dense()
        model.compile(optimizers.Adam(use_ema=True), "sparse_categorical_crossentropy", metrics=["accuracy"])
        own = [
            callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True),
            callbacks.SwapEMAWeights(swap_on_epoch=True),
            callbacks.BackupAndRestore(tmp_path / folder, save_freq=5),
            *others,
        ]
        given = MESHES["fully sharded"]()
        return model, model.fit(X, Y, 13, 4, verbose=0, validation_split=0.3, callbacks=own, **given).history

    model, expected = run(folder="unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(PowerCut(), folder="cut")
    again, history = run(folder="cut")
    assert history == expected
    for weight, other in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())


@pytest.mark.parametrize("format", ["hdf5", "orbax"])
def test_a_sharded_checkpoint_is_loaded_on_another_mesh(format, tmp_path):
    if format == "orbax":
        pytest.importorskip("orbax.checkpoint")
    path = tmp_path / "c"
    whole, expected = fitted(epochs=4)

    def begun(**place):
        jkeras.utils.set_random_seed(3)
        model = dense()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.distribute(**place)
        return model

    first = begun(**MESHES["fully sharded"]())
    first.fit(X, Y, 13, 2, verbose=0)
    first.save_checkpoint(path, format=format)
    second = begun(**MESHES["both"]())
    second.load_checkpoint(path)
    assert_same(second.fit(X, Y, 13, 4, verbose=0).history, expected)
    assert tuple(second.layers[0].kernel.value.sharding.spec) == (None, "model")
    for weight, other in zip(second.weights, whole.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


def test_files_are_those_of_one_device(tmp_path):
    model, _ = fitted(mesh=data_mesh(), rules="fully_sharded")
    for name in ("a.keras", "a.h5", "a.weights.h5", "a.safetensors"):
        (model.save if name in ("a.keras", "a.h5") else model.save_weights)(tmp_path / name)
        fresh = dense()
        fresh.load_weights(tmp_path / name)
        np.testing.assert_array_equal(fresh.predict(X, verbose=0), _home_prediction(model))


def _home_prediction(model):
    twin = dense()
    twin.set_weights(model.get_weights())
    return twin.predict(X, verbose=0)


def test_a_model_is_made_on_the_mesh_and_never_on_one_device():
    layer = Sequential([layers.Input((64,)), layers.Dense(4096), layers.Dense(512)])
    abstract = jax.eval_shape(layer.init, jax.random.key(0), jax.ShapeDtypeStruct((1, 64), "float32"))
    placed = shardings(abstract, data_mesh(), "fully_sharded")
    compiled = jax.jit(layer.init, out_shardings=placed, static_argnums=1).lower(jax.random.key(0), (1, 64)).compile()
    params, _ = compiled(jax.random.key(0))
    whole, _ = layer.init(jax.random.key(0), (1, 64))
    for key, name in (("dense", "kernel"), ("dense_1", "kernel")):
        array = params[key][name]
        assert array.addressable_shards[0].data.size * 8 == array.size
        np.testing.assert_allclose(array, whole[key][name], atol=1e-6)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(whole))
    memory = compiled.memory_analysis()
    assert memory.output_size_in_bytes + memory.temp_size_in_bytes < size / 2


def test_the_facade_draws_weights_where_they_shall_be():
    model = dense()
    model.distribute(**MESHES["fully sharded"]())
    assert tuple(model.layers[0].kernel.value.sharding.spec) == (None, "data")
    jkeras.utils.set_random_seed(1)
    with DataParallel().scope():
        spread = dense()
        assert all(len(array.sharding.device_set) == 8 for array in jax.tree.leaves(spread.params))
    jkeras.utils.set_random_seed(1)
    for one, other in zip(jax.tree.leaves(dense().params), jax.tree.leaves(spread.params), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_outputs_of_layers_follow_rules_too():
    seen = {}

    class Look(layers.Layer):
        def call(self, x):
            jax.debug.inspect_array_sharding(x, callback=lambda s: seen.setdefault("spec", s))
            return x

    def make():
        return Sequential([layers.Input((16,)), layers.Dense(32, name="hidden"), Look(), layers.Dense(2, "softmax")])

    _, expected = fitted(make)
    seen.clear()
    _, history = fitted(make, mesh=grid(), rules=[("hidden/output", P("data", "model"))])
    assert_same(history, expected)
    assert not seen["spec"].is_fully_replicated


# Keras's names


def test_strategies_of_keras_train_as_one_device(alone):
    expected = alone[1]
    with DataParallel().scope():
        _, history = fitted(fit={"validation_split": 0.3})
    assert_same(history, expected)
    layouts = LayoutMap(DeviceMesh((2, 4), ("batch", "model")))
    layouts["hidden/kernel"] = (None, "model")
    layouts["narrow/kernel"] = TensorLayout(("model", None))
    distribution.set_distribution(ModelParallel(layout_map=layouts))
    try:
        model, history = fitted(fit={"validation_split": 0.3})
    finally:
        distribution.set_distribution(None)
    assert_same(history, expected)
    assert tuple(model.layers[0].kernel.value.sharding.spec) == (None, "model")
    twin, history = fitted(fit={"validation_split": 0.3}, mesh=None)
    twin.distribute(rules=layouts)
    assert tuple(twin.layers[3].kernel.value.sharding.spec) == ("model",)


def test_the_names_answer_as_in_keras():
    keras = pytest.importorskip("keras")
    ours, theirs = distribution, keras.distribution
    assert ours.list_devices() == theirs.list_devices() and ours.list_devices("cpu") == theirs.list_devices("cpu")
    assert ours.get_device_count() == 8
    for module in (ours, theirs):
        mesh = module.DeviceMesh((4, 2), ["batch", "model"], module.list_devices())
        assert (mesh.shape, mesh.axis_names, mesh.devices.shape) == ((4, 2), ["batch", "model"], (4, 2))
        layouts = module.LayoutMap(mesh)
        layouts["dense.*kernel"] = (None, "model")
        assert layouts["dense_1/kernel"].axes == (None, "model") and layouts["conv/bias"] is None
        assert (len(layouts), list(layouts)) == (1, ["dense.*kernel"]) and layouts.device_mesh is mesh
        layouts["dense_1/.*"] = module.TensorLayout([None, "model"])
        assert layouts["dense_1"] is None and layouts["kernel"] is None
        with pytest.raises(ValueError, match="dense_1"):
            layouts["dense_1/kernel"]
        with pytest.raises(ValueError, match="dense_1"):
            layouts["dense_1/.*"] = (None,)
        parallel = module.DataParallel()
        assert (parallel.batch_dim_name, parallel.device_mesh.shape) == ("batch", (8,))
        assert parallel.get_data_layout((8, 3)).axes == ("batch", None)
        split = module.ModelParallel(layout_map=layouts, batch_dim_name="batch")
        assert split.get_tensor_layout("dense_1/.*").axes == (None, "model")
        with split.scope():
            assert module.distribution() is split
        assert module.distribution() is None
        spread = module.distribute_tensor(jax.numpy.arange(8.0), module.TensorLayout(["batch"], mesh))
        assert len(spread.sharding.device_set) == 8


# What goes wrong is said

WRONG = {
    "no mesh": (lambda m: m.fit(X, Y, rules="fully_sharded", verbose=0), ValueError, "needs a mesh"),
    "not a mesh": (lambda m: m.distribute((8,)), TypeError, "jax.make_mesh"),
    "axis": (lambda m: m.distribute(grid(), [("kernel", P("modle"))]), ValueError, "'model'"),
    "batch axis": (lambda m: m.distribute(grid(), batch_axis="rows"), ValueError, "'rows'"),
    "divide": (lambda m: m.distribute(grid(), [("head/kernel", P(None, "model"))]), ValueError, "2 does not divide"),
    "rank": (lambda m: m.distribute(grid(), [("bias", P(None, "model"))]), ValueError, "has 2 entries"),
    "word": (lambda m: m.distribute(grid(), "fully_shard"), TypeError, "fully_sharded"),
    "row": (lambda m: m.distribute(grid(), ["kernel"]), TypeError, "pair"),
    "spec": (lambda m: m.distribute(grid(), [("kernel", "model")]), TypeError, "PartitionSpec"),
    "both": (lambda m: m.distribute(DataParallel(), TP), ValueError, "its own rules"),
    "devices": (lambda m: DeviceMesh((3,), ["batch"]), ValueError, "3 places"),
    "device": (lambda m: DataParallel(devices=["cpu:99"]), ValueError, "cpu:99"),
    "names": (lambda m: DeviceMesh((2, 4), ["batch"]), ValueError, "one name for each axis"),
    "strategy": (lambda m: distribution.set_distribution(grid()), TypeError, "fit"),
    "layout": (lambda m: ModelParallel(layout_map={}), ValueError, "LayoutMap"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_what_is_wrong_and_leave_the_model_as_it_was(name):
    do, kind, words = WRONG[name]
    model = dense()
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(kind, match=words):
        do(model)
    assert all(len(array.sharding.device_set) == 1 for array in jax.tree.leaves(model.params))
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_batch_is_what_training_sees():
    placement = distribution.placements.placement_for(data_mesh())
    put = placement.put(Batch(np.ones((16, 2), "float32"), np.ones(16, "float32")))
    assert tuple(put.x.sharding.spec) == ("data",) and tuple(put.y.sharding.spec) == ("data",)
    assert placement.put(np.ones((13, 2), "float32")).sharding.is_fully_replicated


def test_a_strategy_of_tensorflow_is_a_mesh():
    from jkeras.compat.tf import distribute

    strategy = distribute.MirroredStrategy(["/cpu:0", "/device:CPU:1"])
    assert strategy.num_replicas_in_sync == 2 and not distribute.has_strategy()
    with strategy.scope():
        assert distribute.get_strategy().num_replicas_in_sync == 2
        model = dense()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=7, verbose=0)  # outside of the scope, as scripts do
    assert len(model.layers[0].kernel.value.sharding.device_set) == 2
    assert distribute.get_strategy().num_replicas_in_sync == 1
    with pytest.raises(RuntimeError, match="model.fit"):
        strategy.run(None)
