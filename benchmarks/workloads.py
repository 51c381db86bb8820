"""What is trained: networks on made-up data, each a row of facts that every peer builds from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Workload(NamedTuple):
    """A network, its data and how it is trained.

    `keras_model` takes a package with Keras's names and returns a model that is not compiled yet: jkeras and Keras
    build from the same lines. The other peers know the network by `name`. `data` returns the inputs, an array or a list
    of arrays, and the targets.
    """

    name: str
    summary: str
    rows: int
    batch_size: int
    loss: str
    optimizer: str
    learning_rate: float
    data: Callable[[int], tuple[Any, np.ndarray]]
    keras_model: Callable[[Any], Any]
    # Epochs in one measurement: enough that it lasts some tenths of a second.
    epochs: int
    # A class that fills up the targets and counts for nothing; with Keras the mask says it.
    padding: int | None = None

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


def _signals(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise around one of ten constant vectors."""
    random = np.random.default_rng(0)
    y = random.integers(0, 10, rows)
    means = 0.1 * random.normal(size=(10, 1, 32))
    return (means[y] + random.normal(size=(rows, 50, 32))).astype("float32"), y.astype("int32")


def _counting(rows: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Count by a step, and go on counting: 62 numbers from 2, 1 to begin with, and 0 behind the end."""
    random = np.random.default_rng(0)
    position = np.arange(20)
    begin, step = random.integers(0, 62, (rows, 1)), random.integers(1, 6, (rows, 1))
    source_length, target_length = random.integers(5, 21, (2, rows, 1))
    source = np.where(position < source_length, 2 + (begin + step * position) % 62, 0)
    target = np.where(position < target_length, 2 + (begin + step * (source_length + position)) % 62, 0)
    shifted = np.concatenate([np.ones((rows, 1), int), target[:, :-1]], axis=1)
    teacher = np.where(position < target_length, shifted, 0)
    return [source.astype("int32"), teacher.astype("int32")], target.astype("int32")


def _moving_squares(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight frames of a square of one of eight sizes that moves, in noise."""
    random = np.random.default_rng(0)
    y = random.integers(0, 8, rows)
    steps = random.integers(-1, 2, (rows, 1, 2))
    corner = random.integers(0, 16, (rows, 1, 2)) + steps * np.arange(8)[:, None]
    inside = (np.arange(16) - corner[..., None]) % 16 < 2 * y[:, None, None, None] + 1
    frames = inside[:, :, 0, :, None] & inside[:, :, 1, None, :]
    noise = 0.2 * random.normal(size=(rows, 8, 16, 16))
    return (frames + noise)[..., None].astype("float32"), y.astype("int32")


def _sequential(layers: Callable[[Any], list[Any]]) -> Callable[[Any], Any]:
    return lambda package: package.Sequential(layers(package.layers))


def _seq2seq(package: Any) -> Any:
    k = package.layers
    source, teacher = k.Input((None,), dtype="int32"), k.Input((None,), dtype="int32")
    encoder = k.Bidirectional(k.LSTM(64, return_state=True))
    _, forward_h, forward_c, backward_h, backward_c = encoder(k.Embedding(64, 64, mask_zero=True)(source))
    states = [k.Concatenate()([forward_h, backward_h]), k.Concatenate()([forward_c, backward_c])]
    decoder = k.LSTM(128, return_sequences=True)
    outputs = decoder(k.Embedding(64, 64, mask_zero=True)(teacher), initial_state=states)
    return package.Model([source, teacher], k.Dense(64, activation="softmax")(outputs))


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
        keras_model=_sequential(lambda k: [k.Input((8,)), k.Dense(30, activation="relu"), k.Dense(1)]),
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
        keras_model=_sequential(
            lambda k: [
                k.Input((28, 28)),
                k.Flatten(),
                k.Dense(300, activation="relu"),
                k.Dense(100, activation="relu"),
                k.Dense(10, activation="softmax"),
            ]
        ),
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
        keras_model=_sequential(
            lambda k: [
                k.Input((28, 28, 1)),
                k.Conv2D(32, 5, padding="same", activation="relu"),
                k.MaxPooling2D(2, strides=2, padding="same"),
                k.Conv2D(64, 5, padding="same", activation="relu"),
                k.MaxPooling2D(2, strides=2, padding="same"),
                k.Flatten(),
                k.Dense(1024, activation="relu"),
                k.Dense(10, activation="softmax"),
            ]
        ),
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
        keras_model=_sequential(lambda k: [k.Input((12, 1)), k.LSTM(100), k.Dropout(0.25), k.Dense(1)]),
        epochs=1,
    ),
    Workload(
        name="gru",
        summary="GRU 128 over 50 steps of 32 features, dense 10, 2,048 rows, batches of 64, Adam",
        rows=2_048,
        batch_size=64,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=1e-3,
        data=_signals,
        keras_model=_sequential(lambda k: [k.Input((50, 32)), k.GRU(128), k.Dense(10, activation="softmax")]),
        epochs=1,
    ),
    Workload(
        name="seq2seq",
        summary="masked embedding 64 and Bidirectional LSTM 64, its states begin an LSTM 128 (embedding 64, dense 64), "
        "5 to 20 steps each, 2,048 rows, batches of 64, Adam",
        rows=2_048,
        batch_size=64,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=2e-3,
        data=_counting,
        keras_model=_seq2seq,
        epochs=1,
        padding=0,
    ),
    Workload(
        name="convlstm",
        summary="ConvLSTM2D 16, 3x3, over 8 frames of 16x16x1, average pooling, dense 8, 128 rows, batches of 16, Adam",
        rows=128,
        batch_size=16,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=1e-2,
        data=_moving_squares,
        keras_model=_sequential(
            lambda k: [
                k.Input((8, 16, 16, 1)),
                k.ConvLSTM2D(16, 3, padding="same"),
                k.GlobalAveragePooling2D(),
                k.Dense(8, activation="softmax"),
            ]
        ),
        epochs=1,
    ),
]
