"""What callbacks that pass metrics on have in common: after which batches and epochs, and how many steps were done."""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.batch_counter import BatchCounter, batches_of_epoch, steps_of_run


class MetricsLogger(Callback):
    """Calls `log_epoch` after each epoch and, if asked to, `log_batch` after each n-th batch of the run.

    Args:
        update_freq: "epoch", or a number n of batches. The loop stops at each n-th batch.

    Raises:
        ValueError: If `update_freq` is neither "epoch" nor a positive number.

    >>> class Lines(MetricsLogger):
    ...     def log_batch(self, epoch, batch, step, logs):
    ...         print(epoch, batch, step)
    >>> lines = Lines(2)
    >>> for epoch in range(2):
    ...     lines.on_epoch_begin(epoch)
    ...     for batch in range(3):
    ...         lines.on_train_batch_end(batch, {})
    ...     lines.on_epoch_end(epoch, {})
    0 1 2
    1 0 4
    1 2 6
    """

    writes_alone = True

    def __init__(self, update_freq: Any = "epoch"):
        self.update_freq = update_freq
        self._counter = BatchCounter(update_freq, "update_freq")
        self._epoch = self._steps = 0
        self._counter.listen(self, self._count_batch)

    def log_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Pass on the metrics of an epoch.

        Args:
            epoch: The epoch, from 0.
            logs: Its metrics.
        """

    def log_batch(self, epoch: int, batch: int, step: int, logs: dict[str, Any]) -> None:
        """Pass on the metrics of the epoch so far, after a batch.

        Args:
            epoch: The epoch, from 0.
            batch: The batch, from 0 in its epoch.
            step: How many batches of the run are done.
            logs: The metrics.
        """

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin to count."""
        self._counter, self._steps = BatchCounter(self.update_freq, "update_freq"), 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def _count_batch(self, batch: int, logs: Logs = None) -> None:
        self._count(batch + 1)
        if self._counter.is_due(batch):
            self.log_batch(self._epoch, batch, self._steps, logs or {})

    def _count(self, batches: int) -> None:
        """Count the steps up to so many batches of the epoch."""
        done = steps_of_run(self.model)
        self._steps = self._steps + max(batches - self._counter.last, 0) if done is None else done

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Pass on the metrics of the epoch."""
        told = batches_of_epoch(self.model)
        batches = ((self.params or {}).get("steps") or 0) if told is None else told
        self._count(batches)
        self._counter.end_epoch(batches)
        self.log_epoch(epoch, logs or {})

    def state_dict(self) -> dict[str, Any]:
        """Return the counts of batches."""
        return {"steps": self._steps, **self._counter.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._steps = int(state["steps"])
        self._counter.set_state(state)
