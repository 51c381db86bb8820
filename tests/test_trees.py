"""Parameters as trees: parts by path, freezing, averages, low-rank adaptation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras import layers, trees
from jkeras.models import Sequential
from jkeras.trees.lora import LowRank

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def network():
    return Sequential([layers.Input((4,)), layers.Dense(5, name="body", activation="tanh"), layers.Dense(1)])


def test_split_and_merge_are_inverse():
    params, _ = network().init(0)
    matched, rest = trees.split(params, ["^body/", "bias$"])
    assert trees.paths(matched) == ["body/bias", "body/kernel", "dense/bias"]
    assert trees.paths(rest) == ["dense/kernel"]
    merged = trees.merge(rest, matched)
    assert {k: set(v) for k, v in merged.items()} == {k: set(v) for k, v in params.items()}
    assert merged["body"]["kernel"] is params["body"]["kernel"]
    with pytest.raises(ValueError, match=r"'\^bodi/' is found in no path of body/bias"):
        trees.select(params, "^bodi/")


def test_the_gradient_of_a_part():
    model = network()
    params, state = model.init(0)
    trained, frozen = trees.split(params, "^dense/")
    gradient = jax.grad(lambda part: model.apply(trees.merge(frozen, part), state, X)[0].sum())(trained)
    assert trees.paths(gradient) == ["dense/bias", "dense/kernel"]
    whole = jax.grad(lambda p: model.apply(p, state, X)[0].sum())(params)
    np.testing.assert_array_equal(gradient["dense"]["kernel"], whole["dense"]["kernel"])


def test_labels_freeze_in_optax_and_in_fit():
    model = network()
    params = model.params
    before = jax.tree.map(np.array, params)
    mask = trees.labels(params, {"^dense/": True}, default=False)
    decayed = optax.masked(optax.add_decayed_weights(0.1), trees.labels(params, {"kernel$": True}, default=False))
    frozen = optax.masked(optax.set_to_zero(), jax.tree.map(lambda m: not m, mask))
    model.compile(optax.chain(decayed, optax.sgd(0.1), frozen), "mse")
    model.fit(X, np.ones((6, 1)), epochs=2, verbose=0)
    np.testing.assert_array_equal(model.params["body"]["kernel"], before["body"]["kernel"])
    assert np.any(model.params["dense"]["kernel"] != before["dense"]["kernel"])
    with pytest.raises(ValueError, match="is found in no path"):
        trees.labels(params, {"kernal$": True}, default=False)


LORA = {
    "Dense": (lambda: layers.Dense(6), (3, 8), "kernel$", (8, 6)),
    "EinsumDense": (lambda: layers.EinsumDense("abc,cde->abde", (None, 3, 4)), (2, 5, 8), "kernel$", (8, 12)),
    "Conv2D": (lambda: layers.Conv2D(20, 3), (2, 6, 6, 4), "kernel$", (36, 20)),
    "Embedding": (lambda: layers.Embedding(9, 6), (2, 5), "embeddings$", (9, 6)),
    "LSTM": (lambda: layers.LSTM(4), (2, 5, 6), "kernel$", (6, 16)),
}


@pytest.mark.parametrize("kind", LORA)
def test_lora_begins_at_the_same_function_and_trains_nothing_else(kind):
    make, shape, pattern, matrix = LORA[kind]
    layer = make()
    x = jnp.ones(shape, "int32") if kind == "Embedding" else jax.random.normal(jax.random.key(1), shape)
    params, state = layer.init(0, x)
    adapters = trees.lora_init(1, params, pattern, rank=2)
    (name,) = adapters
    first = next(iter(adapters[name].values()))
    assert (first.a.shape, first.b.shape) == ((matrix[0], 2), (2, matrix[1]))

    @jax.jit
    def outputs(adapters):
        return layer.apply(trees.lora(params, adapters, alpha=3.0), state, x)[0]

    np.testing.assert_allclose(outputs(adapters), jax.jit(layer.apply)(params, state, x)[0], rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda adapters: jnp.sum(outputs(adapters) ** 2)))(adapters)
    assert jax.tree.structure(gradient) == jax.tree.structure(adapters)
    moved = jax.tree.map(lambda a, g: a - 0.01 * g, adapters, gradient)
    assert np.any(outputs(moved) != outputs(adapters))
    merged = trees.lora(params, moved, alpha=3.0)
    for weight, value in params[name].items():
        if weight not in adapters[name]:
            assert merged[name][weight] is value
            continue
        low = moved[name][weight]
        change = np.asarray(merged[name][weight] - value).reshape(low.a.shape[0], -1)
        np.testing.assert_allclose(change, 1.5 * low.a @ low.b, atol=1e-6)
        assert np.linalg.matrix_rank(change, tol=1e-5) <= 2


def test_lora_says_what_cannot_be():
    params, _ = network().init(0)
    with pytest.raises(ValueError, match="'body/bias' has the shape \\(5,\\)"):
        trees.lora_init(0, params, "bias$")
    with pytest.raises(ValueError, match="at least 1 and below 4 for 'body/kernel'"):
        trees.lora_init(0, params, "^body/kernel", rank=4)
    with pytest.raises(ValueError, match="adapters for tail/kernel"):
        trees.lora(params, {"tail": {"kernel": LowRank(jnp.ones((1, 1)), jnp.ones((1, 1)))}})


def test_lora_of_a_model_that_is_not_there_yet():
    model = network()
    abstract = jax.eval_shape(model.init, jax.random.key(0))[0]
    adapters = trees.lora_init(0, abstract, "body/kernel", rank=2)
    assert trees.paths(adapters) == ["body/kernel/a", "body/kernel/b"]


def test_lora_trains_by_optax_while_the_rest_stays():
    jkeras.utils.set_random_seed(0)
    model, optimizer = network(), optax.adam(0.05)
    params, state = model.init(0)
    target = jnp.sum(jnp.asarray(X), 1, keepdims=True)
    adapters = trees.lora_init(1, params, "^body/kernel", rank=2)

    def loss(adapters):
        return jnp.mean((model.apply(trees.lora(params, adapters), state, X)[0] - target) ** 2)

    def step(carry, _):
        adapters, opt_state = carry
        value, grads = jax.value_and_grad(loss)(adapters)
        updates, opt_state = optimizer.update(grads, opt_state)
        return (optax.apply_updates(adapters, updates), opt_state), value

    _, values = jax.lax.scan(step, (adapters, optimizer.init(adapters)), length=30)
    assert values[-1] < 0.7 * values[0]
