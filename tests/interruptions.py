"""Ways in which a run ends before its time."""

from __future__ import annotations

from jkeras import callbacks


class Cut(callbacks.Callback):
    """Raises in the middle of training, as an interruption would."""

    def __init__(self, epoch, batch=None):
        self.at, self.epoch = (epoch, batch), 0
        if batch is not None:
            self.on_train_batch_end = self._count

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.at == (epoch, None):
            raise InterruptedError

    def _count(self, batch, logs=None):
        if (self.epoch, batch) >= self.at:
            raise InterruptedError
