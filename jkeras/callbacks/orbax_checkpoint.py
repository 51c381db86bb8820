"""Write sharded checkpoints while the model is trained, by Orbax."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jkeras.callbacks.base import Logs
from jkeras.callbacks.batch_counter import BatchCounter, batches_of_epoch
from jkeras.callbacks.checkpoint_store import ShardedStore
from jkeras.callbacks.monitor import MonitorCallback


class OrbaxCheckpoint(MonitorCallback):
    """Writes training checkpoints into numbered folders, each host of a run its own part.

    `model.load_checkpoint(directory)` reads the last one, `model.load_checkpoint(directory + "/12")` a certain one. A
    folder is called by its epoch, from 0, or by the batches of the run so far if `save_freq` is a number.

    Args:
        directory: The folder of the folders.
        monitor: The key in the logs that decides what is best.
        verbose: 1 to print what is written.
        save_best_only: Whether to write only if `monitor` is better than at all times before.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: What the first value must be better than.
        max_to_keep: How many checkpoints are kept, the last ones; None: all.
        save_on_background: Whether the loop goes on while a checkpoint is written.
        save_weights_only: Whether to leave out the state of the optimizer and of the run.

    Raises:
        ImportError: If `orbax-checkpoint` is not installed.
        ValueError: If `save_freq` is neither "epoch" nor a positive number.

    >>> checkpoint = OrbaxCheckpoint("run", monitor="loss", save_best_only=True, max_to_keep=3)  # doctest: +SKIP
    >>> model.fit(x, y, epochs=10, callbacks=[checkpoint])  # doctest: +SKIP
    >>> model.load_checkpoint("run")  # doctest: +SKIP

    Reference: Keras 3.15, `keras.callbacks.OrbaxCheckpoint`; https://orbax.readthedocs.io
    """

    runs_last = True
    missing = "Can save best model only with {monitor} available. Available metrics are: {available}"

    def __init__(
        self,
        directory: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ):
        super().__init__(monitor, mode)
        self._store = ShardedStore(directory, max_to_keep, save_on_background)
        self.directory = os.fspath(directory)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self.best = initial_value_threshold
        self.counter = BatchCounter(save_freq)
        self.counter.listen(self, self._count_batches)

    def _count_batches(self, batch: int, logs: Logs = None) -> None:
        if self.counter.is_due(batch):
            self._save(self.model._compiled.training.position().step, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write, if epochs are what is counted."""
        if self.counter.counts_batches:
            self.counter.end_epoch(batches_of_epoch(self.model))
        else:
            self._save(epoch, logs or {})

    def on_train_end(self, logs: Logs = None) -> None:
        """Wait for what is being written."""
        self._store.close()

    def wait_until_finished(self) -> None:
        """Wait until everything that was begun is written."""
        self._store.finish()

    def _save(self, number: int, logs: dict[str, Any]) -> None:
        if self.save_best_only:
            value = self.monitored(logs)
            if value is None or not self.is_improvement(value, self.best):
                return
            self.best = value
        if self.verbose > 0:
            print(f"\nSaving a checkpoint to {Path(self.directory, str(number))}")
        self._store.save(self.model, number, self.save_weights_only)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value and the counts."""
        return {**super().state_dict(), **self.counter.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        super().load_state_dict({"best": state["best"]})
        self.counter.set_state(state)
