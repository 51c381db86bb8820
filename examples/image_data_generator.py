"""`ImageDataGenerator`: a few images made many, each shown in another place at every epoch.

Twenty images of each digit are too few to learn by heart what a digit is. The generator finds mean and deviation of the
pixels (`fit`), makes batches of transformed images as training goes (`flow`), and treats the test images alike
(`standardize`). Expect some errors fewer than from the images as they are.

Needs scipy, for the transformations: pip install 'jkeras[image]'
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from jkeras import Input, Sequential, layers
from jkeras.datasets import digits
from jkeras.preprocessing.image import ImageDataGenerator
from jkeras.utils import set_random_seed

SHADES = np.array(list(" .:-=+*#%@"))


def build() -> Sequential:
    """A small convolutional network."""
    model = Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(24, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(48, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def show(images: np.ndarray) -> None:
    """Print images beside each other."""
    low, high = images.min(), images.max()
    rows = SHADES[np.rint((images[..., 0] - low) / (high - low) * 9).astype(int)]
    print("\n".join("  ".join("".join(image[i]) for image in rows) for i in range(8)) + "\n")


def main() -> float:
    """Train with and without transformations, and return the accuracy that they lead to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--images", type=int, default=20, help="how many of each digit")
    options = parser.parse_args()

    (x, y), (x_test, y_test) = ((x[..., None].astype("float32"), y) for x, y in digits.load_data())
    few = np.concatenate([np.flatnonzero(y == digit)[: options.images] for digit in range(10)])
    x, y = x[few], y[few]

    normalized: dict[str, Any] = dict(featurewise_center=True, featurewise_std_normalization=True)
    plain = ImageDataGenerator(**normalized)
    moving = ImageDataGenerator(
        **normalized,
        width_shift_range=[-1, 0, 1],  # pixels; a float is a share of the width, drawn from a range
        height_shift_range=[-1, 0, 1],
        fill_mode="constant",  # paper, where nothing was; larger images bear rotation_range, zoom_range, ... too
    )
    accuracies = {}
    for name, generator in (("as they are", plain), ("transformed", moving)):
        set_random_seed(0)
        generator.fit(x)
        print(f"{len(x)} images, {name}; the first, four times:")
        show(np.concatenate([next(generator.flow(x[:1], y[:1], seed=seed))[0] for seed in range(4)]))
        model = build()
        model.fit(generator.flow(x, y, batch_size=32, seed=0), epochs=options.epochs, verbose=2)
        accuracies[name] = model.evaluate(generator.standardize(x_test.copy()), y_test, verbose=0)[1]
    transformed, alone = accuracies["transformed"], accuracies["as they are"]
    print(f"test accuracy {transformed:.4f} from transformed images, {alone:.4f} from the {len(x)} as they are")
    return transformed


if __name__ == "__main__":
    main()
