"""Attention with several heads agrees with Keras; masks, scores, windows and gates included."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers, models
from jkeras.core.template import weights_of

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

rng = np.random.default_rng(0)
QUERY, VALUE = (rng.normal(size=shape).astype("float32") for shape in ((2, 4, 6), (2, 5, 6)))
GRID = rng.normal(size=(2, 3, 4, 6)).astype("float32")
WHERE = rng.random((2, 4, 5)) < 0.7
SCORES = {"return_attention_scores": True}
CASES: list[tuple[str, dict[str, Any], Any, dict[str, Any]]] = [
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, (QUERY, VALUE), {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "use_bias": False}, (QUERY, VALUE, VALUE[::-1]), {}),
    ("MultiHeadAttention", {"num_heads": 1, "key_dim": 3, "value_dim": 5, "output_shape": 7}, (QUERY, VALUE), SCORES),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, (QUERY, VALUE), {"attention_mask": WHERE}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, (QUERY, VALUE), {"attention_mask": WHERE, **SCORES}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, (QUERY, QUERY), {"use_causal_mask": True}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "use_gate": True}, (QUERY, QUERY), {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "sliding_window": 2}, (QUERY, QUERY), {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, (GRID, GRID), SCORES),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "attention_axes": (2,)}, (GRID, GRID), SCORES),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "attention_axes": (1,)}, (GRID, GRID), SCORES),
    ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, (QUERY, VALUE), {}),
    ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 1}, (QUERY, QUERY), SCORES),
    (
        "GroupQueryAttention",
        {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 2, "use_gate": True, "sliding_window": 2},
        (QUERY, QUERY),
        {"use_causal_mask": True},
    ),
]


@pytest.mark.parametrize(("name", "kwargs", "inputs", "call"), CASES)
def test_heads_agree_with_keras(name: str, kwargs: Any, inputs: Any, call: Any) -> None:
    ours, theirs = (getattr(package.layers, name)(**kwargs) for package in (jkeras, keras))
    theirs(*inputs, **call)
    ours(*inputs, **call)
    assert [w.path.split("/", 1)[1] for w in theirs.weights] == [
        f"{key.split('/', 1)[1]}/{w.name}" for key, w in weights_of(ours)
    ]
    ours.set_weights([rng.normal(size=w.shape).astype("float32") for w in theirs.weights])
    theirs.set_weights(ours.get_weights())

    def loss(params: Any) -> Any:
        outputs = ours.apply(params, {}, *inputs, **call)[0]
        return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(outputs)), outputs

    def their_loss(trained: Any) -> Any:
        outputs = theirs.stateless_call(trained, [v.value for v in theirs.non_trainable_variables], *inputs, **call)[0]
        return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(outputs)), outputs

    gradients, outputs = jax.jit(jax.grad(loss, has_aux=True))(ours.params)
    wanted, expected = jax.jit(jax.grad(their_loss, has_aux=True))([v.value for v in theirs.trainable_variables])
    for a, b in zip(jax.tree.leaves(outputs), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, 2e-5, 2e-5)
    for (key, w), b in zip(weights_of(ours), wanted, strict=True):
        np.testing.assert_allclose(gradients[key][w.name], b, 1e-4, 1e-4)
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()
    assert set(theirs.get_config()) - set(ours.get_config()) <= {"activity_regularizer"}


def test_masks_reach_the_heads_by_themselves() -> None:
    tokens = np.array([[3, 1, 0, 0], [2, 2, 2, 0]])
    inputs = layers.Input((4,))
    embedded = layers.Embedding(5, 6, mask_zero=True)(inputs)
    model = models.Model(inputs, layers.MultiHeadAttention(2, 3)(embedded, embedded))
    outputs = model(tokens)
    changed = np.where(tokens == 0, 4, tokens)
    attention = model.layers[-1]
    vectors = model.layers[1](changed)
    masked = attention(vectors, vectors, query_mask=tokens != 0, value_mask=tokens != 0)
    # What stands at masked steps is another vector, and nobody looks there.
    np.testing.assert_allclose(outputs[0, :2], masked[0, :2], 1e-5, 1e-6)


def test_sizes_that_keras_cannot_compute_on_jax() -> None:
    layer = layers.MultiHeadAttention(2, 3, value_dim=5)
    plain, (scored, weights) = layer(QUERY, VALUE), layer(QUERY, VALUE, return_attention_scores=True)
    np.testing.assert_allclose(plain, scored, 1e-5, 1e-6)
    np.testing.assert_allclose(np.sum(weights, -1), 1, 1e-5)


def test_dropout_drops_weights_in_training_only() -> None:
    layer = layers.MultiHeadAttention(2, 3, dropout=0.5)
    params, state = layer.init(0, QUERY, VALUE)
    first, again, other = (layer.apply(params, state, QUERY, VALUE, training=True, rng=key)[0] for key in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    np.testing.assert_allclose(layer.apply(params, state, QUERY, VALUE)[0], layer.apply(params, state, QUERY, VALUE)[0])


def test_a_row_of_padding_is_finite() -> None:
    mask = np.zeros((2, 5), bool)
    for layer in (layers.Attention(), layers.AdditiveAttention()):
        assert np.isfinite(layer([QUERY, VALUE], mask=[None, mask])).all()
    assert np.isfinite(layers.MultiHeadAttention(2, 3)(QUERY, VALUE, value_mask=mask)).all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Attention()(QUERY), r"\[query, value\].*Self-attention is layer"),
        (lambda: layers.Attention(score_mode="cosine"), "'dot' or 'concat'"),
        (lambda: layers.GroupQueryAttention(3, 4, 3), "multiple of num_key_value_heads"),
        (lambda: layers.MultiHeadAttention(0, 3), "num_heads must be a positive integer"),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=2.0), "dropout must be a number between 0 and 1"),
    ],
)
def test_bad_arguments_are_refused_with_the_reason(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
