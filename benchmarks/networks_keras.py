"""The networks with Keras's names: jkeras and Keras build them from the same lines.

Each is a function of the package, and returns a model that is not compiled yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _sequential(layers: Callable[[Any], list[Any]]) -> Callable[[Any], Any]:
    return lambda package: package.Sequential(layers(package.layers))


def _mlp(k: Any) -> list[Any]:
    return [
        k.Input((28, 28)),
        k.Flatten(),
        k.Dense(300, activation="relu"),
        k.Dense(100, activation="relu"),
        k.Dense(10, activation="softmax"),
    ]


def _cnn(k: Any) -> list[Any]:
    return [
        k.Input((28, 28, 1)),
        k.Conv2D(32, 5, padding="same", activation="relu"),
        k.MaxPooling2D(2, strides=2, padding="same"),
        k.Conv2D(64, 5, padding="same", activation="relu"),
        k.MaxPooling2D(2, strides=2, padding="same"),
        k.Flatten(),
        k.Dense(1024, activation="relu"),
        k.Dense(10, activation="softmax"),
    ]


def _resnet(package: Any) -> Any:
    k = package.layers

    def normed(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        return k.BatchNormalization()(k.Conv2D(filters, size, strides, padding="same", use_bias=False)(x))

    inputs = k.Input((32, 32, 3))
    x = k.ReLU()(normed(inputs, 16, 3))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        straight = x if strides == 1 else normed(x, filters, 1, strides)
        residual = normed(k.ReLU()(normed(x, filters, 3, strides)), filters, 3)
        x = k.ReLU()(k.Add()([straight, residual]))
    return package.Model(inputs, k.Dense(10, activation="softmax")(k.GlobalAveragePooling2D()(x)))


def _textcnn(k: Any) -> list[Any]:
    return [
        k.Input((200,), dtype="int32"),
        k.Embedding(10_000, 64),
        k.Conv1D(128, 5, activation="relu"),
        k.GlobalMaxPooling1D(),
        k.Dense(64, activation="relu"),
        k.Dense(1, activation="sigmoid"),
    ]


def _transformer(package: Any, steps: int = 64, width: int = 64, heads: int = 4) -> Any:
    k = package.layers

    class Positions(k.Layer):
        """Adds a learned vector to each step."""

        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(shape=(steps, width), initializer="uniform", name="table")
            self.built = True

        def call(self, inputs: Any) -> Any:
            return inputs + self.table

    inputs = k.Input((steps,), dtype="int32")
    x = Positions()(k.Embedding(1_000, width)(inputs))
    for _ in range(2):
        normed = k.LayerNormalization()(x)
        x = k.Add()([x, k.MultiHeadAttention(heads, width // heads)(normed, normed)])
        hidden = k.Dense(4 * width, activation="gelu")(k.LayerNormalization()(x))
        x = k.Add()([x, k.Dense(width)(hidden)])
    pooled = k.GlobalAveragePooling1D()(k.LayerNormalization()(x))
    return package.Model(inputs, k.Dense(10, activation="softmax")(pooled))


def _seq2seq(package: Any) -> Any:
    k = package.layers
    source, teacher = k.Input((None,), dtype="int32"), k.Input((None,), dtype="int32")
    encoder = k.Bidirectional(k.LSTM(64, return_state=True))
    _, forward_h, forward_c, backward_h, backward_c = encoder(k.Embedding(64, 64, mask_zero=True)(source))
    states = [k.Concatenate()([forward_h, backward_h]), k.Concatenate()([forward_c, backward_c])]
    decoder = k.LSTM(128, return_sequences=True)
    outputs = decoder(k.Embedding(64, 64, mask_zero=True)(teacher), initial_state=states)
    return package.Model([source, teacher], k.Dense(64, activation="softmax")(outputs))


def _convlstm(k: Any) -> list[Any]:
    return [
        k.Input((8, 16, 16, 1)),
        k.ConvLSTM2D(16, 3, padding="same"),
        k.GlobalAveragePooling2D(),
        k.Dense(8, activation="softmax"),
    ]


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "regression": _sequential(lambda k: [k.Input((8,)), k.Dense(30, activation="relu"), k.Dense(1)]),
    "mlp": _sequential(_mlp),
    "cnn": _sequential(_cnn),
    "resnet": _resnet,
    "textcnn": _sequential(_textcnn),
    "transformer": _transformer,
    "lstm": _sequential(lambda k: [k.Input((12, 1)), k.LSTM(100), k.Dropout(0.25), k.Dense(1)]),
    "gru": _sequential(lambda k: [k.Input((50, 32)), k.GRU(128), k.Dense(10, activation="softmax")]),
    "seq2seq": _seq2seq,
    "convlstm": _sequential(_convlstm),
}
