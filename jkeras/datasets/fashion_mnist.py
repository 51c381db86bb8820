"""Fashion-MNIST: 70,000 pictures of clothes of 28 x 28 pixels, in ten classes."""

from __future__ import annotations

import gzip

import numpy as np

from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split


def load_data(cache_dir: str | None = None) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`.

    The classes are T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag and ankle boot.

    Args:
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: unsigned bytes `(60000 or 10000, 28, 28)`. `y`: unsigned bytes `(60000 or 10000,)`, the class.

    Raises:
        OSError: If it is not there and could not be downloaded.

    Reference: H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747 (MIT licence).
    """
    train, test = (_part(prefix, cache_dir) for prefix in ("train", "t10k"))
    return train, test


def _part(prefix: str, cache_dir: str | None) -> tuple[np.ndarray, np.ndarray]:
    # The files are headers of 8 and 16 bytes followed by one byte a label or pixel.
    with gzip.open(fetch(f"{prefix}-labels-idx1-ubyte.gz", cache_dir=cache_dir)) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    with gzip.open(fetch(f"{prefix}-images-idx3-ubyte.gz", cache_dir=cache_dir)) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16)
    return images.reshape(len(labels), 28, 28), labels
