"""Ctrl-C while arrays are on their way: the old ones are given to a step, the new ones are not yet kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Lets Ctrl-C wait while it is held, so that no array is lost; a second one does not wait.

    Without it, the interpreter would raise `KeyboardInterrupt` as a compiled step returns, before its results, which
    took the place of the arrays it was given, are assigned. It acts in the main thread only, and only if nobody else
    handles the signal.

    >>> before = signal.signal(signal.SIGINT, signal.default_int_handler)
    >>> interrupts = Interrupts()
    >>> interrupts.install()
    >>> try:
    ...     with interrupts:
    ...         signal.raise_signal(signal.SIGINT)
    ...         kept = "result of the step"
    ... except KeyboardInterrupt:
    ...     print("interrupted, with the", kept)
    interrupted, with the result of the step
    >>> interrupts.remove()
    >>> _ = signal.signal(signal.SIGINT, before)
    """

    def __init__(self) -> None:
        self._is_held = self._is_waiting = self._is_installed = False

    def install(self) -> None:
        """Begin to handle Ctrl-C."""
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._is_installed = True

    def remove(self) -> None:
        """Handle Ctrl-C no longer."""
        if self._is_installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._is_installed = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._is_held or self._is_waiting:
            raise KeyboardInterrupt
        self._is_waiting = True

    def __enter__(self) -> Interrupts:
        self._is_held = True
        return self

    def __exit__(self, *error: Any) -> None:
        self._is_held = False
        if self._is_waiting:
            self._is_waiting = False
            raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for the length of a block."""
    interrupts = Interrupts()
    interrupts.install()
    try:
        with interrupts:
            yield
    finally:
        interrupts.remove()
