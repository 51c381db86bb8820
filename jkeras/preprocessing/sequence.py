"""Sequences of numbers: padding, windows of time series, and pairs of words."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jkeras.utils.data import PyDataset

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


def pad_sequences(
    sequences: Iterable[Sequence[Any]],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Return sequences of different lengths as one array, padded with `value` and cut to `maxlen`.

    Args:
        sequences: Lists (or arrays) whose elements are numbers, or arrays of one shape.
        maxlen: Length of all; that of the longest if left out.
        dtype: Of the result; `object` for strings.
        padding: "pre" or "post": where the padding goes.
        truncating: "pre" or "post": where what is too long is cut.
        value: What is padded with.

    Returns:
        `(sequences, maxlen, ...)`.

    Raises:
        ValueError: If an argument is out of range, or elements differ in shape.

    >>> pad_sequences([[1, 2, 3], [4]], padding="post")
    array([[1, 2, 3],
           [4, 0, 0]], dtype=int32)

    Reference: `keras.utils.pad_sequences`.
    """
    for name, where in (("padding", padding), ("truncating", truncating)):
        if where not in ("pre", "post"):
            raise ValueError(f"pad_sequences: {name} must be 'pre' or 'post'; got {where!r}.")
    rows = list(sequences)
    for i, row in enumerate(rows):
        if not hasattr(row, "__len__"):
            raise ValueError(f"pad_sequences expects a list of sequences; element {i} is {row!r}. Write [[1, 2], [3]].")
    longest = max(map(len, rows), default=0)
    maxlen = longest if maxlen is None else maxlen
    shape = next((np.shape(row)[1:] for row in rows if len(row)), ())
    if isinstance(value, str) and np.dtype(dtype).kind not in "OU":
        raise ValueError(f"pad_sequences: value is a string, but dtype is {dtype!r}. Give dtype=object.")
    padded = np.full((len(rows), maxlen, *shape), value, dtype)
    for i, row in enumerate(rows):
        if not len(row):
            continue
        kept = np.asarray(row[-maxlen:] if truncating == "pre" and maxlen else row[:maxlen], dtype)
        if kept.shape[1:] != shape:
            raise ValueError(f"pad_sequences: elements of sequence {i} have shape {kept.shape[1:]}; expected {shape}.")
        padded[i, slice(len(kept)) if padding == "post" else slice(maxlen - len(kept), maxlen)] = kept
    return padded


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """Return the probability to keep each of the `size` most frequent words, for `skipgrams`.

    Frequencies are taken to follow Zipf's law: the word of rank `r` has `1 / f = r (log r + gamma) + 1/2 - 1 / (12 r)`,
    with Euler's `gamma`; it is kept with `min(1, sqrt(sampling_factor / f))` (Mikolov et al., 2013). Rank 0, which is
    padding, is given that of rank 1.

    Args:
        size: The number of words, padding among them.
        sampling_factor: How many of the frequent words are kept.

    Returns:
        `(size,)`, float64.

    >>> make_sampling_table(10).round(4).tolist()[:3]
    [0.0032, 0.0032, 0.0055]
    """
    rank = np.maximum(np.arange(size), 1)
    inverse_frequency = rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse_frequency))


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Return pairs of words that are near each other (label 1), and random pairs (label 0).

    Args:
        sequence: Indices of words; 0 stands for no word and is skipped.
        vocabulary_size: Random words are below this number.
        window_size: Pairs are at most so many steps apart.
        negative_samples: Number of random pairs for each near one.
        shuffle: Whether the order is random.
        categorical: Labels are `[0, 1]` and `[1, 0]` instead of 1 and 0.
        sampling_table: Probability to keep each word, as `make_sampling_table` gives it.
        seed: Of everything random here.

    Returns:
        The pairs, and their labels.

    >>> pairs, labels = skipgrams([1, 2], 3, negative_samples=0.0, shuffle=False)
    >>> pairs, labels
    ([[1, 2], [2, 1]], [1, 1])
    """
    draw = random.Random(seed)
    near, far = ([0, 1], [1, 0]) if categorical else (1, 0)
    pairs: list[list[int]] = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < draw.random()):
            continue
        around = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        pairs += [[word, sequence[j]] for j in around if j != i and sequence[j]]
    labels: list[Any] = [near] * len(pairs)
    count = int(len(pairs) * negative_samples)
    if count > 0:
        words = [word for word, _ in pairs]
        draw.shuffle(words)
        pairs += [[words[i % len(words)], draw.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [far] * count
    if shuffle:
        # One seed for both, so that pairs and labels stay together.
        order_seed = draw.randint(0, 2**31) if seed is None else seed
        random.Random(order_seed).shuffle(pairs)
        random.Random(order_seed).shuffle(labels)
    return pairs, labels


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a time series, and the target that follows each.

    Args:
        data: `(time, ...)`.
        targets: `(time, ...)`.
        length: Steps that a window spans.
        sampling_rate: Every so many steps of a window are taken.
        stride: Steps from one window to the next.
        start_index: The first step that is used.
        end_index: The last step that is used; the last of all if left out.
        shuffle: Whether windows are drawn at random.
        reverse: Whether time runs backwards in a window.
        batch_size: Windows of a batch; the last may have fewer.

    Raises:
        ValueError: If data and targets differ in length, or no window fits.

    >>> batches = TimeseriesGenerator(np.arange(5), np.arange(5), length=3, batch_size=2)
    >>> batches[0][0].tolist(), batches[0][1].tolist()
    ([[0, 1, 2], [1, 2, 3]], [3, 4])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ):
        super().__init__()
        self.data, self.targets = np.asarray(data), np.asarray(targets)
        if len(self.data) != len(self.targets):
            raise ValueError(
                f"TimeseriesGenerator: data and targets must be equally long; got {len(self.data)} and "
                f"{len(self.targets)}."
            )
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(self.data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"TimeseriesGenerator: no window of length {length} fits between start_index={start_index} and "
                f"end_index={self.end_index}."
            )

    def __len__(self) -> int:
        windows = self.end_index - self.start_index + self.stride
        return -(-windows // (self.batch_size * self.stride))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            ends = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            ends = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        steps = ends[:, None] + np.arange(-self.length, 0, self.sampling_rate)[None]
        windows = self.data[steps]
        return (windows[:, ::-1] if self.reverse else windows), self.targets[ends]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments as plain data, the arrays as nested lists."""
        names = ("length", "sampling_rate", "stride", "end_index", "shuffle", "reverse", "batch_size")
        config = {name: getattr(self, name) for name in names}
        config["start_index"] = self.start_index - self.length
        return {**config, "data": self.data.tolist(), "targets": self.targets.tolist()}
