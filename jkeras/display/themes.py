"""Themes: how progress is written, as rows of a table; which one is used; and themes of your own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from jkeras.core.errors import nearest
from jkeras.core.settings import settings
from jkeras.display.numbers import (
    classic_each,
    classic_left,
    classic_number,
    classic_seconds,
    format_number,
    format_seconds,
)

FIELD_NAMES = ("title", "count", "bar", "left", "elapsed", "seconds", "rate", "speed", "metrics", "compiled")


class Theme(NamedTuple):
    """How progress is written.

    A line is a tuple of parts. In their braces they take `title`, `count` (steps done and in all), `bar`, `left` (time
    left), `elapsed` (time so far, if the time left is unknown), `seconds` (what the epoch took), `rate` (time of a
    step), `speed` (samples a second), `metrics` and `compiled` (time of compilation). A part in which one of them has
    nothing to say is left out, and so is what a narrow terminal has no room for.

    Attributes:
        name: What it is chosen by.
        title: Stands above the line of an epoch, or as `title` in it; takes `epoch` and `epochs`.
        running: The line that is rewritten while an epoch runs.
        finished: The line that stays.
        logged: The line of an epoch in a log file, a pipe, and with `verbose=2`; without "bar".
        bar: Five texts, or a text of five characters: the left end, what is done, its head, what is to come, the
            right end.
        bar_width: Cells between the ends; fewer in a narrow terminal.
        metric: How one metric is written; takes `name` and `value`.
        number, seconds, left, each: How values, durations, the time left and the time of a step are written:
            functions of a number, or of seconds, that return a text.
        is_table: Whether each epoch is a row beneath a header, instead of a line.
        is_rewritten: Whether anything is shown while an epoch runs.

    >>> from jkeras import display
    >>> mine = display.THEMES["classic"]._replace(name="mine", bar="(#> )", bar_width=20)
    >>> display.register_theme(mine)
    >>> with display.use_theme("mine"):
    ...     display.current_theme().bar
    '(#> )'
    >>> del display.THEMES["mine"]
    """

    name: str
    title: str = "Epoch {epoch}/{epochs}"
    running: tuple[str, ...] = ("{count}", " {bar}", " - ETA: {left}", " - {elapsed} {rate}", "{metrics}")
    finished: tuple[str, ...] = (
        "{count}", " {bar}", " - {seconds}", " {rate}", "{metrics}", " - compiled in {compiled}",
    )  # fmt: skip
    logged: tuple[str, ...] = (
        "{title} - ", "{count}", " - ETA: {left}", " - {seconds}", " - {rate}", "{metrics}",
        " - compiled in {compiled}",
    )  # fmt: skip
    bar: Sequence[str] = "[=>.]"
    bar_width: int = 30
    metric: str = " - {name}: {value}"
    number: Callable[[float], str] = classic_number
    seconds: Callable[[float], str] = classic_seconds
    left: Callable[[float], str] = classic_left
    each: Callable[[float], str] = classic_each
    is_table: bool = False
    is_rewritten: bool = True


CLASSIC = Theme("classic")
_FINE = {"number": format_number, "seconds": format_seconds}

THEMES: dict[str, Theme] = {
    theme.name: theme
    for theme in (
        CLASSIC,
        Theme(
            "modern",
            running=("{count}", " {bar}", " {left} left", " {elapsed}", " - {rate}", ", {speed}", "{metrics}"),
            finished=(
                "{count}", " {bar}", " {seconds}", " - {rate}", ", {speed}", "{metrics}", " - compiled in {compiled}",
            ),
            bar=("", "\u2501", "\u2578", "\u2500", ""),
            bar_width=20,
            each=format_seconds,
            **_FINE,
        ),
        Theme(
            "table",
            title="{epoch}/{epochs}",
            running=("{title}", " {count}", " {bar}", " ETA: {left}", " {elapsed}", "{metrics}"),
            bar_width=20,
            is_table=True,
            **_FINE,
        ),
        CLASSIC._replace(name="plain", is_rewritten=False),
    )
}  # fmt: skip


def register_theme(theme: Theme) -> None:
    """Add a theme, or replace the one of this name.

    Args:
        theme: A `Theme`, best made from one that there is: `THEMES["classic"]._replace(name="mine", ...)`.

    Raises:
        TypeError: If it is no `Theme`.
        ValueError: If its bar has not five parts, or a line names a field that there is not.

    >>> register_theme(THEMES["classic"]._replace(name="brief", finished=("{count}", "{metrcs}")))
    Traceback (most recent call last):
    ValueError: Theme 'brief' names the field {metrcs}, which there is not. Did you mean 'metrics'?
    """
    if not isinstance(theme, Theme):
        raise TypeError(f"register_theme expects a jkeras.display.Theme; got {theme!r}.")
    if len(theme.bar) != 5:
        raise ValueError(f"Theme.bar must have five parts, such as '[=>.]'; got {theme.bar!r}.")
    for template in (*theme.running, *theme.finished, *theme.logged):
        for name in re.findall(r"{(\w*)", template):
            if name not in FIELD_NAMES:
                hint = nearest(name, FIELD_NAMES) or f" There are: {', '.join(FIELD_NAMES)}."
                raise ValueError(f"Theme {theme.name!r} names the field {{{name}}}, which there is not.{hint}")
    THEMES[theme.name] = theme


def set_theme(name: str) -> None:
    """Choose how progress is written from now on. From the start it is "classic", or what `JKERAS_THEME` says.

    Args:
        name: "classic" (the look of Keras 1 and 2), "modern" (finer figures, samples a second), "table" (a row an
            epoch), "plain" (a line an epoch, nothing rewritten), or a theme that was registered.

    Raises:
        ValueError: If there is no such theme; names the nearest one.

    >>> set_theme("clasic")
    Traceback (most recent call last):
    ValueError: There is no theme 'clasic'. Did you mean 'classic'?
    """
    settings.theme = _theme(name).name


@contextmanager
def use_theme(name: str) -> Iterator[Theme]:
    """Choose a theme for a `with` block.

    Args:
        name: As for `set_theme`, whose errors it raises too.

    Yields:
        The `Theme`.

    >>> with use_theme("table") as theme:
    ...     theme.name, current_theme().name
    ('table', 'table')
    """
    before = settings.theme
    set_theme(name)
    try:
        yield current_theme()
    finally:
        settings.theme = before


def current_theme() -> Theme:
    """Return the theme that is in use.

    Returns:
        A `Theme`.

    Raises:
        ValueError: If the environment variable `JKERAS_THEME` names none.

    >>> with use_theme("modern"):
    ...     current_theme().name
    'modern'
    """
    return _theme(settings.theme)


def set_log_interval(seconds: float | None) -> None:
    """Say how often a long epoch writes a line where nothing can be rewritten (a log file, a pipe) with `verbose=1`.

    Args:
        seconds: The time between two lines of an epoch, 30 from the start; None for one line an epoch.

    Raises:
        ValueError: If `seconds` is not positive.

    >>> set_log_interval(0)
    Traceback (most recent call last):
    ValueError: The log interval must be a positive number of seconds, or None; got 0.
    """
    if seconds is not None and not seconds > 0:
        raise ValueError(f"The log interval must be a positive number of seconds, or None; got {seconds!r}.")
    settings.log_interval = seconds


def _theme(name: str) -> Theme:
    if name in THEMES:
        return THEMES[name]
    hint = nearest(name, THEMES) or f" There are: {', '.join(THEMES)}."
    raise ValueError(f"There is no theme {name!r}.{hint}")
