"""Blocks of steps sized to the clock, with the host one block behind the device."""

from __future__ import annotations

import time
from typing import Any

import jax

SHOWN_EVERY = 0.1  # seconds between two updates of a progress line
FIRST_BLOCK = 16
GROWTH = 16


class Pacer:
    """Chooses how many steps to send to the device at once.

    After a block was sent, `sent` waits for the one before it: the device always has work, and the host knows how
    fast it goes.

    Args:
        seconds: How long a block should take.
        fixed: The number of steps of every block, if it is prescribed.
    """

    def __init__(self, seconds: float, fixed: int | None = None):
        self.seconds = seconds
        self.fixed = fixed
        self.steps_per_second: float | None = None
        self._pending: tuple[int, Any, float] | None = None
        self._last_done = 0.0
        self._last_size = FIRST_BLOCK // GROWTH

    def size(self, remaining: int) -> int:
        """Return the number of steps of the next block."""
        if self.fixed is not None:
            return min(self.fixed, remaining)
        wanted = FIRST_BLOCK if self.steps_per_second is None else int(self.steps_per_second * self.seconds)
        self._last_size = max(1, min(wanted, self._last_size * GROWTH))
        return min(self._last_size, remaining)

    def sent(self, steps: int, result: Any, began: float) -> Any:
        """Note a block that was sent at `began`; return the result of the block before it, once it is there."""
        previous = self._wait()
        self._pending = (steps, result, began)
        return previous

    def drain(self) -> Any:
        """Wait for the last block and return its result."""
        return self._wait()

    def _wait(self) -> Any:
        if self._pending is None:
            return None
        steps, result, began = self._pending
        self._pending = None
        jax.block_until_ready(result)
        now = time.perf_counter()
        elapsed = now - max(began, self._last_done)
        self._last_done = now
        # A step alone tells little, such as the last of an epoch; but it is all there is while blocks are of one.
        if steps > 1 or self.steps_per_second is None or self._last_size == 1:
            self.steps_per_second = steps / max(elapsed, 1e-9)
        return result
