"""What stands for standard output while a line on it is unfinished, so that others' prints do not run into the line."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable
from typing import Any


class Guard:
    """A stream that makes room for whatever is written to it; all else is that of the stream behind it.

    Args:
        stream: The stream behind it.
        make_room: Returns what is called with every text before it is written, or None.
    """

    def __init__(self, stream: Any, make_room: Callable[[], Callable[[str], None] | None]):
        self.behind = stream
        self._make_room = make_room

    @property
    def is_idle(self) -> bool:
        """Whether the line is gone."""
        return self._make_room() is None

    def write(self, text: str) -> int:
        """Make room and write."""
        make_room = self._make_room()
        if make_room is not None:
            make_room(text)
        return self.behind.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Make room and write."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


class Guards:
    """The guards of both standard streams, as far as they are terminals.

    Args:
        make_room: A method, called with every text that somebody else writes.
    """

    def __init__(self, make_room: Callable[[str], None]):
        # Weak: standard output must not keep a progress line that nobody else has any more.
        self._make_room = weakref.WeakMethod(make_room)
        self._guards: dict[str, Guard] = {}

    def put(self) -> None:
        """Stand for the streams."""
        for name in ("stdout", "stderr"):
            stream = unguarded(getattr(sys, name))
            if name not in self._guards and is_terminal(stream):
                self._guards[name] = Guard(stream, self._make_room)
                setattr(sys, name, self._guards[name])

    def take_away(self) -> None:
        """Give the streams back, but for one that somebody else has replaced meanwhile."""
        for name, guard in self._guards.items():
            if getattr(sys, name) is guard:
                setattr(sys, name, unguarded(guard.behind))
        self._guards.clear()


def unguarded(stream: Any) -> Any:
    """Return the stream behind guards whose lines are gone."""
    while isinstance(stream, Guard) and stream.is_idle:
        stream = stream.behind
    return stream


def encodes(stream: Any, text: str) -> bool:
    """Whether the encoding of a stream has all characters of a text.

    >>> from types import SimpleNamespace
    >>> encodes(SimpleNamespace(encoding="latin-1"), "\u00e9"), encodes(None, "\u00e9")
    (True, False)
    """
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def is_terminal(stream: Any) -> bool:
    """Whether a stream shows its text on a terminal.

    >>> import io
    >>> is_terminal(io.StringIO()), is_terminal(None)
    (False, False)
    """
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError, OSError):
        return False
