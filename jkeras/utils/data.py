"""Data sets that make their batches in Python, and the order in which what they return is packed."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any


class PyDataset:
    """A data set that makes batch number `i` when it is asked for it.

    A subclass defines `__getitem__(index)`, which returns one batch (`inputs`, `(inputs, targets)` or
    `(inputs, targets, sample_weight)`), and `__len__` or the property `num_batches`, the number of batches in an
    epoch (`num_batches` of `None`: without end). It may be called by several threads or processes at once.

    Args:
        workers: How many batches are made at the same time.
        use_multiprocessing: Make them in processes instead of threads; the data set is then pickled once per process.
        max_queue_size: How many batches may be waiting.

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.arange(2) + 2 * index
    ...         return x, x**2
    >>> [y.tolist() for _, y in Squares()]
    [[0, 1], [4, 9], [16, 25]]

    Reference: `keras.utils.PyDataset`; in Keras 2 `Sequence`.
    """

    # Attributes of the class too: subclasses written for Keras 2 do not call this constructor.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def num_batches(self) -> int | None:
        """The number of batches in an epoch, or `None` if there is no end."""
        length = getattr(self, "__len__", None)
        if length is None:
            raise TypeError(
                f"{type(self).__name__} must say how many batches it has: define `__len__(self)`, or the property "
                "`num_batches` (None for no end)."
            )
        return length()

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index`."""
        raise TypeError(f"{type(self).__name__} must define `__getitem__(self, index)` and return one batch from it.")

    def __iter__(self) -> Iterator[Any]:
        batches = self.num_batches
        return (self[i] for i in (itertools.count() if batches is None else range(batches)))

    def on_epoch_begin(self) -> None:
        """Called before the first batch of every epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of every epoch."""


Sequence = PyDataset


def ordered_batches(dataset: PyDataset, order: Iterable[int] | None = None) -> Iterator[Any]:
    """Yield the batches of a data set in order while its workers make the next ones.

    Args:
        dataset: `workers`, `use_multiprocessing` and `max_queue_size` are read from it. With one thread or none the
            batches are made here, when they are asked for.
        order: The batch numbers; by default 0, 1, ... up to `num_batches`.

    Raises:
        Exception: What `__getitem__` raised, when the batch it was meant for is due.
    """
    if order is None:
        order = itertools.count() if dataset.num_batches is None else range(dataset.num_batches)
    if dataset.workers < 1 or (dataset.workers == 1 and not dataset.use_multiprocessing):
        yield from (dataset[i] for i in order)
        return
    executor, make = _executor(dataset)
    waiting: deque[Future[Any]] = deque()
    try:
        numbers = iter(order)
        for i in itertools.islice(numbers, max(dataset.max_queue_size, 1)):
            waiting.append(executor.submit(make, i))
        while waiting:
            batch = waiting.popleft().result()
            waiting.extend(executor.submit(make, i) for i in itertools.islice(numbers, 1))
            yield batch
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _executor(dataset: PyDataset) -> tuple[Executor, Any]:
    if not dataset.use_multiprocessing:
        return ThreadPoolExecutor(dataset.workers), dataset.__getitem__
    import multiprocessing

    # Forked children of a process in which JAX runs threads can hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(dataset.workers, context, _remember, (dataset,)), _make_remembered


_remembered: list[PyDataset] = []


def _remember(dataset: PyDataset) -> None:
    _remembered.append(dataset)


def _make_remembered(index: int) -> Any:
    return _remembered[-1][index]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Pack inputs, targets and weights as `fit` takes them: without what is `None` at the end.

    Weights without targets are kept, where `keras.utils.pack_x_y_sample_weight` drops them.

    Args:
        x: Inputs: an array `(samples, ...)`, or a list or dict of them.
        y: Targets, `(samples, ...)`, or None.
        sample_weight: How much each sample counts, `(samples,)`, or None.

    Returns:
        `x`, `(x, y)` or `(x, y, sample_weight)`; `(x,)` if `x` is a list or tuple and all there is.

    >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight(1, 2), pack_x_y_sample_weight(1, None, 3)
    (1, (1, 2), (1, None, 3))
    >>> pack_x_y_sample_weight([1, 2])
    ([1, 2],)
    """
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    # A list or tuple alone would be read as (inputs, targets) when it is unpacked.
    return (x,) if isinstance(x, (list, tuple)) else x


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return `(x, y, sample_weight)` of a batch; what it lacks is `None`.

    Args:
        data: A batch: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Returns:
        Always three.

    Raises:
        ValueError: If a tuple or list has more than three entries.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(
            "Expected a batch as x, (x,), (x, y) or (x, y, sample_weight); "
            f"got a {type(data).__name__} of {len(parts)} entries."
        )
    x, y, sample_weight = parts + (None,) * (3 - len(parts))
    return x, y, sample_weight
