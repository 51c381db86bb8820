"""A trace of some steps of `fit`, for the profiler's viewers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax

STEPS = 20


class StepTrace:
    """Traces steps of a run with JAX's profiler, after the first one, in which programs are compiled.

    Args:
        folder: Where the trace is written; it is made if it is not there.
        steps: How many steps are traced, at least; batches of a block end together.
        first: The steps to send before.

    Attributes:
        traced: The steps that are in the trace.
    """

    def __init__(self, folder: Any, steps: int = STEPS, first: int = 1):
        self.folder, self.steps, self.first = Path(folder), steps, first
        self.traced = 0
        self._sent = 0
        self._on = False

    def limit(self, count: int) -> int:
        """Return how many of `count` steps to send: few before and during the trace."""
        if self.traced >= self.steps:
            return count
        waiting = self.first - self._sent
        return min(count, waiting if waiting > 0 else self.steps - self.traced)

    def before(self) -> None:
        """A block is about to be sent."""
        if self._sent >= self.first and self.traced < self.steps and not self._on:
            self.folder.mkdir(parents=True, exist_ok=True)
            jax.profiler.start_trace(str(self.folder))
            self._on = True

    def after(self, count: int, result: Any) -> None:
        """A block was sent; its `result` is there when it is done."""
        self._sent += count
        if not self._on and self._sent >= self.first and not self.traced:
            jax.block_until_ready(result)  # it is no part of the trace
        if self._on:
            self.traced += count
            if self.traced >= self.steps:
                jax.block_until_ready(result)
                self.close()

    def close(self) -> None:
        """Write the trace."""
        if self._on:
            self._on = False
            jax.profiler.stop_trace()
