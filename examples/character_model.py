"""A language model of characters: a stateful GRU reads a text, then writes more of it.

The text is this project's LICENSE, whose end the model doesn't see in training. What the GRU remembers is in the
`state` that the pure `apply` takes and returns, so a whole text is sampled in one compiled `lax.scan`.
"""

from __future__ import annotations

import argparse
import re
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Model, Sequential, layers
from jkeras.callbacks import LambdaCallback
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

LANES, WINDOW = 8, 50
PROMPT = "The copyright owner "


def build(size: int, batch: int) -> Model:
    """A stateful model of `batch` texts at once; the names make the weights of one fit another."""
    return Sequential(
        [
            layers.Input(batch_shape=(batch, None), dtype="int32"),
            layers.Embedding(size, 32, name="embedding"),
            layers.GRU(160, return_sequences=True, stateful=True, name="memory"),
            layers.Dropout(0.2),
            layers.Dense(size, activation="softmax", name="next"),
        ]
    )


@partial(jax.jit, static_argnames=("model", "length"))
def sample(model: Model, params: Any, prompt: jax.Array, temperature: float, key: jax.Array, length: int) -> jax.Array:
    """Continue `prompt`, `(1, characters)`, by `length` characters."""
    state = jax.tree.map(jnp.zeros_like, model.state)

    def draw(probabilities: jax.Array, key: jax.Array) -> jax.Array:
        return jax.random.categorical(key, jnp.log(probabilities[:, -1:]) / temperature)

    def step(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        character, state = carry
        probabilities, state = model.apply(params, state, character)
        return (draw(probabilities, key), state), character

    probabilities, state = model.apply(params, state, prompt)
    keys = jax.random.split(key, length + 1)
    return jax.lax.scan(step, (draw(probabilities, keys[0]), state), keys[1:])[1].reshape(-1)


def main() -> float:
    """Train, write, and return the share of characters of the unseen end that are predicted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--length", type=int, default=400, help="how many characters are written")
    options = parser.parse_args()

    set_random_seed(0)
    text = re.sub(r"\s+", " ", (Path(__file__).parent.parent / "LICENSE").read_text())
    alphabet = sorted(set(text))
    indices = np.array([alphabet.index(character) for character in text])
    train, test = indices[:-1000], indices[-1000:]

    # Row `i` of each batch goes on where row `i` of the batch before it ended: `LANES` places of the text at once.
    windows = (len(train) - 1) // (LANES * WINDOW)
    x, y = (a[: LANES * windows * WINDOW].reshape(LANES, windows, WINDOW) for a in (train[:-1], train[1:]))
    x, y = (a.swapaxes(0, 1).reshape(-1, WINDOW) for a in (x, y))

    model, writer = build(len(alphabet), LANES), build(len(alphabet), 1)
    memory = model.get_layer("memory")
    forget = LambdaCallback(on_epoch_begin=lambda epoch, logs: memory.reset_states())
    model.compile(Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=LANES, epochs=options.epochs, shuffle=False, callbacks=[forget], verbose=2)

    prompt = jnp.array([[alphabet.index(character) for character in PROMPT]])
    for temperature in (0.3, 0.8):
        written = sample(writer, model.params, prompt, temperature, jax.random.key(1), options.length)
        print(f"\ntemperature {temperature}: {PROMPT}" + "".join(alphabet[index] for index in np.asarray(written)))
    probabilities, _ = writer.apply(model.params, writer.state, test[None, :-1])
    accuracy = float((probabilities.argmax(-1) == test[1:]).mean())
    chance = (test == np.bincount(train).argmax()).mean()
    print(f"\ntest accuracy {accuracy:.4f} of the characters of the unseen end; the most frequent one: {chance:.4f}")
    return accuracy


if __name__ == "__main__":
    main()
