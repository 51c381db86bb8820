"""Parameters of Flax and Equinox: a model with converted ones computes what theirs does."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers, trees
from jkeras.core.layer import Layer
from jkeras.models import Model, Sequential

KEY = jax.random.key(3)


def drawn(tree: Any) -> Any:
    """Arrays that are nowhere 0 or 1, and positive where a variance must be."""
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(KEY, len(leaves))
    return structure.unflatten([jax.random.uniform(k, a.shape, a.dtype, 0.2, 1) for k, a in zip(keys, leaves)])


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


# Name: the layer of jkeras, the module of Linen, the module of NNX (None: there is none), shape of the input.
@functools.cache
def flax_rows():
    nn, nnx = pytest.importorskip("flax.linen"), pytest.importorskip("flax.nnx")
    r = nnx.Rngs(0)
    return {
        "Dense": (layers.Dense(3), nn.Dense(3), nnx.Linear(4, 3, rngs=r), (2, 4)),
        "no bias": (layers.Dense(3, use_bias=False), nn.Dense(3, use_bias=False), None, (2, 4)),
        "Conv2D": (layers.Conv2D(3, 3), nn.Conv(3, (3, 3), padding="VALID"), None, (2, 5, 5, 4)),
        "Conv1D": (layers.Conv1D(3, 3), nn.Conv(3, (3,), padding="VALID"), None, (2, 5, 4)),
        "DepthwiseConv2D": (
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            nn.Conv(8, (3, 3), padding="VALID", feature_group_count=4),
            None,
            (2, 5, 5, 4),
        ),
        "BatchNormalization": (
            layers.BatchNormalization(epsilon=1e-5),
            nn.BatchNorm(use_running_average=True),
            nnx.BatchNorm(4, use_running_average=True, rngs=r),
            (3, 4),
        ),
        "LayerNormalization": (
            layers.LayerNormalization(epsilon=1e-6),
            nn.LayerNorm(),
            nnx.LayerNorm(4, rngs=r),
            (3, 4),
        ),
        "Embedding": (layers.Embedding(7, 3), nn.Embed(7, 3), nnx.Embed(7, 3, rngs=r), (2, 5)),
        "LSTM": (
            layers.LSTM(3, return_sequences=True),
            nn.RNN(nn.LSTMCell(3)),
            nnx.RNN(nnx.LSTMCell(4, 3, rngs=r), rngs=r),
            (2, 5, 4),
        ),
        "GRU": (layers.GRU(3, return_sequences=True), nn.RNN(nn.GRUCell(3)), None, (2, 5, 4)),
        "SimpleRNN": (layers.SimpleRNN(3, return_sequences=True), nn.RNN(nn.SimpleCell(3)), None, (2, 5, 4)),
        "MultiHeadAttention": (
            Attending(),
            nn.MultiHeadDotProductAttention(2, qkv_features=6, out_features=4),
            None,
            (2, 5, 4),
        ),
    }


class Attending(Layer):
    def __init__(self) -> None:
        super().__init__(name="attending")
        self.inner = layers.MultiHeadAttention(2, 3, name="inner")

    def call(self, inputs):
        return self.inner(inputs, inputs)


def rows(usual: str, rare: str) -> list[Any]:
    return [*usual.split(), *(pytest.param(row, marks=pytest.mark.slow) for row in rare.split(", "))]


FLAX = rows(
    "Dense Conv2D BatchNormalization LayerNormalization Embedding LSTM GRU MultiHeadAttention",
    "no bias, Conv1D, DepthwiseConv2D, SimpleRNN",
)
EQUINOX = rows("Dense Conv2D LayerNormalization Embedding LSTM GRU MultiHeadAttention", "Conv1D, DepthwiseConv2D")


@pytest.mark.parametrize("row", FLAX)
def test_flax(row):
    layer, linen, module, shape = flax_rows()[row]
    x = jnp.asarray([[0, 3, 6, 1, 1], [2, 2, 5, 0, 4]]) if row == "Embedding" else jax.random.normal(KEY, shape)
    params, state = (drawn(tree) for tree in layer.init(0, x))
    place = next(iter(params)) if row != "MultiHeadAttention" else "attending/inner"
    names = {place: "there"}
    variables = trees.to_linen(layer, params, state, names)
    variables = {collection: tree["there"] for collection, tree in variables.items()}
    ours, other = jax.jit(layer.apply), jax.jit(linen.apply)
    expected, _ = ours(params, state, x)
    specs = jax.eval_shape(linen.init, KEY, x)
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(lambda spec: spec.shape, dict(specs))
    close(other(variables, x), expected)

    theirs = drawn(specs)
    mine = trees.from_flax(layer, {c: {"there": tree} for c, tree in theirs.items()}, names)
    close(ours(*mine, x)[0], other(theirs, x))
    assert jax.tree.map(jnp.shape, mine) == jax.tree.map(jnp.shape, (params, state))

    if module is not None:
        from flax import nnx

        held = nnx.state(module)
        nnx.replace_by_pure_dict(held, trees.to_nnx(layer, params, state, names)["there"])
        nnx.update(module, held)
        close(module(x), expected)
        back = trees.from_flax(layer, {"there": nnx.to_pure_dict(nnx.state(module))}, names)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), back, (params, state))


def test_flax_of_a_whole_model_by_path():
    nn = pytest.importorskip("flax.linen")

    class Block(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.tanh(nn.Dense(3, name="dense")(x))

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(Block(name="block")(x))

    class Inner(Layer):
        def __init__(self):
            super().__init__(name="block")
            self.dense = layers.Dense(3, activation="tanh")

        def call(self, inputs):
            return self.dense(inputs)

    model = Sequential([layers.Input((4,)), Inner(), layers.Dense(1, name="head")])
    x = jnp.ones((2, 4))
    variables = drawn(Net().init(KEY, x))
    params, state = trees.from_flax(model, variables, {"head": "Dense_0"})
    np.testing.assert_allclose(model.apply(params, state, x)[0], Net().apply(variables, x), rtol=1e-6)
    model.params = params
    with pytest.raises(ValueError, match=r"'head' is not found at 'head'. Say where it is: names=\{'head': ...\}"):
        trees.from_flax(model, variables)
    with pytest.raises(ValueError, match=r"bias has the shape \(3,\); Flax's 'Dense_0'"):
        trees.from_flax(model, variables, {"block/dense": "Dense_0", "head": "Dense_0"})
    biased = jax.tree.map(lambda a: a, variables)
    del biased["params"]["Dense_0"]["bias"]
    with pytest.raises(ValueError, match="gives kernel. The two layers differ"):
        trees.from_flax(model, biased, {"head": "Dense_0"})
    with pytest.raises(ValueError, match="is a PReLU, for which Flax has no counterpart"):
        other = layers.PReLU()
        trees.to_linen(other, *other.init(0, (None, 3)))
    with pytest.raises(ValueError, match="has no weights yet"):
        trees.from_flax(layers.Dense(3), variables)


def over_time(cell):
    def run(sequence):
        zeros = jnp.zeros(cell.hidden_size)
        start = (zeros, zeros) if type(cell).__name__ == "LSTMCell" else zeros

        def step(carry, x):
            carry = cell(x, carry)
            return carry, jax.tree.leaves(carry)[0]

        return jax.lax.scan(step, start, sequence)[1]

    return run


def channels_first(convolution):
    return lambda image: jnp.moveaxis(convolution(jnp.moveaxis(image, -1, 0)), 0, -1)


@functools.cache
def equinox_rows():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eqx = pytest.importorskip("equinox")
    nn = eqx.nn
    attention = nn.MultiheadAttention(
        2, 4, qk_size=3, vo_size=3, output_size=4, use_query_bias=True, use_key_bias=True, use_value_bias=True,
        use_output_bias=True, key=KEY,
    )  # fmt: skip
    same: Any = lambda module: module  # noqa: E731
    return {
        "Dense": (layers.Dense(3), nn.Linear(4, 3, key=KEY), same, (2, 4)),
        "Conv2D": (layers.Conv2D(3, (3, 2)), nn.Conv2d(4, 3, (3, 2), key=KEY), channels_first, (2, 5, 5, 4)),
        "Conv1D": (layers.Conv1D(3, 3), nn.Conv1d(4, 3, 3, key=KEY), channels_first, (2, 5, 4)),
        "DepthwiseConv2D": (
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            nn.Conv2d(4, 8, 3, groups=4, key=KEY),
            channels_first,
            (2, 5, 5, 4),
        ),
        "LayerNormalization": (layers.LayerNormalization(epsilon=1e-5), nn.LayerNorm(4), same, (3, 4)),
        "Embedding": (layers.Embedding(7, 3), nn.Embedding(7, 3, key=KEY), jax.vmap, (2, 5)),
        "LSTM": (layers.LSTM(3, return_sequences=True), nn.LSTMCell(4, 3, key=KEY), over_time, (2, 5, 4)),
        "GRU": (layers.GRU(3, return_sequences=True), nn.GRUCell(4, 3, key=KEY), over_time, (2, 5, 4)),
        "MultiHeadAttention": (Attending(), attention, lambda m: lambda x: m(x, x, x), (2, 5, 4)),
    }


@pytest.mark.parametrize("row", EQUINOX)
def test_equinox(row):
    layer, module, of_one, shape = equinox_rows()[row]
    x = jnp.asarray([[0, 3, 6, 1, 1], [2, 2, 5, 0, 4]]) if row == "Embedding" else jax.random.normal(KEY, shape)
    params, state = (drawn(tree) for tree in layer.init(0, x))
    names = {next(iter(params)) if row != "MultiHeadAttention" else "attending/inner": "parts/0"}
    ours = jax.jit(layer.apply)
    expected, _ = ours(params, state, x)
    there = trees.to_equinox(layer, params, state, {"parts": [module]}, names)["parts"][0]
    assert jax.tree.structure(there) == jax.tree.structure(module)
    close(jax.jit(jax.vmap(of_one(there)))(x), expected)
    theirs = jax.tree.map(lambda a: jnp.asarray(np.cos(3 * np.asarray(a))), module)
    mine = trees.from_equinox(layer, {"parts": [theirs]}, names)
    close(ours(*mine, x)[0], jax.jit(jax.vmap(of_one(theirs)))(x))


def test_equinox_says_what_does_not_fit():
    dense = layers.Dense(3)
    params, state = dense.init(0, (None, 4))
    module = {"first": {"weight": jnp.zeros((3, 5)), "bias": jnp.zeros(3)}}
    with pytest.raises(ValueError, match=r"gives weight of the shape \(3, 4\); the module has one of \(3, 5\)"):
        trees.to_equinox(dense, params, state, module, {"dense": "first"})
    with pytest.raises(ValueError, match=r"has arrays at first. Did you mean 'first'\?"):
        trees.from_equinox(dense, module, {"dense": "firs"})
    with pytest.raises(ValueError, match=r"kernel has the shape \(4, 3\); the module's 'first' gives one of \(5, 3\)"):
        trees.from_equinox(dense, module, {"dense": "first"})
    del module["first"]["bias"]
    with pytest.raises(ValueError, match="gives the arrays weight, bias; the module has weight at 'first'"):
        trees.to_equinox(dense, params, state, module, {"dense": "first"})
    normal = layers.BatchNormalization()
    with pytest.raises(ValueError, match="is a BatchNormalization, for which Equinox has no counterpart"):
        trees.to_equinox(normal, *normal.init(0, (None, 3)), module, {})


def test_a_model_made_of_tensors():
    x = layers.Input((4,))
    model = Model(x, layers.Dense(2, name="out")(layers.LayerNormalization(name="norm")(x)))
    params, state = model.init(0)
    module = {"norm": {"weight": jnp.zeros(4), "bias": jnp.ones(4)}, "out": {"weight": jnp.zeros((2, 4)),
              "bias": jnp.zeros(2)}, "steps": 3}  # fmt: skip
    there = trees.to_equinox(model, params, state, module, {})
    again, _ = trees.from_equinox(model, there, {})
    jax.tree.map(np.testing.assert_array_equal, again, params)
    assert there["steps"] == 3
