"""First values drawn on the host are those that JAX draws."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras import initializers, layers
from jkeras.core import drawing, threefry
from jkeras.layers.gated import UnitForget

words = st.integers(0, 2**32 - 1)


def _words(key: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(key))


@settings(max_examples=20, deadline=None)
@given(seed=words, number=words, count=st.integers(1, 5))
def test_keys_are_jaxs(seed: int, number: int, count: int):
    key = jax.random.key(np.uint32(seed))
    np.testing.assert_array_equal(
        threefry.fold_in(_words(key), number), _words(jax.random.fold_in(key, np.uint32(number)))
    )
    np.testing.assert_array_equal(threefry.split(_words(key), count), _words(jax.random.split(key, count)))


def test_truncated_normal_draws_are_jaxs():
    for seed in (0, 1):
        key = jax.random.key(seed)
        expected = jax.random.truncated_normal(key, -2, 2, (400, 50))
        np.testing.assert_allclose(threefry.truncated_normal(_words(key), (400, 50)), expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=words, low=st.floats(-3, 3, width=32), span=st.floats(0.125, 4, width=32))
def test_uniform_draws_are_jaxs(seed: int, low: float, span: float):
    key = jax.random.key(np.uint32(seed))
    expected = jax.random.uniform(key, (3, 5), minval=low, maxval=low + span)
    np.testing.assert_allclose(threefry.uniform(_words(key), (3, 5), low, low + span), expected, rtol=2e-7, atol=2e-6)


DRAWN_ON_HOST = [
    initializers.Zeros(),
    initializers.Ones(),
    initializers.RandomUniform(-0.5, 0.25),
    initializers.GlorotUniform(),
    initializers.HeUniform(),
    initializers.LecunUniform(),
    initializers.VarianceScaling(2.0, "fan_out", "uniform"),
    initializers.VarianceScaling(2.0, "fan_out", "truncated_normal"),
    initializers.GlorotNormal(),
    UnitForget(initializers.Zeros()),
    UnitForget(initializers.RandomUniform()),
]


@pytest.mark.parametrize("initializer", DRAWN_ON_HOST, ids=repr)
def test_initializers_draw_the_same_on_the_host(initializer: Any):
    key = jax.random.key(5)
    for shape in ((8,), (4, 12), (3, 3, 2, 8))[: 1 if "Forget" in repr(initializer) else 3]:
        value = initializer.on_host(shape, _words(key))
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, initializer(shape, "float32", key=key), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "initializer",
    [
        initializers.RandomNormal(),
        initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal"),
        initializers.Orthogonal(),
        initializers.RandomUniform(seed=1),
    ],
    ids=repr,
)
def test_others_are_left_to_jax(initializer: Any):
    assert initializer.on_host((4, 4), _words(jax.random.key(5))) is None


def test_a_layer_begins_with_the_same_values_wherever_they_are_drawn(monkeypatch: pytest.MonkeyPatch):
    def begun() -> list[np.ndarray]:
        layer = layers.LSTM(4)
        layer.build((None, 5, 3))
        layer._drawn_weights(jax.random.key(1))
        return layer.get_weights()

    on_host = begun()
    monkeypatch.setattr(drawing, "HOST_SIZE", 0)
    for a, b in zip(on_host, begun(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-7, atol=1e-7)


def test_weights_can_be_drawn_while_jax_traces():
    layer = layers.LSTM(4)
    layer.build((None, 5, 3))
    jax.eval_shape(lambda x: layer._drawn_weights() and x, jax.ShapeDtypeStruct((), "float32"))
    assert all(
        isinstance(w.current(), jax.Array) and not isinstance(w.current(), jax.core.Tracer) for w in layer.weights
    )
    assert np.isfinite(layer.get_weights()[0]).all()
