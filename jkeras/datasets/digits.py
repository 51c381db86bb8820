"""1,797 handwritten digits of 8 x 8 pixels, shipped with the package: a data set that needs no network."""

from __future__ import annotations

from importlib import resources

import numpy as np

from jkeras.datasets.split import Split


def load_data(test_rows: int = 360) -> Split:
    """Return `(x_train, y_train), (x_test, y_test)`, in the order of the source.

    The last 360 images are for testing. Neighbouring rows of the source look alike, as if by one hand, so this is a
    harder and more honest test than a random split: one small network read 95 % of them, and 98 % of every fifth row.

    Args:
        test_rows: How many images, from the end, are for testing; 0 to 1797.

    Returns:
        `x`: unsigned bytes `(images, 8, 8)`, values 0 (paper) to 16 (ink). `y`: unsigned bytes `(images,)`, the digit.

    Raises:
        ValueError: If there are not so many images.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, y_train.shape, x_test.shape, int(x_train.max())
    ((1437, 8, 8), (1437,), (360, 8, 8), 16)

    Reference: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, https://doi.org/10.24432/C50P49 (CC BY 4.0), its test part.
    """
    with (resources.files("jkeras.datasets") / "data" / "digits.npz").open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        x, y = archive["x"], archive["y"]
    if not 0 <= test_rows <= len(x):
        raise ValueError(f"digits.load_data() expected test_rows from 0 to {len(x)}; got {test_rows}.")
    end = len(x) - test_rows
    return (x[:end], y[:end]), (x[end:], y[end:])
