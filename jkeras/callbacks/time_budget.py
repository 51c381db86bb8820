"""End training before the time is up."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from jkeras.callbacks.base import Callback, Logs


class TimeBudget(Callback):
    """Ends training when the time is up, or before an epoch for which the rest of it would not do.

    An epoch is taken to last as long as the one before it. If one lasts longer than the rest of the budget all the
    same, it is cut short, within about a second, and its validation and the callbacks still come.

    The budget is that of one call of `fit`. One that goes on from a checkpoint (`fit(resume=...)`) has it anew, also if
    the last one ended because of it: so a long training can be spread over jobs of limited length.

    Args:
        seconds: The budget: a number of seconds, or a `datetime.timedelta`.
        verbose: 1 to print when training ends because of it.

    Raises:
        ValueError: If the budget is not positive.

    >>> from datetime import timedelta
    >>> TimeBudget(timedelta(hours=1, minutes=30)).seconds
    5400.0
    """

    def __init__(self, seconds: float | timedelta, verbose: int = 0):
        self.seconds = float(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
        if not self.seconds > 0:
            raise ValueError(f"TimeBudget needs a positive number of seconds; got {seconds!r}.")
        self.verbose = verbose
        self.stopped_epoch: int | None = None
        self._epoch = 0
        self._began = self._epoch_began = 0.0

    def elapsed(self) -> float:
        """Return the seconds since training began."""
        return time.perf_counter() - self._began

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin to count."""
        self.stopped_epoch = None
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note when the epoch began."""
        self._epoch, self._epoch_began = epoch, self.elapsed()

    def is_over(self) -> bool:
        """Whether the budget is used up."""
        if self.elapsed() < self.seconds:
            return False
        self.stopped_epoch = self._epoch
        return True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """End training if another epoch would last too long."""
        now, is_last = self.elapsed(), epoch + 1 == (self.params or {}).get("epochs")
        if self.stopped_epoch is None and not is_last and now + (now - self._epoch_began) > self.seconds:
            self.stopped_epoch = epoch
        if self.stopped_epoch is not None:
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Report."""
        if self.stopped_epoch is not None and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: the budget of {self.seconds:g} s is used up")

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch in which the budget ended training."""
        return {"stopped_epoch": self.stopped_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with a new budget, also after the old one ended training."""
        if state["stopped_epoch"] is not None:
            self.model.stop_training = False
