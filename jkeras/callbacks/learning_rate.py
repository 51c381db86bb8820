"""Callbacks that change the learning rate, and how they reach it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.callbacks.base import Callback, Logs


def read_rate(model: Any) -> float:
    """Return the learning rate of the model's optimizer.

    Raises:
        ValueError: If the model has no optimizer, or the optimizer no learning rate that can be read.
    """
    optimizer: Any = getattr(model, "optimizer", None)
    rate = getattr(optimizer, "learning_rate", None)
    if rate is None:
        raise ValueError(
            f"The optimizer {optimizer!r} has no `learning_rate`, which this callback reads and sets. "
            "Compile the model with an optimizer of jkeras, e.g. model.compile(optimizer=Adam(1e-3)), or give optax "
            "one that can be set: optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)."
        )
    return float(np.asarray(rate))


def write_rate(model: Any, value: float) -> None:
    """Set the learning rate of the model's optimizer."""
    model.optimizer.learning_rate = float(value)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
        schedule: `f(epoch, rate) -> rate`, or `f(epoch) -> rate` as in Keras 1; epochs count from 0.
        verbose: 1 to print the rate of every epoch.

    Raises:
        ValueError: In training, if the schedule does not return a number.

    >>> from types import SimpleNamespace
    >>> scheduler = LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> scheduler.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.1)))
    >>> scheduler.on_epoch_begin(0)
    >>> scheduler.model.optimizer.learning_rate
    0.05
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0):
        if not callable(schedule):
            raise TypeError(f"LearningRateScheduler expects a function of the epoch and the rate; got {schedule!r}.")
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the rate of this epoch."""
        rate = read_rate(self.model)
        value = self.schedule(epoch, rate) if _takes(self.schedule, 2) else self.schedule(epoch)
        number = np.asarray(value) if value is not None else None
        if number is None or number.ndim or number.dtype.kind not in "fiu":
            raise ValueError(f"The schedule of LearningRateScheduler must return a number; got {value!r}.")
        write_rate(self.model, float(number))
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(number)}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add `learning_rate` to the logs."""
        if logs is not None:
            logs["learning_rate"] = read_rate(self.model)


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether `function` can be called with `count` positional arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # built-in functions may have no signature
        return True
    return True
