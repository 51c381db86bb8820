"""The members of a population as a table: the best ones, the median and the worst."""

from __future__ import annotations

from typing import Any

import numpy as np


def results_table(rows: list[dict[str, Any]], values: np.ndarray, best: int, metric: str | None, count: int) -> str:
    """Return lines of text.

    Args:
        rows: A dictionary for each member, all with the same keys.
        values: What members are compared by.
        best: The number of the best member, which tells the direction.
        metric: The name of what they are compared by.
        count: How many of the best are shown.

    >>> rows = [{"member": i, "loss": loss} for i, loss in enumerate([0.5, 0.25, 1.0])]
    >>> print(results_table(rows, np.array([0.5, 0.25, 1.0]), 1, "loss", 1))
            member  loss
    best         1  0.25
    median       0   0.5
    worst        2   1.0
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    sign = 1 if values[best] == np.nanmin(finite) else -1
    order = np.argsort(np.where(np.isfinite(values), sign * values, np.inf), kind="stable").tolist()
    shown = [("best" if place == 0 else f"{place + 1}.", member) for place, member in enumerate(order[:count])]
    if len(order) > count:
        shown += [("median", order[len(order) // 2]), ("worst", order[-1])]
    names = list(rows[0])
    lines = [["", *names], *([label, *(_text(rows[member][name]) for name in names)] for label, member in shown)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        line[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        for line in lines
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return (
            np.format_float_positional(value, 4, unique=True, fractional=False, trim="0")
            if _is_handy(value)
            else f"{value:.3g}"
        )
    return str(value)


def _is_handy(value: float) -> bool:
    return value == 0 or 1e-4 <= abs(value) < 1e6
