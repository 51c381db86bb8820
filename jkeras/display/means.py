"""Means over the steps of an epoch, of the metrics that are not means already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Means:
    """Values of metrics, averaged over the steps unless they are stateful.

    Args:
        stateful: Names of metrics that are kept as they are.
        stateless: Names of the metrics that are averaged, if all others are kept as they are.

    >>> means = Means(stateful=["auc"])
    >>> means.note([("loss", 1.0), ("auc", 0.5)], steps=1)
    >>> means.note([("loss", 2.0), ("auc", 0.7)], steps=3)
    >>> means.result()
    {'loss': 1.75, 'auc': 0.7}
    """

    def __init__(self, stateful: Iterable[str] = (), stateless: Iterable[str] | None = None):
        self._stateful = set(stateful)
        self._stateless = None if stateless is None else set(stateless)
        self._sums: dict[str, tuple[Any, float | None]] = {}

    def note(self, values: Iterable[tuple[str, Any]], steps: float) -> None:
        """Take note of values, each of which stands for so many steps."""
        for name, value in values:
            if self._is_averaged(name):
                total, count = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (total + float(value) * steps, (count or 0.0) + steps)
            else:
                self._sums[name] = (value, None)

    def result(self) -> dict[str, Any]:
        """Return the mean or the last value of each metric."""
        return {name: total if not count else total / count for name, (total, count) in self._sums.items()}

    def _is_averaged(self, name: str) -> bool:
        return name not in self._stateful if self._stateless is None else name in self._stateless
