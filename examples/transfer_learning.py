"""Transfer learning: what a network learned on the digits 0 to 4 helps it to read 5 to 9 from ten images of each.

The convolutions are trained on the first five digits and frozen: `trainable = False` on the part of the model that is
to stay. A new head on top learns the other five; then all of it is tuned with a small learning rate, with the
statistics of batch normalization left as they are. The same network trained on the few images alone is the one to beat,
and it is.
"""

from __future__ import annotations

import argparse

import numpy as np

from jkeras import Input, Model, Sequential, layers
from jkeras.datasets import digits
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

CLASSES = 5


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
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
        ],
        name="features",
    )


def with_head(features: Model, training: bool | None = None) -> Model:
    """Features and five classes. `training=False` keeps batch normalization in inference, also when it is trained."""
    images = Input((8, 8, 1))
    x = layers.Dropout(0.3)(features(images, training=training))
    return Model(images, layers.Dense(CLASSES, activation="softmax", name="head")(x))


def learn(model: Model, rate: float, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """Compile and train. What is frozen is heeded from here on."""
    model.compile(Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=2)


def main() -> float:
    """Train on the first five digits, transfer to the others, and return the accuracy on their test images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=15, help="on the digits 0 to 4")
    parser.add_argument("--transfer-epochs", type=int, default=40, help="on the few images of the digits 5 to 9")
    parser.add_argument("--images", type=int, default=10, help="how many there are of each of them")
    options = parser.parse_args()

    set_random_seed(0)
    (x, y), (x_test, y_test) = ((x[..., None] / np.float32(16), y) for x, y in digits.load_data())
    first, second = y < CLASSES, y_test >= CLASSES
    few = np.concatenate([np.flatnonzero(y == digit)[: options.images] for digit in range(CLASSES, 10)])
    x_few, y_few, test = x[few], y[few] - CLASSES, (x_test[second], y_test[second] - CLASSES)

    print(f"the digits 0 to 4: {first.sum()} images")
    features = build_features()
    learn(with_head(features), 2e-3, x[first], y[first], options.epochs)

    print(f"the digits 5 to 9: {len(few)} images, features frozen")
    features.trainable = False
    model = with_head(features, training=False)
    before = features.get_weights()
    learn(model, 1e-2, x_few, y_few, options.transfer_epochs)
    assert all(map(np.array_equal, before, features.get_weights()))
    trained = sum(weight.size for weight in model.trainable_weights)
    frozen = model.evaluate(*test, verbose=0)[1]
    print(f"{trained} of {model.count_params()} weights were trained: test accuracy {frozen:.4f}")

    print("everything, a little")
    features.trainable = True
    learn(model, 3e-4, x_few, y_few, options.transfer_epochs)
    tuned = model.evaluate(*test, verbose=0)[1]

    print("the same network, from the few images alone")
    alone = with_head(build_features())
    learn(alone, 2e-3, x_few, y_few, 2 * options.transfer_epochs)
    scratch = alone.evaluate(*test, verbose=0)[1]
    print(f"test accuracy {tuned:.4f} tuned, {frozen:.4f} with frozen features, {scratch:.4f} without transfer")
    return tuned


if __name__ == "__main__":
    main()
