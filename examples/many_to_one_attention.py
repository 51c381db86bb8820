"""A layer of one's own: attention that sums up a sequence in one vector, on a task that needs it.

A sequence is a list of pairs and a question: "c7 a2 k9 ... a?"; the answer is the digit that came with the letter asked
for. An LSTM that must keep all pairs in its last state is trained beside one that may look back.
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Input, Layer, Model, layers
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

LETTERS = "abcdefghijklmnop"
SYMBOLS = "0123456789?" + LETTERS


class LastQueryAttention(Layer):
    """Attention of the last state of a sequence to all states (Luong et al., 2015, the "general" score).

    For states `h` of `T` steps: `score_t = h_T W h_t`, `a = softmax(score)`, `context = sum_t a_t h_t`, and the output
    is `tanh(W_c [context; h_T])`.
    """

    def __init__(self, units: int = 128, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.combine = layers.Dense(units, activation="tanh", use_bias=False)

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        self.score_kernel = self.add_weight(name="score_kernel", shape=(features, features))

    def call(self, inputs: jax.Array, return_weights: bool = False) -> Any:
        last = inputs[:, -1]
        scores = jnp.einsum("bi,ij,btj->bt", last, self.score_kernel, inputs)
        weights = jax.nn.softmax(scores)
        context = jnp.einsum("bt,btj->bj", weights, inputs)
        outputs = self.combine(jnp.concatenate([context, last], axis=-1))
        return (outputs, weights) if return_weights else outputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def questions(count: int, pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of pairs that end with the letter asked for, and the digits to answer."""
    letters = 11 + rng.permuted(np.tile(np.arange(len(LETTERS)), (count, 1)), axis=1)[:, :pairs]
    digits = rng.integers(0, 10, (count, pairs))
    rows, asked = np.arange(count), rng.integers(0, pairs, count)
    question = np.stack([letters[rows, asked], np.full(count, SYMBOLS.index("?"))], axis=-1)
    return np.concatenate([np.stack([letters, digits], axis=-1), question[:, None]], axis=1), digits[rows, asked]


def build(pairs: int, attention: Layer | None) -> Model:
    """An LSTM, summed up by `attention` or else by its last state."""
    tokens = Input((pairs + 1, 2), dtype="int32")
    x = layers.TimeDistributed(layers.Flatten())(layers.Embedding(len(SYMBOLS), 16)(tokens))
    x = layers.LSTM(64, return_sequences=attention is not None, name="lstm")(x)
    return Model(tokens, layers.Dense(10, activation="softmax")(x if attention is None else attention(x)))


def main() -> float:
    """Train both, show where the attention looks, and return its accuracy on sequences that were not seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=8, help="how many come before the question")
    options = parser.parse_args()

    set_random_seed(0)
    rng = np.random.default_rng(0)
    train, test = (questions(count, options.pairs, rng) for count in (20_000, 2000))
    attention = LastQueryAttention(64)
    accuracies = []
    for model in (build(options.pairs, None), build(options.pairs, attention)):
        model.compile(Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(*train, batch_size=100, epochs=options.epochs, verbose=2)
        accuracies.append(model.evaluate(*test, batch_size=500, verbose=0)[1])

    # The layer is a pure function too: of its own weights, or of fresh ones, under any transformation.
    states = Model(model.input, model.get_layer("lstm").output).predict(test[0][:1], verbose=0)
    (_, weights), _ = attention.apply(attention.params, attention.state, states, return_weights=True)
    looks = [f"{SYMBOLS[a]}{SYMBOLS[b]} {w:.2f}" for (a, b), w in zip(test[0][0], weights[0])]
    print("where it looks: " + ", ".join(looks))
    params, state = attention.init(jax.random.key(1), states)
    slope = jax.jit(jax.vmap(jax.grad(lambda h: attention.apply(params, state, h[None])[0].sum())))
    print(f"gradients by init, apply, grad, vmap and jit: {slope(states).shape}")
    print(f"test accuracy {accuracies[1]:.4f} with attention, {accuracies[0]:.4f} with the last state alone")
    return accuracies[1]


if __name__ == "__main__":
    main()
