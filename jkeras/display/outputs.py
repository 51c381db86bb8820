"""Where progress is shown: a terminal, in which a line is rewritten, or a file, to which lines are added."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from jkeras.core.settings import settings
from jkeras.display.facts import Facts
from jkeras.display.guard import encodes, is_terminal
from jkeras.display.layout import Text, finished_line, logged_line, running_line, title
from jkeras.display.line import Line, Writer
from jkeras.display.pace import REDRAW, Pace
from jkeras.display.rows import TableLines, row_of
from jkeras.display.themes import THEMES, Theme


class Output(Protocol):
    """Where progress is shown.

    Attributes:
        pace: Says when `draw` is to be called.
        is_live: Whether somebody watches an epoch run.
    """

    pace: Pace
    is_live: bool

    def begin(self, facts: Facts) -> None:
        """Show that an epoch begins."""

    def draw(self, facts: Facts) -> None:
        """Show how far it is."""

    def finish(self, facts: Facts) -> None:
        """Show that it is over."""

    def close(self) -> None:
        """Leave everything as others expect to find it, wherever it was broken off."""


class Nowhere:
    """For `verbose=0`."""

    is_live = False

    def __init__(self) -> None:
        self.pace = Pace(None, time.perf_counter)

    def begin(self, facts: Facts) -> None:
        """Show nothing."""

    draw = finish = begin

    def close(self) -> None:
        """There is nothing to leave."""


class Terminal:
    """A terminal: the line of an epoch is rewritten while it runs.

    Args:
        stream: The terminal.
        theme: How lines are written.
        epochs: How many there will be.
        pace: Says when the line is to be rewritten.
    """

    is_live = True

    def __init__(self, stream: Any, theme: Theme, epochs: int, pace: Pace):
        self.pace = pace
        self.line = Line(stream)
        self.theme = _drawable(theme, stream)
        self._table = TableLines(epochs) if theme.is_table else None
        self._is_fast = False

    def begin(self, facts: Facts) -> None:
        """Write the title."""
        if facts.mode == "fit" and self._table is None:
            self._write(lambda: Text(*[title(facts, self.theme)] * 2))
        if not self._is_fast:
            self.pace.note()

    def draw(self, facts: Facts) -> None:
        """Rewrite the line."""
        self.pace.note()
        self.line.rewrite(running_line(facts, self.theme, self.line.width()))

    def finish(self, facts: Facts) -> None:
        """Write what stays."""
        self._is_fast = facts.mode == "fit" and facts.epochs > 1 and facts.seconds < REDRAW
        if facts.mode == "fit" and self._table is not None:
            for text in self._table.of(row_of(facts, self.theme), self.line.width()):
                self._write(lambda text=text: text)
        else:
            self._write(lambda: finished_line(facts, self.theme, self.line.width()))

    def _write(self, make: Callable[[], Text]) -> None:
        """Write a line that stays; after a short epoch it waits for others, for a write takes as long as many steps."""
        if self._is_fast and not self.pace.is_due():
            self.line.finish_later(make)
        else:
            self.pace.note()
            self.line.finish(make())

    def close(self) -> None:
        """Put the cursor on a new line."""
        self.line.leave()


class Log:
    """A file, a pipe, a log: one line an epoch, and one from time to time while a long one runs.

    Args:
        stream: Where to.
        theme: How lines are written.
        epochs: How many there will be.
        pace: Says when a line is due while an epoch runs.
    """

    is_live = False

    def __init__(self, stream: Any, theme: Theme, epochs: int, pace: Pace):
        self.pace = pace
        self.theme = theme
        self._writer = Writer(stream)
        self._table = TableLines(epochs) if theme.is_table else None

    def begin(self, facts: Facts) -> None:
        """Write nothing: the line of the epoch has its title."""
        self.pace.note()

    def draw(self, facts: Facts) -> None:
        """Write how far the epoch is, unless the line of its end is next."""
        self.pace.note()
        if facts.done != facts.total:
            self._writer.write(logged_line(facts, self.theme) + "\n")

    def finish(self, facts: Facts) -> None:
        """Write the line of the epoch."""
        for line in self._lines(facts):
            self._writer.write(line + "\n")

    def _lines(self, facts: Facts) -> Iterator[str]:
        if facts.mode == "fit" and self._table is not None:
            yield from (text.plain for text in self._table.of(row_of(facts, self.theme), None))
        else:
            yield logged_line(facts, self.theme)

    def close(self) -> None:
        """Every line is whole."""


def output_for(
    stream: Any, verbose: int, theme: Theme, epochs: int, clock: Callable[[], float] = time.perf_counter
) -> Output:
    """Return where progress is shown.

    Args:
        stream: Where people look.
        verbose: 0: nowhere, 1: a line rewritten if the stream can, 2: one line an epoch.
        theme: How it is written.
        epochs: How many epochs there will be.
        clock: Says what time it is, in seconds.
    """
    if verbose == 0:
        return Nowhere()
    if verbose == 1 and theme.is_rewritten:
        # IPython's stream is no terminal, but whoever looks at it has a notebook in front of him.
        if type(stream).__module__.startswith("ipykernel."):
            from jkeras.display.notebook import REDRAW as NOTEBOOK_REDRAW
            from jkeras.display.notebook import Notebook

            return Notebook(theme, Pace(NOTEBOOK_REDRAW, clock))
        if is_terminal(stream):
            return Terminal(stream, theme, epochs, Pace(REDRAW, clock))
    return Log(stream, theme, epochs, Pace(settings.log_interval if verbose == 1 else None, clock))


def _drawable(theme: Theme, stream: Any) -> Theme:
    """Return the theme, with the classic bar where the stream's encoding has no characters for its own."""
    return theme if encodes(stream, "".join(theme.bar)) else theme._replace(bar=THEMES["classic"].bar)
