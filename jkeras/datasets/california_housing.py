"""California housing: 20,640 districts of the 1990 census, 8 features, the median price."""

from __future__ import annotations

import numpy as np

from jkeras.datasets.sources import fetch
from jkeras.datasets.split import Split, shuffled, split_rows


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int | None = 113,
    cache_dir: str | None = None,
) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`.

    Args:
        version: `"large"` for all rows, `"small"` for the first 600.
        path: The name it is kept under in the Keras folder, or an absolute path.
        test_split: The fraction of the rows to test on.
        seed: Seed of the order of the rows.
        cache_dir: By default `$KERAS_HOME` or `~/.keras`.

    Returns:
        `x`: floats `(rows, 8)`. `y`: floats `(rows,)`, prices in dollars.

    Raises:
        ValueError: If `version` is another word or `test_split` is not in `[0, 1)`.
        OSError: If it is not there and could not be downloaded.

    Reference: R. Pace and R. Barry (1997), Sparse Spatial Autoregressions.
    """
    if version not in ("large", "small"):
        raise ValueError(f"california_housing.load_data() expected version 'large' or 'small'; got {version!r}.")
    with np.load(fetch("california_housing.npz", path, cache_dir), allow_pickle=False) as arrays:
        rows = 600 if version == "small" else None
        x, y = shuffled(seed, arrays["x"][:rows], arrays["y"][:rows])
    return split_rows(x, y, test_split)
