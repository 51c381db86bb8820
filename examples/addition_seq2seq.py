"""Sequence to sequence with attention: a GRU reads a sum as characters, "57+8", another writes its value, from the
last digit to the first as one does on paper.

The encoder is bidirectional and masked; the decoder starts from its last state, looks at all of its states by additive
attention, and is trained with teacher forcing. The greedy decoding of a whole batch is one compiled loop.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Input, Model, layers
from jkeras.optimizers import Adam
from jkeras.optimizers.schedules import CosineDecay
from jkeras.utils import pad_sequences, set_random_seed

START, END, CHARACTERS = "<", ">", "_<>0123456789+"  # index 0 is padding
LONGEST, UNITS = len("8991" + END), 128


def encoded(texts: Sequence[str]) -> np.ndarray:
    """Indices of the characters, padded with zeros at the end."""
    return pad_sequences([[CHARACTERS.index(c) for c in text] for text in texts], padding="post")


def decoded(row: np.ndarray) -> str:
    """The text up to the end sign; it was written from its last character to its first."""
    return "".join(CHARACTERS[index] for index in row).split(END)[0][::-1]


def build() -> tuple[Model, Model, Model]:
    """The encoder, the decoder, and both as trained: from (sum, answer so far) to the next characters."""
    source = Input((None,), dtype="int32")
    x = layers.Embedding(len(CHARACTERS), 32, mask_zero=True)(source)
    memory, *states = layers.Bidirectional(layers.GRU(UNITS // 2, return_sequences=True, return_state=True))(x)
    encoder = Model(source, [memory, layers.Concatenate()(states)], name="encoder")

    so_far, begin, seen = Input((None,), dtype="int32"), Input((UNITS,)), Input((None, UNITS))
    x = layers.Embedding(len(CHARACTERS), 32, mask_zero=True)(so_far)
    x, last = layers.GRU(UNITS, return_sequences=True, return_state=True)(x, initial_state=begin)
    context = layers.AdditiveAttention()([layers.Dense(UNITS)(x), seen])
    x = layers.Dense(UNITS, "tanh")(layers.Concatenate()([x, context]))
    x = layers.Dense(len(CHARACTERS), "softmax")(x)
    decoder = Model([so_far, begin, seen], [x, last], name="decoder")

    memory, state = encoder(source)
    return encoder, decoder, Model([source, so_far], decoder([so_far, state, memory])[0])


@partial(jax.jit, static_argnames=("encoder", "decoder"))
def greedy(encoder: Model, decoder: Model, weights: Any, sums: jax.Array) -> jax.Array:
    """Answers to a batch of sums: at each step the likeliest character, given those before it."""
    (memory, state), _ = encoder.apply(*weights[0], sums)
    mask = sums != 0  # as the embedding of the encoder masks them

    def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
        character, state = carry
        given = [character[:, None], state, memory]
        (probabilities, state), _ = decoder.apply(*weights[1], given, mask=[None, None, mask])
        character = probabilities[:, 0].argmax(-1)
        return (character, state), character

    first = jnp.full(len(sums), CHARACTERS.index(START))
    return jax.lax.scan(step, (first, state), length=LONGEST)[1].T


def main() -> float:
    """Train on sums below 1000, answer others, and return the share of answers that are right in every character."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--sums", type=int, default=20_000, help="how many to train on")
    options, unseen = parser.parse_args(), 2000

    set_random_seed(0)
    pairs = np.random.default_rng(0).choice(10**6, options.sums + unseen, replace=False)
    sums, answers = zip(*((f"{a}+{b}", str(a + b)[::-1]) for a, b in zip(pairs // 1000, pairs % 1000)))
    asked, so_far, following = map(encoded, (sums, [START + a for a in answers], [a + END for a in answers]))

    encoder, decoder, model = build()
    optimizer = Adam(CosineDecay(8e-3, options.epochs * options.sums // 100), clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit([asked[unseen:], so_far[unseen:]], following[unseen:], batch_size=100, epochs=options.epochs, verbose=2)
    written = greedy(encoder, decoder, [(m.params, m.state) for m in (encoder, decoder)], asked[:unseen])
    print("\n".join(f"{question} = {decoded(row)}" for question, row in zip(sums, np.asarray(written[:5]))))
    right = np.where(following[:unseen] == 0, np.nan, written == following[:unseen])
    accuracy, by_character = float(np.nanmin(right, axis=1).mean()), np.nanmean(right)
    print(f"test accuracy {accuracy:.4f} of whole answers to {unseen} unseen sums, {by_character:.4f} of characters")
    return accuracy


if __name__ == "__main__":
    main()
