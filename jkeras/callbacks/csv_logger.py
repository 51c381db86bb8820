"""Write the metrics of every epoch to a CSV file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.log_file import LogFile


class CSVLogger(Callback):
    """Writes one row an epoch: the epoch's number, then the metrics sorted by name; `NA` where there is none.

    Each row is on disk when the epoch is over, so a run that is killed leaves whole rows behind. A run that is resumed
    ends with the file of one that was never killed: rows of epochs after the checkpoint are cut off and come again.

    Args:
        filename: The file.
        separator: What stands between the columns.
        append: Whether to continue an existing file, in its columns, rather than to overwrite it.

    Raises:
        ValueError: In training, if `append` continues a file that has no column for a metric.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> logger = CSVLogger(path)
    >>> logger.on_train_begin()
    >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
    >>> logger.on_train_end()
    >>> print(path.read_text().strip())
    epoch,loss,val_loss
    0,0.5,0.75

    Reference: https://keras.io/api/callbacks/csv_logger
    """

    writes_alone = True

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file = LogFile(self.filename, append, self._has_all_columns)
        self._is_begun = False

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin a run; the file is touched by its first row."""
        self._file.begin()
        self._is_begun = True
        header = self._header() if self._file.size else []
        if header and header[0] == "epoch":
            self.keys = header[1:]
        elif not self.append:
            self.keys = None

    def _header(self) -> list[str]:
        with self._file.path.open(newline="") as existing:
            return next(csv.reader(existing, delimiter=self.separator), [])

    def _has_all_columns(self, row: str) -> bool:
        cells = next(csv.reader([row], delimiter=self.separator), [])
        return not cells or len(cells) == len(self._header())

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a row."""
        logs = logs or {}
        if not self._is_begun:
            self.on_train_begin()
        if self.keys is None:
            self.keys = sorted(logs)
            # Validation may begin in a later epoch (validation_freq), but the columns are fixed by the first.
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys if key != "learning_rate"]
        has_header = self._file.size > 0
        extra = [key for key in logs if key not in self.keys]
        if extra and has_header and self.append:
            raise ValueError(
                f"CSVLogger: {self.filename!r} has no column for {', '.join(extra)}. "
                f"Its columns are: epoch, {', '.join(self.keys)}. Use another file, or append=False."
            )
        if not has_header:
            self._file.write(self._row(["epoch", *self.keys]))
        self._file.write(self._row([epoch, *(_text(logs.get(key, "NA")) for key in self.keys)]), sync=True)

    def _row(self, cells: list[Any]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator="").writerow(cells)
        return text.getvalue()

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave a file even if no epoch was run."""
        if self._is_begun:
            self._file.cut()
        self._is_begun = False

    def state_dict(self) -> dict[str, Any]:
        """Return the columns, and how many bytes of the file belong to the run."""
        return {"keys": self.keys, "size": self._file.size}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind the rows there were when `state_dict` was called."""
        self.keys = None if state["keys"] is None else list(state["keys"])
        self._file.go_on(state["size"])


def _text(value: Any) -> Any:
    """Return a number as it is, and a sequence as `"[1, 2]"`."""
    if isinstance(value, str) or np.ndim(value) == 0 or not isinstance(value, Iterable):
        return value
    return f'"[{", ".join(map(str, value))}]"'
