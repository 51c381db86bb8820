"""Write the metrics of every epoch to a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from jkeras.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Writes one row an epoch: the epoch's number, then the metrics sorted by name; `NA` where there is none.

    Each row is on disk when the epoch is over, so a run that is killed leaves whole rows behind.

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
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: TextIO | None = None
        self._has_header = False

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the file."""
        self.on_train_end()
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        header: list[str] = []
        if self.append and path.exists():
            with path.open(newline="") as existing:
                header = next(csv.reader(existing, delimiter=self.separator), [])
        if header and header[0] == "epoch":
            self.keys = header[1:]
        elif not self.append:
            self.keys = None
        self._file = path.open("a" if self.append else "w", newline="")
        self._has_header = bool(header)

    def _opened(self) -> TextIO:
        if self._file is None:
            self.on_train_begin()
        assert self._file is not None
        return self._file

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a row."""
        logs = logs or {}
        file = self._opened()
        if self.keys is None:
            self.keys = sorted(logs)
            # Validation may begin in a later epoch (validation_freq), but the columns are fixed by the first.
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys if key != "learning_rate"]
        extra = [key for key in logs if key not in self.keys]
        if extra and self._has_header and self.append:
            raise ValueError(
                f"CSVLogger: {self.filename!r} has no column for {', '.join(extra)}. "
                f"Its columns are: epoch, {', '.join(self.keys)}. Use another file, or append=False."
            )
        writer = csv.writer(file, delimiter=self.separator, lineterminator="\n")
        if not self._has_header:
            writer.writerow(["epoch", *self.keys])
            self._has_header = True
        writer.writerow([epoch, *(_text(logs.get(key, "NA")) for key in self.keys)])
        file.flush()
        os.fsync(file.fileno())

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def state_dict(self) -> dict[str, Any]:
        """Return the columns."""
        return {"keys": self.keys}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}


def _text(value: Any) -> Any:
    """Return a number as it is, and a sequence as `"[1, 2]"`."""
    if isinstance(value, str) or np.ndim(value) == 0 or not isinstance(value, Iterable):
        return value
    return f'"[{", ".join(map(str, value))}]"'
