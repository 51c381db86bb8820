"""What a history says about its metrics: which belong together, and which of their values is best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.errors import nearest
from jkeras.display.numbers import format_number, format_seconds
from jkeras.metrics.direction import direction_of

RATES = ("learning_rate", "lr")


class Series(NamedTuple):
    """The values of one metric, with the epochs (from 1) that they belong to."""

    name: str
    epochs: list[int]
    values: list[float]

    def best(self, direction: str | None) -> tuple[int, float] | None:
        """Return the epoch and the value that is best, the first of equal ones; None if no value is finite."""
        rows = [(e, v) for e, v in zip(self.epochs, self.values, strict=True) if math.isfinite(v)]
        if not rows or direction is None:
            return None
        return (max if direction == "max" else min)(rows, key=lambda row: row[1])


class Pair(NamedTuple):
    """A metric with its validation: either may be missing; `direction` is "max", "min" or None if nobody knows."""

    name: str
    training: Series | None
    validation: Series | None
    direction: str | None

    @property
    def judged(self) -> Series:
        """What is looked at to say which epoch is best: the validation if there is any."""
        found = self.validation or self.training
        assert found is not None
        return found

    def best(self) -> tuple[int, float] | None:
        """Return the best epoch and its value, or None if that cannot be told."""
        return self.judged.best(self.direction)


def pairs_of(history: Any, metrics: str | Sequence[str] | None = None) -> list[Pair]:
    """Return the metrics of a `History` that are numbers, each with its validation, in the order of the logs.

    Args:
        history: The `History`.
        metrics: The names wanted, with or without `val_`; all if left out.

    Raises:
        ValueError: If a name is not in the history.

    >>> from jkeras.callbacks import History
    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.7})
    >>> [(pair.name, pair.best()) for pair in pairs_of(history)]
    [('loss', (1, 0.6)), ('accuracy', (1, 0.7))]
    """
    found = {name: series for name in history.history if (series := _series(history, name)) is not None}
    names = list(dict.fromkeys(name.removeprefix("val_") for name in found))
    if metrics is not None:
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        known = {*found, *(name.removeprefix("val_") for name in found)}
        for name in names:
            if name not in known:
                listing = ", ".join(found) or "nothing"
                raise ValueError(f"The history has no numbers named {name!r}; it has: {listing}.{nearest(name, known)}")
    pairs = []
    for name in names:
        is_validation = name.startswith("val_") and name in found
        training, validation = (None, found[name]) if is_validation else (found.get(name), found.get(f"val_{name}"))
        pairs.append(Pair(name, training, validation, direction_of(name, getattr(history, "model", None))))
    return pairs


def leading(pairs: Sequence[Pair]) -> Pair | None:
    """Return the pair that decides which epoch was best: that of the loss, or else the first."""
    return next((pair for pair in pairs if pair.name == "loss"), pairs[0] if pairs else None)


def caption(history: Any, pairs: Sequence[Pair]) -> str:
    """Return the totals of a training in one line: epochs, time if it is known, and the best epoch."""
    count = max(len({epoch for pair in pairs for epoch in pair.judged.epochs}), len(history.epoch))
    parts = [f"{count} epoch{'s' * (count != 1)}"]
    if history.seconds:
        compiling = f", {format_seconds(history.compile_seconds)} of it compiling" if history.compile_seconds else ""
        parts.append(f"{format_seconds(history.seconds)}{compiling}")
    first = leading([pair for pair in pairs if pair.name not in RATES])
    best = first.best() if first is not None else None
    if first is not None and best is not None:
        parts.append(f"best {first.judged.name} {format_number(best[1])} in epoch {best[0]}")
    return "  ·  ".join(parts)


def _series(history: Any, name: str) -> Series | None:
    """Return a metric as numbers, those of arrays as their means; None if it consists of something else."""
    epochs, values = history.series(name)
    try:
        numbers = [float(np.mean(np.asarray(value, dtype=float))) for value in values]
    except (TypeError, ValueError):
        return None
    return Series(name, [epoch + 1 for epoch in epochs], numbers) if numbers else None
