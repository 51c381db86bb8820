"""What `adapt` learns from: arrays, lists of strings, or anything that gives batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np


def batches_of(data: Any, steps: int | None = None, batch_size: int | None = None) -> Iterator[Any]:
    """Yield the batches of `data` as numpy arrays; an array is one batch.

    Args:
        data: An array, a (nested) list of numbers or strings, a data frame's column; or batches: a list of arrays, a
            generator, a `PyDataset`, a `tf.data.Dataset`. Of a batch `(x, y)` or `(x, y, weight)`, `x` is taken.
        steps: How many batches are read; all if left out.
        batch_size: How many samples of an array make a batch.

    Raises:
        ValueError: If there is nothing in it, or `steps` is given with an array.

    >>> [batch.tolist() for batch in batches_of(iter([(np.ones(2), np.zeros(2)), np.zeros(1)]))]
    [[1.0, 1.0], [0.0]]
    """
    whole = _as_array(data)
    if whole is not None:
        if steps is not None:
            raise ValueError("adapt: `steps` counts batches; an array is one. Leave it out, or give an iterable.")
        if whole.size == 0:
            raise ValueError(f"adapt: the data are empty (shape {whole.shape}). Give at least one sample.")
        size = batch_size or max(1, len(whole)) if whole.ndim else 1
        yield from (whole[i : i + size] for i in range(0, len(whole), size)) if whole.ndim else [whole]
        return
    count = 0
    for batch in _items(data):
        if steps is not None and count >= steps:
            break
        count += 1
        first = batch[0] if isinstance(batch, tuple) and 1 <= len(batch) <= 3 else batch
        array = _as_array(first)
        if array is None:
            raise ValueError(f"adapt: a batch must be an array or a list; got {type(first).__name__}.")
        yield array
    if not count:
        raise ValueError(f"adapt: the {type(data).__name__} gave no batch. Give at least one, e.g. adapt([x]).")


def _as_array(data: Any) -> np.ndarray | None:
    """Return what is one array; None for what gives batches."""
    if isinstance(data, (str, bytes, int, float, np.generic)):
        return np.asarray(data)
    if hasattr(data, "to_numpy"):
        return data.to_numpy()
    if hasattr(data, "__array__"):
        return np.asarray(data)
    if isinstance(data, (list, tuple)):
        if data and all(hasattr(part, "shape") and np.ndim(part) for part in data):
            return None
        try:
            return np.asarray(data)
        except ValueError:
            raise ValueError(
                "adapt: the rows of the list have different lengths. Pad them, or give one batch at a time: "
                "adapt([np.asarray(row) for row in data])."
            ) from None
    return None


def _items(data: Any) -> Iterable[Any]:
    if isinstance(data, Iterable):
        return data
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return (data[i] for i in range(len(data)))
    raise TypeError(f"adapt takes arrays, lists, and iterables of batches; got {type(data).__name__}.")
