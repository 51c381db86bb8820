"""One line of text that is rewritten in place where that is possible, and printed once where it is not."""

from __future__ import annotations

import logging
import shutil
import sys
from typing import Any

from jkeras.core.settings import settings


class Line:
    """The last line of a stream.

    Args:
        stream: Where to write; if left out, standard output as it is now, or the log if interactive logging is off.

    Attributes:
        is_live: Whether the stream shows a line rewritten by a carriage return: a terminal or a notebook.

    >>> import io
    >>> stream = io.StringIO()
    >>> line = Line(stream)
    >>> line.rewrite("half")
    >>> line.finish("done")
    >>> stream.getvalue()
    'done\\n'
    """

    def __init__(self, stream: Any = None):
        self.stream = default_stream() if stream is None else stream
        self.is_live = _is_live(self.stream)
        self._shown = 0

    def rewrite(self, text: str) -> None:
        """Show `text`, cut to the width of the terminal, in place of what the line shows; nothing if not live."""
        if self.is_live:
            text = text[: self.width()]
            self._write("\r" + text.ljust(self._shown))
            self._shown = len(text)

    def finish(self, text: str) -> None:
        """Show `text` whole, and begin a new line."""
        if self.is_live:
            start = "\r" if self._shown else ""
            self._write(start + text.ljust(self._shown) + "\n")
        else:
            self._write(text + "\n")
        self._shown = 0

    @staticmethod
    def width() -> int:
        """Return how many characters fit on a line without wrapping."""
        return max(shutil.get_terminal_size((80, 24)).columns - 1, 10)

    def _write(self, text: str) -> None:
        """Write; what is shown must never stop a training run, so a stream that is gone is left alone."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except UnicodeEncodeError:
            self.stream.write(text.encode("ascii", "replace").decode("ascii"))
        except (OSError, ValueError, AttributeError):
            self.is_live = False


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
    return sys.stdout if settings.interactive_logging else LogStream()


def _is_live(stream: Any) -> bool:
    # IPython's stream is no terminal, but a notebook understands a carriage return.
    if type(stream).__module__.startswith("ipykernel."):
        return True
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError, OSError):
        return False
