"""`HDF5Matrix` of Keras 1 and 2: a data set in a file, or a part of it, in the place of an array."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class HDF5Matrix:
    """Rows of a data set in an HDF5 file, read when they are used.

    `fit` reads what fits into memory once, and more than that batch by batch; `shuffle="batch"` reads whole stretches
    of the file and is the faster for it.

    Args:
        datapath: Name of the file.
        dataset: Name of the data set in it.
        start: The first row that counts.
        end: The row behind the last one; None: all that follow.
        normalizer: `f(rows) -> rows`, applied to what was read.

    Raises:
        KeyError: If there is no such data set.
        IndexError: If a row is asked for that is not among those that count.

    >>> import h5py, os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> name = os.path.join(folder.name, "data.h5")
    >>> with h5py.File(name, "w") as file:
    ...     file["x"] = np.arange(10.0)
    >>> matrix = HDF5Matrix(name, "x", start=2, end=6, normalizer=lambda rows: rows / 2)
    >>> matrix.shape, matrix[1:3], matrix[[0, 3]]
    ((4,), array([1.5, 2. ]), array([1. , 2.5]))
    >>> matrix.close(); folder.cleanup()

    Reference: `keras.utils.HDF5Matrix` of Keras 1 and 2.
    """

    def __init__(
        self,
        datapath: Any,
        dataset: str,
        start: int = 0,
        end: int | None = None,
        normalizer: Callable[[Any], Any] | None = None,
    ):
        self.datapath, self.dataset, self.normalizer = str(datapath), dataset, normalizer
        self.data = _open(self.datapath, dataset)
        self.start = start
        self.end = len(self.data) if end is None else end
        if not 0 <= self.start <= self.end <= len(self.data):
            raise ValueError(
                f"HDF5Matrix: start={start} and end={end} must be in order, in {len(self.data)} rows of {dataset!r}."
            )
        probe = self._normalized(self.data[self.start : self.start + 1])
        self._item_shape, self._dtype = probe.shape[1:], probe.dtype

    def __len__(self) -> int:
        return self.end - self.start

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            rows = range(len(self))[key]
            if rows.step == 1:
                return self._normalized(self.data[self.start + rows.start : self.start + rows.stop])
            key = np.asarray(rows)
        places = np.asarray(key)
        if places.dtype == bool:
            places = np.flatnonzero(places)
        if places.size and not (-len(self) <= places.min() and places.max() < len(self)):
            raise IndexError(f"HDF5Matrix has {len(self)} rows; there is none at {key!r}.")
        places = places % max(len(self), 1) + self.start
        if places.ndim == 0:
            return self._normalized(self.data[int(places)])
        read, back = np.unique(places, return_inverse=True)  # a file is read in increasing order
        return self._normalized(self.data[read][back])

    def _normalized(self, rows: Any) -> Any:
        return rows if self.normalizer is None else self.normalizer(rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of rows, and the shape of one."""
        return (len(self), *self._item_shape)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of what is read."""
        return self._dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """The bytes that all rows would take."""
        return self.size * self.dtype.itemsize

    def close(self) -> None:
        """Close the file."""
        self.data.file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "data"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.data = _open(self.datapath, self.dataset)


def _open(path: str, name: str) -> Any:
    import h5py

    file = h5py.File(Path(path), "r")
    if name not in file:
        listed = ", ".join(file)
        file.close()
        raise KeyError(f"{path} has no data set {name!r}. It has: {listed or 'nothing'}.")
    return file[name]
