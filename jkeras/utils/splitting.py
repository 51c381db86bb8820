"""`split_dataset`: a data set in two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jkeras.utils.data import PyDataset


class Samples(PyDataset):
    """Samples kept in memory, one after the other; `batch` makes batches of them, for `fit`.

    Args:
        samples: The samples.
        batch_size: How many a batch has; None: each sample comes alone, without an axis for the batch.
    """

    def __init__(self, samples: Sequence[Any], batch_size: int | None = None):
        super().__init__()
        self.samples, self.batch_size = samples, batch_size

    def batch(self, batch_size: int) -> Samples:
        """Return the data set of batches of so many samples; the last may have fewer."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}.")
        return Samples(self.samples, batch_size)

    def __len__(self) -> int:
        return -(-len(self.samples) // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"The data set has elements 0 to {len(self) - 1}; got index {index}.")
        if self.batch_size is None:
            return self.samples[index]
        part = self.samples[index * self.batch_size : (index + 1) * self.batch_size]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *part)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


def split_dataset(
    dataset: Any,
    left_size: int | float | None = None,
    right_size: int | float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Samples, Samples]:
    """Split a data set into two parts.

    Args:
        dataset: An array; a tuple, list or dict of arrays of equal length, whose samples are tuples, lists or dicts; or
            anything that has an end and can be iterated over, whose elements are kept as they are.
        left_size: Number of samples of the left part, or a fraction; the rest if left out.
        right_size: Likewise of the right part.
        shuffle: Whether samples are shuffled first.
        seed: Of that.
        preferred_backend: "tensorflow", "torch", "grain" or None, which Keras knows. Here the parts are always
            `PyDataset`s of NumPy arrays.

    Returns:
        The left and the right part: `PyDataset`s of samples. For `fit`, make batches: `left.batch(32)`.

    Raises:
        ValueError: If the sizes do not fit, or no size is given.

    >>> left, right = split_dataset(np.arange(5), left_size=0.6)
    >>> [int(x) for x in left], len(right), next(iter(left.batch(2))).tolist()
    ([0, 1, 2], 2, [0, 1])

    Reference: `keras.utils.split_dataset`.
    """
    if preferred_backend not in (None, "tensorflow", "torch", "grain", "jax"):
        raise ValueError(
            f"preferred_backend must be None, 'tensorflow', 'torch' or 'grain'; got {preferred_backend!r}."
        )
    samples = _samples(dataset)
    if shuffle:
        rng = np.random.default_rng(np.random.randint(10**6) if seed is None else seed)
        samples = [samples[i] for i in rng.permutation(len(samples))]
    left, right = _sizes(left_size, right_size, len(samples))
    return Samples(samples[:left]), Samples(samples[left : left + right])


def _samples(dataset: Any) -> list[Any]:
    is_rows = isinstance(dataset, (list, tuple)) and not all(np.ndim(part) for part in dataset)
    if hasattr(dataset, "__array__") or is_rows:
        return list(np.asarray(dataset))
    if not isinstance(dataset, (list, tuple, Mapping)):
        return list(dataset)
    arrays = jax.tree.map(np.asarray, dataset, is_leaf=lambda leaf: leaf is not dataset and isinstance(leaf, list))
    lengths = {len(array) for array in jax.tree.leaves(arrays)}
    if len(lengths) != 1:
        raise ValueError(f"split_dataset expects arrays of equal length; got lengths {sorted(lengths)}.")
    return [jax.tree.map(lambda array, i=i: array[i], arrays) for i in range(lengths.pop())]


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError("split_dataset needs left_size or right_size: a number of samples, or a fraction such as 0.8.")
    counts: list[int | None] = []
    for name, size in (("left_size", left), ("right_size", right)):
        is_number = isinstance(size, (int, float, np.number)) and not isinstance(size, bool)
        if size is not None and not (is_number and 0 <= size <= (1 if isinstance(size, float) else total)):
            raise ValueError(
                f"{name} must be a number of samples from 0 to {total}, or a fraction from 0.0 to 1.0; got {size!r}."
            )
        counts.append(None if size is None else round(size * total) if isinstance(size, float) else int(size))
    first, second = counts
    first = total - (second or 0) if first is None else first
    second = total - first if second is None else second
    if first + second > total:
        raise ValueError(f"left_size and right_size are {first} and {second} samples, more than the {total} there are.")
    return first, second
