"""Thirty-two networks for handwritten digits as one program: seeds, learning rates, dropout, and all of them together.

A population answers three questions at once: which settings are good, how much of it is luck (the seed), and how much
better many networks are together than the best alone. It trains in seconds on two cores, offline.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import jkeras
from jkeras import layers
from jkeras.callbacks import EarlyStopping
from jkeras.population import grid


def build() -> jkeras.Sequential:
    """Return the network, compiled."""
    model = jkeras.Sequential(
        [
            layers.Input((8, 8)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(jkeras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    """Train a population, look at it, and use it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    (x, y), (x_test, y_test) = jkeras.datasets.digits.load_data()
    x, x_test = (images.reshape(-1, 8, 8).astype("float32") / 16 for images in (x, x_test))

    # Every combination of learning rate, dropout and seed is a member.
    settings = grid(
        {"learning_rate": [0.0003, 0.001, 0.003, 0.01], "dropout/rate": [0.0, 0.4], "seed": range(options.seeds)}
    )
    seeds = settings.pop("seed")
    population = jkeras.Population(build(), seeds=seeds, hyperparameters=settings)
    began = time.perf_counter()
    population.fit(
        x,
        y,
        epochs=options.epochs,
        validation_split=0.2,
        callbacks=[EarlyStopping("val_loss", patience=4, restore_best_weights=True)],
    )
    print(f"\n{population} in {time.perf_counter() - began:.1f} s\n\n{population.summary(rows=4)}\n")

    # What is due to the settings, and what to luck?
    accuracy = population.values("val_accuracy").reshape(-1, options.seeds)
    for i, row in enumerate(accuracy):
        setting = population.settings.of(i * options.seeds)
        print(f"{setting}: validation accuracy {row.mean():.3f}, from {row.min():.3f} to {row.max():.3f} by seed")

    # The best member is an ordinary model, and goes on where it stopped.
    best = population.best("val_loss")
    best.optimizer.learning_rate = 1e-4
    best.fit(x, y, epochs=2, verbose=2)

    # Alone and together.
    alone = population.evaluate(x_test, y_test)["accuracy"]
    together = (population.predict(x_test, combine="vote") == y_test).mean()
    print(f"\nmedian member alone {np.median(alone):.3f}, best of them on validation ", end="")
    print(f"{alone[population.best_index('val_loss')]:.3f}, all together: test accuracy {together:.3f}")


if __name__ == "__main__":
    main()
