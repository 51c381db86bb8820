"""Masks: where they come from, how they travel, what they decide, and what happens when they would be lost."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import _in_order, close, compiled, randomised, scalar

import jkeras
from jkeras import Input, Model, backend, layers, ops

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside of Keras

rng = np.random.default_rng(0)
TOKENS = np.array([[1, 2, 0, 3], [0, 4, 0, 0], [0, 0, 0, 0]])
MASK = TOKENS != 0
X = rng.normal(size=(3, 4, 2)).astype("float32")
WORDS = np.array([[[1, 2, 0], [0, 0, 0], [3, 0, 4]], [[0, 0, 0], [0, 0, 0], [0, 0, 0]]])


class Shown(layers.Layer):
    """Return the mask of the inputs as numbers; -1 if there is none."""

    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return -jnp.ones(inputs.shape[:2]) if mask is None else jnp.asarray(mask, "float32")


def shown(functions: list[Any], *tokens: np.ndarray) -> list[Any]:
    """Return the masks of what functions make of embedded tokens."""
    inputs = [Input((4,), dtype="int32") for _ in tokens]
    embedded = [layers.Embedding(5, 3, mask_zero=True)(x) for x in inputs]
    model = Model(inputs, [Shown()(function(*embedded)) for function in functions])
    params, state = model.init(0, list(tokens))
    found = compiled(lambda *given: model.apply(params, state, list(given))[0])(*tokens)
    return [None if (mask == -1).all() else np.asarray(mask, bool) for mask in found]


# Models that both packages build: what makes a mask, what uses it, and layers around layers.


def embedded(k: Any, size: int = 3) -> Any:
    x = k.Input((4,), dtype="int32")
    return x, k.layers.Embedding(5, size, mask_zero=True)(x)


def simple(*stack: Any) -> Any:
    def build(k: Any) -> Any:
        x, y = embedded(k)
        for layer in stack:
            y = layer(k.layers)(y)
        return k.Model(x, y), TOKENS

    return build


def masking(k: Any) -> Any:
    x = k.Input((4, 2))
    y = k.layers.Masking(9.0)(x)
    y = k.layers.GRU(3, return_sequences=True)(k.layers.Dropout(0.3)(k.layers.Dense(3)(y)))
    return k.Model(x, [y, k.layers.GlobalAveragePooling1D()(y)]), np.where(MASK[..., None], X, 9)[:2].astype("float32")


def merging(k: Any) -> Any:
    x, one = embedded(k)
    z = k.Input((4, 3))
    two = k.layers.Masking()(z)
    merged = [getattr(k.layers, name)()([one, two]) for name in ("Add", "Multiply", "Maximum", "Concatenate")]
    merged.append(k.layers.Concatenate(axis=1)([one, z]))
    second = rng.normal(size=(3, 4, 3)).astype("float32")
    second[0, :2] = second[2, 1:] = 0
    return k.Model([x, z], [k.layers.SimpleRNN(2, name=f"rnn{i}")(y) for i, y in enumerate(merged)]), [TOKENS, second]


def attending(name: str) -> Any:
    def build(k: Any) -> Any:
        (x, query), (z, value) = embedded(k), embedded(k)
        layer = getattr(k.layers, name)(*(2, 2) if name == "MultiHeadAttention" else ())
        attended = layer(query, value) if name == "MultiHeadAttention" else layer([query, value])
        tokens = np.array([[1, 2, 0, 3], [4, 0, 0, 0], [0, 1, 1, 0]])
        return k.Model([x, z], k.layers.SimpleRNN(2)(attended)), [tokens, tokens[::-1].copy()]

    return build


MODELS = {
    "embedding": simple(lambda k: k.LSTM(3, return_sequences=True), lambda k: k.GRU(2, go_backwards=True)),
    "masking": masking,
    "both ways": simple(
        lambda k: k.Bidirectional(k.GRU(3, return_sequences=True), merge_mode="ave"),
        lambda k: k.Bidirectional(k.LSTM(2)),
    ),
    "cells both ways": simple(lambda k: k.Bidirectional(k.RNN([k.LSTMCell(3), k.LSTMCell(2)], return_sequences=True))),
    "every step": simple(
        lambda k: k.TimeDistributed(k.Dense(3, activation="relu")), lambda k: k.Activation("tanh"),
        lambda k: k.LayerNormalization(), lambda k: k.SimpleRNN(2),
    ),
    "merging": merging,
    **{name: attending(name) for name in ("Attention", "AdditiveAttention", "MultiHeadAttention")},
}  # fmt: skip


QUICK = ("masking", "cells both ways", "merging", "MultiHeadAttention")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_models_agree_with_keras(name: str) -> None:
    (ours, x), (theirs, _) = (MODELS[name](k) for k in (jkeras, keras))
    weights = [0.5 - w for w in randomised(theirs.get_weights())]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    state = [v.value for v in theirs.non_trainable_variables]

    def our_loss(params: Any) -> Any:
        outputs, _ = ours.apply(params, ours.state, x)
        return scalar(outputs), outputs

    def their_loss(kernels: Any) -> Any:
        outputs, _ = theirs.stateless_call(kernels, state, x)
        return scalar(outputs), outputs

    def both(params: Any, kernels: Any) -> Any:
        found = zip((our_loss, their_loss), (params, kernels))
        return [jax.value_and_grad(f, has_aux=True)(given) for f, given in found]

    ((_, got), ours_by), ((_, expected), theirs_by) = compiled(both)(
        ours.params, [v.value for v in theirs.trainable_variables]
    )
    close(got, expected)
    close(_in_order(ours, ours_by, True), theirs_by, 1e-4)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(ours_by))


def test_a_row_that_is_all_padding_learns_nothing_and_harms_nothing() -> None:
    x = Input((4,), dtype="int32")
    embedded = layers.Embedding(5, 3, mask_zero=True)(x)
    pooled = layers.GlobalAveragePooling1D()(embedded)
    outputs = [layers.Bidirectional(layers.LSTM(2))(embedded), layers.GRU(2, go_backwards=True)(embedded)]
    model = Model(x, [*outputs, pooled])

    def loss(params: Any) -> Any:
        results, _ = model.apply(params, model.state, TOKENS[2:])
        return sum(jnp.sum(y) for y in results), results

    gradients, results = compiled(jax.grad(loss, has_aux=True))(model.params)
    assert not any(np.any(y) for y in results)  # the state that it began with; the mean of nothing
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))
    recurrent = [g for path, tree in gradients.items() if "embedding" not in path for g in jax.tree.leaves(tree)]
    assert not any(np.any(g) for g in recurrent)


# What is done to a masked tensor, and the mask that is left: the same, another, or none.
STAYS: list[Any] = [
    lambda x: x + 1, lambda x: 2 - x, lambda x: -x, lambda x: abs(x) ** 2, lambda x: x * x, lambda x: x > 0,
    lambda x: x * np.ones((4, 1), "float32"), ops.relu, ops.tanh, lambda x: ops.maximum(x, 0.0), backend.relu,
    backend.square, lambda x: backend.clip(x, 0.0, 1.0), lambda x: backend.cast(x, "float16"),
    layers.Activation("relu"), layers.Dense(2), layers.Dropout(0.5), layers.LayerNormalization(),
    layers.BatchNormalization(), layers.Lambda(lambda x: 2 * x, mask=lambda x, mask: mask), layers.Identity(),
]  # fmt: skip
VANISHES: list[Any] = [
    ops.softmax, lambda x: x @ np.ones((3, 3), "float32"), lambda x: ops.sum(x, -1, keepdims=True),
    layers.Conv1D(2, 1), layers.Lambda(lambda x: 2 * x),
]  # fmt: skip


def test_what_is_done_element_by_element_keeps_the_mask() -> None:
    for mask in shown(STAYS, TOKENS):
        np.testing.assert_array_equal(mask, MASK)
    other = TOKENS[:, ::-1].copy()
    of_two = [lambda x, y: x * y, lambda x, y: x - 2 * y, ops.maximum, lambda x, y: ops.where(x > 0, y, x)]
    for mask in shown(of_two, TOKENS, other):
        np.testing.assert_array_equal(mask, MASK & (other != 0))


def test_a_mask_that_would_vanish_warns_and_names_the_layer() -> None:
    with pytest.warns(UserWarning) as caught:
        assert shown(VANISHES, TOKENS) == [None] * len(VANISHES)
    assert len(caught) == len(VANISHES)
    for i, warning in enumerate(caught):
        text = str(warning.message)
        name = f"shown_{i}" if i else "shown"
        assert text.startswith(f"Layer {name!r} uses a mask but got none, although a mask of shape (3, 4) exists")
        assert "layer(x, mask=mask)" in text and "supports_masking = True" in text


def test_a_mask_handed_on_by_hand_does_not_warn() -> None:
    x = Input((4,), dtype="int32")
    embedding = layers.Embedding(5, 3, mask_zero=True)
    lost = layers.Conv1D(2, 1)(embedding(x))
    model = Model(x, layers.GRU(2)(lost, mask=ops.not_equal(x, 0)))
    one, other, third = model(np.array([[1, 2, 0, 0], [1, 2, 0, 0], [1, 2, 3, 0]]))
    np.testing.assert_array_equal(one, other)
    assert not np.allclose(one, third)


def test_pooling_counts_what_the_mask_keeps_as_in_keras() -> None:
    for name in ("GlobalAveragePooling1D", "GlobalMaxPooling1D"):
        ours, theirs = (getattr(k.layers, name)() for k in (jkeras, keras))
        taken = "mask" in inspect.signature(theirs.call).parameters
        assert taken == (name == "GlobalAveragePooling1D")
        own = {"mask": MASK[:2]} if taken else {}
        close(ours(X[:2], **own), theirs(X[:2], **own))
    # Keras divides nothing by nothing here.
    assert not np.any(layers.GlobalAveragePooling1D()(X, mask=MASK)[2])


# Layers around layers


def test_a_mask_of_words_reaches_the_inner_layer_and_that_of_sentences_the_outer() -> None:
    inner, outer = layers.Bidirectional(layers.LSTM(2)), layers.Bidirectional(layers.RNN([layers.GRUCell(2)]))
    x = Input((3, 3), dtype="int32")
    embedding = layers.Embedding(5, 4, mask_zero=True)
    model = Model(x, outer(layers.TimeDistributed(inner)(embedding(x))))
    vectors = embedding(WORDS)
    sentences = jnp.stack([inner(vectors[:, i], mask=WORDS[:, i] != 0) for i in range(3)], 1)
    close(model(WORDS), outer(sentences, mask=(WORDS != 0).any(-1)))


def test_the_mask_that_the_inner_layer_makes_is_that_of_the_steps() -> None:
    x = Input((3, 3), dtype="int32")
    words = layers.TimeDistributed(layers.Embedding(5, 4, mask_zero=True))(x)
    finer, coarser = Shown()(words), Shown()(layers.TimeDistributed(layers.GRU(2))(words))
    found = Model(x, [finer, coarser])(WORDS)
    np.testing.assert_array_equal(found[0], WORDS != 0)
    np.testing.assert_array_equal(found[1], (WORDS != 0).any(-1))


def test_a_model_at_every_step_masks_inside() -> None:
    x = Input((3,), dtype="int32")
    inner = Model(x, layers.GRU(2)(layers.Embedding(5, 4, mask_zero=True)(x)))
    steps = Input((3, 3), dtype="int32")
    found = Model(steps, layers.TimeDistributed(inner)(steps))(WORDS)
    for i in range(3):
        close(found[:, i], inner(WORDS[:, i]))


# Losses and metrics


@pytest.mark.parametrize("weighted", [pytest.param(False, marks=pytest.mark.slow), True])
def test_training_and_evaluation_count_the_steps_of_the_mask_as_keras(weighted: bool) -> None:
    tokens, targets = (rng.integers(0, n, (6, 4)).astype("int32") for n in (5, 3))
    tokens[0] = 0
    weights = rng.uniform(0.5, 2.0, (6, 4)).astype("float32") if weighted else None
    results = []
    for k in (jkeras, keras):
        x = k.Input((4,), dtype="int32")
        y = k.layers.SimpleRNN(4, return_sequences=True)(k.layers.Embedding(5, 3, mask_zero=True)(x))
        model = k.Model(x, k.layers.Dense(3, activation="softmax")(y))
        initial = np.random.default_rng(3)
        model.set_weights([initial.normal(size=w.shape).astype("float32") for w in model.get_weights()])
        model.compile(
            "sgd",
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            weighted_metrics=["sparse_categorical_crossentropy"],
        )
        evaluated = model.evaluate(tokens, targets, sample_weight=weights, batch_size=3, verbose=0, return_dict=True)
        trained = model.train_on_batch(tokens, targets, sample_weight=weights)
        results.append((evaluated, np.asarray(trained[0]), model.get_weights()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-4)
    close(results[0][1:], results[1][1:], 1e-4)


# Properties

RECURRENT = {
    "LSTM": lambda: layers.LSTM(3, return_sequences=True, return_state=True),
    "GRU": lambda: layers.GRU(3, return_sequences=True, return_state=True, go_backwards=True),
    "cells": lambda: layers.RNN(
        [layers.SimpleRNNCell(2), layers.LSTMCell(3)], return_sequences=True, return_state=True
    ),
}
BUILT: dict[str, Any] = {}


def built(name: str) -> Any:
    """Return `(batch, time)` inputs and a mask to outputs and states, compiled once."""
    if name not in BUILT:
        layer = RECURRENT[name]()
        params, state = layer.init(1, (2, 7, 2))
        BUILT[name] = compiled(lambda x, mask: layer.apply(params, state, x, mask=mask)[0])
    return BUILT[name]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(RECURRENT)),
    kept=st.lists(st.integers(0, 6), min_size=1, max_size=5, unique=True),
    seed=st.integers(0, 100),
)
def test_masked_steps_anywhere_change_nothing(name: str, kept: list[int], seed: int) -> None:
    draw = np.random.default_rng(seed)
    at = np.sort(kept)
    steps = draw.normal(size=(2, len(at), 2)).astype("float32")
    run = built(name)

    def spread(places: Any) -> Any:
        x, mask = draw.normal(size=(2, 7, 2)).astype("float32"), np.zeros((2, 7), bool)
        x[:, places], mask[:, places] = steps, True
        outputs, *states = run(x, mask)
        places = 6 - np.asarray(places)[::-1] if name == "GRU" else places
        return outputs[:, places], states

    close(spread(at), spread(np.arange(len(at))))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(bits=st.lists(st.booleans(), min_size=14, max_size=14), seed=st.integers(0, 100))
def test_both_directions_are_two_passes_by_hand(bits: list[bool], seed: int) -> None:
    mask = np.asarray(bits).reshape(2, 7)
    x = np.random.default_rng(seed).normal(size=(2, 7, 2)).astype("float32")
    if "both" not in BUILT:
        own = {"return_sequences": True, "zero_output_for_mask": True}
        both, one = layers.Bidirectional(layers.LSTM(3, **own)), layers.LSTM(3, **own)
        params, _ = both.init(2, x)
        one.init(0, x)
        forward, backward = ({"lstm": weights} for weights in params.values())
        assert [key.split("/")[1] for key in params] == ["forward_lstm", "backward_lstm"]

        def by_hand(x: Any, mask: Any) -> Any:
            there = one.apply(forward, {}, x, mask=mask)[0]
            back = one.apply(backward, {}, x[:, ::-1], mask=mask[:, ::-1])[0]
            return jnp.concatenate([there, back[:, ::-1]], -1)

        BUILT["both"] = compiled(lambda x, mask: (both.apply(params, {}, x, mask=mask)[0], by_hand(x, mask)))
    close(*BUILT["both"](x, mask))


# Cells of one's own


class Counting(layers.Layer):
    """A cell whose state is a tree: a dictionary of an array, and a list of arrays."""

    state_size = [{"sum": 2}, [2, 1]]

    def call(self, inputs: Any, states: Any) -> Any:
        total, (last, count) = states
        total = {"sum": total["sum"] + inputs}
        return total["sum"] + 0 * last, [total, [inputs, count + 1]]


def test_a_mask_skips_steps_of_a_nested_state_in_a_wrapper() -> None:
    layer = layers.RNN(Counting(), return_sequences=True, return_state=True)
    outputs, total, (last, count) = layer(X, mask=MASK)
    np.testing.assert_allclose(outputs, np.cumsum(X * MASK[..., None], 1), 1e-5, 1e-6)
    np.testing.assert_allclose(total["sum"], np.sum(X * MASK[..., None], 1), 1e-5, 1e-6)
    np.testing.assert_array_equal(count.ravel(), MASK.sum(1))
    np.testing.assert_array_equal(last, [X[0, 3], X[1, 1], [0, 0]])
    both = layers.Bidirectional(layers.RNN(Counting(), return_sequences=True), merge_mode="sum")(X, mask=MASK)
    expected = np.cumsum(X * MASK[..., None], 1) + np.cumsum((X * MASK[..., None])[:, ::-1], 1)[:, ::-1]
    np.testing.assert_allclose(both, expected * MASK[..., None], 1e-5, 1e-6)
