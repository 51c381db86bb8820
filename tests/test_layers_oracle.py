"""The same weights give the same outputs, gradients, masks and state as Keras on JAX, over a table of arguments."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from oracle import close, compare, data_of, randomised
from rows import ORACLE
from rows.kinds import SEQ, Comparison

from jkeras import layers

keras = pytest.importorskip("keras")
# What Keras's variables do with a newer numpy is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("row", ORACLE, ids=str)
def test_outputs_gradients_state_and_masks_are_those_of_keras(row: Comparison) -> None:
    compare(row)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_a_stateful_layer_goes_on_where_it_stopped(name: str) -> None:
    x, _, _ = data_of(Comparison(name, {}, SEQ))
    ours, theirs = (getattr(package, name)(3, stateful=True) for package in (layers, keras.layers))
    theirs(x)
    ours(x)
    weights = randomised(theirs.get_weights())
    for layer in (ours, theirs):
        layer.set_weights(weights)
        layer.reset_state()
    assert len(ours.get_weights()) == len(theirs.get_weights())
    for _ in range(2):
        close(ours(x), theirs(x))
    ours.reset_states()
    theirs.reset_state()
    close(ours(x), theirs(x))


def test_initial_weights_have_the_distribution_of_keras() -> None:
    shape = (None, 200)
    for name, args in (("Dense", (300,)), ("Embedding", (200, 300))):
        ours = getattr(layers, name)(*args)
        params, _ = ours.init(0, shape)
        theirs = getattr(keras.layers, name)(*args)
        theirs.build(shape)
        for a, b in zip(params[ours.name].values(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(np.std(a), np.std(b), rtol=0.05)
    params, _ = layers.LSTM(3).init(0, (None, 5, 4))
    assert params["lstm"]["bias"].tolist() == [0] * 3 + [1] * 3 + [0] * 6
    kernel = np.asarray(params["lstm"]["recurrent_kernel"])
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(3), atol=1e-5)


def test_dropout_of_a_recurrent_layer_is_the_same_at_every_step() -> None:
    layer = layers.SimpleRNN(
        4, activation=None, dropout=0.5, kernel_initializer="identity", recurrent_initializer="zeros",
        return_sequences=True,
    )  # fmt: skip
    params, _ = layer.init(0, (None, 5, 4))
    y, _ = layer.apply(params, {}, jnp.ones((8, 5, 4)), training=True, rng=0)
    assert set(np.unique(y)) == {0.0, 2.0}
    np.testing.assert_array_equal(y, jnp.repeat(y[:, :1], 5, axis=1))


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [("ActivityRegularization", (0.1, 0.3), {}), ("Dense", (3,), {"activity_regularizer": "l2"})],
)
def test_activity_losses_are_per_sample(name: str, args: Any, kwargs: Any) -> None:
    x, _, _ = data_of(Comparison(name, {}, SEQ))
    ours, theirs = (getattr(package, name)(*args, **kwargs) for package in (layers, keras.layers))
    ours(x)
    theirs(x)
    ours.set_weights(theirs.get_weights())
    ours(x)
    close(ours.losses, theirs.losses)


def test_softmax_with_a_mask() -> None:
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    mask = np.asarray([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
    close(layers.Softmax()(x, mask=mask), keras.layers.Softmax()(x, mask=mask))


def test_time_major_and_zero_output_for_mask() -> None:
    x, mask, _ = data_of(Comparison("LSTM", {}, SEQ, mask=True))
    plain = layers.GRU(3, return_sequences=True)
    major = layers.GRU(3, return_sequences=True, time_major=True)
    zeroed = layers.GRU(3, return_sequences=True, zero_output_for_mask=True)
    params, _ = plain.init(0, x)
    expected, _ = plain.apply(params, {}, x, mask=mask)
    major.init(0, x.swapaxes(0, 1))
    zeroed.init(0, x)
    close(major.apply(params, {}, x.swapaxes(0, 1), mask=mask.T)[0].swapaxes(0, 1), expected)
    close(zeroed.apply(params, {}, x, mask=mask)[0], jnp.where(mask[..., None], expected, 0))
