"""How many columns of a terminal a text takes, and where it may be cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"  # asks for the coloured form of the character before it, which is two columns wide
_NO_WIDTH = ("Mn", "Me", "Cf", "Cc")


def columns(text: str) -> int:
    """Return how many columns `text` takes.

    Wide characters (Chinese, Japanese, Korean, emoji) take two, marks that combine with the one before take none.
    Emoji joined into one are counted one by one, as most terminals show them.

    >>> columns("loss"), columns("\u635f\u5931"), columns("e\u0301"), columns("\U0001f600")
    (4, 4, 1, 2)

    Reference: https://www.unicode.org/reports/tr11
    """
    return len(text) if text.isascii() else sum(map(_cluster_columns, clusters(text)))


def clusters(text: str) -> Iterator[str]:
    """Yield the characters of `text`, each with what combines with it.

    >>> [len(cluster) for cluster in clusters("ae\u0301\u635f")]
    [1, 2, 1]
    """
    cluster = ""
    for character in text:
        if cluster and (cluster[-1] == _JOINER or unicodedata.category(character) in _NO_WIDTH):
            cluster += character
        else:
            if cluster:
                yield cluster
            cluster = character
    if cluster:
        yield cluster


def cut(text: str, width: int) -> str:
    """Return the beginning of `text` that takes at most `width` columns; no character is broken.

    >>> cut("loss: 0.5", 4), cut("\u635f\u5931", 3), cut("\u635f\u5931", 1)
    ('loss', '\u635f', '')
    """
    if text.isascii():
        return text[: max(width, 0)]
    kept = ""
    for cluster in clusters(text):
        width -= _cluster_columns(cluster)
        if width < 0:
            break
        kept += cluster
    return kept


def pad(text: str, width: int, right: bool = False) -> str:
    """Return `text` with as many spaces behind (or before, if it goes to the right) as make `width` columns.

    >>> pad("\u635f\u5931", 6), pad("0.5", 5, right=True)
    ('\u635f\u5931  ', '  0.5')
    """
    spaces = " " * max(width - columns(text), 0)
    return spaces + text if right else text + spaces


def printable(text: str) -> str:
    r"""Return `text` with a space for every control character: a name must neither break a line nor command a terminal.

    >>> printable("a\tb\x1b[2J")
    'a b [2J'
    """
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)


def _cluster_columns(cluster: str) -> int:
    width = 2 if _EMOJI_STYLE in cluster else 0
    return max(width, sum(map(_character_columns, cluster)))


def _character_columns(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH or "\u1160" <= character <= "\u11ff":
        return 0  # the latter: vowels and finals of Korean syllables written in parts
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
