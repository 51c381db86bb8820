"""The progress line of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from jkeras.display.line import Line
from jkeras.display.numbers import format_count, format_logs, format_seconds

_BAR_WIDTH = 20


class Progress:
    """Shows how far a run is, how fast it goes and what the metrics are.

    In a terminal or a notebook one line an epoch is rewritten in place. Elsewhere, and with `verbose=2`, each epoch
    prints exactly one line, without control characters. Rates leave out the time that went into compilation, which is
    shown apart, once.

    Args:
        mode: "fit", "evaluate" or "predict".
        epochs: How many epochs there will be.
        steps: Steps in an epoch; None while it is unknown.
        verbose: "auto" (as 1), 0: nothing, 1: a line rewritten in place, 2: one line an epoch.
        stream: Where to; standard output if left out.

    Raises:
        ValueError: If `verbose` or `mode` is none of these.

    >>> progress = Progress("fit", epochs=10, steps=100, verbose=2)
    >>> progress.epoch_begin(2)
    >>> progress.epoch_end({"loss": 0.1234}, seconds=2.3, compile_seconds=1.3)
    Epoch 3/10 - 100/100 - 2.3s - 10ms/step - compiled in 1.3s - loss: 0.1234
    """

    def __init__(self, mode: str, epochs: int, steps: int | None, verbose: Any = "auto", stream: Any = None):
        if verbose not in ("auto", 0, 1, 2, 3):
            raise ValueError(f"verbose must be 'auto', 0, 1 or 2; got {verbose!r}.")
        if mode not in ("fit", "evaluate", "predict"):
            raise ValueError(f"mode must be 'fit', 'evaluate' or 'predict'; got {mode!r}.")
        self.mode = mode
        self.epochs = epochs
        self.steps = steps
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self._line = Line(stream)
        self._live = self.verbose == 1 and self._line.is_live
        self._reset(0)

    @property
    def is_live(self) -> bool:
        """Whether a line is rewritten while steps run, so that `update` is worth calling."""
        return self._live

    def _reset(self, epoch: int) -> None:
        self._epoch = epoch
        self._step = 0
        self._samples: int | None = None
        self._began = time.perf_counter()
        self._running = 0.0
        self._compiling = 0.0

    def epoch_begin(self, epoch: int = 0) -> None:
        """Begin an epoch (or the one line of evaluation and prediction)."""
        self._reset(epoch)
        if self._live and self.mode == "fit":
            self._line.finish(f"Epoch {epoch + 1}/{self.epochs}")

    def compiling(self, seconds: float) -> None:
        """Take note of time that went into compilation; it counts for no rate."""
        self._compiling += max(float(seconds), 0.0)

    def update(self, step: int, logs: Mapping[str, Any] | None = None, samples: int | None = None) -> None:
        """Show that `step` steps of the epoch are done.

        Args:
            step: How many steps.
            logs: The metrics so far, as floats.
            samples: How many samples these steps took.
        """
        self._step, self._samples = step, samples if samples is not None else self._samples
        self._running = time.perf_counter() - self._began - self._compiling
        if self._live:
            self._line.rewrite(self._text(logs or {}, self._running, self._compiling, None))

    def epoch_end(
        self, logs: Mapping[str, Any] | None = None, seconds: float | None = None, compile_seconds: float | None = None
    ) -> None:
        """Show the finished line.

        Args:
            logs: The metrics of the epoch, those of validation among them.
            seconds: What the epoch took, compilation included; measured here if left out.
            compile_seconds: What of it was compilation; the sum of `compiling` if left out.
        """
        if self.verbose == 0:
            return
        seconds = time.perf_counter() - self._began if seconds is None else float(seconds)
        compiled = self._compiling if compile_seconds is None else float(compile_seconds)
        self.steps = self.steps or self._step or None
        # Validation is part of the epoch's time, but not of what a step takes: the last update came before it.
        is_measured = self._step == self.steps and 0 < self._running < seconds - compiled
        stepping = self._running if is_measured else seconds - compiled
        self._step = self.steps or 0
        text = self._text(logs or {}, max(stepping, 0.0), compiled, seconds)
        if self._live:
            self._line.finish(text)
        else:
            title = f"Epoch {self._epoch + 1}/{self.epochs}" if self.mode == "fit" else self.mode.capitalize()
            self._line.finish(f"{title} - {text}")

    def _text(self, logs: Mapping[str, Any], stepping: float, compiled: float, seconds: float | None) -> str:
        """Write the line: steps, bar, time, rate, compile time, metrics; in a narrow terminal less of them."""
        total = "?" if self.steps is None else str(self.steps)
        counted = f"{self._step:>{len(total)}}/{total}"
        rate = f"{format_seconds(stepping / self._step)}/step" if self._step and stepping > 0 else ""
        compiling = f"compiled in {format_seconds(compiled)}" if compiled >= 0.05 else ""
        metrics = format_logs(logs)
        if not self._live:
            parts = [counted, format_seconds(seconds or 0.0), rate, compiling]
            return " - ".join(part for part in parts if part) + metrics
        time_text = self._remaining(stepping) if seconds is None else format_seconds(seconds)
        speed = f"{format_count(self._samples / stepping)} samples/s" if self._samples and stepping > 0 else ""
        # What a person misses least goes first where there is no room: the bar shrinks, then these one by one.
        for speed_text, compile_text in ((speed, compiling), ("", compiling), ("", "")):
            timing = " ".join(part for part in (time_text, ", ".join(filter(None, (rate, speed_text)))) if part)
            tail = " - ".join(part for part in (timing, compile_text) if part) + metrics
            room = self._line.width() - len(counted) - len(tail) - 4
            if room >= 0 or seconds is not None:
                break
        return " ".join(part for part in (counted, self._bar(min(_BAR_WIDTH, room)), tail.strip()) if part)

    def _remaining(self, stepping: float) -> str:
        if not self.steps or not self._step:
            return ""
        left = stepping / self._step * max(self.steps - self._step, 0)
        return f"ETA {format_seconds(left) if left >= 59.95 else f'{left:.0f}s'}"

    def _bar(self, width: int) -> str:
        """Draw the bar; a terminal too narrow for a useful one gets none."""
        if width < 5 or not self.steps:
            return ""
        filled = min(width * self._step // self.steps, width)
        arrow = "=" * filled if filled == width else "=" * max(filled - 1, 0) + ">" * (filled > 0)
        return f"[{arrow.ljust(width, '.')}]"
