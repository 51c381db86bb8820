"""The spectral norm of what the inner layer computes with is one, and files are those of Keras."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers

# What Keras's variables do with a newer numpy is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")


def test_the_norm_is_one_in_training_and_in_inference() -> None:
    layer = layers.SpectralNormalization(layers.Dense(5, use_bias=False, kernel_initializer="normal"))
    params, state = layer.init(0, X)
    x = jnp.eye(6)
    for _ in range(200):
        y, state = layer.apply(params, state, x, training=True)
    np.testing.assert_allclose(np.linalg.norm(y, 2), 1.0, 1e-3)
    again, same = layer.apply(params, state, x)
    np.testing.assert_allclose(again, y, 1e-4, 1e-6)
    jax.tree.map(np.testing.assert_array_equal, same, state)


def test_the_inner_layer_keeps_its_kernel() -> None:
    inner = layers.Dense(5)
    layer = layers.SpectralNormalization(inner)
    plain = layer.apply(*layer.init(0, X), X)[0]

    class Twice(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.wrapped, self.inner = layer, inner

        def call(self, inputs: Any) -> Any:
            return self.wrapped(inputs), self.wrapped(inputs), self.inner(inputs)

    twice = Twice()
    params, state = twice.init(0, X)
    (first, second, bare), _ = twice.apply(params, state, X)
    np.testing.assert_array_equal(first, second)
    kernel = params["twice/wrapped"]["kernel"]
    np.testing.assert_allclose(bare, X @ kernel, 1e-4, 1e-5)
    assert not np.allclose(first, bare) and plain.shape == first.shape


def test_a_kernel_of_zeros_stays_as_it_is() -> None:
    layer = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="zeros"))
    params, state = layer.init(0, X)

    def loss(params: Any) -> Any:
        y, after = layer.apply(params, state, X, training=True)
        return jnp.sum(jnp.sin(y + 1)), (y, after)

    gradients, (y, after) = jax.grad(loss, has_aux=True)(params)
    assert not np.any(y) and all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))
    jax.tree.map(np.testing.assert_array_equal, after, state)


def test_what_has_no_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="ReLU has neither a kernel nor embeddings"):
        layers.SpectralNormalization(layers.ReLU()).init(0, X)
    with pytest.raises(ValueError, match="power_iterations must be a positive integer"):
        layers.SpectralNormalization(layers.Dense(3), power_iterations=0)


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_weight_files_go_both_ways(ending: str, tmp_path: Any) -> None:
    keras = pytest.importorskip("keras")

    def model(package: Any) -> Any:
        wrapped = package.layers.SpectralNormalization(package.layers.Dense(5, name="inner"), name="wrapped")
        return package.Sequential([package.layers.Input((6,)), wrapped, package.layers.Dense(2, name="head")])

    ours, theirs = model(jkeras), model(keras)
    arrays = [np.random.default_rng(i).normal(size=w.shape).astype("float32") for i, w in enumerate(theirs.weights)]
    theirs.set_weights(arrays)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    path = str(tmp_path / f"theirs{ending}")
    theirs.save_weights(path) if ending == ".weights.h5" else theirs.save(path)
    ours.load_weights(path)
    jax.tree.map(np.testing.assert_array_equal, ours.get_weights(), arrays)
    if ending == ".weights.h5":
        path = str(tmp_path / "ours.weights.h5")
        ours.save_weights(path)
        theirs.set_weights([np.zeros_like(a) for a in arrays])
        theirs.load_weights(path)
        jax.tree.map(np.testing.assert_array_equal, theirs.get_weights(), arrays)
