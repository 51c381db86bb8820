"""Write the metrics as JSON lines."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from jkeras.callbacks.base import Logs
from jkeras.callbacks.batch_counter import steps_of_run
from jkeras.callbacks.log_file import LogFile
from jkeras.callbacks.log_values import is_json, json_text
from jkeras.callbacks.metrics_logger import MetricsLogger


class JSONLogger(MetricsLogger):
    """Writes one JSON object a line for each epoch: `pandas.read_json(path, lines=True)` reads them.

    Its keys are `epoch` (from 0), `time` (UTC, ISO 8601), `samples_per_second` (of training steps, without compilation
    and validation), and the metrics. Lines of batches have `batch` (from 0) and `step` (batches of the run so far)
    beside the epoch. JSON has no NaN and no infinity; they are written as "NaN", "Infinity" and "-Infinity", which
    `float` reads.

    A run that is killed leaves whole lines. One that is resumed has each epoch once: lines of epochs after the
    checkpoint are cut off and come again.

    Args:
        filename: The file.
        append: Whether to continue an existing file rather than to overwrite it.
        update_freq: "epoch", or a number n, to write a line for each n-th batch of the run too. The loop stops at
            each of these.

    Raises:
        ValueError: If `update_freq` is neither "epoch" nor a positive number.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> logger = JSONLogger(path)
    >>> logger.on_train_begin()
    >>> logger.on_epoch_end(0, {"loss": float("nan")})
    >>> logger.on_train_end()
    >>> path.read_text()
    '{"epoch": 0, "time": "...", "loss": "NaN"}\\n'

    Reference: https://jsonlines.org
    """

    def __init__(self, filename: Any, append: bool = False, update_freq: Any = "epoch"):
        super().__init__(update_freq)
        self.filename = os.fspath(filename)
        self.append = append
        self._file = LogFile(self.filename, append, is_json)
        self._measured: tuple[int, float] = (0, 0.0)  # samples and seconds in the record of the run so far

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin a run; the file is touched by its first line."""
        super().on_train_begin(logs)
        self._file.begin()
        self._measured = (0, 0.0)

    def log_batch(self, epoch: int, batch: int, step: int, logs: dict[str, Any]) -> None:
        """Write a line."""
        self._write({"epoch": epoch, "batch": batch, "step": step}, logs)

    def log_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Write a line."""
        self._write({"epoch": epoch}, {**self._rate(), **logs}, sync=True)

    def _rate(self) -> dict[str, float]:
        """Return the samples in a second of this epoch, if `fit` has measured them."""
        if steps_of_run(self.model) is None:
            return {}
        record = self.model._compiled.record
        samples, seconds = record.samples - self._measured[0], record.seconds - self._measured[1]
        self._measured = record.samples, record.seconds
        return {"samples_per_second": round(samples / seconds, 1)} if samples and seconds > 0 else {}

    def _write(self, place: dict[str, int], logs: dict[str, Any], sync: bool = False) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._file.write(json_text({**place, "time": now, **logs}), sync)

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave a file even if no epoch was run."""
        self._file.cut()

    def state_dict(self) -> dict[str, Any]:
        """Return how many bytes of the file belong to the run, and the counts of batches."""
        return {"size": self._file.size, **super().state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind the lines there were when `state_dict` was called."""
        super().load_state_dict(state)
        self._file.go_on(state["size"])
