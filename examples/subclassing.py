"""Models and layers as classes: an MLP-Mixer, written the way one thinks of it, trained, saved whole and read back.

A layer declares its sublayers in `__init__`, its own weights in `build`, and computes in `call`; a model is the same
and may loop and branch in Python. Registering the classes is all that a saved file needs to make them again. Expect a
model of 17,000 weights that reads more than nine of ten digits, and the same answers from the file.

Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", https://arxiv.org/abs/2105.01601
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import numpy as np

from jkeras import Layer, Model, layers, models, saving
from jkeras.datasets import digits
from jkeras.optimizers import AdamW
from jkeras.utils import set_random_seed


@saving.register_keras_serializable("examples")
class MLP(Layer):
    """Two dense layers over the last axis, back to its own size, which is known in `build` only."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units  # kept under its own name, an argument is in the configuration
        self.hidden, self.dropout = layers.Dense(units, activation="gelu"), layers.Dropout(0.1)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.back = layers.Dense(input_shape[-1])

    def call(self, inputs: jax.Array) -> jax.Array:
        return self.back(self.dropout(self.hidden(inputs)))  # dropout is told by itself whether this is training


@saving.register_keras_serializable("examples")
class MixerBlock(Layer):
    """Mix the patches of each feature, then the features of each patch: `(batch, patches, features)` stays."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.patches, self.features = MLP(units), MLP(2 * units)
        self.norms = [layers.LayerNormalization() for _ in range(2)]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        # Starts as the identity: each of the two parts is let in as far as its scale grows.
        self.scales = self.add_weight(name="scales", shape=(2, input_shape[-1]), initializer="zeros")

    def call(self, x: jax.Array) -> jax.Array:
        x = x + self.scales[0] * self.patches(self.norms[0](x).swapaxes(1, 2)).swapaxes(1, 2)
        return x + self.scales[1] * self.features(self.norms[1](x))


@saving.register_keras_serializable("examples")
class Mixer(Model):
    """Patches of 2 by 2 pixels as vectors, mixer blocks, and the mean of what is left as the evidence for a class."""

    def __init__(self, blocks: int, units: int = 32, **kwargs: Any):
        super().__init__(**kwargs)
        self.blocks, self.units = blocks, units
        self.embed, self.flatten = layers.Conv2D(units, 2, strides=2), layers.Reshape((-1, units))
        self.stack = [MixerBlock(units) for _ in range(blocks)]
        self.head = layers.Dense(10, activation="softmax")

    def call(self, images: jax.Array) -> jax.Array:
        x = self.flatten(self.embed(images))
        for block in self.stack:
            x = block(x)
        return self.head(x.mean(axis=1))


def main() -> float:
    """Train, save, read back, and return the accuracy on the test images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--blocks", type=int, default=3)
    options = parser.parse_args()
    set_random_seed(0)
    (x, y), (x_test, y_test) = ((x[..., None] / np.float32(16), y) for x, y in digits.load_data())
    model = Mixer(options.blocks)
    model.compile(AdamW(3e-3, weight_decay=0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=options.epochs, verbose=2)
    model.summary()

    model.save("mixer.keras")
    again = models.load_model("mixer.keras")
    difference = np.abs(model.predict(x_test, verbose=0) - again.predict(x_test, verbose=0)).max()
    accuracy = again.evaluate(x_test, y_test, verbose=0)[1]
    print(f"test accuracy {accuracy:.4f}, read back from mixer.keras; answers differ by {difference}")
    return accuracy


if __name__ == "__main__":
    main()
