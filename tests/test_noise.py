"""What layers of noise draw in training: shared along the right axes, and distributed as in Keras."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.functional.dropout import alpha_dropout, gaussian_dropout, gaussian_noise


def training(layer: Any, x: Any, rng: int = 0) -> Any:
    return layer.apply({}, {}, x, training=True, rng=rng)[0]


@pytest.mark.parametrize(
    ("name", "arguments"), [("GaussianNoise", (0.3,)), ("GaussianDropout", (0.3,)), ("AlphaDropout", (0.3,))]
)
def test_the_noise_has_the_distribution_of_keras(name: str, arguments: Any) -> None:
    keras = pytest.importorskip("keras")
    x = np.full((300, 200), 1.5, "float32")
    ours = np.asarray(training(getattr(layers, name)(*arguments), x))
    theirs = np.asarray(getattr(keras.layers, name)(*arguments, seed=1)(x, training=True))
    assert ours.dtype == theirs.dtype
    levels = [0.1, 0.45, 0.75, 0.9]
    for statistic in (np.mean, np.std, lambda y: np.quantile(y, levels)):
        np.testing.assert_allclose(statistic(ours), statistic(theirs), rtol=0.01, atol=0.01)
    for axis in (0, 1):  # each element is drawn by itself
        np.testing.assert_allclose(ours.mean(axis).std(), ours.std() / ours.shape[axis] ** 0.5, rtol=0.2)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = np.random.default_rng(0).normal(size=(400, 200)).astype("float32")
    y = training(layers.AlphaDropout(0.4), x)
    np.testing.assert_allclose([y.mean(), y.var()], [0, 1], atol=0.02)
    assert len(np.unique(training(layers.AlphaDropout(0.4), np.zeros((50, 50), "float32")))) == 2


@pytest.mark.parametrize(
    ("layer", "shape", "positions"),
    [
        (layers.SpatialDropout1D(0.5), (4, 6, 5), (1,)),
        (layers.SpatialDropout2D(0.5), (4, 3, 6, 5), (1, 2)),
        (layers.SpatialDropout2D(0.5, data_format="channels_first"), (4, 5, 3, 6), (2, 3)),
        (layers.SpatialDropout3D(0.5), (4, 2, 3, 2, 5), (1, 2, 3)),
        (layers.SpatialDropout3D(0.5, data_format="channels_first"), (4, 5, 2, 3, 2), (2, 3, 4)),
        (layers.AlphaDropout(0.5, noise_shape=(None, 1, None)), (4, 6, 5), (1,)),
    ],
    ids=lambda value: "",
)
def test_whole_channels_are_dropped(layer: Any, shape: Any, positions: Any) -> None:
    y = np.asarray(training(layer, np.ones(shape, "float32")))
    assert (y == y.take([0], positions[0])).all() and (y.max(positions) == y.min(positions)).all()
    assert len(np.unique(y)) == 2


def test_bad_arguments_are_refused() -> None:
    for make in (layers.AlphaDropout, layers.GaussianDropout):
        with pytest.raises(ValueError, match="rate must be below 1"):
            make(1.0)
    with pytest.raises(ValueError, match="stddev must be a number that is not negative"):
        layers.GaussianNoise(-0.1)
    with pytest.raises(ValueError, match="drops whole channels"):
        layers.SpatialDropout2D(0.5, noise_shape=(None, 1, None, None))
    for function in (alpha_dropout, gaussian_dropout):
        with pytest.raises(ValueError, match=r"rate must be in \[0, 1\)"):
            function(jnp.ones(2), 1.0, None)
    assert gaussian_noise(jnp.ones(2, "bfloat16"), 0.5, jnp.zeros(2, "uint32")).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("old", "modern"),
    [
        (lambda: layers.GaussianNoise(sigma=0.3), lambda: layers.GaussianNoise(0.3)),
        (lambda: layers.GaussianDropout(p=0.3), lambda: layers.GaussianDropout(0.3)),
        (
            lambda: layers.SpatialDropout2D(p=0.3, dim_ordering="th"),
            lambda: layers.SpatialDropout2D(0.3, "channels_first"),
        ),
        (lambda: layers.SpatialDropout3D(0.3, "tf"), lambda: layers.SpatialDropout3D(0.3)),
        (lambda: layers.LeakyReLU(alpha=0.1), lambda: layers.LeakyReLU(0.1)),
        (lambda: layers.Embedding(9, 4, input_length=5, sparse=False), lambda: layers.Embedding(9, 4)),
        (lambda: layers.Softmax(1, robust_masking=False), lambda: layers.Softmax(1)),
        (lambda: layers.InputLayer(input_shape=(3,)), lambda: layers.InputLayer(shape=(3,))),
    ],
)
def test_old_spellings_give_modern_layers(old: Any, modern: Any) -> None:
    assert old().get_config() == modern().get_config()


def test_what_is_tensorflows_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="one Input for each feature"):
        layers.DenseFeatures([])
    with pytest.raises(ValueError, match="Give shape and dtype"):
        layers.Input(type_spec="TensorSpec((None, 3))")
    with pytest.raises(ValueError, match="gradients of JAX are dense"):
        layers.Embedding(9, 4, sparse=True)
