"""Stop when a metric stops improving."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import MonitorCallback
from jkeras.core.layer import Layer


class EarlyStopping(MonitorCallback):
    """Ends training when a metric has not improved for `patience` epochs.

    Args:
        monitor: The metric's key in the logs.
        min_delta: How much better a value must be to count.
        patience: Epochs without improvement before training ends.
        verbose: 1 to print when it ends.
        mode: "min", "max" or "auto".
        baseline: Value that must be reached too: an improvement that stays behind it does not reset the patience.
        restore_best_weights: Whether the model ends with the weights of its best epoch. Until then they stay on the
            device, in memory of their own.
        start_from_epoch: Epochs before this one are not looked at.

    >>> from types import SimpleNamespace
    >>> stopping = EarlyStopping("loss", patience=2)
    >>> stopping.set_model(SimpleNamespace(stop_training=False))
    >>> stopping.on_train_begin()
    >>> for epoch, loss in enumerate([1.0, 0.5, 0.6, 0.7]):
    ...     stopping.on_epoch_end(epoch, {"loss": loss})
    >>> stopping.model.stop_training, stopping.best_epoch
    (True, 1)
    """

    missing = (
        "Early stopping conditioned on metric `{monitor}` which is not available. Available metrics are: {available}"
    )

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget earlier runs."""
        self.best = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None
        self.wait = 0
        self.stopped_epoch = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare, and stop if it is time."""
        value = self.monitored(logs or {})
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep_weights(epoch)
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best = value
            self._keep_weights(epoch)
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep_weights(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = _arrays_of(self.model)

    def on_train_end(self, logs: Logs = None) -> None:
        """Report, and give the model its best weights back."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, the counters, and the best weights as a list of arrays (None if not kept)."""
        return {
            **super().state_dict(),
            "best_epoch": self.best_epoch,
            "best_weights": None if self.best_weights is None else [np.asarray(array) for array in self.best_weights],
            "wait": self.wait,
            "stopped_epoch": self.stopped_epoch,
        }


def _arrays_of(model: Any) -> list[Any]:
    """Return what `get_weights` does, as arrays that stay on the device: nothing has to be waited for.

    They are lent: training copies such an array before it uses its memory for the next one.
    """
    own = getattr(type(model), "get_weights", None)
    return [weight.value for weight in model.weights] if own is Layer.get_weights else model.get_weights()
