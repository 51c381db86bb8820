"""Let an interrupted training go on where it was."""

from __future__ import annotations

import os
import signal
from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.batch_counter import BatchCounter, batches_of_epoch
from jkeras.callbacks.checkpoint_store import FileStore, ShardedStore


class BackupAndRestore(Callback):
    """Writes a checkpoint every so often; when the same script is run again, `fit` goes on from the last one.

    The run ends with the same weights, history and callbacks, bit by bit, as one that was never interrupted:
    `Model.load_checkpoint` says what has to be the same for that. The arrays are copied while the loop waits; a thread
    writes them, one checkpoint at a time, while the loop goes on. Several processes that train together write shards,
    by Orbax (`pip install 'jkeras[orbax]'`), to a folder that all of them reach.

    Args:
        backup_dir: The folder for the checkpoints of this run, and of no other.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: Whether to keep the checkpoint before the last one too, and to use it if the last one is
            damaged.
        delete_checkpoint: Whether to delete the checkpoints when training is complete.
        save_before_preemption: Whether to write a checkpoint, in the middle of an epoch too, when the process is asked
            to end (SIGTERM, as clusters and clouds send it some seconds before they take a machine back), and to end
            then. In the main thread only.

    Raises:
        ValueError: If `backup_dir` is empty, or `save_freq` is neither "epoch" nor a positive number; in training, if
            the checkpoint does not fit the model, the data or the callbacks.

    >>> import tempfile, numpy as np
    >>> from jkeras.callbacks import LambdaCallback
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> def run(folder, *callbacks):
    ...     model = Sequential([Dense(1, input_shape=(3,))])
    ...     model.compile("adam", "mse")
    ...     backup = BackupAndRestore(folder)
    ...     return model.fit(np.ones((8, 3)), np.ones(8), epochs=4, verbose=0, callbacks=[backup, *callbacks])
    >>> def power_cut(epoch, logs):
    ...     if epoch == 2:
    ...         raise RuntimeError("power cut")
    >>> folder = tempfile.mkdtemp()
    >>> run(folder, LambdaCallback(on_epoch_begin=power_cut))
    Traceback (most recent call last):
    RuntimeError: power cut
    >>> started = []
    >>> history = run(folder, LambdaCallback(on_epoch_begin=lambda epoch, logs: started.append(epoch)))
    >>> started, history.epoch
    ([2, 3], [0, 1, 2, 3])

    Reference: https://keras.io/api/callbacks/backup_and_restore
    """

    runs_last = True

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        save_before_preemption: bool = False,
    ):
        if not backup_dir:
            raise ValueError("BackupAndRestore needs the name of a folder: BackupAndRestore('backup').")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.save_before_preemption = save_before_preemption
        self._former_handler: Any = None  # of SIGTERM
        self._is_preempted = False
        self._store: FileStore | ShardedStore = FileStore(self.backup_dir, double_checkpoint)
        self.counter = BatchCounter(save_freq)
        self.counter.listen(self, self._count_batches)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Go on from the last checkpoint, if there is one."""
        self.counter = BatchCounter(self.save_freq)
        if self.model._placement.is_shared:
            if self.save_before_preemption:
                raise ValueError(
                    "save_before_preemption=True is for one process: a signal that one of several gets cannot make all "
                    "of them write. Write often enough: save_freq=number of batches."
                )
            self._store = ShardedStore(self.backup_dir, 2 if self.double_checkpoint else 1)
        self._store.load(self.model)
        if self.save_before_preemption:
            self._is_preempted = False
            self._former_handler = signal.signal(signal.SIGTERM, self._preempt)

    def _preempt(self, number: int, frame: Any) -> None:
        training = self.model._compiled.training
        self._is_preempted = True
        if training is None or not training.is_running:  # fit ended without telling
            self._end_as_asked()

    def is_over(self) -> bool:
        """Write a checkpoint and end the process if that is asked for; ask for the end of training otherwise."""
        if not self._is_preempted:
            return False
        training = self.model._compiled.training
        training.arrays.store(training.run.ts)
        self._store.save(self.model)
        self._store.finish()
        self._end_as_asked()
        return True  # somebody else handled the signal and wants to go on

    def _end_as_asked(self) -> None:
        self._is_preempted = False
        self._stop_listening()
        signal.raise_signal(signal.SIGTERM)

    def _stop_listening(self) -> None:
        if self._former_handler is not None:
            signal.signal(signal.SIGTERM, self._former_handler)
            self._former_handler = None

    def _count_batches(self, batch: int, logs: Logs = None) -> None:
        if self.counter.is_due(batch):
            self._store.save(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write, if epochs are what is counted."""
        if self.counter.counts_batches:
            self.counter.end_epoch(batches_of_epoch(self.model))
        else:
            self._store.save(self.model)

    def on_train_end(self, logs: Logs = None) -> None:
        """Delete the checkpoints, unless they are to be kept."""
        self._store.finish()
        self._stop_listening()
        if self.delete_checkpoint:
            self._store.delete()

    def state_dict(self) -> dict[str, Any]:
        """Return the counters."""
        return self.counter.state()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.counter.set_state(state)
