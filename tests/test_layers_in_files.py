"""Every layer of the table goes through the files: its configuration and its weights, here and in real Keras."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from rows import CONTRACT

from jkeras import layers as L
from jkeras.models import Model, load_model, model_from_json
from jkeras.saving import deserialize_keras_object, serialize_keras_object

ROWS = [row for row in CONTRACT if not row.custom and row.name != "LSTM_stateful"]
# What Keras 3 refuses, or computes otherwise: causal depthwise convolutions, and a kernel divided by its norm only
# while it trains.
NOT_IN_KERAS = ("DepthwiseConv1D", "SeparableConv1D", "SpectralNormalization")


def model_of(row: Any) -> Any:
    """Return a model of one layer, with weights of its own; None if the layer takes no part in a graph."""
    arrays = row.inputs()
    listed = arrays if row.is_list else [arrays]
    inputs = [L.Input(a.shape[1:], dtype=str(a.dtype)) for a in listed]
    model = Model(inputs, row.make()(inputs if row.is_list else inputs[0]))
    rng = np.random.default_rng(0)
    values = model.get_weights()
    model.set_weights([rng.random(v.shape).astype(v.dtype) if v.dtype.kind == "f" else v for v in values])
    return model


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_configuration_says_all_of_a_layer(row):
    layer = row.make()
    written = serialize_keras_object(layer)
    again = deserialize_keras_object(written, {getattr(layer, "function", None).__name__: layer.function}
                                     if callable(getattr(layer, "function", None)) else None)  # fmt: skip
    assert type(again) is type(layer) and serialize_keras_object(again) == written


@pytest.mark.parametrize("row", [row for row in ROWS if not row.slow], ids=lambda row: row.name)
def test_a_layer_is_the_same_after_both_files(row, tmp_path):
    model = model_of(row)
    if not model.weights:
        assert model_from_json(model.to_json()).to_json() == model.to_json()
        return
    for suffix in ("keras", "h5"):
        model.save(tmp_path / f"m.{suffix}")
        again = load_model(tmp_path / f"m.{suffix}")
        assert again.get_config()["layers"] == model.get_config()["layers"]
        for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_keras_3_and_here_read_each_other(row, tmp_path):
    keras = pytest.importorskip("keras")
    model = model_of(row)
    kind = type(model.layers[-1]).__name__
    if kind in NOT_IN_KERAS or not hasattr(keras.layers, kind) or not model.weights:
        pytest.skip("real Keras has no such layer with weights, or another formula")
    x = row.inputs()
    model.save(tmp_path / "ours.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = keras.models.load_model(tmp_path / "ours.keras")
        theirs.save(tmp_path / "theirs.keras")
        theirs.save_weights(tmp_path / "theirs.weights.h5")
        computed = theirs.predict(x, verbose=0)
    model.load_weights(tmp_path / "theirs.weights.h5")
    for one in (model, load_model(tmp_path / "theirs.keras")):
        for ours, other in zip(_listed(one.predict(x, verbose=0)), _listed(computed), strict=True):
            np.testing.assert_allclose(np.asarray(ours, float), np.asarray(other, float), atol=1e-4, rtol=1e-4)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
