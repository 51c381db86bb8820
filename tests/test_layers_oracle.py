"""The same weights give the same outputs, gradients, masks and state as Keras on JAX, over a table of arguments."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rows import ORACLE
from rows.kinds import SEQ, Comparison

from jkeras import layers
from jkeras.core.template import weights_of

keras = pytest.importorskip("keras")
# What Keras's variables do with a newer numpy is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


# How well the programs are optimised is not tested, and takes most of the time.
compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
)


def data_of(row: Comparison) -> tuple[Any, Any, Any]:
    """Return inputs, masks and initial states."""
    rng = np.random.default_rng(3)

    def one(shape: tuple[int, ...]) -> np.ndarray:
        if row.high is not None:
            return rng.integers(0, row.high, shape).astype("int32")
        if row.ties:
            return rng.integers(0, 2, shape).astype("float32")
        return rng.normal(size=shape).astype("float32")

    def keep(shape: tuple[int, ...]) -> np.ndarray:
        mask = rng.random(shape[:2]) < 0.6
        mask[:, 2] = True
        return mask

    several = isinstance(row.shapes, list)
    x = [one(s) for s in row.shapes] if several else one(row.shapes)
    mask = None if not row.mask else [keep(s) for s in row.shapes] if several else keep(row.shapes)
    states = [rng.normal(size=(row.shapes[0], 3)).astype("float32") for _ in range(row.states)] or None
    return x, mask, states


def scalar(outputs: Any) -> Any:
    return sum(jnp.sum(jnp.sin(1.0 + y)) for y in jax.tree.leaves(outputs))


def close(ours: Any, theirs: Any, tolerance: float = 2e-5) -> None:
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, tolerance, tolerance)


def randomised(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Return weights none of which is at its first value; positive, as variances must be."""
    rng = np.random.default_rng(5)
    return [rng.uniform(0.1, 0.7, a.shape).astype("float32") for a in arrays]


def with_masks(x: Any, mask: Any) -> Any:
    """Return Keras's arrays that carry their masks, as those made by an Embedding do."""
    arrays = jax.tree.map(jnp.array, x)
    for array, one in zip(jax.tree.leaves(arrays), jax.tree.leaves(mask), strict=True):
        keras.src.backend.set_keras_mask(array, one)
    return arrays


@pytest.mark.parametrize("row", ORACLE, ids=str)
def test_outputs_gradients_state_and_masks_are_those_of_keras(row: Comparison) -> None:
    x, mask, states = data_of(row)
    ours, theirs = row.make(layers), row.make(keras.layers)
    training = {"training": True} if row.training else {}

    theirs.build(jax.tree.map(np.shape, x))
    weights = randomised(theirs.get_weights())
    assert [a.shape for a in weights] == [w.shape for w in _built(ours, x).weights]
    theirs.set_weights(weights)
    ours.set_weights(weights)

    def our_loss(params: Any, x: Any, states: Any) -> Any:
        own = {} if states is None else {"initial_state": states}
        outputs, state, losses = ours.apply(params, ours.state, x, mask=mask, with_losses=True, **own, **training)
        return scalar(outputs) + sum(losses), (outputs, state)

    def their_loss(trained: Any, x: Any, states: Any) -> Any:
        own = {} if states is None else {"initial_state": states}
        if mask is not None and "mask" in inspect.signature(theirs.call).parameters:
            own["mask"] = mask
        elif mask is not None and isinstance(x, list):
            x = with_masks(x, mask)
        rest = [v.value for v in theirs.non_trainable_variables]
        outputs, rest, losses = theirs.stateless_call(trained, rest, x, **own, **training, return_losses=True)
        return scalar(outputs) + sum(losses), (outputs, rest)

    floats = () if row.high is not None else (1,)
    argnums = (0, *floats) if states is None else (0, *floats, 2)
    (_, (outputs, state)), gradients = compiled(jax.value_and_grad(our_loss, argnums, has_aux=True))(
        ours.params, x, states
    )
    trained = [v.value for v in theirs.trainable_variables]
    (_, (their_outputs, rest)), their_gradients = compiled(jax.value_and_grad(their_loss, argnums, has_aux=True))(
        trained, x, states
    )
    close(outputs, their_outputs)
    frozen = not theirs.trainable
    close([] if frozen else _in_order(ours, gradients[0], True), their_gradients[0], 1e-4)
    close(gradients[1:], their_gradients[1:], 1e-4)
    if row.training and not frozen:
        close(_in_order(ours, state, False), [r for r in rest if jnp.issubdtype(r.dtype, jnp.floating)])
    _compare_masks(ours, theirs, x, mask)


def _built(layer: Any, x: Any) -> Any:
    layer.init(0, x)
    return layer


def _in_order(layer: Any, tree: Any, trainable: bool) -> list[Any]:
    """Return the leaves of a tree in the order of the layer's weights; jit returns dicts sorted by name."""
    return [tree[key][w.name] for key, w in weights_of(layer) if w.trainable is trainable]


def _compare_masks(ours: Any, theirs: Any, x: Any, mask: Any) -> None:
    found = ours.compute_mask(jax.tree.map(jnp.asarray, x), mask)
    # Keras gives one mask for the outputs and their states; here each output has its own.
    found = [m for m in jax.tree.leaves(found) if m is not None]
    try:
        expected = theirs.compute_mask(x, mask)
    except (TypeError, AttributeError):  # Lists of masks that Keras expects to be there.
        return
    expected = [m for m in jax.tree.leaves(expected) if m is not None]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


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
