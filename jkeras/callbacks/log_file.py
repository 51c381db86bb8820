"""A file that whole lines are added to while training runs."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any


class LogFile:
    """A text file that grows by whole lines, each in the file before the next is computed.

    It is touched when the first line is written, because only then is it known whether the run is a new one, or goes
    on from a checkpoint: what a run wrote after its last checkpoint is cut off, and comes again. Between two lines it
    is closed.

    Args:
        path: The file; its folder is made if it is missing.
        append: Whether a new run keeps what the file has, but for a line that was not finished.

    Attributes:
        size: The bytes of the lines that belong to the run; none of those behind.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "log.txt")
    >>> _ = path.write_text("of an earlier run")
    >>> file = LogFile(path)
    >>> file.write("one")
    >>> size = file.size
    >>> file.write("two, after the checkpoint")
    >>> file = LogFile(path)  # in a new process
    >>> file.go_on(size)  # as the checkpoint says
    >>> file.write("two")
    >>> path.read_text().split()
    ['one', 'two']
    """

    def __init__(self, path: Any, append: bool = False):
        self.path = Path(path)
        self.append = append
        self.size = 0
        self._is_cut = False  # whether the file ends with the lines of this run

    def begin(self) -> None:
        """Begin a run: nothing is written yet."""
        self.go_on(self._whole_lines() if self.append else 0)

    def go_on(self, size: int) -> None:
        """Let the next line follow the first `size` bytes."""
        self.size, self._is_cut = int(size), False

    def _whole_lines(self) -> int:
        """Return how many bytes there are up to the end of the last whole line."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - 2**16)
                file.seek(start)
                found = file.read(end - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                end = start
        return 0

    def cut(self) -> None:
        """Make the file if it is missing, and cut off what does not belong to the run."""
        if self._is_cut:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            found = file.tell()
            if found < self.size:
                warnings.warn(
                    f"{str(self.path)!r} had {self.size} bytes when the checkpoint was written, and has {found} now: "
                    "lines of the run are missing from it.",
                    stacklevel=2,
                )
                self.size = found
            file.truncate(self.size)
        self._is_cut = True

    def write(self, line: str, sync: bool = False) -> None:
        """Add a line; with `sync` it is on the disk, safe from a power cut too, when this returns."""
        self.cut()
        data = f"{line}\n".encode()
        with self.path.open("ab") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        self.size += len(data)
