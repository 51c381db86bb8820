"""Where the time of training goes."""

from __future__ import annotations

import time
from typing import Any

from jkeras.callbacks.base import Callback, Logs

# What an epoch's time is split into, and what is to be done about it where it is most of it.
PARTS = {
    "data": "waiting for batches: make them faster, or ahead (jkeras.config.set_prefetch)",
    "compile": "tracing and compiling: jkeras.config.enable_compilation_cache keeps programs; give batches one size",
    "device": "sending steps to the device and waiting for it: this is the training itself",
    "validation": "evaluating, its compilation included: validation_freq, validation_steps",
    "callbacks": "batch hooks of callbacks: batch_interval, steps_per_execution",
    "other": "what is left: shuffling, display, hooks of epochs",
}


class Timer(Callback):
    """Measures what the time of each epoch goes into: data, compilation, the device, validation, callbacks, the rest.

    The parts add up to the time from the beginning of an epoch to its end, as the Python thread sees it: what happens
    at the same time, such as batches that a thread makes while the device works, counts only where it is waited for.

    Args:
        verbose: 1 to print `report()` after training.

    Attributes:
        epochs: For each epoch the seconds by part, and their sum as "total".

    >>> import numpy as np
    >>> from jkeras import layers, models
    >>> model = models.Sequential([layers.Dense(1, input_shape=(3,))])
    >>> model.compile("sgd", "mse")
    >>> timer = Timer()
    >>> _ = model.fit(np.ones((8, 3)), np.ones(8), epochs=2, verbose=0, callbacks=[timer])
    >>> len(timer.epochs), list(timer.epochs[0])
    (2, ['data', 'compile', 'device', 'validation', 'callbacks', 'other', 'total'])
    """

    def __init__(self, verbose: int = 0):
        self.verbose = verbose
        self.epochs: list[dict[str, float]] = []
        self._began = self._test_began = self._validation = 0.0
        self._before: dict[str, float] = {}

    def _spent(self) -> dict[str, float]:
        return dict(self.model._compiled.record.spent)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin anew."""
        self.epochs = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin to measure."""
        self._before, self._validation, self._began = self._spent(), 0.0, time.perf_counter()

    def on_test_begin(self, logs: Logs = None) -> None:
        """Validation begins."""
        self._test_began = time.perf_counter()

    def on_test_end(self, logs: Logs = None) -> None:
        """Validation is over."""
        self._validation += time.perf_counter() - self._test_began

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add up."""
        total, after = time.perf_counter() - self._began, self._spent()
        parts = {name: after[name] - self._before[name] for name in after} | {"validation": self._validation}
        parts["other"] = max(total - sum(parts.values()), 0.0)
        self.epochs.append({name: parts[name] for name in PARTS} | {"total": total})

    def on_train_end(self, logs: Logs = None) -> None:
        """Report."""
        if self.verbose > 0:
            print(self.report())

    def report(self) -> str:
        """Return the sums over all epochs as lines of text, the largest part first, with a word on what to do."""
        total = sum(epoch["total"] for epoch in self.epochs)
        sums = {name: sum(epoch[name] for epoch in self.epochs) for name in PARTS}
        lines = [f"{len(self.epochs)} epochs took {total:.2f} s:"]
        for name, seconds in sorted(sums.items(), key=lambda item: -item[1]):
            lines.append(f"{seconds:>9.2f} s {seconds / max(total, 1e-9):>5.0%}  {name}: {PARTS[name]}")
        return "\n".join(lines)

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs so far."""
        return {"epochs": self.epochs}
