"""`jkeras.config`: every switch acts; scopes; top-level names."""

from __future__ import annotations

import contextlib
import logging
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import config, layers, models
from jkeras.legacy import saving as legacy

X = np.arange(12, dtype="float32").reshape(6, 2)
Y = X.sum(1, keepdims=True)


def dense_model():
    model = models.Sequential([layers.Input(shape=(2,)), layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    return model


class Batches:
    """Counts what is taken from it."""

    def __init__(self):
        self.taken = 0

    def __iter__(self):
        for i in range(6):
            self.taken += 1
            yield X[i : i + 1], Y[i : i + 1]


def test_limits_stop_fit_evaluate_and_predict():
    model = dense_model()
    seen = []
    model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
    counting = jkeras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    try:
        config.set_max_epochs(2)
        config.set_max_steps_per_epoch(3)
        assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)
        with pytest.warns(UserWarning, match="limits"):
            history = model.fit(X, Y, batch_size=1, epochs=5, verbose=0, callbacks=[counting], validation_data=(X, Y))
        assert len(history.history["loss"]) == 2 and seen == [0, 1, 2, 0, 1, 2]
        with pytest.warns(UserWarning, match="limits an epoch to 3 steps of 6"):
            assert model.predict(X, batch_size=1, verbose=0).shape == (3, 1)
        with pytest.warns(UserWarning, match="limits"):
            limited = model.evaluate(X, Y, batch_size=1, verbose=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what is within the limits is left alone
            assert limited == pytest.approx(model.evaluate(X[:3], Y[:3], batch_size=1, verbose=0))
            model.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    finally:
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)
    assert model.predict(X, batch_size=1, verbose=0).shape == (6, 1)
    with pytest.raises(ValueError, match="positive integer"):
        config.set_max_epochs(0)


def test_without_interactive_logging_progress_goes_to_the_log(capsys, caplog):
    model = dense_model()
    config.disable_interactive_logging()
    try:
        assert not config.is_interactive_logging_enabled()
        with caplog.at_level(logging.INFO, logger="jkeras"):
            model.fit(X, Y, epochs=2)
            model.summary()
    finally:
        config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    lines = [record.getMessage() for record in caplog.records if record.name == "jkeras"]
    assert [line.split(" - ")[0] for line in lines[:2]] == ["Epoch 1/2", "Epoch 2/2"]
    assert any("Trainable params: 3" in line for line in lines)
    caplog.clear()
    model.fit(X, Y)
    assert "Epoch 1/1" in capsys.readouterr().out and not caplog.records


def test_switches():
    config.set_backend("jax")
    with pytest.raises(ValueError, match="JAX only"):
        config.set_backend("tensorflow")
    with pytest.raises(ValueError, match="custom_objects"):
        config.enable_unsafe_deserialization()
    assert config.is_nnx_enabled() is False and config.is_flash_attention_enabled() is None
    from jkeras.core.settings import settings

    try:
        config.enable_flash_attention()
        assert config.is_flash_attention_enabled() is True
        config.disable_flash_attention()
        assert config.is_flash_attention_enabled() is False
    finally:
        settings.flash_attention = None
    before = jax.config.jax_traceback_filtering
    try:
        config.disable_traceback_filtering()
        assert not config.is_traceback_filtering_enabled() and jax.config.jax_traceback_filtering == "off"
        config.enable_traceback_filtering()
        assert config.is_traceback_filtering_enabled()
    finally:
        jax.config.update("jax_traceback_filtering", before)
    config.set_epsilon(1e-5)
    assert config.epsilon() == jkeras.backend.epsilon() == 1e-5
    config.set_epsilon(1e-7)


def test_floatx_decides_what_layers_store():
    config.set_floatx("bfloat16")
    try:
        assert config.floatx() == "bfloat16" and config.dtype_policy().name == "bfloat16"
        assert layers.Dense(1)(jnp.ones((1, 2))).dtype == "bfloat16"
        assert jkeras.backend.zeros((1,)).dtype == "bfloat16"
    finally:
        config.set_floatx("float32")
    with pytest.raises(ValueError, match="float dtype"):
        config.set_floatx("float31")


def test_image_data_format_decides_for_layers():
    config.set_image_data_format("channels_first")
    try:
        assert layers.Conv2D(4, 2)(jnp.ones((1, 3, 5, 5))).shape == (1, 4, 4, 4)
    finally:
        config.set_image_data_format("channels_last")


def test_top_level_names():
    assert jkeras.version() == jkeras.__version__
    x = layers.Input(shape=(2,))
    f = jkeras.Function(x, {"twice": 2 * x, "dense": layers.Dense(1)(x)}, name="f")
    assert f(X)["twice"].tolist() == (2 * X).tolist() and f(X)["dense"].shape == (6, 1)
    params, state = f.init(0)
    assert list(params) == ["dense"]
    assert f.apply(params, state, X)[0]["dense"].shape == (6, 1)

    class Shift(jkeras.Operation):
        def call(self, x):
            return x + 1

    assert Shift(name="shift")(x).shape == (None, 2)
    assert isinstance(x, jkeras.KerasTensor)
    for wrong in ({"sparse": True}, {"ragged": True}, {"record_history": False}):
        with pytest.raises(ValueError):
            jkeras.KerasTensor((2,), **wrong)
    with jkeras.device("cpu:0"):
        assert {d.platform for d in jnp.ones(2).devices()} == {"cpu"}
    for wrong in ("cpu:99", "abacus"):
        with pytest.raises(ValueError, match="device"):
            jkeras.device(wrong)
    with pytest.raises(RuntimeError, match="compute_output_spec"):
        jkeras.SymbolicScope()


class Counter(layers.Layer):
    """Holds variables that were made apart from `add_weight`."""

    def __init__(self):
        super().__init__()
        self.scale = jkeras.Variable("ones", shape=(2,))
        self.calls = jkeras.Variable(0, dtype="int32", trainable=False, name="count")

    def call(self, x):
        self.calls.assign_add(1)
        return x * self.scale


def test_variables_held_by_a_layer_are_its_weights():
    layer = Counter()
    assert [w.path for w in layer.weights] == ["counter/scale", "counter/count"]
    params, state = layer.init(0, X)
    assert params["counter"]["scale"].tolist() == [1, 1]
    y, after = layer.apply({"counter": {"scale": jnp.array([2.0, 3.0])}}, state, X)
    np.testing.assert_array_equal(y, X * [2, 3])
    assert after["counter"]["count"] == 1 and state["counter"]["count"] == 0
    assert layer(X).tolist() == X.tolist() and int(layer.calls) == 1
    assert isinstance(layer.scale, jkeras.Variable) and isinstance(layers.Dense(1), layers.Layer)
    kernel = layers.Dense(1)
    kernel.build((None, 2))
    assert isinstance(kernel.kernel, jkeras.Variable) and not isinstance(X, jkeras.Variable)
    other = Counter()
    other.borrowed = layer.scale  # belongs to the layer that it was made for
    assert len(other.weights) == 2


@pytest.mark.parametrize("arguments, match", [
    ({"initializer": "ones"}, "shape"), ({"initializer": 1, "aggregation": "median"}, "aggregation"),
    ({"initializer": 1, "synchronization": "never"}, "synchronization"), ({"initializer": 1, "layout": 1}, "layout"),
])  # fmt: skip
def test_variable_refuses(arguments, match):
    with pytest.raises(ValueError, match=match):
        jkeras.Variable(**arguments)


def test_stateless_scope_makes_facade_code_pure():
    layer = Counter()

    @jax.jit
    def pure(scale, count, x):
        with jkeras.StatelessScope(state_mapping=[(layer.scale, scale), (layer.calls, count)]) as scope:
            y = layer(layer(x))
        return y, scope.get_current_value(layer.calls)

    y, count = pure(jnp.array([2.0, 3.0]), 5, X)
    np.testing.assert_allclose(y, X * [4, 9])
    assert int(count) == 7 and int(layer.calls) == 0 and layer.scale.tolist() == [1, 1]

    dense = layers.Dense(1, activity_regularizer="l2")
    dense(X)
    kernel = np.asarray(dense.kernel)

    def loss(kernel):
        with jkeras.StatelessScope([(dense.kernel, kernel)], collect_losses=True) as scope:
            return dense(X).sum() + scope.losses[0]

    gradient = jax.grad(loss)(jnp.asarray(kernel))
    expected = X.sum(0, keepdims=True).T + 2 * 0.01 / 6 * X.T @ (X @ kernel)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4)
    with pytest.raises(ValueError, match="shape"):
        jkeras.StatelessScope([(dense.kernel, jnp.ones(3))])
    with pytest.raises(ValueError, match="maps variables"):
        jkeras.StatelessScope([(1.0, 2.0)])


