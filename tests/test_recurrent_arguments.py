"""Every argument that recurrent layers ever had is taken, and does what it says."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers

keras = pytest.importorskip("keras")

X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
MASK = np.array([[1, 1, 1, 0], [0, 1, 0, 1]], bool)
NAMES = ("SimpleRNN", "LSTM", "GRU")

# An argument in the spelling of any era, a value that is not its default, and what it is in the configuration.
ARGUMENTS: list[tuple[str, Any, dict[str, Any]]] = [
    ("activation", "relu", {"activation": "relu"}),
    ("recurrent_activation", "hard_sigmoid", {"recurrent_activation": "hard_sigmoid"}),
    ("use_bias", False, {"use_bias": False}),
    ("kernel_initializer", "ones", {"kernel_initializer": "ones"}),
    ("recurrent_initializer", "zeros", {"recurrent_initializer": "zeros"}),
    ("bias_initializer", "ones", {"bias_initializer": "ones"}),
    ("unit_forget_bias", False, {"unit_forget_bias": False}),
    ("kernel_regularizer", "l2", {"kernel_regularizer": "l2"}),
    ("recurrent_regularizer", "l2", {"recurrent_regularizer": "l2"}),
    ("bias_regularizer", "l2", {"bias_regularizer": "l2", "bias_initializer": "ones"}),
    ("activity_regularizer", "l2", {"activity_regularizer": "l2"}),
    ("kernel_constraint", "non_neg", {"kernel_constraint": "non_neg"}),
    ("recurrent_constraint", "non_neg", {"recurrent_constraint": "non_neg"}),
    ("bias_constraint", "non_neg", {"bias_constraint": "non_neg"}),
    ("dropout", 0.5, {"dropout": 0.5}),
    ("recurrent_dropout", 0.5, {"recurrent_dropout": 0.5}),
    ("return_sequences", True, {"return_sequences": True}),
    ("return_state", True, {"return_state": True}),
    ("go_backwards", True, {"go_backwards": True}),
    ("stateful", True, {"stateful": True}),
    ("time_major", True, {"time_major": True}),
    ("zero_output_for_mask", True, {"zero_output_for_mask": True}),
    ("reset_after", False, {"reset_after": False}),
    ("init", "ones", {"kernel_initializer": "ones"}),
    ("inner_init", "zeros", {"recurrent_initializer": "zeros"}),
    ("inner_activation", "hard_sigmoid", {"recurrent_activation": "hard_sigmoid"}),
    ("forget_bias_init", "zero", {"unit_forget_bias": False}),
    ("W_regularizer", "l2", {"kernel_regularizer": "l2"}),
    ("U_regularizer", "l2", {"recurrent_regularizer": "l2"}),
    ("b_regularizer", "l2", {"bias_regularizer": "l2", "bias_initializer": "ones"}),
    ("dropout_W", 0.5, {"dropout": 0.5}),
    ("dropout_U", 0.5, {"recurrent_dropout": 0.5}),
]
# They say how the same numbers are computed, or what the inputs are.
SAME_NUMBERS = [
    {"unroll": True}, {"use_cudnn": False}, {"implementation": 0}, {"implementation": 1}, {"implementation": 2},
    {"consume_less": "cpu"}, {"consume_less": "gpu"}, {"input_dim": 3}, {"input_dim": 3, "input_length": 4},
    {"input_shape": (4, 3)}, {"batch_input_shape": (2, 4, 3)}, {"ragged": False}, {"seed": 3},
]  # fmt: skip
ONLY = {
    **dict.fromkeys(("unit_forget_bias", "forget_bias_init"), ("LSTM",)),
    **dict.fromkeys(("recurrent_activation", "inner_activation", "use_cudnn"), ("LSTM", "GRU")),
    "reset_after": ("GRU",),
}


def effect(name: str, **kwargs: Any) -> tuple[Any, Any]:
    """Return what can be seen of a layer: first weights, outputs in training, losses, state; and its constraints."""
    layer = getattr(layers, name)(3, **{"name": "layer", **kwargs})
    params, state = layer.init(0, X)
    outputs, state, losses = layer.apply(params, state, X, training=True, rng=1, mask=MASK, with_losses=True)
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves((params, outputs, losses, state))]
    return arrays, [type(w.constraint).__name__ for w in layer.weights]


def same(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    arrays = list(zip(one[0], other[0]))
    alike = all(a.shape == b.shape and np.allclose(a, b, 1e-5, 1e-6) for a, b in arrays)
    return alike and len(one[0]) == len(other[0]) and one[1] == other[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_of_every_era_acts(name: str) -> None:
    plain, biased = effect(name), effect(name, bias_initializer="ones")
    for argument, value, configured in ARGUMENTS:
        if name not in ONLY.get(argument, NAMES):
            with pytest.raises(TypeError, match=f"{name} got an unexpected keyword argument"):
                getattr(layers, name)(3, **{argument: value})
            continue
        penalised = argument in ("bias_regularizer", "b_regularizer")  # zeros cost nothing
        given = {argument: value, **({"bias_initializer": "ones"} if penalised else {})}
        old, modern = (getattr(layers, name)(3, name="layer", **kwargs).get_config() for kwargs in (given, configured))
        assert old == modern
        assert not same(effect(name, **given), biased if penalised else plain), f"{name}({argument}) changes nothing"


@pytest.mark.parametrize("name", NAMES)
def test_what_says_how_to_compute_does_not_change_the_numbers(name: str) -> None:
    plain = effect(name)
    for given in SAME_NUMBERS:
        if name in ONLY.get(next(iter(given)), NAMES):
            assert same(effect(name, **given), plain), given
    for wrong in ({"implementation": 3}, {"consume_less": "disk"}, {"ragged": True}):
        with pytest.raises(ValueError, match="A recurrent layer"):
            getattr(layers, name)(3, **wrong)


def test_no_argument_of_keras_is_missing() -> None:
    for name in (*NAMES, *(f"{name}Cell" for name in NAMES), "RNN", "StackedRNNCells", "Bidirectional", "ConvLSTM2D"):
        ours, theirs = (inspect.signature(getattr(k.layers, name)).parameters for k in (jkeras, keras))
        assert not theirs.keys() - ours.keys() - {"kwargs"}, name
        common = [p for p in theirs.values() if p.default is not p.empty and p.name in ours]
        assert {p.name: ours[p.name].default for p in common} == {p.name: p.default for p in common}


@pytest.mark.parametrize(("name", "base"), [("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU")])
def test_cudnn_names_make_the_layers_of_today(name: str, base: str) -> None:
    make, modern = getattr(layers, name), getattr(layers, base)
    given = {"return_sequences": True, "stateful": True, "input_shape": (4, 3), "name": "layer"}
    layer = make(3, "ones", "zeros", **given)
    expected = modern(3, kernel_initializer="ones", recurrent_initializer="zeros", **given)
    assert type(layer) is modern
    assert layer.get_config() == expected.get_config()
    own = inspect.signature(make).parameters
    assert ("unit_forget_bias" in own) == (base == "LSTM")
    assert "activation" not in own and "dropout" not in own
    with pytest.raises(TypeError, match=rf"{name} has no argument 'dropout'.*{base}\(\.\.\., dropout=0.5\) has it"):
        make(3, dropout=0.5)
    with pytest.raises(TypeError, match="Did you mean 'kernel_regularizer'"):
        make(3, kernel_regulariser="l2")
    again = layers.deserialize({"class_name": name, "config": {"units": 3, "name": "old", "time_major": False}})
    assert type(again) is modern and again.name == "old"
