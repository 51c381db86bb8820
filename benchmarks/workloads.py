"""What is trained: four networks on made-up data, each a row of facts that every peer builds from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Workload(NamedTuple):
    """A network, its data and how it is trained.

    `keras_layers` takes a module with Keras's layer classes and returns the layers: jkeras and Keras build from the
    same lines. The other peers know the network by `name`.
    """

    name: str
    summary: str
    rows: int
    batch_size: int
    loss: str
    optimizer: str
    learning_rate: float
    data: Callable[[int], tuple[np.ndarray, np.ndarray]]
    keras_layers: Callable[[Any], list[Any]]
    # Epochs in one measurement: enough that it lasts some tenths of a second.
    epochs: int

    @property
    def steps(self) -> int:
        """Training steps in one measurement."""
        return -(-self.rows // self.batch_size) * self.epochs


def _regression(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 8)).astype("float32")
    return x, (x[:, :1] * x[:, 1:2] + 0.1 * random.normal(size=(rows, 1))).astype("float32")


def _images(shape: tuple[int, ...]) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    def make(rows: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(0)
        return random.random((rows, *shape), "float32"), random.integers(0, 10, rows).astype("int32")

    return make


def _series(rows: int) -> tuple[np.ndarray, np.ndarray]:
    wave = np.sin(np.arange(rows + 12) / 9).astype("float32")
    return np.stack([wave[i : i + 12, None] for i in range(rows)]), wave[12:, None]


WORKLOADS = [
    Workload(
        name="regression",
        summary="MLP 8-30-1, 11,610 rows, batches of 32, SGD",
        rows=11_610,
        batch_size=32,
        loss="mean_squared_error",
        optimizer="sgd",
        learning_rate=1e-2,
        data=_regression,
        keras_layers=lambda k: [k.Input((8,)), k.Dense(30, activation="relu"), k.Dense(1)],
        epochs=2,
    ),
    Workload(
        name="mlp",
        summary="MLP 784-300-100-10, 10,000 rows, batches of 32, SGD",
        rows=10_000,
        batch_size=32,
        loss="sparse_categorical_crossentropy",
        optimizer="sgd",
        learning_rate=1e-2,
        data=_images((28, 28)),
        keras_layers=lambda k: [
            k.Input((28, 28)),
            k.Flatten(),
            k.Dense(300, activation="relu"),
            k.Dense(100, activation="relu"),
            k.Dense(10, activation="softmax"),
        ],
        epochs=1,
    ),
    Workload(
        name="cnn",
        summary="two 5x5 convolutions (32, 64) with max pooling, dense 1024 and 10, 1,280 rows, batches of 64, Adam",
        rows=1_280,
        batch_size=64,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=1e-4,
        data=_images((28, 28, 1)),
        keras_layers=lambda k: [
            k.Input((28, 28, 1)),
            k.Conv2D(32, 5, padding="same", activation="relu"),
            k.MaxPooling2D(2, strides=2, padding="same"),
            k.Conv2D(64, 5, padding="same", activation="relu"),
            k.MaxPooling2D(2, strides=2, padding="same"),
            k.Flatten(),
            k.Dense(1024, activation="relu"),
            k.Dense(10, activation="softmax"),
        ],
        epochs=1,
    ),
    Workload(
        name="lstm",
        summary="LSTM 100 over 12 steps of 1 feature, dropout 0.25, dense 1, 5,000 rows, batches of 100, Adam",
        rows=5_000,
        batch_size=100,
        loss="mean_squared_error",
        optimizer="adam",
        learning_rate=1e-3,
        data=_series,
        keras_layers=lambda k: [k.Input((12, 1)), k.LSTM(100), k.Dropout(0.25), k.Dense(1)],
        epochs=1,
    ),
]