def rematerialised(model, params, state, **options):
    """How many times a gradient's program has a block that is computed again."""

    def loss(params):
        return model.apply(params, state, X, rng=jax.random.key(0), **options)[0].sum()

    return str(jax.make_jaxpr(jax.grad(loss))(params)).count("remat")


def deep(scope=None):
    with scope or contextlib.nullcontext():
        return models.Sequential([
            layers.Input(shape=(2,)), layers.Dense(8, activation="tanh", name="one"), layers.BatchNormalization(),
            layers.Dropout(0.5), layers.Dense(2, activation="tanh", activity_regularizer="l2", name="two"),
        ])  # fmt: skip


@pytest.mark.parametrize("scope", [
    {"mode": "full"}, {"mode": "activations"}, {"mode": "larger_than", "output_size_threshold": 40},
    {"mode": "list_of_layers", "layer_names": ["two"]},
], ids=lambda scope: scope["mode"])  # fmt: skip
def test_remat_scope_recomputes_and_changes_no_number(scope):
    plain, marked = deep(), deep(jkeras.RematScope(**scope))
    params, state = plain.init(0)
    assert rematerialised(plain, params, state, training=True) == 0
    assert rematerialised(marked, params, state, training=True) > 0
    with jkeras.RematScope(**scope):  # around the call does as well
        assert rematerialised(plain, params, state, training=True) > 0

    def run(model):
        def loss(params):
            y, after, losses = model.apply(params, state, X, training=True, rng=jax.random.key(1), with_losses=True)
            return (y**2).sum() + sum(losses), after

        return jax.jit(jax.grad(loss, has_aux=True))(params)

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), run(plain), run(marked))


