"""CIFAR-10: 60,000 colour pictures of 32 x 32 pixels in ten classes."""

from __future__ import annotations

from jkeras.datasets.cifar import read_batches
from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split

_FOLDER = "cifar-10-batches-py"


def load_data(cache_dir: str | None = None) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`.

    The classes are airplane, automobile, bird, cat, deer, dog, frog, horse, ship and truck.

    Args:
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: unsigned bytes `(50000 or 10000, 32, 32, 3)`, with channels first if `backend.image_data_format()` says so.
        `y`: unsigned bytes `(50000 or 10000, 1)`, the class.

    Raises:
        OSError: If it is not there and could not be downloaded.

    Reference: A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """
    path = fetch("cifar-10-python.tar.gz", cache_dir=cache_dir)
    train = read_batches(path, [f"{_FOLDER}/data_batch_{i}" for i in range(1, 6)], "labels")
    return train, read_batches(path, [f"{_FOLDER}/test_batch"], "labels")
