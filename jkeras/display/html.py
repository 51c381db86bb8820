"""What notebooks show of models, layers and histories: small tables that suit light and dark pages."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from jkeras.core.config import constructor_parameters, shown
from jkeras.core.units import format_bytes
from jkeras.display.inventory import take_inventory
from jkeras.display.numbers import format_number
from jkeras.display.series import RATES, Pair, Series, caption, pairs_of

# Colours come from the page, but for those that can be read on any.
_RULE = "1px solid rgba(128,128,128,.35)"
_CELL = f"text-align:left;padding:.2em 1em .2em 0;border:0;border-bottom:{_RULE};background:none;vertical-align:top"
_NUMBER = _CELL.replace("text-align:left", "text-align:right;font-variant-numeric:tabular-nums")
_QUIET = "opacity:.65"
_COLOURS = {"training": "#2b7fc4", "validation": "#ee8f2d"}
_CURVE = (140, 26)  # of a curve in a table
_ROWS = 300  # layers that are listed
_LONGEST = 80  # characters of a value of a configuration


def _never_raises(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """What is shown must not stop what is done: where the table cannot be made, the name of the object has to do."""

    @functools.wraps(show)
    def safe(value: Any) -> str:
        try:
            return show(value)
        except Exception:
            return f"<code>{escape(object.__repr__(value))}</code>"

    return safe


@_never_raises
def model_html(model: Any) -> str:
    """Return the summary of a model as a table; a model that is not built shows what it has.

    >>> from jkeras.models import Sequential
    >>> "&lt;b&gt;" in model_html(Sequential(name="<b>"))
    True
    """
    inventory = take_inventory(model, expand_nested=True)
    headers = ["layer", "type", "output shape", "params"]
    headers += ["connected to"] * inventory.has_branches + ["trainable"]
    rows = [
        [
            f'<span style="padding-left:{1.2 * row.depth}em">{escape(row.name)}</span>', escape(row.kind),
            escape(row.shape), escape(row.count),
            *([", ".join(map(escape, row.connected))] * inventory.has_branches),
            {"Y": "yes", "N": "no"}.get(row.trainable, ""),
        ]
        for row in inventory.rows[:_ROWS]
    ]  # fmt: skip
    if len(inventory.rows) > _ROWS:
        rows.append([f"… and {len(inventory.rows) - _ROWS} more", *[""] * (len(headers) - 1)])
    optimizer = getattr(model, "optimizer", None)
    facts = [type(model).__name__, *([f"compiled with {type(optimizer).__name__}"] if optimizer is not None else [])]
    totals = "  ·  ".join(f"{name}: {count:,} ({format_bytes(size)})" for name, count, size in inventory.totals)
    return _page(inventory.name, facts, _table(headers, rows, right=(3,)) if rows else "", totals)


@_never_raises
def layer_html(layer: Any) -> str:
    """Return a layer as tables: what its configuration has that is not the default, and its weights.

    >>> from jkeras.layers import Dense
    >>> "units" in layer_html(Dense(3)), "use_bias" in layer_html(Dense(3))
    (True, False)
    """
    defaults = constructor_parameters(type(layer))
    given = {k: v for k, v in layer._given_arguments.items() if k != "name" and not _is_equal(v, defaults.get(k))}
    settings = [[escape(k), f"<code>{escape(shown(v, _LONGEST))}</code>"] for k, v in given.items()]
    weights = [
        [escape(w.path), escape(str(tuple(w.shape))), escape(str(w.dtype)), "yes" if w.trainable else "no"]
        for w in layer.weights[:_ROWS]
    ]
    tables = _table(["argument", "value"], settings) if settings else ""
    tables += _table(["weight", "shape", "dtype", "trainable"], weights) if weights else ""
    count = f"{layer.count_params():,} parameters" if weights else "no weights" if layer.built else "not built yet"
    frozen = [] if layer.trainable else ["frozen"]
    return _page(layer.name, [type(layer).__name__, count, *frozen], tables)


@_never_raises
def history_html(history: Any) -> str:
    """Return a `History` as a table: a row for each metric, with its last and best values and its curve."""
    pairs = pairs_of(history)
    if not pairs:
        return _page("History", ["no epoch has ended"], "")
    rows = [
        [
            escape(pair.name), _last(pair.training), _last(pair.validation),
            *((format_number(best[1]), f"epoch {best[0]}") if (best := pair.best()) else ("", "")),
            _curve(pair),
        ]
        for pair in pairs
    ]  # fmt: skip
    headers = ["metric", *(_coloured(role) for role in _COLOURS), "best", "", ""]
    return _page("History", [], _table(headers, rows, right=(1, 2, 3)), caption(history, pairs))


def _coloured(role: str) -> str:
    return f'<span style="color:{_COLOURS[role]}">last {role}</span>'


def _last(series: Series | None) -> str:
    return "" if series is None else format_number(series.values[-1])


def _curve(pair: Pair) -> str:
    """Draw the values of a metric, one line each for training and validation, in SVG."""
    width, height = _CURVE
    drawn = [(role, series) for role in _COLOURS if (series := getattr(pair, role)) is not None]
    points = [(e, v) for _, s in drawn for e, v in zip(s.epochs, s.values, strict=True) if math.isfinite(v)]
    if not points:
        return ""
    (left, right), (low, high) = (_range(numbers) for numbers in zip(*points, strict=True))

    def at(epoch: float, value: float) -> str:
        x = 3 + (epoch - left) / (right - left) * (width - 6)
        return f"{x:.1f},{height - 3 - (value - low) / (high - low) * (height - 6):.1f}"

    shapes = []
    for role, series in drawn:
        colour = _COLOURS["training" if pair.name in RATES else role]
        for run in _finite_runs(series):
            path = " ".join(at(e, v) for e, v in run)
            shapes.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            if len(run) == 1:
                shapes.append(_dot(path, colour))
    best = pair.best()
    if best is not None:
        shapes.append(_dot(at(*best), _COLOURS["validation" if pair.validation is not None else "training"]))
    return f'<svg width="{width}" height="{height}" role="img" style="display:block">{"".join(shapes)}</svg>'


def _dot(place: str, colour: str) -> str:
    x, y = place.split(",")
    return f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>'


def _range(numbers: Sequence[float]) -> tuple[float, float]:
    low, high = min(numbers), max(numbers)
    return (low - 0.5, high + 0.5) if low == high else (low, high)


def _finite_runs(series: Series) -> Iterable[list[tuple[int, float]]]:
    """Yield the points between values that are not finite."""
    run: list[tuple[int, float]] = []
    for point in zip(series.epochs, series.values, strict=True):
        if math.isfinite(point[1]):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _is_equal(value: Any, default: Any) -> bool:
    try:
        return bool(value is default or value == default)
    except (TypeError, ValueError):  # arrays say neither yes nor no
        return False


def _page(name: str, facts: Sequence[str], body: str, below: str = "") -> str:
    told = f' <span style="{_QUIET}">{escape("  ·  ".join(facts))}</span>' if facts else ""
    last = f'<div style="{_QUIET};font-size:.9em;padding-top:.4em">{escape(below)}</div>' if below else ""
    head = f'<div style="padding-bottom:.3em"><b>{escape(name)}</b>{told}</div>'
    return f'<div style="max-width:100%;overflow-x:auto">{head}{body}{last}</div>'


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table of cells and headers that are HTML already, some of them aligned at the right."""

    def line(tag: str, cells: Sequence[str], more: str = "") -> str:
        styles = (_NUMBER if i in right else _CELL for i in range(len(cells)))
        made = (f'<{tag} style="{style}{more}">{cell}</{tag}>' for cell, style in zip(cells, styles, strict=True))
        return f'<tr style="background:none">{"".join(made)}</tr>'

    head = line("th", headers, ";font-weight:normal")
    body = "".join(line("td", row) for row in rows)
    style = "border-collapse:collapse;border:0;margin:0 0 .4em 0;color:inherit"
    return f'<table style="{style}"><thead>{head}</thead><tbody>{body}</tbody></table>'
