"""Train a small convolutional network on handwritten digits and say how well it reads ones it has not seen.

The data is in the package: no download. `--epochs 1` for a quick look.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from jkeras import Sequential, layers
from jkeras.callbacks import EarlyStopping
from jkeras.datasets import digits
from jkeras.utils import set_random_seed


def build() -> Sequential:
    """Two convolutions, one pooling, one hidden layer."""
    return Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.Conv2D(64, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def shifted(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images, and each of them moved by one pixel in four directions."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    corners = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    moved = [padded[:, row : row + 8, column : column + 8] for row, column in corners]
    return np.concatenate(moved), np.tile(labels, len(corners))


def confusion(truth: np.ndarray, read_as: np.ndarray) -> str:
    """A table: one row for each true digit, one column for what it was read as."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (truth, read_as), 1)
    lines = ["true\\read" + "".join(f"{digit:4d}" for digit in range(10))]
    lines += [f"{digit:9d}" + "".join(f"{n or '.':>4}" for n in counts[digit]) for digit in range(10)]
    return "\n".join(lines)


def main() -> float:
    """Train, save the weights, and return the accuracy on the test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, help="how many to train on; all but the last 180 if left out")
    parser.add_argument("--weights", type=Path, default=Path("digits.weights.h5"), help="where the weights are saved")
    options = parser.parse_args()

    set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = (x[..., None] / np.float32(16) for x in (x_train, x_test))
    held_out = len(x_train) - 180
    x_more, y_more = shifted(x_train[:held_out][: options.images], y_train[:held_out][: options.images])

    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    model.fit(
        x_more,
        y_more,
        batch_size=60,
        epochs=options.epochs,
        validation_data=(x_train[held_out:], y_train[held_out:]),
        callbacks=[EarlyStopping("val_loss", patience=4, restore_best_weights=True)],
        verbose=2,
    )
    model.save_weights(options.weights)
    _, accuracy = model.evaluate(x_test, y_test, batch_size=60, verbose=0)
    print(confusion(y_test, model.predict(x_test, batch_size=60, verbose=0).argmax(-1)))
    print(f"test accuracy {accuracy:.4f} on {len(x_test)} images; weights in {options.weights}")
    return accuracy


if __name__ == "__main__":
    main()
