"""What is trained: networks on made-up data, each a row of facts that every peer builds from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import data
import numpy as np


class Workload(NamedTuple):
    """A network, its data and how it is trained. The peers know the network by `name`.

    `data` takes the number of rows and returns the inputs, an array or a list of arrays, and the targets.
    """

    name: str
    summary: str
    rows: int
    batch_size: int
    loss: str
    optimizer: str
    learning_rate: float
    data: Callable[[int], tuple[Any, np.ndarray]]
    # Epochs in one measurement: enough that it lasts some tenths of a second.
    epochs: int = 1
    # A class that fills up the targets and counts for nothing; with Keras the mask says it.
    padding: int | None = None

    @property
    def steps(self) -> int:
        """Training steps in one measurement."""
        return -(-self.rows // self.batch_size) * self.epochs


WORKLOADS = [
    Workload(
        name="regression",
        summary="MLP 8-30-1, 11,610 rows, batches of 32, SGD",
        rows=11_610,
        batch_size=32,
        loss="mean_squared_error",
        optimizer="sgd",
        learning_rate=1e-2,
        data=data.regression,
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
        data=data.images(28, 28),
    ),
    Workload(
        name="cnn",
        summary="two 5x5 convolutions (32, 64) with max pooling, dense 1024 and 10, 1,280 rows, batches of 64, Adam",
        rows=1_280,
        batch_size=64,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=1e-4,
        data=data.images(28, 28, 1),
    ),
    Workload(
        name="resnet",
        summary="3x3 convolution 16 and residual blocks 16, 32, 64 with batch normalization on 32x32x3, dense 10, "
        "640 rows, batches of 32, Adam",
        rows=640,
        batch_size=32,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=1e-3,
        data=data.tinted_images,
    ),
    Workload(
        name="textcnn",
        summary="embedding 64 of 10,000 words, Conv1D 128 of 5 words over 200, global maximum, dense 64 and 1, "
        "1,024 rows, batches of 32, Adam",
        rows=1_024,
        batch_size=32,
        loss="binary_crossentropy",
        optimizer="adam",
        learning_rate=1e-3,
        data=data.reviews,
    ),
    Workload(
        name="transformer",
        summary="embedding 64 with positions, two pre-norm blocks (4 heads, dense 256 gelu) over 64 words, mean, "
        "dense 10, 1,024 rows, batches of 32, Adam",
        rows=1_024,
        batch_size=32,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=1e-3,
        data=data.sentences,
    ),
    Workload(
        name="lstm",
        summary="LSTM 100 over 12 steps of 1 feature, dropout 0.25, dense 1, 5,000 rows, batches of 100, Adam",
        rows=5_000,
        batch_size=100,
        loss="mean_squared_error",
        optimizer="adam",
        learning_rate=1e-3,
        data=data.series,
    ),
    Workload(
        name="gru",
        summary="GRU 128 over 50 steps of 32 features, dense 10, 2,048 rows, batches of 64, Adam",
        rows=2_048,
        batch_size=64,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        learning_rate=1e-3,
        data=data.signals,
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
        data=data.counting,
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
        data=data.moving_squares,
    ),
]
