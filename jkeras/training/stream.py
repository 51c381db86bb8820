"""Batches made ahead of the steps that need them, by a thread that ends with the run."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from contextvars import ContextVar, copy_context
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

import jax

from jkeras.core import blame
from jkeras.core.settings import settings

WORTH_A_THREAD = 1e-3  # seconds a batch: what takes less costs less than handing it from thread to thread
PATIENCE = 10.0  # seconds to wait for a source that is in the middle of a batch when the run ends

P = ParamSpec("P")
R = TypeVar("R")

_END = object()
_open: ContextVar[list[Any] | None] = ContextVar("jkeras_open_streams", default=None)


class _Failure:
    """An exception on its way to the thread in which it is due."""

    def __init__(self, error: BaseException):
        self.error = error


class Ahead(Iterator[Any]):
    """The items of an iterator, prepared by a thread while the one before them is used.

    The source is advanced by one thread at a time, in order, never after its end. At most `depth` items are made and
    not yet taken, the one in the making among them. What the source or `prepare` raises is raised by `next`, where the
    item is due, with its traceback. The thread sees the context variables, the default device and the precision of the
    one that made this.

    A source that makes an item in less than `WORTH_A_THREAD` seconds is read without a thread, until it is slower.

    Args:
        source: What is read.
        prepare: What is done to every item.
        depth: Items ahead; 0: none, everything happens in `next`. `jkeras.config.prefetch()` if left out.
        at_once: Begin ahead with the first item, whatever it takes to make.

    >>> with ExitStack() as stack:
    ...     ahead = Ahead(iter([1, 2, 3]), lambda item: 10 * item, at_once=True)
    ...     _ = stack.callback(ahead.close)
    ...     list(ahead)
    [10, 20, 30]
    """

    def __init__(
        self,
        source: Iterator[Any],
        prepare: Callable[[Any], Any] = lambda item: item,
        depth: int | None = None,
        at_once: bool = False,
    ):
        self._source, self._prepare = source, prepare
        self._depth = settings.prefetch if depth is None else depth
        self._ready: SimpleQueue[Any] = SimpleQueue()
        self._permits: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._seconds: float | None = None  # what an item takes, the last ones counting most
        self._opened = _open.get()
        if self._opened is not None:
            self._opened.append(self)
        if at_once and self._depth:
            self._start()

    @property
    def is_threaded(self) -> bool:
        """Whether a thread makes the items, or made the last ones."""
        return self._thread is not None

    def __next__(self) -> Any:
        if self._closed:
            raise StopIteration
        if self._thread is None:
            return self._next_here()
        item = self._ready.get()
        if item is _END or isinstance(item, _Failure):
            self.close()
            try:
                raise item.error if isinstance(item, _Failure) else StopIteration
            finally:
                del item  # or the error would hold its own frames, and these the batches
        self._permits.put(True)
        return item

    def _next_here(self) -> Any:
        began = time.perf_counter()
        try:
            item = self._prepare(next(self._source))
        except BaseException:
            self.close()
            raise
        taken = time.perf_counter() - began
        known = self._seconds
        self._seconds = taken if known is None else 0.7 * known + 0.3 * taken
        if self._depth and known is not None and self._seconds > WORTH_A_THREAD:
            self._start()
        return item

    def _start(self) -> None:
        for _ in range(self._depth):
            self._permits.put(True)
        context, enter = copy_context(), jax_context()
        self._thread = threading.Thread(
            target=lambda: context.run(self._work, enter), name="jkeras-stream", daemon=True
        )
        self._thread.start()

    def _work(self, enter: Callable[[], ExitStack]) -> None:
        with enter():
            try:
                while self._permits.get() and not self._closed:
                    self._ready.put(self._prepare(next(self._source)))
            except StopIteration:
                self._ready.put(_END)
            except BaseException as error:
                self._ready.put(_Failure(error))
            finally:
                self._close_source()

    def _close_source(self) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()

    def close(self) -> None:
        """End the thread, once it has finished the item it is making, and forget what is waiting."""
        if self._closed:
            return
        self._closed = True
        if self._opened is not None and self in self._opened:
            self._opened.remove(self)
        if self._thread is None:
            self._close_source()
            return
        self._permits.put(False)
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            blame.warn(
                f"The data are still busy with a batch after {PATIENCE:.0f} s; their thread ends when it is made.",
                RuntimeWarning,
            )
        self._ready = SimpleQueue()


def jax_context() -> Callable[[], ExitStack]:
    """Return what enters, in another thread, the settings of JAX that hold in this thread only."""
    device, precise = jax.config.jax_default_device, jax.config.jax_enable_x64  # type: ignore[attr-defined]

    def enter() -> ExitStack:
        stack = ExitStack()
        if jax.config.jax_default_device != device:  # type: ignore[attr-defined]
            stack.enter_context(jax.default_device(device))
        if jax.config.jax_enable_x64 != precise:  # type: ignore[attr-defined]
            stack.enter_context(jax.enable_x64(precise))
        return stack

    return enter


def closed_at_end(thing: Any) -> None:
    """Let the method of `ends_streams` that is running close `thing`, however it ends."""
    opened = _open.get()
    if opened is not None:
        opened.append(thing)


def ends_streams(method: Callable[P, R]) -> Callable[P, R]:
    """Return `method` so that whatever is made ahead in it ends with it, however it ends.

    A traceback keeps the frames of the loop alive, and with them its iterators: they are closed here.
    """

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        streams: list[Any] = []
        token = _open.set(streams)
        try:
            return method(*args, **kwargs)
        finally:
            _open.reset(token)
            for stream in reversed([*streams]):
                stream.close()

    return run
