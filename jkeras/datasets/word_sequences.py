"""How IMDB and Reuters turn ranks of words into the numbers that a script asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jkeras.core.errors import unexpected_argument
from jkeras.datasets.sources import fetch


class Vocabulary(NamedTuple):
    """Which words are kept and how they are numbered; the arguments of `load_data` of the same names."""

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int


def old_arguments(function: str, vocabulary: Vocabulary, old: dict[str, int | None]) -> Vocabulary:
    """Translate Keras 1's `nb_words`, and refuse any other unknown argument."""
    for name in old:
        if name != "nb_words":
            raise unexpected_argument(function, name, Vocabulary._fields)
    return vocabulary._replace(num_words=old.get("nb_words", vocabulary.num_words))


def number_words(texts: Iterable[Sequence[int]], words: Vocabulary) -> list[list[int]]:
    """Add `index_from` to every rank and put `start_char` in front.

    >>> number_words([[1, 5]], Vocabulary(None, 0, None, start_char=1, oov_char=2, index_from=3))
    [[1, 4, 8]]
    """
    start = [] if words.start_char is None else [words.start_char]
    return [start + [int(rank) + (words.index_from or 0) for rank in text] for text in texts]


def keep_short(texts: list[list[int]], labels: np.ndarray, words: Vocabulary) -> tuple[list[list[int]], np.ndarray]:
    """Drop the texts of `maxlen` words and more, with their labels."""
    if not words.maxlen:
        return texts, labels
    short = [i for i, text in enumerate(texts) if len(text) < words.maxlen]
    if not short:
        raise ValueError(f"No text is shorter than maxlen={words.maxlen}: give a larger one.")
    return [texts[i] for i in short], labels[short]


def limit_words(texts: list[list[int]], words: Vocabulary) -> np.ndarray:
    """Replace numbers outside `[skip_top, num_words)` by `oov_char`, or leave them out if that is `None`.

    Returns:
        Array of objects `(texts,)`: one list of numbers a text.

    >>> limit_words([[1, 4, 8]], Vocabulary(6, 2, None, 1, oov_char=2, index_from=3)).tolist()
    [[2, 4, 2]]
    """
    # As in Keras, without a limit the largest number present is itself outside.
    end = words.num_words or max((max(text) for text in texts if text), default=0)
    kept = np.empty(len(texts), object)
    for i, text in enumerate(texts):
        if words.oov_char is None:
            kept[i] = [n for n in text if words.skip_top <= n < end]
        else:
            kept[i] = [n if words.skip_top <= n < end else words.oov_char for n in text]
    return kept


def word_index(name: str, path: str) -> dict[str, int]:
    """Return the ranks of the words from a data set's JSON file."""
    with open(fetch(name, path), encoding="utf-8") as file:
        return json.load(file)
