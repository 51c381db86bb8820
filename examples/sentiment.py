"""What reviews of films say, read by a bidirectional LSTM that sees only real words, never the padding.

The reviews come from a small grammar in which the order of the words decides: "not good" is bad, "hardly dull" is good,
and what others say ("critics call the plot brilliant, but ...") doesn't count. A bag of words is trained beside it.
"""

from __future__ import annotations

import argparse

import numpy as np

from jkeras import Sequential, layers
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

ASPECTS = "plot acting music dialogue ending camera cast pacing".split()
PRAISE = "good great moving funny brilliant gripping charming clever".split()
BLAME = "bad dull boring clumsy tedious shallow noisy predictable".split()
NEGATIONS = ["not", "never", "hardly", "far from", "anything but"]
DEGREES = ["", "", "very", "really", "especially", "at all"]
HEARSAY = ["critics call the {} {} , but", "i heard that the {} is {} ; yet", "my sister found the {} {} . however ,"]
SENTENCES = [
    "the plot was not good .",
    "the plot was hardly dull , the music was good , the camera was never shallow .",
    "critics call the acting brilliant , but the acting was anything but brilliant .",
    "my sister found the ending tedious . however , the ending was hardly tedious .",
]


def clause(rng: np.random.Generator) -> tuple[str, int]:
    """A statement about one aspect, and whether it is praise (1) or blame (-1)."""
    sign, negated = rng.choice([-1, 1]), rng.random() < 0.4
    negation = rng.choice(NEGATIONS) if negated else ""
    word = rng.choice(PRAISE if sign * (-1 if negated else 1) > 0 else BLAME)
    said = f"the {rng.choice(ASPECTS)} was {negation} {rng.choice(DEGREES)} {word}"
    if rng.random() < 0.3:
        said = rng.choice(HEARSAY).format(rng.choice(ASPECTS), rng.choice(PRAISE + BLAME)) + " " + said
    return " ".join(said.split()), sign


def reviews(count: int, longest: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Different reviews of 1, 3, ... `longest` statements, and whether most of them are praise."""
    labels: dict[str, bool] = {}
    while len(labels) < count:
        said, signs = zip(*(clause(rng) for _ in range(rng.choice(range(1, longest + 1, 2)))))
        labels[" , ".join(said) + " ."] = sum(signs) > 0
    return list(labels), np.array(list(labels.values()), "float32")


def main() -> float:
    """Train, read a few sentences, and return the accuracy on reviews that were not seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--reviews", type=int, default=8000, help="how many to train on")
    parser.add_argument("--statements", type=int, default=5, help="how many the longest review makes")
    options = parser.parse_args()

    set_random_seed(0)
    unseen = 2000
    texts, labels = reviews(options.reviews + unseen, options.statements, np.random.default_rng(0))
    vectorize = layers.TextVectorization()  # 0 is padding
    vectorize.adapt(texts[unseen:])
    tokens, words = vectorize(texts), vectorize.vocabulary_size()

    model = Sequential(
        [
            layers.Input((None,), dtype="int32"),
            layers.Embedding(words, 16, mask_zero=True),
            layers.Bidirectional(layers.LSTM(32)),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    counts = layers.CategoryEncoding(words, output_mode="count")
    bag = Sequential([counts, layers.Dense(64, activation="relu"), layers.Dense(1, activation="sigmoid")])
    accuracies = []
    for network in (bag, model):
        network.compile(Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
        network.fit(tokens[unseen:], labels[unseen:], batch_size=64, epochs=options.epochs, verbose=2)
        accuracies.append(network.evaluate(tokens[:unseen], labels[:unseen], batch_size=500, verbose=0)[1])
    for sentence, praise in zip(SENTENCES, model.predict(vectorize(SENTENCES), verbose=0)[:, 0]):
        print(f"{praise:6.1%} praise: {sentence}")
    print(f"test accuracy {accuracies[1]:.4f} on {unseen} unseen reviews; a bag of words reaches {accuracies[0]:.4f}")
    return accuracies[1]


if __name__ == "__main__":
    main()
