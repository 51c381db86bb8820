"""A file that whole lines are added to while training runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jkeras.core import blame


class LogFile:
    """A text file that grows by whole lines, each in the file before the next is computed.

    It is touched when the first line is written, because only then is it known whether the run is a new one, or goes
    on from a checkpoint: what a run wrote after its last checkpoint is cut off, and comes again. Between two lines it
    is closed.

    Args:
        path: The file; its folder is made if it is missing.
        append: Whether a new run keeps what the file has.
        is_whole: `f(line)`: whether a last line without an end, which somebody may have been killed in, is kept.

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

    def __init__(self, path: Any, append: bool = False, is_whole: Callable[[str], bool] = lambda line: True):
        self.path = Path(path)
        self.append = append
        self.is_whole = is_whole
        self.size = 0
        self._is_cut = False  # whether the file ends with the lines of this run

    def begin(self) -> None:
        """Begin a run: nothing is written yet."""
        self.go_on(self._whole_lines() if self.append else 0)

    def go_on(self, size: int) -> None:
        """Let the next line follow the first `size` bytes."""
        self.size, self._is_cut = int(size), False

    def _whole_lines(self) -> int:
        """Return how many bytes the whole lines of the file have."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            size = end = file.seek(0, os.SEEK_END)
            rest = b""
            while end and b"\n" not in rest:
                start = max(0, end - 2**16)
                file.seek(start)
                rest, end = file.read(end - start) + rest, start
        last = rest[rest.rfind(b"\n") + 1 :]
        return size if self.is_whole(last.decode(errors="replace")) else size - len(last)

    def cut(self) -> None:
        """Make the file if it is missing, and cut off what does not belong to the run."""
        if self._is_cut:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            found = file.tell()
            if found < self.size:
                blame.warn(
                    f"{str(self.path)!r} had {self.size} bytes when the checkpoint was written, and has {found} now: "
                    "lines of the run are missing from it.",
                )
                self.size = found
            file.truncate(self.size)
        self._is_cut = True
        if self.size:
            with self.path.open("rb") as file:
                file.seek(self.size - 1)
                is_ended = file.read() == b"\n"
            if not is_ended:
                self.write("")

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
