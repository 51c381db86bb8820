"""`model.summary()`: the table of a model's layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jkeras.core.settings import settings
from jkeras.core.units import format_bytes
from jkeras.display.inventory import Row, take_inventory
from jkeras.display.line import log_line
from jkeras.display.table import Table, column_widths, plain_lines, print_rich


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the layers of `model` with their output shapes and numbers of parameters.

    In a terminal the table has lines and colours if rich is installed; anywhere else, and for `print_fn`, it is plain
    ASCII text. It is as wide as its cells need, unless a width is given.

    Args:
        model: Any model; what is not built shows "?" and "0 (unbuilt)".
        line_length: Width of the table in characters; longer cells are wrapped.
        positions: Where the columns end: in characters, or as fractions of the line.
        print_fn: Called with each line instead of `print`.
        expand_nested: Whether to show the layers inside nested models, indented.
        show_trainable: Whether to show which layers are trained.
        layer_range: Names (or patterns) of the first and the last layer to show.

    Raises:
        ValueError: If `positions` does not fit the columns, or no layer fits `layer_range`.

    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> print_summary(Sequential([Dense(4, input_shape=(3,)), Dense(2)]), line_length=48)
    Model: "sequential"
    ------------------------------------------------
     Layer (type)          Output Shape     Param #
    ================================================
     dense (Dense)         (None, 4)        16
     dense_1 (Dense)       (None, 2)        10
    ------------------------------------------------
    Total params: 26 (104.00 B)
    Trainable params: 26 (104.00 B)
    Non-trainable params: 0 (0.00 B)
    """
    inventory = take_inventory(model, expand_nested, layer_range)
    headers = ["Layer (type)", "Output Shape", "Param #"]
    headers += ["Connected to"] * inventory.has_branches + ["Trainable"] * show_trainable
    rows = [_cells(row, inventory.has_branches, show_trainable) for row in inventory.rows]
    footer = [f"{name}: {count:,} ({format_bytes(size)})" for name, count, size in inventory.totals]
    table = Table(f'Model: "{inventory.name}"', headers, rows, footer)
    is_free = line_length is None and positions is None
    widths = column_widths(table, line_length, positions, least=65 if not inventory.has_branches else 80)
    if print_fn is None and not settings.interactive_logging:
        print_fn = log_line
    if print_fn is None and print_rich(table, None if is_free else widths, right_aligned=2):
        return
    for line in plain_lines(table, widths):
        (print_fn or print)(line)


def _cells(row: Row, with_connections: bool, show_trainable: bool) -> list[list[str]]:
    indent = "   " * (row.depth - 1) + "  > " if row.depth else ""
    cells = [[f"{indent}{row.name} ({row.kind})"], [row.shape], [row.count]]
    if with_connections:
        cells.append(list(row.connected) or ["-"])
    if show_trainable:
        cells.append([row.trainable])
    return cells
