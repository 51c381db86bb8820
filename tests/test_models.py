"""Models: names, structure, sharing, nesting, symbolic arithmetic, and what happens to masks in them."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jkeras import Input, Layer, Model, Sequential, layers
from jkeras.core.dtypes import dtype_policy, set_dtype_policy

keras = pytest.importorskip("keras")
rng = np.random.default_rng(0)
X = rng.random((6, 4), np.float32)


def two_towers(kit, make_input, make_model):
    a, b = make_input((4,), name="a"), make_input((4,), name="b")
    shared = kit.Dense(3, name="shared")
    left, right = shared(a), kit.Dense(5, name="wide")(b)
    merged = kit.Concatenate(name="merge")([left, shared(b), right])
    return make_model([a, b], [kit.Dense(1, name="one")(merged), kit.Dense(2, name="two")(left)])


def test_layers_and_weights_are_in_the_order_of_keras():
    ours, theirs = two_towers(layers, Input, Model), two_towers(keras.layers, keras.Input, keras.Model)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    theirs.set_weights(ours.get_weights())
    for mine, other in zip(ours.predict([X, 2 * X], verbose=0), theirs.predict([X, 2 * X], verbose=0), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_names_do_not_depend_on_what_was_built_before():
    def build():
        return Sequential(
            [layers.Dense(2, input_shape=(4,)), layers.Dense(2), layers.Dropout(0.1), layers.Dropout(0.1)]
        )

    first, second = build(), build()
    names = ["dense", "dense_1", "dropout", "dropout_1"]
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers] == names
    assert list(first.params) == list(second.params) == ["dense", "dense_1"]
    for a, b in zip(jax.tree.leaves(first.init(3)), jax.tree.leaves(second.init(3)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_sequential_grows_and_shrinks():
    model = Sequential()
    model.add(layers.Dense(3, input_dim=4))
    model.add(layers.RepeatVector(2))
    assert model.output_shape == (None, 2, 3)
    assert isinstance(model.pop(), layers.RepeatVector)
    assert model.output_shape == (None, 3) and model.predict(X, verbose=0).shape == (6, 3)
    late = Sequential([layers.Dense(3), layers.Dense(1)])
    assert late.weights == [] and late(X).shape == (6, 1)
    assert late.input_shape == (None, 4) and len(late.weights) == 4
    by_shape = Sequential([layers.Dense(3)])
    by_shape.build((None, 7))
    assert by_shape.count_params() == 24
    batched = Sequential([layers.Dense(2, batch_input_shape=(5, 4))])
    assert batched.input_shape == (5, 4)


def test_nested_models_are_folders():
    encoder = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(2)], name="encoder")
    x = Input((4,))
    model = Model(x, layers.Dense(1, name="head")(encoder(x)))
    assert list(model.params) == ["encoder/dense", "encoder/dense_1", "head"]
    inner = {k.removeprefix("encoder/"): v for k, v in model.params.items() if k.startswith("encoder/")}
    np.testing.assert_allclose(encoder.apply(inner, {}, X)[0], encoder.predict(X, verbose=0), rtol=1e-5)
    outer = Sequential([encoder, layers.Dense(1)])
    assert outer.input_shape == (None, 4) and outer.layers[0] is encoder


def test_a_model_of_inner_tensors_shares_the_weights():
    model = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(2, name="mine"), layers.Dense(1)])
    part = Model(model.input, model.get_layer("mine").output)
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)
    np.testing.assert_array_equal(part.get_weights()[0], model.get_weights()[0])
    tail = Model(model.get_layer("mine").output, model.output)
    np.testing.assert_allclose(
        tail.predict(part.predict(X, verbose=0), verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("structure", [list, tuple, dict])
def test_inputs_and_outputs_in_any_structure(structure):
    a, b = Input((4,), name="a"), Input((4,), name="b")
    ya, yb = layers.Dense(1, name="p")(a), layers.Dense(2, name="q")(b)
    if structure is dict:
        model, x = Model({"a": a, "b": b}, {"p": ya, "q": yb}), {"a": X, "b": 2 * X}
    else:
        model, x = Model(structure([a, b]), structure([ya, yb])), structure([X, 2 * X])
    outputs = model.predict(x, verbose=0)
    assert type(outputs) is structure
    first = outputs["p"] if structure is dict else outputs[0]
    np.testing.assert_allclose(first, X @ model.params["p"]["kernel"] + model.params["p"]["bias"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.tree.leaves(model.predict({"a": X, "b": 2 * X}, verbose=0))[0], first, rtol=1e-5)


def test_arithmetic_on_symbolic_tensors():
    a, b = Input((4,)), Input((4,))
    model = Model([a, b], [(a + b) * 2 - 1, a / (b + 1), -a, a[:, :2], a**2 > b, 3 - a])
    results = model.predict([X, 2 * X], verbose=0)
    expected = [X * 6 - 1, X / (2 * X + 1), -X, X[:, :2], X**2 > 2 * X, 3 - X]
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, rtol=1e-6)
    with pytest.raises(TypeError, match="has no value yet"):
        bool(a > 0)


def test_a_subclass_may_be_made_from_tensors():
    class Net(Model):
        def __init__(self):
            x = Input((4,))
            super().__init__(inputs=x, outputs=layers.Dense(2)(x), name="net")

    net = Net()
    assert net.name == "net" and net.predict(X, verbose=0).shape == (6, 2)


def test_layers_in_attributes_lists_and_dicts_of_a_subclass():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(3)
            self.blocks = [layers.Dense(3), layers.Dense(3, name="named")]
            self.heads = {"a": layers.Dense(1), "b": layers.Dense(2)}

        def call(self, x):
            for layer in (self.first, *self.blocks):
                x = layer(x)
            return {name: head(x) for name, head in self.heads.items()}

    net = Net()
    assert {k: v.shape for k, v in net(X).items()} == {"a": (6, 1), "b": (6, 2)}
    assert list(net.params) == ["first", "blocks_0", "named", "heads_a", "heads_b"]
    assert net.get_layer("blocks_0") is net.blocks[0]


def test_weightless_layers_may_be_made_in_call_and_others_not():
    class Fine(Layer):
        def call(self, x):
            return layers.concatenate([layers.ReLU()(x), x])

    class Wrong(Layer):
        def call(self, x):
            return layers.Dense(2)(x)

    assert Fine()(X).shape == (6, 8)
    outside = layers.Dense(3)
    for bad in (Wrong(), layers.Lambda(lambda x: outside(x))):
        with pytest.raises(RuntimeError, match="called inside the `call` of another layer"):
            bad(X)


def test_a_template_read_by_a_captured_function_is_noticed():
    class Captured(Layer):
        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(4, 2))
            self.function = lambda x: jnp.matmul(x, self.kernel)

        def call(self, x):
            return self.function(x)

    with pytest.raises(RuntimeError, match="read from the template inside `call`"):
        Captured()(X)


def test_a_lost_mask_warns_with_the_path():
    class Dropping(Model):
        def __init__(self):
            super().__init__()
            self.embed = layers.Embedding(5, 3, mask_zero=True)
            self.rnn = layers.LSTM(2)

        def call(self, tokens):
            return self.rnn(jnp.tanh(self.embed(tokens)))

    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    with pytest.warns(UserWarning, match="Layer 'rnn' uses a mask but got none"):
        Dropping()(tokens)
    x = Input((None,), dtype="int32")
    kept = Model(x, layers.LSTM(2)(layers.Embedding(5, 3, mask_zero=True)(x) * 2.0))
    padded = np.pad(tokens, ((0, 0), (0, 3)))
    np.testing.assert_allclose(kept.predict(tokens, verbose=0), kept.predict(padded, verbose=0), rtol=1e-5, atol=1e-6)


def test_training_is_inherited_and_can_be_overridden():
    class Frozen(Model):
        def __init__(self):
            super().__init__()
            self.norm = Sequential([layers.BatchNormalization()])

        def call(self, x):
            return self.norm(x, training=False)

    model = Frozen()
    params, state = model.init(0, X)
    outputs, after = model.apply(params, state, 5 + X, training=True)
    np.testing.assert_array_equal(after["norm/batch_normalization"]["moving_mean"], 0)
    np.testing.assert_allclose(outputs, (5 + X) / np.sqrt(1.001), rtol=1e-4)


@pytest.mark.needs_devices(2)
def test_init_can_place_weights_on_a_mesh_from_the_start():
    mesh = jax.make_mesh((2,), ("model",), axis_types=(jax.sharding.AxisType.Auto,))
    model = Sequential([layers.Dense(8, input_shape=(4,)), layers.Dense(2)])
    shardings = jax.tree.map(
        lambda _: NamedSharding(mesh, PartitionSpec()), jax.eval_shape(model.init, jax.random.key(0))
    )
    shardings[0]["dense"]["kernel"] = NamedSharding(mesh, PartitionSpec(None, "model"))
    params, _ = jax.jit(model.init, out_shardings=shardings)(jax.random.key(0))
    assert params["dense"]["kernel"].sharding.spec == PartitionSpec(None, "model")
    np.testing.assert_allclose(
        params["dense"]["kernel"], model.init(jax.random.key(0))[0]["dense"]["kernel"], rtol=1e-6
    )


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_models_can_be_copied(duplicate):
    model = two_towers(layers, Input, Model)
    model.compile("sgd", "mse")
    model.predict([X, X], verbose=0)
    other = duplicate(model)
    np.testing.assert_array_equal(other.predict([X, X], verbose=0)[0], model.predict([X, X], verbose=0)[0])
    other.set_weights([0 * w for w in other.get_weights()])
    assert np.any(model.get_weights()[0] != 0)


def test_a_deep_model_needs_no_deep_stack():
    x = Input((3,))
    y = x
    for _ in range(400):
        y = layers.Activation("linear")(y)
    assert Model(x, y).predict(np.ones((2, 3)), verbose=0).shape == (2, 3)


def test_trainable_reaches_down_and_counts():
    model = Sequential([Sequential([layers.Dense(3, input_shape=(4,))], name="inner"), layers.Dense(1)])
    model.get_layer("inner").trainable = False
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 2
    assert list(model.params) == ["inner/dense", "dense"]
    model.trainable = True
    assert len(model.trainable_weights) == 4


def test_mixed_precision_is_a_policy():
    set_dtype_policy("mixed_bfloat16")
    try:
        model = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(1, dtype="float32")])
        assert model.get_weights()[0].dtype == np.float32
        hidden = Model(model.input, model.layers[0].output)
        assert hidden(X).dtype == jnp.bfloat16 and model(X).dtype == jnp.float32
        model.compile("sgd", "mse")
        assert np.isfinite(model.fit(X, X[:, :1], verbose=0).history["loss"]).all()
    finally:
        set_dtype_policy(None)
    assert dtype_policy().name == "float32"


def test_importing_costs_little_more_than_jax():
    code = "import sys, jax, jax.numpy; before = set(sys.modules); import jkeras; print(len(set(sys.modules) - before))"
    assert int(subprocess.check_output([sys.executable, "-c", code], text=True)) < 150
