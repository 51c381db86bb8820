"""The shuffle and the split that Keras's data sets are defined by."""

from __future__ import annotations

from typing import Any

import numpy as np

Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def shuffled(seed: int | np.random.RandomState | None, *arrays: np.ndarray) -> list[np.ndarray]:
    """Return the arrays in one random order of their rows, the one that Keras draws from the same seed.

    A generator in place of the seed is drawn from where it stands.

    >>> shuffled(113, np.arange(5))[0].tolist()
    [1, 0, 3, 2, 4]
    """
    order = np.arange(len(arrays[0]))
    random = seed if isinstance(seed, np.random.RandomState) else np.random.RandomState(seed)
    random.shuffle(order)
    return [array[order] for array in arrays]


def split_rows(x: Any, y: Any, test_split: float) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`: the last fraction `test_split` of the rows is for testing.

    Raises:
        ValueError: If `test_split` is not in `[0, 1)`.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"Expected test_split, the fraction of the rows to test on, in [0, 1); got {test_split}.")
    end = int(len(x) * (1 - test_split))
    return (x[:end], y[:end]), (x[end:], y[end:])
