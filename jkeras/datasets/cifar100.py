"""CIFAR-100: 60,000 colour pictures of 32 x 32 pixels in a hundred classes, which form twenty groups."""

from __future__ import annotations

from jkeras.datasets.cifar import read_batches
from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split

_FOLDER = "cifar-100-python"


def load_data(label_mode: str = "fine", cache_dir: str | None = None) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`.

    Args:
        label_mode: `"fine"` for the hundred classes, `"coarse"` for the twenty groups.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: unsigned bytes `(50000 or 10000, 32, 32, 3)`, with channels first if `backend.image_data_format()` says so.
        `y`: unsigned bytes `(50000 or 10000, 1)`, the class.

    Raises:
        ValueError: If `label_mode` is another word.
        OSError: If it is not there and could not be downloaded.

    Reference: A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"cifar100.load_data() expected label_mode 'fine' or 'coarse'; got {label_mode!r}.")
    path = fetch("cifar-100-python.tar.gz", cache_dir=cache_dir)
    train = read_batches(path, [f"{_FOLDER}/train"], f"{label_mode}_labels")
    return train, read_batches(path, [f"{_FOLDER}/test"], f"{label_mode}_labels")
