"""Batches made ahead by threads, under the names of Keras 2."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from jkeras.utils.data import PyDataset, ordered_batches

_END = object()


class SequenceEnqueuer:
    """Makes batches ahead in threads; `get()` yields them. Base of the two below.

    Args:
        sequence: Where batches come from.
        use_multiprocessing: Whether processes are used instead of threads, for a `PyDataset`.

    >>> enqueuer = SequenceEnqueuer([1, 2])
    >>> enqueuer.start()
    >>> list(enqueuer.get())
    [1, 2]

    Reference: `tf.keras.utils.SequenceEnqueuer`.
    """

    def __init__(self, sequence: Any, use_multiprocessing: bool = False):
        self.sequence, self.use_multiprocessing = sequence, use_multiprocessing
        self.workers = 1
        self.queue: queue.Queue[Any] = queue.Queue()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def batches(self) -> Iterator[Any]:
        """Return what makes the batches."""
        return iter(self.sequence)

    def is_running(self) -> bool:
        """Return whether it was started and not stopped."""
        return self._thread is not None and not self._stopped.is_set()

    def start(self, workers: int = 1, max_queue_size: int = 10) -> None:
        """Begin to make batches.

        Args:
            workers: How many threads or processes make them, if it is a `PyDataset` they come from.
            max_queue_size: How many batches may be waiting.

        Raises:
            RuntimeError: If it runs already.
        """
        if self.is_running():
            raise RuntimeError(f"{type(self).__name__} runs already: stop() it first.")
        self.workers = workers
        self.queue = queue.Queue(max(max_queue_size, 1))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self.queue, self._stopped), daemon=True)
        self._thread.start()

    def _run(self, batches: queue.Queue[Any], stopped: threading.Event) -> None:
        error: BaseException | None = None
        try:
            for batch in self.batches():
                if not _put(batches, (batch, None), stopped):
                    return
        except Exception as problem:  # it is raised where the batch is due
            error = problem
        _put(batches, (_END, error), stopped)

    def stop(self, timeout: float | None = None) -> None:
        """Make no more batches, and wait for the thread.

        Args:
            timeout: Seconds to wait at most; None: as long as it takes.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def get(self) -> Iterator[Any]:
        """Yield the batches as they are made, in order.

        Yields:
            What the sequence gives; what it raises is raised here, where the batch is due.

        Raises:
            RuntimeError: If it was not started.
        """
        if self._thread is None:
            raise RuntimeError(f"{type(self).__name__}: call start() before get().")
        while not self._stopped.is_set():
            try:
                batch, error = self.queue.get(timeout=0.1)
            except queue.Empty:
                continue
            if batch is _END:
                self._stopped.set()
                if error is not None:
                    raise error
                return
            yield batch


def _put(batches: queue.Queue[Any], item: Any, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            batches.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False


class OrderedEnqueuer(SequenceEnqueuer):
    """Makes the batches of a `PyDataset` ahead, one epoch after the other without end, in order.

    Args:
        sequence: The data set.
        use_multiprocessing: Whether processes are used instead of threads.
        shuffle: Whether the order of batches is drawn anew for every epoch, from `numpy.random`.

    >>> class Numbers(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return index
    >>> enqueuer = OrderedEnqueuer(Numbers())
    >>> enqueuer.start(workers=2)
    >>> batches = enqueuer.get()
    >>> [next(batches) for _ in range(3)]
    [0, 1, 0]
    >>> enqueuer.stop()

    Reference: `tf.keras.utils.OrderedEnqueuer`.
    """

    def __init__(self, sequence: Any, use_multiprocessing: bool = False, shuffle: bool = False):
        super().__init__(sequence, use_multiprocessing)
        self.shuffle = shuffle

    def batches(self) -> Iterator[Any]:
        """Yield batches without end."""
        count = len(self.sequence)
        view = _View(self.sequence, self.workers, self.use_multiprocessing, self.queue.maxsize)
        while not self._stopped.is_set():
            yield from ordered_batches(view, np.random.permutation(count).tolist() if self.shuffle else range(count))
            if hasattr(self.sequence, "on_epoch_end"):
                self.sequence.on_epoch_end()


class _View(PyDataset):
    """A data set with other workers than its own."""

    def __init__(self, source: Any, workers: int, use_multiprocessing: bool, max_queue_size: int):
        super().__init__(workers, use_multiprocessing, max_queue_size)
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Any:
        return self.source[index]


class GeneratorEnqueuer(SequenceEnqueuer):
    """Makes the batches of a generator ahead, in one thread: a generator makes one after the other.

    Args:
        generator: It yields batches.
        use_multiprocessing: Must be False: a generator cannot be sent to a process.
        random_seed: Of NumPy's global generator, set before the first batch.

    >>> enqueuer = GeneratorEnqueuer(iter([1, 2]))
    >>> enqueuer.start()
    >>> list(enqueuer.get())
    [1, 2]

    Reference: `tf.keras.utils.GeneratorEnqueuer`.
    """

    def __init__(self, generator: Any, use_multiprocessing: bool = False, random_seed: int | None = None):
        if use_multiprocessing:
            raise ValueError(
                "GeneratorEnqueuer cannot send a generator to processes. Write a PyDataset (`__len__`, `__getitem__`), "
                "and give it use_multiprocessing=True; or leave use_multiprocessing=False."
            )
        super().__init__(generator)
        self.random_seed = random_seed

    def batches(self) -> Iterator[Any]:
        """Yield what the generator yields."""
        if self.random_seed is not None:
            np.random.seed(self.random_seed)
        yield from self.sequence


class TimedThread:
    """Base of a task that a thread repeats every `interval` seconds: a subclass defines `on_interval`.

    Args:
        interval: Seconds from one call to the next.
        **kwargs: What `threading.Thread` takes, such as `name` and `daemon`.

    >>> class Tick(TimedThread):
    ...     seen = threading.Event()
    ...     def on_interval(self):
    ...         self.seen.set()
    >>> with Tick(0.001):
    ...     Tick.seen.wait(10)
    True

    Reference: `tf.keras.utils.TimedThread`.
    """

    def __init__(self, interval: float, **kwargs: Any):
        self.interval = interval
        self.daemon = kwargs.pop("daemon", False)
        self.thread_kwargs = kwargs
        self.thread: threading.Thread | None = None
        self.thread_stop_event = threading.Event()

    def on_interval(self) -> None:
        """Do the task; a subclass writes its own."""
        raise TypeError(f"{type(self).__name__} must define `on_interval(self)`.")

    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self.thread is not None and self.thread.is_alive()

    def start(self) -> None:
        """Begin to repeat the task."""
        if self.is_alive():
            return
        self.thread_stop_event.clear()
        self.thread = threading.Thread(target=self._call_on_interval, daemon=self.daemon, **self.thread_kwargs)
        self.thread.start()

    def _call_on_interval(self) -> None:
        while not self.thread_stop_event.wait(self.interval):
            self.on_interval()

    def stop(self) -> None:
        """Repeat it no more, and wait for the thread to end."""
        self.thread_stop_event.set()
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join()

    def __enter__(self) -> TimedThread:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
