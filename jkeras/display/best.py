"""Which metrics of an epoch are the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jkeras.metrics.direction import direction_of


class Best:
    """The best value so far of every metric whose direction is known.

    Where there are validation figures, only they count: those of training get better nearly always.

    >>> best = Best()
    >>> sorted(best.note({"loss": 0.5, "val_loss": 0.6, "val_accuracy": 0.8}))
    ['val_accuracy', 'val_loss']
    >>> sorted(best.note({"loss": 0.4, "val_loss": 0.7, "val_accuracy": 0.9}))
    ['val_accuracy']
    """

    def __init__(self) -> None:
        self._best: dict[str, float] = {}
        self._directions: dict[str, str | None] = {}
        self._validated = False

    def note(self, logs: Mapping[str, Any]) -> frozenset[str]:
        """Take note of the logs of an epoch; return the names of those that were never better."""
        self._validated = self._validated or any(name.startswith("val_") for name in logs)
        return frozenset([name for name, value in logs.items() if self._is_best(name, value)])

    def _is_best(self, name: str, value: Any) -> bool:
        if name.startswith("val_") is not self._validated:
            return False
        if name not in self._directions:
            self._directions[name] = direction_of(name)
        direction = self._directions[name]
        if direction is None or not isinstance(value, (int, float)) or not math.isfinite(value):
            return False
        before = self._best.get(name)
        if before is not None and (value >= before if direction == "min" else value <= before):
            return False
        self._best[name] = value
        return True
