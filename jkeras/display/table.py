"""Tables of text: plain, or through rich in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jkeras.display.guard import encodes, is_terminal
from jkeras.display.width import columns, cut, pad


class Table(NamedTuple):
    """A title, headers, rows of cells (a cell is one or several lines) and lines below."""

    title: str
    headers: list[str]
    rows: list[list[list[str]]]
    footer: list[str]


def column_widths(table: Table, line_length: int | None, positions: Sequence[float] | None, least: int) -> list[int]:
    """Return the width of every column, gaps included.

    By itself a table is as wide as its cells need, and at least `least`. With `line_length` or `positions` (where the
    columns end, absolute or as fractions of the line) it is as asked, and cells are wrapped.
    """
    needed = [
        max(columns(header), *(columns(line) for row in table.rows for line in row[i]), 0) + 2
        for i, header in enumerate(table.headers)
    ]
    if positions is not None:
        ends = list(positions)
        if len(ends) != len(needed):
            raise ValueError(f"positions needs one number for each of the columns {table.headers}; got {positions}.")
        if ends[-1] <= 1:
            total = line_length or max(least, sum(needed))
            ends = [round(total * end) for end in ends]
        widths = [int(end - start) for start, end in zip([0, *ends], ends, strict=False)]
        if min(widths) < 3:
            raise ValueError(f"positions must grow, and leave each column 3 characters at least; got {positions}.")
        return widths
    total = sum(needed)
    if line_length is None:
        wanted = max(least, total)
    else:
        wanted = max(int(line_length), 4 * len(needed))
    if wanted >= total:
        # What is left over goes to the names and the shapes.
        spare = wanted - total
        needed[0] += spare - spare // 2
        needed[1] += spare // 2
        return needed
    # Too little room: take it from the widest columns, whose cells are wrapped.
    while sum(needed) > wanted:
        needed[needed.index(max(needed))] -= 1
    return needed


def wrap(lines: Sequence[str], width: int) -> list[str]:
    """Break lines at `width`: after a space, or else after an underscore or slash in the second half, or anywhere.

    >>> wrap(["a_long_name (Dense)"], 12)
    ['a_long_name ', '(Dense)']
    """
    wrapped = []
    for line in lines:
        while columns(line) > width:
            fits = cut(line, width) or line[:1]  # one wide character may be more than the width
            indent = len(line) - len(line.lstrip(" >"))
            end = fits.rfind(" ", indent) + 1 or max(fits.rfind(mark, len(fits) // 2) for mark in "_/") + 1 or len(fits)
            wrapped.append(line[:end])
            line = line[end:]
            if not line:
                break
        else:
            wrapped.append(line)
    return wrapped


def plain_lines(table: Table, widths: list[int]) -> Iterator[str]:
    """Yield the lines of the table in ASCII characters.

    >>> table = Table("T", ["a", "b"], [[["x"], ["1", "2"]]], ["end"])
    >>> for line in plain_lines(table, [4, 4]):
    ...     print(line.rstrip())
    T
    --------
     a   b
    ========
     x   1
         2
    --------
    end
    """
    total = sum(widths)
    yield table.title
    yield "-" * total
    yield _line(table.headers, widths)
    yield "=" * total
    for row in table.rows:
        cells = [wrap(cell, width - 2) for cell, width in zip(row, widths, strict=True)]
        for i in range(max(map(len, cells))):
            yield _line([cell[i] if i < len(cell) else "" for cell in cells], widths)
    yield "-" * total
    yield from table.footer


def _line(cells: Sequence[str], widths: list[int]) -> str:
    return "".join(f" {pad(cell, width - 1)}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def print_rich(table: Table, widths: list[int] | None, right_aligned: int, least: int = 65) -> bool:
    """Print the table with lines and colours; return False if standard output or the installation does not allow it.

    Without `widths` it is as wide as its cells need, at least `least`, and fits into the terminal.
    """
    if not (is_terminal(sys.stdout) and encodes(sys.stdout, "\u2501")):
        return False
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text
    except ImportError:
        return False
    console = Console(highlight=False, soft_wrap=False)
    lines = len(table.headers) + 1
    if widths is None:
        room = console.width - lines
        widths = column_widths(table, None, None, min(least - lines, room))
        if sum(widths) > room:
            widths = column_widths(table, room, None, 0)
        inner = [max(width - 2, 1) for width in widths]
    else:
        inner = [max(width - 3, 1) for width in widths]
    drawn = RichTable(box=box.HEAVY_HEAD, show_lines=True)
    for i, header in enumerate(table.headers):
        justify = "right" if i == right_aligned else "left"
        drawn.add_column(Text(header, "bold"), justify=justify, overflow="fold", width=inner[i])
    for row in table.rows:
        cells = ("\n".join(wrap(cell, width)) for cell, width in zip(row, inner, strict=True))
        drawn.add_row(*(Text(cell, _STYLES[i]) for i, cell in enumerate(cells)))
    console.print(Text(table.title, "bold"))
    console.print(drawn)
    for line in table.footer:
        console.print(Text(f" {line}", "bold"))
    return True


_STYLES: Sequence[str] = ("cyan", "green", "green", "", "")
