"""`jkeras.testing`: a layer that keeps the contract passes, and one that breaks a line is told which."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core.layer import Layer
from jkeras.testing import CONTRACT, assert_compiles, check_layer, count_compilations

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.arange(5)[None] < np.asarray([5, 2, 3])[:, None]
COUNT = itertools.count()
SEEN: list[Any] = []
LOCAL = threading.local()
LOCAL.factor = 2.0


class Sound(Layer):
    """A weight, state, randomness, a mask, an added loss and an argument: all as they should be."""

    supports_masking = True

    def __init__(self, units: int = 3, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        self.count.assign_add(1)
        if mask is not None:
            inputs = jnp.where(mask[..., None], inputs, 0)
        if training:
            inputs = inputs * jax.random.bernoulli(self.key(), 0.5, inputs.shape).astype(inputs.dtype)
        self.add_loss(jnp.mean(inputs**2))
        return inputs @ self.kernel


class DrawsOnItsOwn(Layer):
    def build(self, input_shape: Any) -> None:
        def draw(shape: Any, dtype: Any) -> Any:
            return np.random.normal(size=shape)

        self.factor = self.add_weight(name="f", shape=(4,), initializer=draw)

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


class DrawsOnTheHost(DrawsOnItsOwn):
    def build(self, input_shape: Any) -> None:
        def draw(shape: Any, dtype: Any, key: Any) -> Any:
            return np.random.default_rng(np.asarray(jax.random.key_data(key))).normal(size=shape)

        self.factor = self.add_weight(name="f", shape=(4,), initializer=draw)


class CountsNames(Layer):
    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(name=f"factor_{next(COUNT)}", shape=(4,))

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


class ReadsTheHost(Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * 2 if float(jnp.mean(inputs)) > 0 else inputs


class Remembers(Layer):
    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.seen = {"inputs": None}

    def call(self, inputs: Any) -> Any:
        type(self).last = inputs
        return inputs


class ChangesTypes(Layer):
    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any) -> Any:
        self.count.assign_add(1)
        return inputs

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        outputs, state, *rest = super().apply(*args, **kwargs)
        return outputs, jax.tree.map(lambda a: a.astype("float16"), state), *rest


class CallsBack(Layer):
    def call(self, inputs: Any) -> Any:
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(inputs.shape, inputs.dtype), inputs)


class PassesOn(Layer):
    def call(self, inputs: Any) -> Any:
        SEEN.append(inputs)
        return inputs + len(SEEN)


class HasAPole(Layer):
    def call(self, inputs: Any) -> Any:
        return jnp.sqrt(jnp.sum(0 * inputs, -1, keepdims=True)) + inputs


class AlwaysDraws(Layer):
    def call(self, inputs: Any) -> Any:
        return inputs + jax.random.normal(self.key(), inputs.shape, inputs.dtype)


class OfOneThread(Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * LOCAL.factor


class OnlyArraysOfJax(Layer):
    def apply(self, params: Any, state: Any, *inputs: Any, **kwargs: Any) -> Any:
        return super().apply(params, state, inputs[0].at[0].set(0), **kwargs)

    def call(self, inputs: Any) -> Any:
        return inputs


class SinglePrecision(Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * jnp.ones(4, "float32")


class ForgetsAnArgument(Layer):
    def __init__(self, factor: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.times = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.times

    def get_config(self) -> Any:
        return {**super().get_config(), "factor": lambda: 3}


class LosesWeights(Layer):
    def build(self, input_shape: Any) -> None:
        shape = (4,) if next(COUNT) % 2 else (1,)
        self.factor = self.add_weight(name="factor", shape=shape)

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


class OneBatchSize(Layer):
    def call(self, inputs: Any) -> Any:
        return inputs.reshape(3, -1)


class DisagreesOnMasks(Layer):
    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        self._frame.set_masks(inputs, None if mask is None else ~mask)
        return inputs


class TurnsMasksRound(Layer):
    def call(self, inputs: Any, mask: Any = None) -> Any:
        return inputs if mask is None else jnp.where(mask[..., None], 0, inputs)


BROKEN = {
    "init": (DrawsOnItsOwn, "AssertionError"),
    "init under vmap": (DrawsOnTheHost, "TracerArrayConversionError"),
    "names": (CountsNames, "have the weights"),
    "apply": (ReadsTheHost, "ConcretizationTypeError"),
    "one compilation": (ChangesTypes, "compiled again"),
    "vmap": (CallsBack, "vmap"),
    "scan": (PassesOn, "Not equal to tolerance"),
    "gradients": (HasAPole, "are not finite"),
    "randomness": (AlwaysDraws, "draws random numbers"),
    "threads": (OfOneThread, "AttributeError"),
    "numpy": (OnlyArraysOfJax, "AttributeError"),
    "low precision": (SinglePrecision, "outputs are float32; expected bfloat16"),
    "configuration": (ForgetsAnArgument, "not JSON serializable"),
    "saving": (LosesWeights, "factor"),
    "shapes": (OneBatchSize, "the shape is"),
    "masks": (DisagreesOnMasks, "disagree|not equal"),
    "full masks": (TurnsMasksRound, "Not equal to tolerance"),
}


def test_every_line_of_the_contract_has_a_layer_that_breaks_it() -> None:
    assert list(BROKEN) == list(CONTRACT)


@pytest.mark.parametrize("line", BROKEN)
def test_a_layer_that_breaks_a_line_is_told_which(line: str) -> None:
    cls, reason = BROKEN[line]
    with pytest.raises(AssertionError, match=reason) as told:
        check_layer(cls if line == "configuration" else cls(), X, mask=MASK, lines=[line])
    text = str(told.value)
    assert f"({cls.__name__}) breaks the contract, line {line!r}" in text
    assert f"What to do: {CONTRACT[line].remedy}" in text


def test_a_sound_layer_keeps_the_whole_contract() -> None:
    check_layer(Sound(), X, mask=MASK)
    check_layer(lambda: layers.Add(), [X, X], lines=["init", "apply", "vmap", "gradients", "shapes"])
    check_layer(layers.Embedding(7, 3), np.asarray([[1, 6], [2, 3]]), lines=["init", "apply", "gradients"])


def test_a_traced_value_that_a_layer_keeps_is_a_leak() -> None:
    with pytest.raises(AssertionError, match="line 'apply'.*(?s:.*)[Ll]eak"):
        check_layer(Remembers(), X, lines=["apply"])


def test_lines_are_chosen_by_name() -> None:
    check_layer(HasAPole(), X, lines=["apply", "gradients"], without=["gradients"])
    with pytest.raises(ValueError, match="has no line 'gradient'.*Did you mean 'gradients'"):
        check_layer(Sound(), X, lines=["gradient"])


def test_compilations_are_counted() -> None:
    x, longer = jnp.ones(3), jnp.ones(5)
    double = jax.jit(lambda x: 2 * x)
    with assert_compiles(2) as compilations:
        for _ in range(3):
            double(x)
        double(longer)
    assert compilations.names == ["jit(<lambda>)"] * 2
    with pytest.raises(AssertionError, match=r"Expected 1 compilation; there were 0: nothing"), assert_compiles(1):
        double(x)
    with count_compilations() as outer, count_compilations() as inner:
        jax.jit(lambda x: x + 1)(x)
    assert (outer.count, inner.count) == (1, 1)
    jax.jit(lambda x: x - 1)(x)
    assert outer.count == 1


def test_fit_compiles_once_for_all_epochs() -> None:
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = X[:, 0], X[:, 0, :1]
    model.fit(x, y, verbose=0)
    with assert_compiles(0):
        model.fit(x, y, epochs=3, verbose=0)
