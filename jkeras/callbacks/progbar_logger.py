"""The progress line as a callback, for loops written by hand."""

from __future__ import annotations

import time
from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.display.progress import Progress


class ProgbarLogger(Callback):
    """Shows a progress line, as `fit` does by itself; `params` says `verbose`, `epochs` and `steps`.

    >>> hooks = ProgbarLogger()
    >>> hooks.set_params({"verbose": 0, "epochs": 1, "steps": 2})
    >>> hooks.on_train_begin()
    >>> hooks.on_epoch_begin(0)
    >>> hooks.on_epoch_end(0, {"loss": 0.5})
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._training = False
        self._shown = 0.0

    def _begin(self, mode: str) -> Progress:
        params = self.params or {}
        progress = Progress(mode, params.get("epochs") or 1, params.get("steps"), params.get("verbose", 1))
        self._progress = progress
        return progress

    def _update(self, batch: int, logs: Logs) -> None:
        # A dozen lines a second is what a person can see; drawing more would slow the loop.
        if self._progress is not None and time.perf_counter() - self._shown > 0.08:
            self._progress.update(batch + 1, _numbers(logs))
            self._shown = time.perf_counter()

    def _end(self, logs: Logs) -> None:
        if self._progress is not None:
            self._progress.epoch_end(_numbers(logs))

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin to show training."""
        self._training = True
        self._begin("fit")

    def on_train_end(self, logs: Logs = None) -> None:
        """Training is over."""
        self._training = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin a line."""
        if self._progress is not None:
            self._progress.epoch_begin(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Finish the line."""
        self._end(logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Redraw the line."""
        self._update(batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin a line, unless training is being shown."""
        if not self._training:
            self._begin("evaluate").epoch_begin(0)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Redraw the line."""
        if not self._training:
            self._update(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Finish the line."""
        if not self._training:
            self._end(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a line."""
        self._begin("predict").epoch_begin(0)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Redraw the line."""
        self._update(batch, None)

    def on_predict_end(self, logs: Logs = None) -> None:
        """Finish the line."""
        self._end(None)


def _numbers(logs: Logs) -> dict[str, Any]:
    return {name: value for name, value in (logs or {}).items() if name != "outputs"}
