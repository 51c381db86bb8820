"""From facts to a line of text: what a theme writes, and what of it there is room for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from string import Formatter
from typing import NamedTuple

from jkeras.display.facts import Facts
from jkeras.display.numbers import format_count, format_metric, format_seconds
from jkeras.display.themes import Theme
from jkeras.display.width import columns, cut, printable

# In a narrow terminal the first are kept longest. "metric" is the first of the metrics.
_KEPT_FIRST = ("count", "title", "metric", "left", "elapsed", "seconds", "metrics", "bar", "rate", "speed", "compiled")
_RANK = {name: rank for rank, name in enumerate(_KEPT_FIRST)}
_LEAST_BAR = 5
_SHOWN_COMPILATION = 0.05  # seconds; less is not worth a word


class Text(NamedTuple):
    """A line as it is measured, and as it is written: with marks of colour."""

    plain: str
    styled: str


# What stands before a field, and the field.
_Pieces = tuple[tuple[str, str | None], ...]


class _Part(NamedTuple):
    """A piece of a line; a bar has only its template until the room for it is known."""

    rank: int
    width: int
    text: Text | None
    template: str = ""


def running_line(facts: Facts, theme: Theme, width: int) -> Text:
    """Return the line of an epoch that runs; never wider than `width` columns."""
    parts = _chosen(_parts(theme.running, facts, theme), width)
    text = _joined(parts, facts, theme, width)
    return text if columns(text.plain) <= width else Text(*[cut(text.plain, width)] * 2)


def finished_line(facts: Facts, theme: Theme, width: int) -> Text:
    """Return the line of an epoch that is over: whole, with as long a bar as takes no further row."""
    parts = _parts(theme.finished, facts, theme)
    rows = -(-sum(part.width for part in parts) // width)
    return _joined(parts, facts, theme, rows * width)


def logged_line(facts: Facts, theme: Theme) -> str:
    """Return the line of an epoch where nothing is rewritten: no bar, no colours."""
    templates = theme.logged if facts.mode == "fit" else [part for part in theme.logged if "{title}" not in part]
    return "".join(part.text.plain for part in _parts(templates, facts, theme) if part.text)


def title(facts: Facts, theme: Theme) -> str:
    """Return the title of an epoch."""
    return theme.title.format(epoch=facts.epoch + 1, epochs=facts.epochs)


def mark(text: str) -> str:
    """Return `text` as a terminal shows it bold and green."""
    return f"\x1b[1;32m{text}\x1b[0m"


def metric_texts(facts: Facts, theme: Theme) -> dict[str, str]:
    """Return every metric's value as the theme writes it."""
    return {printable(name): printable(format_metric(value, theme.number)) for name, value in facts.logs.items()}


def _count(facts: Facts, theme: Theme) -> str:
    total = "Unknown" if facts.total is None else str(facts.total)
    return f"{facts.done:>{len(total)}}/{total}"


def _elapsed(facts: Facts, theme: Theme) -> str:
    return theme.seconds(facts.seconds) if facts.total is None and not facts.is_finished else ""


def _speed(facts: Facts, theme: Theme) -> str:
    return f"{format_count(facts.samples / facts.running)} samples/s" if facts.samples and facts.running > 0 else ""


def _compiled(facts: Facts, theme: Theme) -> str:
    return format_seconds(facts.compiled) if facts.is_finished and facts.compiled >= _SHOWN_COMPILATION else ""


# What the fields of a theme say of an epoch; nothing where there is nothing to say.
FIELDS: dict[str, Callable[[Facts, Theme], str]] = {
    "title": title,
    "count": _count,
    "left": lambda facts, theme: "" if facts.left is None else theme.left(facts.left),
    "elapsed": _elapsed,
    "seconds": lambda facts, theme: theme.seconds(facts.seconds) if facts.is_finished else "",
    "rate": lambda facts, theme: "" if facts.each is None else f"{theme.each(facts.each)}/{facts.unit}",
    "speed": _speed,
    "compiled": _compiled,
}


def draw_bar(facts: Facts, theme: Theme, width: int) -> str:
    """Return a bar at most `width` columns wide; nothing if that is too narrow, or the number of steps unknown.

    >>> from jkeras.display.themes import THEMES
    >>> [draw_bar(Facts("fit", done=done, total=100), THEMES["classic"], 12) for done in (0, 50, 100)]
    ['[..........]', '[====>.....]', '[==========]']
    """
    begin, done, head, ahead, end = theme.bar
    cells = min(width - len(begin) - len(end), theme.bar_width)
    if cells < _LEAST_BAR or not facts.total:
        return ""
    filled = min(cells * facts.done // facts.total, cells)
    drawn = done * (filled - 1) + (head if facts.done < facts.total else done) if filled else ""
    return begin + drawn + ahead * (cells - filled) + end


def _parts(templates: Sequence[str], facts: Facts, theme: Theme) -> list[_Part]:
    """Return the parts that have something to say, in order."""
    parts: list[_Part] = []
    for template in templates:
        pieces, rank = _parsed(template)
        if rank == _RANK["metrics"]:
            parts += _metric_parts(facts, theme)
        elif rank == _RANK["bar"]:
            width = len(template) - len("{bar}") + len(theme.bar[0]) + len(theme.bar[-1]) + _LEAST_BAR
            parts += [_Part(rank, width, None, template)] if facts.total else []
        else:
            text = _filled(pieces, facts, theme)
            if text is not None:
                parts.append(_Part(rank, columns(text), Text(text, text)))
    return parts


def _filled(pieces: _Pieces, facts: Facts, theme: Theme) -> str | None:
    """Return a template with its fields filled in; None if one of them has nothing to say."""
    text = ""
    for literal, name in pieces:
        text += literal
        if name is not None:
            value = FIELDS[name](facts, theme)
            if not value:
                return None
            text += value
    return text


def _metric_parts(facts: Facts, theme: Theme) -> list[_Part]:
    parts: list[_Part] = []
    write = theme.metric.format
    for key, (name, value) in zip(facts.logs, metric_texts(facts, theme).items()):
        text = write(name=name, value=value)
        styled = write(name=name, value=mark(value)) if key in facts.best else text
        parts.append(_Part(_RANK["metrics" if parts else "metric"], columns(text), Text(text, styled)))
    return parts


def _chosen(parts: list[_Part], width: int) -> list[_Part]:
    """Return the parts, in order, that there is room for."""
    kept, left_out = set(), set()
    for place, part in sorted(enumerate(parts), key=lambda item: item[1].rank):
        # Whatever is as important as what was left out goes too: of several metrics, the first ones stay.
        if part.rank and (part.width > width or part.rank in left_out):
            left_out.add(part.rank)
            continue
        width -= part.width
        kept.add(place)
    return [part for place, part in enumerate(parts) if place in kept]


def _joined(parts: list[_Part], facts: Facts, theme: Theme, width: int) -> Text:
    """Join the parts; the bar takes what the others leave of `width`."""
    room = width - sum(part.width for part in parts if part.text)
    plain = styled = ""
    for part in parts:
        text = part.text
        if text is None:
            bar = draw_bar(facts, theme, room - len(part.template) + len("{bar}"))
            text = Text(*[part.template.format(bar=bar) if bar else ""] * 2)
        plain += text.plain
        styled += text.styled
    return Text(plain, styled)


@functools.lru_cache(maxsize=100)
def _parsed(template: str) -> tuple[_Pieces, int]:
    """Return the pieces of a part of a theme, and how soon it is left out."""
    pieces = tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))
    return pieces, max((_RANK[name] for _, name in pieces if name is not None), default=0)