def test_remat_scope_keeps_masks_and_trains():
    with jkeras.RematScope():
        model = models.Sequential(
            [
                layers.Embedding(5, 3, mask_zero=True),
                layers.LSTM(4, return_sequences=True),
                layers.GlobalAveragePooling1D(),
            ]
        )
    tokens = np.array([[1, 2, 0], [3, 4, 0]])
    steps = model.layers[1](model.layers[0](tokens))
    np.testing.assert_allclose(model(tokens), np.mean(steps[:, :2], 1), rtol=1e-5)
    model.compile(loss="mse", optimizer="sgd")
    model.fit(tokens, np.zeros((2, 4)), verbose=0)
    with pytest.raises(ValueError, match="mode must be one of"):
        jkeras.RematScope(mode="some")


def test_remat_of_a_function():
    f = jkeras.remat(lambda x, power=2: jnp.sin(jnp.sin(x)) ** power)
    assert "remat" in str(jax.make_jaxpr(jax.grad(lambda x: f(x, power=3)))(1.0))
    np.testing.assert_allclose(jax.grad(f)(0.5), jax.grad(lambda x: jnp.sin(jnp.sin(x)) ** 2)(0.5), rtol=1e-6)


def test_autocast_and_aggregation_of_weights():
    seen = {}

    class Table(layers.Layer):
        def build(self, input_shape):
            self.cast = self.add_weight(name="cast", shape=(2,), aggregation="mean")
            self.exact = self.add_weight(name="exact", shape=(2,), autocast=False, aggregation=None)

        def call(self, x):
            seen.update(cast=self.cast.dtype, exact=self.exact.dtype)
            return x * self.cast

    layer = Table(dtype="mixed_bfloat16")
    layer(X)
    assert seen == {"cast": "bfloat16", "exact": "float32"}
    assert [w.aggregation for w in layer.weights] == ["mean", "none"] and layer.exact.autocast is False
    with pytest.raises(ValueError, match="Did you mean 'mean'"):
        layer.add_weight(name="wrong", shape=(), aggregation="meann")


def test_legacy_saving():
    config_of = legacy.serialize_keras_object(layers.Dense(3, name="d"))
    assert config_of["class_name"] == "Dense" and config_of["config"]["units"] == 3
    made = legacy.deserialize_keras_object(config_of, module_objects={"Dense": layers.Dense})
    assert (made.units, made.name) == (3, "d")
    assert legacy.serialize_keras_object(max) == "max" and legacy.serialize_keras_object(None) is None
    assert legacy.deserialize_keras_object("max", {"min": min}, custom_objects={"max": max}) is max
    for wrong in ("mox", {"class_name": "Dense"}, 3):
        with pytest.raises(ValueError):
            legacy.deserialize_keras_object(wrong, {"max": max}, printable_module_name="function")
    with pytest.raises(ValueError, match="get_config"):
        legacy.serialize_keras_object(3)
