"""The progress of `fit`, `evaluate` and `predict`: what is known of it, and when it is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from jkeras.core.compiling import compile_seconds
from jkeras.display.best import Best
from jkeras.display.facts import Facts
from jkeras.display.line import default_stream
from jkeras.display.outputs import output_for
from jkeras.display.themes import current_theme
from jkeras.training.stream import closed_at_end

_MODES = ("fit", "evaluate", "predict")
_VERBOSE = {"auto": 1, 0: 0, 1: 1, 2: 2}  # True and False are 1 and 0


class Progress:
    """Shows how far a run is, how fast it goes and what the metrics are.

    In a terminal one line an epoch is rewritten in place, in a notebook one output; never more than ten times a second.
    Elsewhere, and with `verbose=2`, each epoch prints a line, without control characters. Rates leave out the time that
    went into compilation, which is shown apart, once. How it looks is said by a theme (`jkeras.display.set_theme`).

    Args:
        mode: "fit", "evaluate" or "predict".
        epochs: How many epochs there will be.
        steps: Steps in an epoch; None while it is unknown.
        verbose: "auto" (as 1), 0: nothing, 1: a line rewritten in place, 2: one line an epoch.
        stream: Where to; standard output if left out.
        clock: Says what time it is, in seconds.
        compiled: Says how many seconds went into compilation so far, of whatever.

    Raises:
        ValueError: If `verbose` or `mode` is none of these.

    >>> progress = Progress("fit", epochs=10, steps=100, verbose=2)
    >>> progress.epoch_begin(2)
    >>> progress.epoch_end({"loss": 0.1234}, seconds=2.3, compiled=1.3)
    Epoch 3/10 - 100/100 - 2s - 10ms/step - loss: 0.1234 - compiled in 1.3s
    """

    def __init__(
        self,
        mode: str,
        epochs: int,
        steps: int | None,
        verbose: Any = "auto",
        stream: Any = None,
        clock: Callable[[], float] = time.perf_counter,
        compiled: Callable[[], float] = compile_seconds,
    ):
        if mode not in _MODES:
            raise ValueError(f"mode must be 'fit', 'evaluate' or 'predict'; got {mode!r}.")
        self.mode = mode
        self.epochs = epochs
        self.steps = steps
        self.verbose = checked_verbose(verbose)
        self.samples: int | None = None  # of an epoch, if these are to be counted
        self._clock, self._compiled = clock, compiled
        self._best = Best()
        stream = default_stream() if stream is None else stream
        self._output = output_for(stream, self.verbose, current_theme(), epochs, clock)
        self._reset(0)
        closed_at_end(self)

    @property
    def is_live(self) -> bool:
        """Whether somebody watches an epoch run, so that steps should be sent in blocks that suit a person."""
        return self._output.is_live

    def is_due(self) -> bool:
        """Return whether `update` would be shown now, so that reading the metrics for it is worth the time."""
        return self._output.pace.is_due()

    def count_samples(self, total: int | None) -> None:
        """Show samples instead of steps, wherever their number is known.

        Args:
            total: Samples in an epoch, None if that is unknown.
        """
        self.samples = total

    def _reset(self, epoch: int) -> None:
        self._epoch = epoch
        self._first = self._step = 0
        self._rows: int | None = None
        self._began, self._compiled_before = self._clock(), self._compiled()
        self._running = 0.0

    def epoch_begin(self, epoch: int = 0) -> None:
        """Begin an epoch (or the one line of evaluation and prediction).

        Args:
            epoch: The epoch, from 0.
        """
        self._reset(epoch)
        self._output.begin(self._facts({}))

    def skip(self, steps: int) -> None:
        """Take note of steps of the epoch that were done in an earlier run; they count for no rate.

        Args:
            steps: How many.
        """
        self._first = self._step = steps

    def update(self, step: int, logs: Mapping[str, Any] | None = None, samples: int | None = None) -> None:
        """Take note that `step` steps of the epoch are done, and show it if that is due.

        Args:
            step: How many steps.
            logs: The metrics so far, as floats.
            samples: How many samples these steps took.
        """
        self._step, self._rows = step, samples if samples is not None else self._rows
        self._running = self._clock() - self._began - self._compiling()
        if self.is_due():
            self._output.draw(self._facts(logs or {}))

    def epoch_end(
        self, logs: Mapping[str, Any] | None = None, seconds: float | None = None, compiled: float | None = None
    ) -> None:
        """Show the finished line.

        Args:
            logs: The metrics of the epoch, those of validation among them.
            seconds: What the epoch took, compilation included; measured here if left out.
            compiled: What of it was compilation; measured here if left out.
        """
        if self.verbose == 0:
            return
        seconds = self._clock() - self._began if seconds is None else float(seconds)
        compiled = min(self._compiling() if compiled is None else compiled, seconds)
        self.steps = self.steps or self._step or None
        # Validation is part of the epoch's time, but not of what a step takes: the last update came before it.
        is_measured = self._step == self.steps and 0 < self._running < seconds - compiled
        self._running = self._running if is_measured else max(seconds - compiled, 0.0)
        self._step = self.steps or 0
        best = self._best.note(logs or {}) if self.epochs > 1 else frozenset[str]()
        facts = self._facts(logs or {})
        self._output.finish(facts._replace(seconds=seconds, compiled=compiled, best=best, is_finished=True))

    def close(self) -> None:
        """Leave the terminal or the notebook in order, wherever the run was broken off."""
        self._output.close()

    def _compiling(self) -> float:
        return self._compiled() - self._compiled_before

    def _facts(self, logs: Mapping[str, Any]) -> Facts:
        done, total, unit, counted = self._step, self.steps, "step", self._step - self._first
        if self.samples is not None and self.steps:
            total, unit = self.samples, "sample"
            done = min(self._rows or round(total * self._step / self.steps), total) if self._step else 0
            counted = round(done * counted / self._step) if self._step else 0
        # Of the samples, too, those of an earlier run count for no speed.
        rows = self._rows and round(self._rows * (self._step - self._first) / max(self._step, 1))
        return Facts(
            self.mode, self._epoch, self.epochs, done, total, unit, self._clock() - self._began, self._running,
            counted, self._compiling(), rows, logs,
        )  # fmt: skip


def checked_verbose(verbose: Any) -> int:
    """Return 0, 1 or 2.

    Raises:
        ValueError: If `verbose` is neither of them, nor "auto", True or False.

    >>> checked_verbose("auto"), checked_verbose(False)
    (1, 0)
    """
    try:
        return _VERBOSE[verbose]
    except (KeyError, TypeError):
        raise ValueError(
            f"verbose must be 'auto', 0 (silent), 1 (a progress line) or 2 (one line an epoch); got {verbose!r}."
        ) from None
