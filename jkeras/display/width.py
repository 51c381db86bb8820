"""How wide text is in a terminal, where a Chinese character takes two columns and an accent of its own none."""

from __future__ import annotations

import unicodedata

_WITHOUT_WIDTH = frozenset({"Mn", "Me", "Cf"})  # marks put on the character before, and what is only told


def columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes.

    >>> columns("dense"), columns("层"), columns("e\\u0301")
    (5, 2, 1)

    Reference: Unicode Standard Annex 11, East Asian Width.
    """
    return len(text) if text.isascii() else sum(map(_of_character, text))


def cut(text: str, width: int) -> str:
    """Return the beginning of `text` that fits into `width` columns.

    >>> cut("dense", 3), cut("卷积层", 5)
    ('den', '卷积')
    """
    if text.isascii():
        return text[: max(width, 0)]
    taken = 0
    for i, character in enumerate(text):
        taken += _of_character(character)
        if taken > width:
            return text[:i]
    return text


def pad(text: str, width: int) -> str:
    """Return `text` with spaces behind it, so that it takes `width` columns; as it is if it takes more.

    >>> pad("层", 4) + "|"
    '层  |'
    """
    return text + " " * (width - columns(text))


def _of_character(character: str) -> int:
    if unicodedata.category(character) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
