"""Functions of JAX and modules of Flax as layers: which arguments they take, and what becomes of their arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
TREE = {"dense": {"kernel": np.ones((3, 2), "float32")}, "scales": [np.float32(2.0), np.arange(2)]}


def with_params(params: Any, inputs: Any) -> Any:
    return inputs @ params["dense"]["kernel"] * params["scales"][0] + params["scales"][1]


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        (with_params, {"params": TREE}, X.sum(1, keepdims=True) * np.full(2, 2.0) + np.arange(2)),
        (lambda inputs: inputs * 2, {}, X * 2),
        (lambda inputs, params: inputs * params, {"params": np.float32(3.0)}, X * 3),
        (lambda state, inputs: (inputs + state["n"], {"n": state["n"] + 1}), {"state": {"n": jnp.zeros(())}}, X),
        (lambda inputs, training: inputs if training else -inputs, {}, -X),
        (lambda rng, inputs: inputs + 0 * jax.random.normal(rng, inputs.shape), {}, X),
        (lambda params, inputs: params["a"] * inputs["x"], {"params": {"a": np.float32(2)}}, X * 2),
    ],
)
def test_a_function_gets_what_its_signature_names(function: Any, given: Any, expected: Any) -> None:
    layer = layers.JaxLayer(function, **given)
    x = {"x": X} if isinstance(given.get("params"), dict) and "a" in given["params"] else X
    params, state = layer.init(0, x)
    np.testing.assert_allclose(jax.jit(lambda p, s: layer.apply(p, s, x)[0])(params, state), expected, 1e-5, 1e-6)
    np.testing.assert_allclose(layer(x), expected, 1e-5, 1e-6)


def test_arrays_become_weights_named_by_their_path() -> None:
    layer = layers.JaxLayer(with_params, params=TREE)
    params, state = layer.init(0, X)
    assert list(params["jax_layer"]) == ["dense/kernel", "scales/0"]
    assert list(state["jax_layer"]) == ["scales/1"], "integers are not trained"
    assert [w.path for w in layer.weights] == ["jax_layer/dense/kernel", "jax_layer/scales/0", "jax_layer/scales/1"]
    assert state["jax_layer"]["scales/1"].dtype == jnp.int32


def test_first_values_come_from_one_call_of_init_fn() -> None:
    calls = []

    def init(rng: Any, inputs: Any, training: bool) -> Any:
        calls.append((inputs.shape, inputs.dtype.name, training))
        kernel = jax.random.normal(rng, (3,))
        return {"kernel": kernel, "offset": jnp.zeros(3)}, {"copy": kernel}

    def call(params: Any, state: Any, inputs: Any) -> Any:
        return inputs * params["kernel"], state

    layer = layers.JaxLayer(call, init)
    one, other = layer.init(1, X), layer.init(2, X)
    for params, state in (one, other, jax.jit(lambda key: layer.init(key, X))(jax.random.key(1))):
        np.testing.assert_array_equal(params["jax_layer"]["kernel"], state["jax_layer"]["copy"])
    assert not np.array_equal(one[0]["jax_layer"]["kernel"], other[0]["jax_layer"]["kernel"])
    np.testing.assert_array_equal(one[0]["jax_layer"]["kernel"], layer.init(1, X)[0]["jax_layer"]["kernel"])
    assert set(calls) == {((6, 3), "float32", True)}
    layer(X)
    np.testing.assert_array_equal(layer.params["jax_layer"]["kernel"], layer.state["jax_layer"]["copy"])


def test_an_unknown_batch_has_size_one_for_init_fn_and_integers_stay_integers() -> None:
    seen = []

    def init(rng: Any, inputs: Any) -> Any:
        seen.append((inputs.shape, inputs.dtype.name))
        return jnp.ones((7, 2))

    y = layers.JaxLayer(lambda params, inputs: params[inputs], init)(layers.Input((5,), dtype="int32"))
    assert y.shape == (None, 5, 2) and set(seen) == {((1, 5), "int32")}
    layer = layers.JaxLayer(lambda params, inputs: inputs + params, lambda rng, inputs: inputs[0])
    layer.build((None, 4))
    assert layer.weights[0].shape == (4,) and layer.weights[0].name == "params"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"call_fn": lambda p, inputs: inputs}, "call_fn takes 'p', which is none of"),
        ({"call_fn": lambda params, input: input, "params": 1.0}, "Did you mean 'inputs'"),
        ({"call_fn": lambda params: params, "params": 1.0}, "call_fn must take 'inputs'"),
        ({"call_fn": lambda params, inputs: inputs}, "Give init_fn, or first values"),
        ({"call_fn": lambda params, state, inputs: inputs, "params": 1.0}, "call_fn takes state. Give"),
        ({"call_fn": lambda inputs: inputs, "init_fn": lambda key, inputs: 0}, "init_fn takes 'key'"),
        ({"call_fn": lambda inputs: inputs, "native_serialization_platforms": ["cpu"]}, "TensorFlow backend"),
        ({"call_fn": "a name"}, "call_fn must be a function"),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layers.JaxLayer(**arguments)


def test_wrong_results_are_refused() -> None:
    state = {"n": jnp.zeros(())}
    with pytest.raises(ValueError, match=r"must return \(outputs, state\)"):
        layers.JaxLayer(lambda state, inputs: inputs, state=state)(X)
    with pytest.raises(ValueError, match="a state like that it takes"):
        layers.JaxLayer(lambda state, inputs: (inputs, {}), state=state)(X)
    with pytest.raises(ValueError, match=r"must return \(params, state\)"):
        layers.JaxLayer(lambda state, inputs: (inputs, state), lambda rng, inputs: 1.0)(X)


def test_configuration_holds_names_and_no_code() -> None:
    layer = layers.JaxLayer(with_params, params=TREE, seed=3, name="mine")
    config = layer.get_config()
    assert config["call_fn"] == "with_params" and config["init_fn"] is None and "params" not in config
    with pytest.raises(ValueError, match="holds its name and no code"):
        layers.JaxLayer.from_config(config)
    config = layers.JaxLayer(with_params, init_fn := lambda rng, inputs: TREE).get_config()
    known = {"with_params": with_params, init_fn.__name__: init_fn}
    again = layers.deserialize({"class_name": "JaxLayer", "config": config}, known)
    np.testing.assert_array_equal(again(X), layer(X))


def test_inference_without_a_key_repeats_itself() -> None:
    layer = layers.JaxLayer(lambda rng, inputs: jax.random.normal(rng, inputs.shape), seed=1)
    layer.init(0, X)
    draws = [np.asarray(layer.apply({}, {}, X, rng=rng)[0]) for rng in (None, None, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[2], draws[3])
    with pytest.raises(ValueError, match="draws random numbers"):
        layer.apply({}, {}, X, training=True)


def test_fit_trains_the_parameters_and_moves_the_state(tmp_path: Any) -> None:
    def init(rng: Any, inputs: Any) -> Any:
        return {"kernel": jax.random.normal(rng, (inputs.shape[-1], 1))}, {"seen": jnp.asarray(0)}

    def call(params: Any, state: Any, inputs: Any) -> Any:
        return inputs @ params["kernel"], {"seen": state["seen"] + 1}

    def make() -> Any:
        return jkeras.Sequential([layers.Input((3,)), layers.JaxLayer(call, init)])

    model = make()
    model.compile(jkeras.optimizers.SGD(0.3), "mse")
    x = np.tile(np.eye(3, dtype="float32"), (2, 1)) * 3**0.5  # every direction is learnt at the same speed
    model.fit(x, x.sum(1, keepdims=True), epochs=30, batch_size=6, verbose=0)
    kernel, seen = model.get_weights()
    np.testing.assert_allclose(kernel, np.ones((3, 1)), 1e-4)
    assert seen == 30
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    other = make()
    other.load_weights(path)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def flax_module() -> Any:
    linen = pytest.importorskip("flax.linen")

    class Encoder(linen.Module):
        features: int = 4

        @linen.compact
        def __call__(self, inputs: Any, training: bool = False) -> Any:
            y = linen.BatchNorm(use_running_average=not training)(linen.Dense(self.features)(inputs))
            self.sow("intermediates", "normalised", y)
            return linen.Dropout(0.5, deterministic=not training)(y)

        def half(self, inputs: Any) -> Any:
            return inputs / 2

    return Encoder


def test_a_flax_module_gives_what_flax_gives() -> None:
    module = flax_module()(5)
    variables = module.init(jax.random.key(0), X)
    layer = layers.FlaxLayer(module, variables=variables)
    params, state = layer.init(1, X)
    assert "Dense_0/kernel" in params["flax_layer"] and "batch_stats/BatchNorm_0/mean" in state["flax_layer"]
    np.testing.assert_allclose(layer.apply(params, state, X)[0], module.apply(variables, X), 1e-5)
    y, after = layer.apply(params, state, X, training=True, rng=3)
    _, expected = module.apply(
        variables, X, training=True, rngs={"dropout": jax.random.key(0)}, mutable=["batch_stats"]
    )
    assert 0 < np.mean(y == 0) < 1
    mean = expected["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(after["flax_layer"]["batch_stats/BatchNorm_0/mean"], mean, 1e-5)
    assert after["flax_layer"].keys() == state["flax_layer"].keys()
    fresh, _ = layers.FlaxLayer(module).init(1, X)
    assert jax.tree.map(jnp.shape, fresh) == jax.tree.map(jnp.shape, params)


def test_methods_and_configuration_of_a_flax_layer() -> None:
    encoder = flax_module()
    for method in ("half", encoder.half, lambda module, inputs: module.half(inputs)):
        np.testing.assert_array_equal(layers.FlaxLayer(encoder(), method=method)(X), X / 2)
    layer = layers.FlaxLayer(encoder(7), method="half")
    config = layer.get_config()
    assert config["module"] == {"class_name": "Encoder", "config": {"features": 7}}
    again = layers.FlaxLayer.from_config(config, {"Encoder": encoder})
    assert again.module.features == 7 and again.method == "half"
    with pytest.raises(ValueError, match="'Encoder' of a FlaxLayer is not known"):
        layers.FlaxLayer.from_config(config)
    with pytest.raises(TypeError, match="expects an instance"):
        layers.FlaxLayer(encoder)
