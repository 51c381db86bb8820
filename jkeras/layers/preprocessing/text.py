"""Texts to tokens: standardization, splitting, n-grams.

Only ASCII letters are lowered, only ASCII punctuation is stripped and only ASCII white space splits, as in Keras, so
that vocabularies agree.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_PUNCTUATION = string.punctuation.encode()


def _lower(text: str) -> str:
    return text.encode().lower().decode()


def _strip(text: str) -> str:
    return text.encode().translate(None, _PUNCTUATION).decode()


def _lower_and_strip(text: str) -> str:
    return text.encode().lower().translate(None, _PUNCTUATION).decode()


def _words(text: str) -> list[str]:
    return [word.decode() for word in text.encode().split()]


STANDARDIZE: dict[str, Callable[[str], str]] = {
    "lower_and_strip_punctuation": _lower_and_strip,
    "lower": _lower,
    "strip_punctuation": _strip,
}
SPLIT: dict[str, Callable[[str], list[str]]] = {"whitespace": _words, "character": list}


def standardize(texts: np.ndarray, how: Any) -> np.ndarray:
    """Return standardized texts, by name or by a function of the whole array.

    >>> standardize(np.asarray(["Don't!"]), "lower_and_strip_punctuation").tolist()
    ['dont']
    """
    if how is None:
        return texts
    if not isinstance(how, str):
        return np.asarray(how(texts))
    function = STANDARDIZE[how]
    return np.asarray([function(text) for text in texts.ravel().tolist()], str).reshape(texts.shape)


def split(texts: np.ndarray, how: Any) -> list[list[str]]:
    """Return the tokens of each text, by name or by a function of the whole array that returns one row a text.

    >>> split(np.asarray(["a b", "c"]), "whitespace")
    [['a', 'b'], ['c']]
    """
    if isinstance(how, str):
        function = SPLIT[how]
        return [function(text) for text in texts.tolist()]
    rows = how(texts)
    rows = rows.to_list() if hasattr(rows, "to_list") else rows
    rows = [[token.decode() if isinstance(token, bytes) else str(token) for token in row] for row in rows]
    if len(rows) != len(texts):
        raise ValueError(f"split must return one row of tokens for each of {len(texts)} texts; got {len(rows)} rows.")
    return rows


def ngrams(tokens: Sequence[str], lengths: Sequence[int]) -> list[str]:
    """Return runs of tokens joined by spaces, of each length in turn.

    >>> ngrams(["a", "b", "c"], (1, 2))
    ['a', 'b', 'c', 'a b', 'b c']
    """
    return [" ".join(tokens[i : i + n]) for n in lengths for i in range(len(tokens) - n + 1)]
