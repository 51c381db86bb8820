"""How often something is drawn."""

from __future__ import annotations

from collections.abc import Callable

REDRAW = 0.1  # seconds between two redraws: ten a second are what a person can follow


class Pace:
    """Says when something is to be drawn again.

    Args:
        interval: Seconds between two drawings at least; None: never.
        clock: Says what time it is, in seconds.

    >>> pace = Pace(0.1, iter([1.0, 1.05, 1.11]).__next__)
    >>> pace.is_due(), pace.is_due()
    (False, True)
    """

    def __init__(self, interval: float | None, clock: Callable[[], float]):
        self._interval = interval
        self._clock = clock
        self._next = 0.0
        self.note()

    def is_due(self) -> bool:
        """Whether enough time has passed since what was shown last."""
        return self._interval is not None and self._clock() >= self._next

    def note(self) -> None:
        """Take note that what is shown is fresh."""
        if self._interval is not None:
            self._next = self._clock() + self._interval
