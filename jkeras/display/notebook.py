"""Progress in a notebook: one output, a bar above a table with a row an epoch, updated in place."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from jkeras.display.facts import Facts
from jkeras.display.layout import FIELDS, logged_line, metric_texts, title
from jkeras.display.numbers import format_seconds
from jkeras.display.pace import Pace
from jkeras.display.rows import Row, row_of
from jkeras.display.themes import Theme

REDRAW = 0.2  # seconds: the whole output travels to the browser each time
_SHOWN_ROWS = 100  # the last ones, and the best before them
_FONT = "font-family:var(--jp-code-font-family,monospace);font-size:90%"
_BEST = "font-weight:bold;color:#1a9850"
_CELL = "text-align:right;padding:1px 10px"
# A box that is scrolled to its end, where the last epoch is, beneath a header that stays.
_BOX = "display:flex;flex-direction:column-reverse;max-height:30em;overflow:auto"
_PAPER = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"
_HEAD = f"{_CELL};position:sticky;top:0;background:{_PAPER}"

# Shows a mimebundle, in place of the one before.
Show = Callable[[dict[str, str]], None]


class Notebook:
    """A notebook's output: HTML for those who show it, and the same as text.

    Args:
        theme: How figures are written.
        pace: Says when the output is to be updated.
        show: Shows a mimebundle in place of the one before; in the output of the cell that runs if left out.

    >>> from jkeras.display.themes import THEMES
    >>> output = Notebook(THEMES["classic"], Pace(None, lambda: 0.0), lambda bundle: print(bundle["text/plain"]))
    >>> output.finish(Facts("fit", 0, 1, 10, 10, seconds=2.0, logs={"loss": 0.25}, is_finished=True))
    Epoch 1/1 - 10/10 - 2s - loss: 0.2500
    """

    is_live = True

    def __init__(self, theme: Theme, pace: Pace, show: Show | None = None):
        self.pace = pace
        self.theme = theme
        self._show = show or _displayed()
        self._facts: Facts | None = None
        self._rows: list[Row] = []
        self._lines: list[str] = []
        self._columns: dict[str, None] = {}
        self._seconds = self._compiled = 0.0
        self._is_shown = self._is_waiting = self._is_closed = False

    def begin(self, facts: Facts) -> None:
        """Take note of the epoch; the first is shown at once."""
        self._facts = facts
        if not self._is_shown:
            self._update()

    def draw(self, facts: Facts) -> None:
        """Show how far it is."""
        self._facts = facts
        self._update()

    def finish(self, facts: Facts) -> None:
        """Add the row of the epoch; it is shown when that is due, or at the end."""
        self._facts = facts
        self._seconds += facts.seconds
        self._compiled += facts.compiled
        if facts.mode == "fit":
            row = row_of(facts, self.theme)
            self._rows.append(row)
            self._columns.update(dict.fromkeys(name for name in row.cells if name != "time"))
        self._lines.append(logged_line(facts, self.theme))
        self._is_waiting = True
        if facts.epoch + 1 >= facts.epochs or self.pace.is_due():
            self._update()

    def close(self) -> None:
        """Show what has not been shown, and that nothing runs any more."""
        self._is_closed = True
        if self._is_waiting or (self._facts is not None and not self._facts.is_finished):
            self._update()

    def _update(self) -> None:
        self.pace.note()
        self._is_waiting, self._is_shown = False, True
        self._show({"text/html": self._html(), "text/plain": self._text()})

    def _text(self) -> str:
        lines = self._lines[-_SHOWN_ROWS:]
        running = self._facts is not None and not self._facts.is_finished
        return "\n".join([*lines, logged_line(self._facts, self.theme)] if running and self._facts else lines)

    def _html(self) -> str:
        return f'<div style="{_FONT}">{self._bar()}{self._table()}</div>'

    def _bar(self) -> str:
        facts = self._facts
        assert facts is not None
        if facts.is_finished and facts.mode == "fit":
            compiled = f", of which {format_seconds(self._compiled)} compiling" if self._compiled >= 0.05 else ""
            done = f"{facts.epoch + 1} of {facts.epochs} epochs" if facts.epochs > 1 else "1 epoch"
            return f"<div>{done} in {format_seconds(self._seconds)}{compiled}</div>"
        words = [title(facts, self.theme)] if facts.mode == "fit" else []
        for name, form in (("count", "{}"), ("left", "ETA: {}"), ("elapsed", "{}"), ("seconds", "{}"), ("rate", "{}")):
            said = FIELDS[name](facts, self.theme)
            words += [form.format(said.strip())] if said else []
        words += [f"{name}: {value}" for name, value in metric_texts(facts, self.theme).items()]
        said = html.escape(" - ".join(words))
        if facts.is_finished or self._is_closed:
            return f"<div>{said if facts.is_finished else f'Stopped: {said}'}</div>"
        extent = f' value="{facts.done}" max="{facts.total}"' if facts.total else ""
        return f'<div><progress{extent} style="width:20em;vertical-align:middle"></progress> {said}</div>'

    def _table(self) -> str:
        if not self._rows:
            return ""
        names = [*self._columns, "time"]
        best = {name: row for row in self._rows for name in row.best}  # the last one that was the best so far
        hidden = self._rows[:-_SHOWN_ROWS]
        shown = [row for row in hidden if any(row is other for other in best.values())] + self._rows[-_SHOWN_ROWS:]
        head = "".join(f'<th style="{_HEAD}">{html.escape(name)}</th>' for name in names)
        body = "".join(f"<tr>{''.join(_cell(row, name, best) for name in names)}</tr>" for row in shown)
        note = _best_line(best)
        note += f"<div>{len(hidden)} earlier epochs are not shown, but for the best.</div>" if hidden else ""
        table = f'<table style="border-collapse:collapse;margin:0 auto 0 0"><tr>{head}</tr>{body}</table>'
        return f'{note}<div style="{_BOX}"><div>{table}</div></div>'


def _best_line(best: dict[str, Row]) -> str:
    found = (f"{name}: {row.cells[name]} (epoch {row.cells['epoch']})" for name, row in best.items())
    return f"<div>best {html.escape(', '.join(found))}</div>" if best else ""


def _cell(row: Row, name: str, best: dict[str, Row]) -> str:
    style = f"{_CELL};{_BEST}" if best.get(name) is row else _CELL
    return f'<td style="{style}">{html.escape(row.cells.get(name, ""))}</td>'


def _displayed() -> Show:
    """Return what shows a mimebundle in the output of the cell that runs now."""
    from IPython.display import display  # there is one wherever there is a kernel

    handle: Any = None

    def show(bundle: dict[str, str]) -> None:
        nonlocal handle
        if handle is None:
            handle = display(bundle, raw=True, display_id=True)
        else:
            handle.update(bundle, raw=True)

    return show
