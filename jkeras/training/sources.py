"""What may stand for arrays or for batches: data frames, sparse matrices, files, tensors of other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np


class Rows:
    """Rows of something that is read piece by piece, as an array whose pieces are made when they are asked for.

    Args:
        read: Returns the rows of a slice, or those at a sorted array of places, as numpy.
        shape: Of all rows.
        dtype: Of what `read` returns.
        first: Where the rows begin that count here; `shape` counts from there.

    >>> rows = Rows(lambda places: np.arange(10.0)[places], (10,), np.dtype("float64"))
    >>> rows[2:4], len(rows.part(slice(4, None))), rows.part(slice(4, None))[np.array([0, 5])]
    (array([2., 3.]), 6, array([4., 9.]))
    """

    def __init__(self, read: Callable[[Any], np.ndarray], shape: tuple[int, ...], dtype: Any, first: int = 0):
        self.read, self.shape, self.dtype, self.first = read, tuple(shape), np.dtype(dtype), first

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that all rows would take."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        if isinstance(key, slice):
            start, stop, _ = key.indices(len(self))
            return self.read(slice(self.first + start, self.first + max(start, stop)))
        return self.read(np.asarray(key) + self.first)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def part(self, rows: slice) -> Rows:
        """Return some of the rows, unread."""
        start, stop, _ = rows.indices(len(self))
        return Rows(self.read, (max(stop - start, 0), *self.shape[1:]), self.dtype, self.first + start)


def is_sparse(value: Any) -> bool:
    """Whether `value` is a matrix or an array of scipy.sparse, which need not be installed."""
    return type(value).__module__.startswith("scipy.sparse") and hasattr(value, "tocsr")


def sparse_rows(matrix: Any, dtype: Any) -> Rows:
    """Return a sparse matrix as rows that become dense when they are read.

    >>> from scipy.sparse import eye
    >>> sparse_rows(eye(3, format="csc"), "float32")[1:2]
    array([[0., 1., 0.]], dtype=float32)
    """
    by_row = matrix.tocsr()
    return Rows(lambda places: by_row[places].toarray().astype(dtype, copy=False), by_row.shape, dtype)


def is_frame(value: Any) -> bool:
    """Whether `value` has columns of their own dtypes: a frame of pandas or polars, or one of their series."""
    return hasattr(value, "to_numpy") and not hasattr(value, "__dlpack__")


def frame_array(frame: Any, name: str) -> np.ndarray:
    """Return a data frame or a series as one array of numbers.

    Raises:
        TypeError: If a column holds something else; names it, and says what to do.
        ValueError: If values are missing in a column of integers or booleans.
    """
    columns = getattr(frame, "columns", None)
    array = None if _is_nullable(frame) else frame.to_numpy()
    if array is not None and array.dtype.kind in "biuf" and not _has_nulls(frame):
        return array
    if columns is None:
        return _column(frame, name)
    # One by one: frames of pandas give a single array of objects for columns that are not alike.
    parts = [_column(_nth(frame, i), f"{name}[{column!r}]") for i, column in enumerate(columns)]
    return np.stack(parts, axis=1) if parts else np.zeros((len(frame), 0), "float32")


def _nth(frame: Any, i: int) -> Any:
    return frame.iloc[:, i] if hasattr(frame, "iloc") else frame[:, i]


def _is_nullable(frame: Any) -> bool:
    """Whether a pandas object has dtypes of pandas's own."""
    dtypes = frame.dtypes if hasattr(frame, "iloc") else ()
    return any(not isinstance(dtype, np.dtype) for dtype in (dtypes if np.iterable(dtypes) else (dtypes,)))


def _has_nulls(frame: Any) -> bool:
    """Whether values are missing in an object of polars, whose arrays would be of floats then."""
    if not hasattr(frame, "null_count"):
        return False
    counts = frame.null_count()
    return bool(counts if isinstance(counts, int) else counts.to_numpy().sum())


def _column(series: Any, name: str) -> np.ndarray:
    dtype = str(series.dtype)
    if dtype.lower().startswith(("categorical", "category", "enum")):
        values = np.asarray(series)
        if values.dtype.kind in "biuf":
            return values
        code = ".cat.codes" if hasattr(series, "iloc") else ".to_physical()"
        raise TypeError(
            f"{name} is categorical: its categories are not numbers to compute with. Give the codes, `column{code}`, "
            "to an Embedding or a CategoryEncoding layer, or one column for each category."
        )
    missing = series.isna().any() if hasattr(series, "iloc") else series.null_count()
    is_float = dtype.lower().startswith("float")
    if missing and not is_float:
        raise ValueError(
            f"{name} has missing values and the dtype {dtype}. Fill them first (fillna or fill_null), or drop the rows."
        )
    array = series.to_numpy(dtype=dtype.lower(), na_value=np.nan) if missing and _is_nullable(series) else (
        series.to_numpy()
    )  # fmt: skip
    if array.dtype == object and dtype.lower() in ("boolean", "bool"):
        array = array.astype(bool)
    elif array.dtype == object and dtype.lower().startswith(("int", "uint", "float")):
        array = array.astype(dtype.lower())
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold numbers; its dtype is {dtype}. Convert the column, leave it out, or lead strings "
            "through a StringLookup layer, as an input of their own."
        )
    return array


def from_other_library(value: Any) -> Any:
    """Return a tensor of another library as an array, without a copy where there is a way; anything else as it is."""
    if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__"):
        return value
    if hasattr(value, "detach"):  # a tensor of torch, which may belong to a graph or a GPU
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # which numpy does not have
            value = value.float()
        return value.numpy()
    return value if hasattr(value, "__array__") else np.from_dlpack(value)


class NumpyBatches:
    """A data set with `as_numpy_iterator`, such as those of tf.data, as an iterable of batches of arrays."""

    def __init__(self, source: Any):
        self.source = source
        self.num_batches = _cardinality(source)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.source.as_numpy_iterator())


def _cardinality(source: Any) -> int | None:
    """The number of batches, or None if the source does not know or has no end."""
    try:
        return len(source)
    except TypeError:
        return None


def batches_of(source: Any) -> Any:
    """Return what yields arrays for something that yields batches.

    Raises:
        TypeError: If it is a query that was not run: a lazy frame.
    """
    if hasattr(source, "collect") and hasattr(source, "collect_schema"):
        raise TypeError(f"A {type(source).__name__} is a query that was not run yet. Give frame.collect().")
    return NumpyBatches(source) if hasattr(source, "as_numpy_iterator") else source


def parts_of(item: Any) -> tuple[Any, ...]:
    """Return a batch as a tuple: a list of arrays, as a DataLoader of torch gives, counts as one."""
    if isinstance(item, list) and 1 <= len(item) <= 3 and not isinstance(item[0], (int, float, list, Mapping)):
        return tuple(item)
    return item if isinstance(item, tuple) else (item,)
