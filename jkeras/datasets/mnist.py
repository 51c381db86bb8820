"""MNIST: 70,000 handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

import numpy as np

from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split


def load_data(path: str = "mnist.npz", cache_dir: str | None = None) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`.

    Args:
        path: The name it is kept under in the Keras folder, or an absolute path.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: unsigned bytes `(60000 or 10000, 28, 28)`. `y`: unsigned bytes `(60000 or 10000,)`, the digit.

    Raises:
        OSError: If it is not there and could not be downloaded.

    Reference: Y. LeCun, C. Cortes, C. Burges, The MNIST Database of Handwritten Digits (CC BY-SA 3.0).
    """
    with np.load(fetch("mnist.npz", path, cache_dir), allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
