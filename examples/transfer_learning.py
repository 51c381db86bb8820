"""Transfer learning: a network that has learned to read digits learns from 200 examples which of two is the larger.

The reader's features are frozen (`trainable = False`) and used for both images under a new head, which learns quickly
because there is little left to learn; then everything is tuned with a small learning rate, with the statistics of batch
normalization left as they are. Expect the same network without transfer, which sees the same 200 pairs and has to find
out from them what digits are, to make half as many errors again.
"""

from __future__ import annotations

import argparse

import numpy as np

from jkeras import Input, Model, Sequential, layers
from jkeras.datasets import digits
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed


def build_features() -> Sequential:
    """Two convolutions: from an image to 64 features."""
    return Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(24, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
        ],
        name="features",
    )


def build_comparison(features: Model) -> Model:
    """The probability that the first of two images shows the larger digit."""
    pair = [Input((8, 8, 1)), Input((8, 8, 1))]
    # `training=False` holds the batch statistics, also when the weights beside them are trained again.
    x = layers.Concatenate()([features(image, training=False) for image in pair])
    x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(x))
    return Model(pair, layers.Dense(1, activation="sigmoid")(x))


def pairs(x: np.ndarray, y: np.ndarray, count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Pairs of images of unequal digits, and whether the first digit is the larger."""
    first, second = np.random.default_rng(seed).integers(0, len(x), (2, 2 * count))
    first, second = (rows[y[first] != y[second]][:count] for rows in (first, second))
    return [x[first], x[second]], (y[first] > y[second]).astype("float32")


def main() -> float:
    """Learn to read, learn to compare, and return the accuracy of comparisons of test images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10, help="of learning to read")
    parser.add_argument("--transfer-epochs", type=int, default=20, help="of learning to compare")
    parser.add_argument("--pairs", type=int, default=200, help="how many to learn to compare from")
    options = parser.parse_args()

    set_random_seed(0)
    (x, y), (x_test, y_test) = ((x[..., None] / np.float32(16), y) for x, y in digits.load_data())
    few, unseen = pairs(x, y, options.pairs, seed=0), pairs(x_test, y_test, 2000, seed=1)

    def learn(model: Model, rate: float, epochs: int) -> float:
        """Compile, which is when it counts what is frozen; train; and return the accuracy on unseen pairs."""
        model.compile(Adam(rate), "binary_crossentropy", metrics=["accuracy"])
        model.fit(*few, batch_size=20, epochs=epochs, verbose=2)
        return model.evaluate(*unseen, batch_size=500, verbose=0)[1]

    print(f"reading, from {len(x)} images")
    features = build_features()
    reader = Sequential([features, layers.Dense(10, activation="softmax")])
    reader.compile(Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    reader.fit(x, y, batch_size=64, epochs=options.epochs, verbose=2)

    features.trainable = False
    model = build_comparison(features)
    trained = sum(weight.size for weight in model.trainable_weights)
    print(f"comparing, from {options.pairs} pairs: {trained} of {model.count_params()} weights are trained")
    before = features.get_weights()
    frozen = learn(model, 3e-3, options.transfer_epochs)
    assert all(map(np.array_equal, before, features.get_weights()))

    print("the same, and now all weights are trained a little")
    features.trainable = True
    tuned = learn(model, 1e-4, options.transfer_epochs)

    print("the same network, without transfer")
    scratch = learn(build_comparison(build_features()), 3e-3, 2 * options.transfer_epochs)
    print(f"test accuracy {tuned:.4f} tuned, {frozen:.4f} with frozen features, {scratch:.4f} without transfer")
    return tuned


if __name__ == "__main__":
    main()
