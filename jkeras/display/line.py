"""The last line of a terminal, which is rewritten in place; and the stream that people look at."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

from jkeras.core.settings import settings
from jkeras.display.guard import Guards, unguarded
from jkeras.display.layout import Text
from jkeras.display.width import columns


class Writer:
    """Writes to a stream and never raises: what is shown must not stop a training run.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: Any):
        self.stream = stream

    def write(self, text: str) -> None:
        """Write; characters that the stream's encoding does not have become question marks."""
        try:
            try:
                self.stream.write(text)
            except UnicodeEncodeError:
                encoding = getattr(self.stream, "encoding", None) or "ascii"
                self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except (OSError, ValueError, AttributeError, LookupError):
            return


class Line(Writer):
    """The last line of a terminal.

    What others print meanwhile is written above it, until `leave`.

    Args:
        stream: The terminal.

    >>> import io
    >>> stream = io.StringIO()
    >>> line = Line(stream)
    >>> line.rewrite(Text("almost", "almost"))
    >>> line.finish(Text("done", "done"))
    >>> line.leave()
    >>> stream.getvalue()
    '\\ralmost\\rdone  \\n'
    """

    def __init__(self, stream: Any):
        super().__init__(stream)
        self.has_colours = _has_colours()
        self._waiting: list[Callable[[], Text]] = []  # finished lines that are still to be written
        self._shown = 0
        self._is_written_on = False  # by somebody else, who has not ended the line
        self._guards = Guards(self._make_room)

    def rewrite(self, text: Text) -> None:
        """Show `text`, which must not be wider than the terminal, in place of what the line shows."""
        self.write(self._finished() + self._begin() + self._over(text))
        self._shown = columns(text.plain)
        self._guards.put()

    def finish(self, text: Text) -> None:
        """Show `text` whole, and begin a new line."""
        self.write(self._finished() + self._ended(text))

    def finish_later(self, make: Callable[[], Text]) -> None:
        """Show the text that `make` returns as `finish` does, as soon as something else is written, by anybody."""
        self._waiting.append(make)
        self._guards.put()

    def leave(self) -> None:
        """Write what waits, and begin a new line if this one is unfinished; what it shows stays."""
        self._guards.take_away()
        text = self._finished()
        if self._shown or self._is_written_on:
            text += "\n"
        if text:
            self.write(text)
        self._shown, self._is_written_on = 0, False

    def width(self) -> int:
        """Return how many columns a line may take without wrapping, as the terminal is now."""
        try:
            known = os.get_terminal_size(self.stream.fileno()).columns
        except (AttributeError, ValueError, OSError):
            known = 0
        return max((known or shutil.get_terminal_size((80, 24)).columns) - 1, 10)

    def _finished(self) -> str:
        """Return the lines that wait, as they are written."""
        waiting, self._waiting = self._waiting, []
        return "".join([self._ended(make()) for make in waiting])

    def _ended(self, text: Text) -> str:
        begin = self._begin() if self._shown or self._is_written_on else ""
        line = begin + self._over(text) + "\n"
        self._shown = 0
        return line

    def _begin(self) -> str:
        begin = "\n" if self._is_written_on else "\r" + self._folded()
        self._is_written_on = False
        return begin

    def _folded(self) -> str:
        """Return what clears a line that a narrower terminal has folded into several."""
        rows = -(-self._shown // (self.width() + 1))
        if rows < 2 or not self.has_colours:
            return ""
        self._shown = 0
        return f"\x1b[{rows - 1}A\x1b[J"

    def _over(self, text: Text) -> str:
        """Return `text` with spaces over the rest of what is shown, as far as the terminal is wide now."""
        spaces = " " * (min(self._shown, self.width()) - columns(text.plain)) if self._shown else ""
        return (text.styled if self.has_colours else text.plain) + spaces

    def _make_room(self, text: str) -> None:
        """Clear the line: somebody else is about to write."""
        if not text:
            return
        room = self._finished()
        if self._shown:
            room += "\r" + " " * min(self._shown, self.width()) + "\r"
            self._shown = 0
        if room:
            self.write(room)
        self._is_written_on = not text.endswith(("\n", "\r"))


def log_line(text: str) -> None:
    """Log one line to the logger "jkeras", at level INFO."""
    logging.getLogger("jkeras").info("%s", text)


class LogStream:
    """A stream whose lines go to the logger "jkeras", at level INFO."""

    def __init__(self) -> None:
        self._begun = ""

    def write(self, text: str) -> int:
        """Log every line that is complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            log_line(line)
        return len(text)

    def flush(self) -> None:
        """Lines are logged as soon as they are complete."""


def default_stream() -> Any:
    """Return where people look: standard output, or the log after `config.disable_interactive_logging()`."""
    return unguarded(sys.stdout) if settings.interactive_logging else LogStream()


def _has_colours() -> bool:
    """Whether marks of colour may be written: not if https://no-color.org is asked for, or the terminal knows none."""
    if os.environ.get("NO_COLOR"):
        return False
    # On Windows TERM is not set, and the new terminal says so by this.
    return os.environ.get("TERM", "") not in ("", "dumb") or "WT_SESSION" in os.environ
