"""Boston housing: 506 districts, 13 features, the median price. For old scripts; see the warning in `load_data`."""

from __future__ import annotations

import numpy as np

from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split, shuffled, split_rows


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int | None = 113, cache_dir: str | None = None
) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`.

    One of the features was built on the assumption that segregation raises prices: use `california_housing` for
    anything but running an old script.

    Args:
        path: The name it is kept under in the Keras folder, or an absolute path.
        test_split: The fraction of the rows to test on.
        seed: Seed of the order of the rows.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: floats `(rows, 13)`. `y`: floats `(rows,)`, prices in thousands of dollars.

    Raises:
        ValueError: If `test_split` is not in `[0, 1)`.
        OSError: If it is not there and could not be downloaded.

    Reference: D. Harrison and D. Rubinfeld (1978), Hedonic prices and the demand for clean air.
    """
    with np.load(fetch("boston_housing.npz", path, cache_dir), allow_pickle=False) as arrays:
        x, y = shuffled(seed, arrays["x"], arrays["y"])
    return split_rows(x, y, test_split)
