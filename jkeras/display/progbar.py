"""`Progbar`: a progress bar for loops written by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jkeras.display.facts import Facts
from jkeras.display.line import default_stream
from jkeras.display.means import Means
from jkeras.display.outputs import output_for
from jkeras.display.pace import REDRAW, Pace
from jkeras.display.progress import checked_verbose
from jkeras.display.themes import current_theme


class Progbar:
    """A progress bar with metrics, averaged over the steps unless they are stateful.

    It is drawn as that of `fit` is: `jkeras.display.set_theme` says how.

    Args:
        target: Number of steps, None if unknown.
        width: Width of the bar in characters.
        verbose: 0: nothing, 1 or "auto": a line rewritten in place, 2: one line at the end.
        interval: Least time between two drawings, in seconds; a tenth at least.
        stateful_metrics: Names of metrics that are shown as they are.
        unit_name: What a step is called.
        stateless_metrics: Names of the metrics that are averaged; all others are shown as they are.
        clock: Says what time it is, in seconds.

    Raises:
        ValueError: If both `stateful_metrics` and `stateless_metrics` are given, or `verbose` is none of these.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.update(1, [("loss", 1.0)])
    >>> bar.add(1, [("loss", 0.5)])     # doctest: +ELLIPSIS
    2/2 - 0s - .../step - loss: 0.7500

    Reference: https://keras.io/api/utils/python_utils
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int | str = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
        stateless_metrics: Iterable[str] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Give Progbar either stateful_metrics or stateless_metrics, not both.")
        self.target = target
        self.width = width
        self.verbose = checked_verbose(verbose)
        self.interval = interval
        self.unit_name = unit_name
        self._means = Means(stateful_metrics or (), stateless_metrics)
        self._clock = clock
        theme = current_theme()._replace(bar_width=width)
        self._output = output_for(default_stream(), self.verbose, theme, 1, clock)
        if self._output.is_live and interval > REDRAW:
            self._output.pace = Pace(interval, clock)
        self._seen = 0
        self._began = clock()
        self._is_finished = False
        self._output.begin(self._facts())

    def update(
        self, current: int, values: Sequence[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Show that `current` steps are done.

        Args:
            current: How many.
            values: Pairs of name and value; a value stands for the steps since the last update.
            finalize: Whether this is the end; by default when `current` reaches the target.
        """
        self._means.note(values or (), max(current - self._seen, 1))
        self._seen = current
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        if self._is_finished:
            return
        if finalize:
            self.target = self.target or current
            self._is_finished = True
            self._output.finish(self._facts())
            self._output.close()
        elif self._output.pace.is_due():
            self._output.draw(self._facts())

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Show that more steps are done.

        Args:
            n: How many more.
            values: Pairs of name and value; a value stands for these steps.
        """
        self.update(self._seen + n, values)

    def _facts(self) -> Facts:
        seconds = self._clock() - self._began
        return Facts(
            "steps", 0, 1, self._seen, self.target, self.unit_name, seconds, seconds, self._seen,
            logs=self._means.result(), is_finished=self._is_finished,
        )  # fmt: skip
