"""`Progbar`: a progress bar for loops written by hand."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from jkeras.display.line import Line
from jkeras.display.numbers import format_logs, format_seconds


class Progbar:
    """A progress bar with metrics, averaged over the steps unless they are stateful.

    Args:
        target: Number of steps, None if unknown.
        width: Width of the bar in characters.
        verbose: 0: nothing, 1: a line rewritten in place, 2: one line at the end.
        interval: Least time between two drawings, in seconds.
        stateful_metrics: Names of metrics that are shown as they are.
        unit_name: What a step is called.
        stateless_metrics: Names of the metrics that are averaged; all others are shown as they are.

    Raises:
        ValueError: If both `stateful_metrics` and `stateless_metrics` are given.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.update(1, [("loss", 1.0)])
    >>> bar.add(1, [("loss", 0.5)])     # doctest: +ELLIPSIS
    2/2 - ... - .../step - loss: 0.7500
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
        stateless_metrics: Iterable[str] | None = None,
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Give Progbar either stateful_metrics or stateless_metrics, not both.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._line = Line()
        self._seen = 0
        self._sums: dict[str, tuple[float, float]] = {}
        self._began = time.perf_counter()
        self._drawn = 0.0
        self._finished = False

    def update(
        self, current: int, values: Sequence[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Show that `current` steps are done.

        Args:
            current: How many.
            values: Pairs of name and value; a value stands for the steps since the last update.
            finalize: Whether this is the end; by default when `current` reaches the target.
        """
        for name, value in values or ():
            if self._is_averaged(name):
                weight = max(current - self._seen, 1)
                total, count = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (total + float(value) * weight, count + weight)
            else:
                self._sums[name] = (value, 1.0)
        self._seen = current
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        now = time.perf_counter()
        if self.verbose == 0 or self._finished or not (finalize or now - self._drawn >= self.interval):
            return
        self._drawn = now
        if finalize:
            self.target = self.target or current
            self._finished = True
            self._line.finish(self._text(now - self._began, True))
        elif self.verbose == 1:
            self._line.rewrite(self._text(now - self._began, False))

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _is_averaged(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in self.stateful_metrics

    def _text(self, elapsed: float, is_last: bool) -> str:
        total = "?" if self.target is None else str(self.target)
        each = elapsed / max(self._seen, 1)
        parts = [f"{self._seen:>{len(total)}}/{total}"]
        live = self.verbose == 1 and self._line.is_live
        if live and self.target:
            filled = min(self.width * self._seen // self.target, self.width)
            parts[0] += f" [{('=' * filled).ljust(self.width, '.')}]"
        if is_last or not self.target:
            parts.append(format_seconds(elapsed))
        else:
            parts.append(f"ETA {format_seconds(each * max(self.target - self._seen, 0))}")
        parts.append(f"{format_seconds(each)}/{self.unit_name}")
        shown = {name: total if count == 1.0 else total / count for name, (total, count) in self._sums.items()}
        return " - ".join(parts) + format_logs(shown)
