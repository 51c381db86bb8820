"""`timeseries_dataset_from_array`: batches of windows of a time series."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.preprocessing.directory import SampleDataset, check_format


class WindowDataset(SampleDataset):
    """Windows that begin at `starts`, and the targets at the same places."""

    def __init__(self, data: Any, targets: Any, starts: np.ndarray, steps: np.ndarray, **options: Any):
        super().__init__(len(starts), **options)
        self._data, self._targets = data, targets
        self._starts, self._steps = starts, steps

    def read(self, indices: np.ndarray) -> Any:
        """Return the windows of these numbers."""
        starts = self._starts[indices]
        x = self._data[starts[:, None] + self._steps]
        return x if self._targets is None else (x, self._targets[starts])


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str | None = "tf",
) -> WindowDataset:
    """Return a data set of the windows of a time series.

    Window `i` is `data[s], data[s + r], ..., data[s + (sequence_length - 1) r]` with `s = i * sequence_stride` and
    `r = sampling_rate`; its target is `targets[s]`.

    Args:
        data: `(time, ...)`.
        targets: `(time, ...)`; `targets[i]` belongs to the window that begins at `data[i]`. None for no targets.
        sequence_length: Steps in a window.
        sequence_stride: Steps from one window to the next.
        sampling_rate: Steps from one element of a window to the next.
        batch_size: Windows in a batch; None for windows without a batch axis.
        shuffle: Whether the order is random, another in every epoch.
        seed: Of the order.
        start_index: The first step that is used.
        end_index: The step after the last that is used.
        format: "tf", "grain" or None, which Keras knows. Here the data set is always a `PyDataset` of NumPy arrays.

    Returns:
        A `PyDataset` which gives `x` of shape `(batch, sequence_length, ...)`, or `(x, y)`.

    Raises:
        ValueError: If a number is out of range.

    >>> dataset = timeseries_dataset_from_array(np.arange(6), np.arange(6) * 10, sequence_length=3, batch_size=2)
    >>> [(x.tolist(), y.tolist()) for x, y in dataset]
    [([[0, 1, 2], [1, 2, 3]], [0, 10]), ([[2, 3, 4], [3, 4, 5]], [20, 30])]

    Reference: `keras.utils.timeseries_dataset_from_array`.
    """
    check_format(format)
    data = np.asarray(data)
    for name, value in (
        ("sequence_length", sequence_length), ("sequence_stride", sequence_stride), ("sampling_rate", sampling_rate)
    ):  # fmt: skip
        if not isinstance(value, (int, np.integer)) or not 0 < value < max(len(data), 2):
            raise ValueError(f"{name} must be a positive integer below the length of data, {len(data)}; got {value!r}.")
    for name, value in (("start_index", start_index), ("end_index", end_index)):
        if value is not None and not 0 <= value <= len(data):
            raise ValueError(f"{name} must lie between 0 and the length of data, {len(data)}; got {value}.")
    first, last = start_index or 0, len(data) if end_index is None else end_index
    if first >= last:
        raise ValueError(f"start_index must be below end_index; got {first} and {last}.")
    data = data[first:last]
    count = len(data) - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets))
        targets = np.asarray(targets)[first:last]
        count = min(count, len(targets))
    if count < 1:
        raise ValueError(
            f"No window of {sequence_length} elements, {sampling_rate} steps apart, fits into {last - first} steps."
        )
    starts = np.arange(0, count, sequence_stride)
    steps = np.arange(0, sequence_length * sampling_rate, sampling_rate)
    return WindowDataset(data, targets, starts, steps, batch_size=batch_size, shuffle=shuffle, seed=seed)
