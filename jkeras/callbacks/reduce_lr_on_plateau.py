"""Lower the learning rate when a metric stops improving."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.callbacks.base import Logs
from jkeras.callbacks.learning_rate import read_rate, write_rate
from jkeras.callbacks.monitor import MonitorCallback
from jkeras.core.errors import unexpected_argument


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a metric has not improved for `patience` epochs.

    Args:
        monitor: The metric's key in the logs.
        factor: Below 1; the new rate is `max(rate * factor, min_lr)`.
        patience: Epochs without improvement before the rate is lowered.
        verbose: 1 to print when it is lowered.
        mode: "min", "max" or "auto".
        min_delta: How much better a value must be to count (`epsilon` is its old spelling).
        cooldown: Epochs to wait after the rate was lowered before epochs are counted again.
        min_lr: The rate never falls below.

    Raises:
        ValueError: If `factor` is 1 or more.

    >>> from types import SimpleNamespace
    >>> plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1)
    >>> plateau.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.1)))
    >>> plateau.on_train_begin()
    >>> for epoch in range(2):
    ...     plateau.on_epoch_end(epoch, {"loss": 1.0})
    >>> plateau.model.optimizer.learning_rate
    0.05
    """

    missing = (
        "Learning rate reduction is conditioned on metric `{monitor}` which is not available. "
        "Available metrics are: {available}"
    )

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **legacy: Any,
    ):
        min_delta = legacy.pop("epsilon", min_delta)
        if legacy:
            accepted = ["monitor", "factor", "patience", "verbose", "mode", "min_delta", "cooldown", "min_lr"]
            raise unexpected_argument("ReduceLROnPlateau", next(iter(legacy)), accepted)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau needs a factor below 1; got factor={factor}.")
        super().__init__(monitor, mode, min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget earlier runs."""
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def in_cooldown(self) -> bool:
        """Return whether the rate was lowered less than `cooldown` epochs ago."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add `learning_rate` to the logs, and lower the rate if it is time."""
        logs = {} if logs is None else logs
        rate = read_rate(self.model)
        logs["learning_rate"] = rate
        value = self.monitored(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            # The optimizer holds the rate in single precision, so it is compared in single precision.
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                lowered = max(rate * self.factor, self.min_lr)
                write_rate(self.model, lowered)
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lowered}.")
                self.cooldown_counter, self.wait = self.cooldown, 0

    def state_dict(self) -> dict[str, Any]:
        """Return the best value and the counters."""
        return {**super().state_dict(), "wait": self.wait, "cooldown_counter": self.cooldown_counter}
