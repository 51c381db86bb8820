"""A convolution before global max pooling: the short gradient is the long one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as L
from jkeras.functional.conv import conv
from jkeras.functional.conv_max import Convolution, conv_global_max, is_worthwhile
from jkeras.models import Model, Sequential


def inputs(steps: int = 50, seed: int = 0):
    rng = np.random.default_rng(seed)
    shapes = ((3, steps, 4), (3, 4, 5), (5,), (3, 5))
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


@pytest.mark.parametrize("ties", ["none", "equal windows", "equal scores", "nothing positive"])
@pytest.mark.parametrize("stride, dilation, rectified", [(1, 1, True), (2, 1, False), (1, 2, True)])
def test_value_and_gradient_are_those_of_the_two_operations(stride, dilation, rectified, ties):
    x, kernel, bias, weights = inputs()
    if ties == "equal windows":  # as in padded text
        x = x.at[:, 20:].set(0.5)
    elif ties == "equal scores":
        kernel = jnp.zeros_like(kernel)
    elif ties == "nothing positive":
        bias = bias - 100.0

    def separate(x, kernel, bias):
        outputs = conv(x, kernel, stride, dilation_rate=dilation) + bias
        return ((jax.nn.relu(outputs) if rectified else outputs).max(1) * weights).sum()

    def together(x, kernel, bias):
        return (conv_global_max(Convolution(x, kernel, bias, stride, dilation, rectified)) * weights).sum()

    for function in (lambda f: f(x, kernel, bias), lambda f: jax.jit(jax.grad(f, (0, 1, 2)))(x, kernel, bias)):
        for ours, theirs in zip(jax.tree.leaves(function(together)), jax.tree.leaves(function(separate)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def has_cond(model, training: bool) -> bool:
    params, state = model.init(0)
    x = jnp.ones((2, 64, 4))
    loss = jax.grad(lambda p: model.apply(p, state, x, training=training)[0].sum())
    return " cond[" in str(jax.make_jaxpr(loss)(params))


def test_it_takes_the_place_of_a_pair_of_layers_in_training_only():
    pair = Sequential([L.Input((64, 4)), L.Conv1D(5, 3, activation="relu"), L.GlobalMaxPooling1D()])
    assert has_cond(pair, True) and not has_cond(pair, False)
    for layer in (L.Conv1D(5, 3, activation="tanh"), L.Conv1D(5, 3, padding="same"), L.Conv1D(4, 3, groups=2)):
        assert not has_cond(Sequential([L.Input((64, 4)), layer, L.GlobalMaxPooling1D()]), True)
    apart = [L.Conv1D(5, 3), L.Activation("relu"), L.GlobalMaxPooling1D()]
    assert not has_cond(Sequential([L.Input((64, 4)), *apart]), True)
    x, kernel, bias, _ = inputs(steps=20)
    assert not is_worthwhile(Convolution(x, kernel, bias, 1, 1, True)), "short sequences have few zeros"


def weights_of(model):
    return [np.asarray(weight.value) for weight in model.weights]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("remat", [None, True])
def test_a_model_learns_as_in_keras(keepdims, remat):
    keras = pytest.importorskip("keras")

    def build(layers, model):
        ids = layers.Input((70,), dtype="int32")
        x = layers.Conv1D(6, 3, activation="relu")(layers.Embedding(20, 4)(ids))
        pooled = layers.Flatten()(layers.GlobalMaxPooling1D(keepdims=keepdims)(x))
        # The outputs of the convolution are needed elsewhere too.
        both = layers.Concatenate()([pooled, layers.GlobalAveragePooling1D()(x)])
        return model(ids, layers.Dense(1)(both))

    theirs, ours = build(keras.layers, keras.Model), build(L, Model)
    ours.set_weights(weights_of(theirs))
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, (32, 70)), rng.normal(size=(32, 1)).astype("float32")
    x[:, 40:] = 0  # padding: many windows share a maximum
    theirs.compile("sgd", "mean_squared_error")
    ours.compile("sgd", "mse", remat=remat)
    expected = theirs.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert ours.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"] == pytest.approx(
        expected, rel=1e-4
    )
    for a, b in zip(ours.get_weights(), weights_of(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_members_of_a_population_choose_one_way_together():
    """Mapped over models, a condition of each would make both ways be computed; with the axis known it stays one."""
    from jkeras.functional.conv_max import shared_axis

    x, kernel, bias, weights = inputs()
    kernels = jnp.stack([kernel, 2 * kernel])

    def gradient(x, kernels):
        def one(kernel):
            value = lambda k: (conv_global_max(Convolution(x, k, bias, 1, 1, True)) * weights).sum()  # noqa: E731
            return jax.grad(value)(kernel)

        with shared_axis("members"):
            return jax.vmap(one, axis_name="members")(kernels)

    assert " cond[" in str(jax.make_jaxpr(gradient)(x, kernels))
    for given in (x, x.at[:, 20:].set(0.5)):  # without and with ties
        for place in range(2):
            alone = jax.grad(lambda k: (conv_global_max(Convolution(given, k, bias, 1, 1, True)) * weights).sum())  # noqa: B023
            np.testing.assert_allclose(gradient(given, kernels)[place], alone(kernels[place]), atol=1e-5)
