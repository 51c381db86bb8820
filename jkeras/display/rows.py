"""Epochs as rows of a table beneath a header: for the theme "table" and for notebooks."""

from __future__ import annotations

from typing import NamedTuple

from jkeras.display.facts import Facts
from jkeras.display.layout import FIELDS, Text, mark, metric_texts
from jkeras.display.numbers import format_seconds
from jkeras.display.themes import Theme
from jkeras.display.width import columns, pad, printable

_GAP = "  "
_LEAST = 8  # columns for a metric: a number and the mark behind it
_BEST = "*"


class Row(NamedTuple):
    """An epoch: what stands in which column, which metrics are the best so far, and what else is to be said."""

    cells: dict[str, str]
    best: frozenset[str]
    note: str = ""


def row_of(facts: Facts, theme: Theme) -> Row:
    """Return the row of an epoch that is over: its number, its metrics, the time it took.

    >>> from jkeras.display.themes import THEMES
    >>> row_of(Facts("fit", 2, 10, seconds=55, logs={"loss": 0.25}, is_finished=True), THEMES["table"]).cells
    {'epoch': '3/10', 'loss': '0.2500', 'time': '55.0s'}
    """
    cells = {"epoch": f"{facts.epoch + 1}/{facts.epochs}", **metric_texts(facts, theme)}
    compiled = FIELDS["compiled"](facts, theme)
    note = f"compiled in {compiled}" if compiled else ""
    return Row({**cells, "time": format_seconds(facts.seconds)}, frozenset(map(printable, facts.best)), note)


class TableLines:
    """The lines of a table that grows: a header once, and again if there is a new column; a line a row.

    Args:
        epochs: How many rows there will be, which says how wide the first column is.

    >>> lines = TableLines(epochs=2)
    >>> for text in lines.of(Row({"epoch": "1/2", "loss": "0.2500", "time": "55s"}, frozenset(["loss"])), 80):
    ...     print(text.plain)
    epoch      loss    time
    -----  --------  ------
      1/2   0.2500*     55s
    """

    def __init__(self, epochs: int):
        self._epochs = epochs
        self._widths: dict[str, int] = {}
        self._known: set[str] = set()

    def of(self, row: Row, width: int | None) -> list[Text]:
        """Return the lines to write for a row, none wider than `width` where that is given."""
        lines = []
        if not self._known.issuperset(row.cells) or (width is not None and self._needed() > width):
            self._known.update(row.cells)
            self._widths = self._chosen(row, width)
            header = _GAP.join(pad(name, room, right=True) for name, room in self._widths.items())
            rule = _GAP.join("-" * room for room in self._widths.values())
            lines = [Text(header, header), Text(rule, rule)]
        return [*lines, self._line(row, width)]

    def _needed(self) -> int:
        return sum(self._widths.values()) + len(_GAP) * (len(self._widths) - 1)

    def _chosen(self, row: Row, width: int | None) -> dict[str, int]:
        """Return the columns there is room for: the first metric of training and of validation matter most."""
        last = [name for name in ("time",) if name in self._known]
        names = [*(name for name in self._widths if name not in last), *row.cells]
        names = [name for name in dict.fromkeys(names) if name not in last] + last
        wide = {name: max(columns(name), self._least(name), columns(row.cells.get(name, ""))) for name in names}
        if width is None:
            return wide
        validated = next((name for name in names if name.startswith("val_")), None)
        by_rank = sorted(names, key=lambda name: (name not in names[:2], name != validated, name != "time"))
        kept: list[str] = []
        room = width
        for name in by_rank:
            if kept and wide[name] + len(_GAP) > room:
                break
            room -= wide[name] + len(_GAP) * bool(kept)
            kept.append(name)
        return {name: wide[name] for name in names if name in kept}

    def _least(self, name: str) -> int:
        if name == "epoch":
            return 2 * len(str(self._epochs)) + 1
        return 6 if name == "time" else _LEAST

    def _line(self, row: Row, width: int | None) -> Text:
        plain, styled = [], []
        for name, room in self._widths.items():
            cell = row.cells.get(name, "")
            is_best = name in row.best
            shown = cell + (_BEST if is_best else " " if name not in ("epoch", "time") else "")
            spaces = " " * max(room - columns(shown), 0)
            plain.append(spaces + shown)
            styled.append(spaces + (mark(shown) if is_best else shown))
        if row.note and (width is None or self._needed() + len(_GAP + row.note) <= width):
            plain.append(row.note)
            styled.append(row.note)
        return Text(_GAP.join(plain).rstrip(), _GAP.join(styled).rstrip())
