"""Layers in the spelling of Keras 1 and 2 give the configuration of the modern ones."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from jkeras import layers

CASES: list[tuple[Any, Any]] = [
    (
        lambda: layers.Dense(output_dim=3, init="uniform", W_regularizer="l2", bias=False, input_dim=4),
        lambda: layers.Dense(3, kernel_initializer="uniform", kernel_regularizer="l2", use_bias=False),
    ),
    (lambda: layers.Dropout(p=0.3), lambda: layers.Dropout(0.3)),
    (
        lambda: layers.Convolution2D(8, 3, 5, border_mode="same", subsample=(2, 2), dim_ordering="th"),
        lambda: layers.Conv2D(8, (3, 5), padding="same", strides=2, data_format="channels_first"),
    ),
    (
        lambda: layers.Convolution2D(8, 3, 3, "uniform", "relu"),
        lambda: layers.Conv2D(8, 3, kernel_initializer="uniform", activation="relu"),
    ),
    (lambda: layers.Convolution2D(8, (3, 3)), lambda: layers.Conv2D(8, 3)),
    (lambda: layers.Conv2D(nb_filter=8, nb_row=3, nb_col=2), lambda: layers.Conv2D(8, (3, 2))),
    (lambda: layers.Convolution1D(8, 3, subsample_length=2), lambda: layers.Conv1D(8, 3, strides=2)),
    (lambda: layers.Convolution1D(nb_filter=8, filter_length=3), lambda: layers.Conv1D(8, 3)),
    (lambda: layers.Convolution3D(8, 3, 2, 1), lambda: layers.Conv3D(8, (3, 2, 1))),
    (
        lambda: layers.AtrousConvolution2D(8, 3, 3, "uniform", "relu", None, "same", (1, 1), (2, 2), "th"),
        lambda: layers.Conv2D(
            8, 3, padding="same", dilation_rate=2, data_format="channels_first", activation="relu",
            kernel_initializer="uniform",
        ),
    ),
    (
        lambda: layers.SeparableConvolution2D(8, 3, 2, "uniform", depth_multiplier=2, pointwise_regularizer="l2"),
        lambda: layers.SeparableConv2D(
            8, (3, 2), depth_multiplier=2, depthwise_initializer="uniform", pointwise_initializer="uniform",
            pointwise_regularizer="l2",
        ),
    ),
    (
        lambda: layers.Deconvolution2D(8, 3, 3, (None, 14, 14, 8), subsample=(2, 2), border_mode="same"),
        lambda: layers.Conv2DTranspose(8, 3, strides=2, padding="same"),
    ),
    (
        lambda: layers.Deconv3D(8, (2, 2, 2), output_shape=(None, 4, 4, 4, 8), bias=False),
        lambda: layers.Conv3DTranspose(8, 2, use_bias=False),
    ),
    (
        lambda: layers.LocallyConnected2D(nb_filter=8, nb_row=3, nb_col=2, subsample=(2, 1), dim_ordering="th"),
        lambda: layers.LocallyConnected2D(8, (3, 2), strides=(2, 1), data_format="channels_first"),
    ),
    (
        lambda: layers.DepthwiseConv2D(3, kernel_initializer="uniform", kernel_regularizer="l1"),
        lambda: layers.DepthwiseConv2D(3, depthwise_initializer="uniform", depthwise_regularizer="l1"),
    ),
    (lambda: layers.ZeroPadding2D((1, 2, 3, 4)), lambda: layers.ZeroPadding2D(((1, 2), (3, 4)))),
    (lambda: layers.ZeroPadding2D((1, 2), "th"), lambda: layers.ZeroPadding2D((1, 2), "channels_first")),
    (lambda: layers.ZeroPadding2D({"left_pad": 2}), lambda: layers.ZeroPadding2D(((0, 0), (2, 0)))),
    (lambda: layers.ZeroPadding1D({"right_pad": 2}), lambda: layers.ZeroPadding1D((0, 2))),
    (lambda: layers.Cropping2D(((1, 1), (2, 2)), dim_ordering="tf"), lambda: layers.Cropping2D((1, 2))),
    (lambda: layers.UpSampling1D(length=3), lambda: layers.UpSampling1D(3)),
    (lambda: layers.UpSampling2D((2, 3), "th"), lambda: layers.UpSampling2D((2, 3), "channels_first")),
    (
        lambda: layers.MaxPooling2D((2, 2), (1, 1), "same", "th"),
        lambda: layers.MaxPooling2D(2, 1, "same", "channels_first"),
    ),
    (lambda: layers.MaxPooling1D(pool_length=3, stride=2), lambda: layers.MaxPooling1D(3, 2)),
    (
        lambda: layers.LSTM(
            output_dim=4, inner_init="identity", inner_activation="hard_sigmoid", dropout_W=0.1, dropout_U=0.2,
            U_regularizer="l1", forget_bias_init="one", consume_less="gpu", input_shape=(5, 2), implementation=2,
        ),
        lambda: layers.LSTM(
            4, recurrent_initializer="identity", recurrent_activation="hard_sigmoid", dropout=0.1,
            recurrent_dropout=0.2, recurrent_regularizer="l1",
        ),
    ),
    (lambda: layers.Embedding(9, 4, init="zero", input_length=5), lambda: layers.Embedding(9, 4, "zeros")),
    (
        lambda: layers.BatchNormalization(mode=0, gamma_init="zero", axis=[-1], fused=True),
        lambda: layers.BatchNormalization(gamma_initializer="zeros"),
    ),
    (lambda: layers.LeakyReLU(alpha=0.1), lambda: layers.LeakyReLU(0.1)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "modern"), CASES)
def test_old_spellings_give_modern_layers(old: Any, modern: Any) -> None:
    assert type(old()) is type(modern())
    assert old().get_config() == modern().get_config()


@pytest.mark.parametrize(("former", "modern"), [("Convolution1D", "Conv1D"), ("CuDNNGRU", "GRU")])
def test_a_former_name_can_be_subclassed(former: str, modern: str) -> None:
    class Mine(getattr(layers, former)):
        pass

    layer = Mine(4, 3) if modern == "Conv1D" else Mine(4)
    assert isinstance(layer, (getattr(layers, former))) and isinstance(layer, getattr(layers, modern))
    assert layer(np.ones((2, 5, 3), "float32")).shape[-1] == 4
    assert Mine.from_config(layer.get_config()).get_config() == layer.get_config() != {}


def test_what_has_no_counterpart_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="SpatialDropout1D"):
        layers.Embedding(9, 4, dropout=0.2)
    with pytest.raises(ValueError, match="mode=2"):
        layers.BatchNormalization(mode=2)
    with pytest.raises(TypeError, match="old spelling"):
        layers.Dense(units=3, output_dim=4)


def test_an_output_shape_that_will_not_be_is_refused() -> None:
    layer = layers.Deconvolution2D(8, 3, 3, output_shape=(None, 15, 15, 8), subsample=(2, 2), border_mode="same")
    assert layer(layers.Input((None, None, 4))).shape == (None, None, None, 8)
    with pytest.raises(ValueError, match=r"output_shape=\(None, 15, 15, 8\) was given"):
        layer(np.ones((1, 7, 7, 4)))


def test_keras_1_sizes_are_positional_for_its_own_names_only() -> None:
    assert layers.Conv2D(8, 3, 3).strides == (3, 3)
    mine = type("Mine", (layers.Convolution2D,), {})(8, 3)
    assert isinstance(mine, layers.Conv2D)
    assert mine(np.ones((1, 4, 4, 2))).shape == (1, 2, 2, 8)


@pytest.mark.parametrize("path", ["core", "wrappers", "convolutional", "embeddings", "advanced_activations"])
def test_old_module_paths_lead_to_the_layers(path: str) -> None:
    assert importlib.import_module(f"jkeras.layers.{path}").Dense is layers.Dense
    assert getattr(layers, path).LSTM is layers.LSTM


def test_old_module_paths_with_files_of_their_own() -> None:
    from jkeras.layers.merge import concatenate
    from jkeras.layers.normalization import BatchNormalization
    from jkeras.layers.pooling import MaxPooling2D
    from jkeras.layers.recurrent import GRU, LSTM, SimpleRNN

    assert all(found in vars(layers).values() for found in (concatenate, BatchNormalization, MaxPooling2D, GRU, LSTM))
    assert SimpleRNN is layers.SimpleRNN


@pytest.mark.parametrize(("mode", "expected"), [("sum", 5), ("mul", 6), ("ave", 2.5), ("max", 3), ("concat", 2)])
def test_the_merge_function(mode: str, expected: float) -> None:
    x, y = np.full((1, 1), 2.0, "float32"), np.full((1, 1), 3.0, "float32")
    assert layers.merge([x, y], mode=mode)[0, 0] == expected


def test_the_initial_state_may_come_in_one_list_with_the_inputs() -> None:
    x, h = np.ones((2, 5, 3), "float32"), np.ones((2, 4), "float32")
    layer = layers.LSTM(4)
    np.testing.assert_array_equal(layer([x, h, h]), layer(x, initial_state=[h, h]))
