"""The same weights give the same outputs, gradients, masks and state as Keras: how two layers are compared."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rows.kinds import Comparison

from jkeras import layers
from jkeras.core.template import weights_of

keras = pytest.importorskip("keras")

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


def compare(row: Comparison) -> None:
    """Fail unless outputs, gradients, state and masks are those of Keras."""
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
