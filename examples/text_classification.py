"""Text in, class out: `TextVectorization`, embeddings of words and places, one Transformer block.

Where does the traveller want to go? "from rome to oslo , not to paris": every request names several cities and only the
order of its words tells which is the goal, so a bag of words can do little more than choose among those it sees. The
block is written out as Keras users do, from `MultiHeadAttention`, `LayerNormalization` and `Dense`; padding is masked.
Expect nearly every request to be understood, and the bag of words to fail in half of them.

Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from jkeras import Input, Model, Sequential, layers, ops
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

CITIES = "oslo rome paris berlin madrid lisbon vienna prague dublin athens".split()
REQUESTS = [
    "i want to go from {other} to {goal}",
    "to {goal} please , leaving {other}",
    "a ticket from {other} to {third} , or no : to {goal}",
    "instead of {other} i would now rather visit {goal}",
    "my train left {other} for {goal} without me , get me there",
    "not {other} and not {third} , it has to be {goal}",
    "{goal} , starting in {other} , and not by way of {third}",
    "i live in {other} , work in {third} and fly to {goal}",
]
OPENINGS = ["", "hello ,", "good morning ,", "sorry to ask again ,", "one more thing :", "as i said on the phone ,"]
LENGTH, UNITS = 18, 32


def requests(count: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Requests, and the index of the city where each wants to go."""
    texts, goals = [], []
    for _ in range(count):
        goal, other, third = rng.choice(len(CITIES), 3, replace=False)
        text = rng.choice(REQUESTS).format(goal=CITIES[goal], other=CITIES[other], third=CITIES[third])
        texts.append(f"{rng.choice(OPENINGS)} {text}")
        goals.append(goal)
    return texts, np.array(goals)


def transformer_block(x: Any, heads: int = 4, rate: float = 0.1) -> Any:
    """Self-attention, then a small network on each word; around each a residual connection and a normalization."""
    attended = layers.MultiHeadAttention(heads, UNITS // heads, dropout=rate)(x, x)
    x = layers.LayerNormalization()(x + attended)
    hidden = layers.Dense(UNITS)(layers.Dense(2 * UNITS, activation="relu")(x))
    return layers.LayerNormalization()(x + layers.Dropout(rate)(hidden))


def build(words: int) -> Model:
    """From the indices of words to the probability of each city."""
    tokens = Input((LENGTH,), dtype="int32")
    places = layers.Embedding(LENGTH, UNITS, name="places")(ops.arange(LENGTH))
    x = layers.Embedding(words, UNITS, mask_zero=True, name="words")(tokens) + places
    x = transformer_block(x)
    x = layers.GlobalAveragePooling1D()(x)  # of the words: padding is masked
    return Model(tokens, layers.Dense(len(CITIES), activation="softmax")(x))


def main() -> float:
    """Train, read a few requests, and return the accuracy on requests that were not seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--requests", type=int, default=6000, help="how many to train on")
    options = parser.parse_args()

    set_random_seed(0)
    rng = np.random.default_rng(0)
    (texts, goals), (texts_test, goals_test) = requests(options.requests, rng), requests(1000, rng)
    vectorize = layers.TextVectorization(output_sequence_length=LENGTH)  # lower case, no punctuation, 0 is padding
    vectorize.adapt(texts)
    words = vectorize.vocabulary_size()
    tokens, tokens_test = vectorize(texts), vectorize(texts_test)

    counts = layers.CategoryEncoding(words, output_mode="count")
    bag = Sequential([counts, layers.Dense(64, activation="relu"), layers.Dense(len(CITIES), activation="softmax")])
    accuracies = []
    for model in (bag, build(words)):
        model.compile(Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(tokens, goals, batch_size=64, epochs=options.epochs, verbose=2)
        accuracies.append(model.evaluate(tokens_test, goals_test, batch_size=500, verbose=0)[1])
    asked = [*texts_test[:4], "from rome to oslo , not to paris"]
    for text, probabilities in zip(asked, model.predict(vectorize(asked), verbose=0)):
        print(f"{CITIES[probabilities.argmax()]:>7s} {probabilities.max():6.1%}: {text.strip()}")
    print(f"test accuracy {accuracies[1]:.4f} on {len(goals_test)} unseen requests; a bag of words {accuracies[0]:.4f}")
    return accuracies[1]


if __name__ == "__main__":
    main()
