"""Wide and deep: one part of the network remembers pairs of categories, the other generalises, and both feed two
outputs.

Flats are let in sixty cities. What a flat is worth follows from its numbers, which the deep part learns as a smooth
function, and from habits of each city about each kind of flat, which follow no rule: the wide part, a linear model of
the crossed categories, learns them by heart. Rent (a number) and whether the flat is let within a week (yes or no) are
predicted at once, from inputs with names. Expect the deep part alone to explain clearly less of the rents.

Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems", https://arxiv.org/abs/1606.07792
"""

from __future__ import annotations

import argparse

import numpy as np

from jkeras import Input, Model, layers
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

CITIES, KINDS = 60, 20
NUMBERS = ["area", "floor", "age", "distance"]


def flats(count: int, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Flats as columns: what is known of them, and what is to be predicted."""
    city, kind = rng.integers(0, CITIES, count), rng.integers(0, KINDS, count)
    numbers = rng.uniform([20, 0, 0, 0], [120, 12, 80, 15], (count, 4)).astype("float32")
    area, floor, age, distance = numbers.T
    habit = np.random.default_rng(1).normal(size=(CITIES, KINDS))[city, kind]  # no rule: only memory can know it
    worth = np.sqrt(area / 70) * np.exp(-distance / 10) + 0.3 * np.cos(age / 13) + 0.02 * floor + 0.4 * habit
    rent = 500 + 400 * worth + rng.normal(0, 40, count)
    asked = rng.uniform(0.5, 1.5, count)  # what the owner asks, as a share of what it is worth
    is_let = rng.random(count) < 1 / (1 + np.exp(8 * (asked - 1) - 2 * habit))
    known = {"city": city, "kind": kind, "asked": asked.astype("float32"), "numbers": numbers}
    return known, {"rent": rent.astype("float32")[:, None], "is_let": is_let.astype("float32")[:, None]}


def build(normalize: layers.Normalization, wide: bool = True) -> Model:
    """The network, with or without its wide part."""
    city, kind = Input((), dtype="int32", name="city"), Input((), dtype="int32", name="kind")
    numbers, asked = Input((len(NUMBERS),), name="numbers"), Input((1,), name="asked")

    embedded = [layers.Embedding(CITIES, 4)(city), layers.Embedding(KINDS, 4)(kind)]
    deep = layers.Concatenate()([normalize(numbers), asked, *embedded])
    for units in (64, 32):
        deep = layers.Dense(units, activation="relu")(deep)

    features = deep
    if wide:
        # A linear model of one-hot crosses is a table with a row for each pair; a row a number for each output.
        crossed = layers.Embedding(CITIES * KINDS, 2, embeddings_initializer="zeros", name="wide")(city * KINDS + kind)
        features = layers.Concatenate()([deep, crossed])
    rent = layers.Dense(1, name="rent")(features)
    is_let = layers.Dense(1, activation="sigmoid", name="is_let")(features)
    inputs = {"city": city, "kind": kind, "numbers": numbers, "asked": asked}
    return Model(inputs, {"rent": rent, "is_let": is_let})


def main() -> float:
    """Train with and without the wide part, and return the share of the variance of rents that the whole explains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--flats", type=int, default=20_000, help="how many to train on")
    options = parser.parse_args()

    set_random_seed(0)
    rng = np.random.default_rng(0)
    (x, y), (x_test, y_test) = flats(options.flats, rng), flats(5000, rng)
    normalize = layers.Normalization()
    normalize.adapt(x["numbers"])
    mean, deviation = y["rent"].mean(), y["rent"].std()
    for targets in (y, y_test):
        targets["rent"] = (targets["rent"] - mean) / deviation

    results = {}
    for name, wide in (("deep alone", False), ("wide and deep", True)):
        model = build(normalize, wide)
        model.compile(
            Adam(3e-3),
            loss={"rent": "mse", "is_let": "binary_crossentropy"},
            loss_weights={"rent": 1.0, "is_let": 0.5},
            metrics={"rent": "r2_score", "is_let": "accuracy"},
        )
        model.fit(x, y, batch_size=128, epochs=options.epochs, verbose=2)
        results[name] = model.evaluate(x_test, y_test, batch_size=1000, verbose=0, return_dict=True)
    for name, logs in results.items():
        print(f"{name}: " + ", ".join(f"{metric} {value:.3f}" for metric, value in logs.items()))
    explained, alone = (results[name]["rent_r2_score"] for name in ("wide and deep", "deep alone"))
    accuracy = results["wide and deep"]["is_let_accuracy"]
    print(f"rents explained {explained:.4f} (deep part alone {alone:.4f}), test accuracy {accuracy:.4f} of what is let")
    return explained


if __name__ == "__main__":
    main()
