"""The table of activation functions against Keras's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jkeras import activations
from jkeras.core.registry import activations as table

ARGUMENTS = {"threshold": (0.5, -1.0)}
OURS = ("legacy_hard_sigmoid",)  # Keras 3 has no name for it any more
VARIANTS = [
    *((name, ARGUMENTS.get(name, ()), {}) for name in sorted({*table} - {"sparsemax", *OURS})),
    ("relu", (), {"negative_slope": 0.3}),
    ("relu", (), {"max_value": 1.5}),
    ("relu", (), {"max_value": 6}),
    ("relu", (), {"threshold": 0.7}),
    ("relu", (), {"negative_slope": 0.3, "threshold": 0.7, "max_value": 1.5}),
    ("leaky_relu", (), {"negative_slope": 0.01}),
    ("elu", (), {"alpha": 0.5}),
    ("celu", (), {"alpha": 0.5}),
    ("gelu", (), {"approximate": True}),
    ("squareplus", (), {"b": 2}),
    ("soft_shrink", (), {"threshold": 0.2}),
    ("hard_shrink", (), {"threshold": 0.2}),
    ("softmax", (), {"axis": 0}),
    ("softmax", (), {"axis": (0, 1)}),
    ("log_softmax", (), {"axis": 0}),
    ("glu", (), {"axis": 0}),
]


@pytest.mark.parametrize(("name", "positional", "named"), VARIANTS)
def test_agrees_with_keras_in_value_and_gradient(name, positional, named):
    keras = pytest.importorskip("keras")
    x = jnp.asarray(np.random.default_rng(0).normal(0, 2.5, size=(6, 8)), jnp.float32)
    ours, theirs = table.lookup(name), getattr(keras.activations, name)

    def gradient_and_value(function):
        def loss(x):
            y = function(x, *positional, **named)
            return jnp.sum(jnp.sin(3 * y)), y

        return jax.jit(jax.grad(loss, has_aux=True))(x)

    for got, want in zip(gradient_and_value(ours), gradient_and_value(theirs), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu", "elu", "hard_sigmoid", "hard_tanh", "hard_silu"])
def test_gradients_at_the_corners_are_those_of_keras(name):
    keras = pytest.importorskip("keras")
    x = jnp.asarray([-3.0, -1.0, 0.0, 1.0, 3.0, 6.0])
    got, want = (
        jax.grad(lambda x, f=f: jnp.sum(f(x)))(x) for f in (table.lookup(name), getattr(keras.activations, name))
    )
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_every_function_of_keras_is_there():
    keras = pytest.importorskip("keras")
    names = {n for n in dir(keras.activations) if not n.startswith("_")} - {"get", "serialize", "deserialize"}
    assert names | set(OURS) == set(table)
    assert all(getattr(activations, name) is table.lookup(name) for name in names)


@pytest.mark.parametrize("name", sorted(set(table)))
def test_takes_what_numpy_takes_and_keeps_the_dtype(name):
    function, arguments = table.lookup(name), ARGUMENTS.get(name, ())
    integers = function([[1, -2, 3, 0]], *arguments)
    assert integers.dtype == jnp.float32
    np.testing.assert_allclose(integers, function(np.asarray([[1.0, -2.0, 3.0, 0.0]], np.float32), *arguments))
    for dtype in (jnp.float16, jnp.bfloat16):
        assert function(jnp.ones((1, 4), dtype), *arguments).dtype == dtype


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(-50, 50, width=32)))
def test_sparsemax_is_a_projection_onto_the_simplex(x):
    p = np.asarray(activations.sparsemax(x))
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(-1), 1.0, atol=1e-4)
    np.testing.assert_allclose(activations.sparsemax(p), p, atol=1e-5)
    for row, projected in zip(x.astype(np.float64), p, strict=True):
        candidates = (np.cumsum(-np.sort(-row)) - 1) / np.arange(1, 6)
        np.testing.assert_allclose(projected, np.maximum(row - candidates.max(), 0), atol=1e-4)
    np.testing.assert_allclose(activations.sparsemax(x.T, axis=0).T, p, atol=1e-6)
    np.testing.assert_allclose(activations.sparsemax(x + 1), p, atol=1e-4)


def test_get_serialize_deserialize():
    assert activations.get(None) is activations.linear
    assert activations.get("ReLU") is activations.relu
    assert activations.get({"class_name": "function", "config": "tanh", "registered_name": "tanh"}) is activations.tanh

    def mine(x):
        return x

    assert activations.get(mine) is mine
    assert activations.deserialize(activations.serialize(mine), {"mine": mine}) is mine
    for name in set(table):
        function = table.lookup(name)
        assert activations.deserialize(activations.serialize(function)) is function
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        activations.get("rellu")
    with pytest.raises(ValueError, match="Cannot interpret 3"):
        activations.get(3)
    with pytest.raises(ValueError, match="A lambda has no name"):
        activations.serialize(lambda x: x)
