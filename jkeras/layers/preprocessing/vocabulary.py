"""Vocabularies: terms and their weights, counted from data or read from files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.trust import is_reading_data


class Vocabulary:
    """Terms in the order of their indices, without the special tokens.

    Args:
        terms: Strings or integers, each once.
        weights: The inverse document frequency of each term, if it is used.
        special_weights: That of the tokens outside of the vocabulary: one number or one for each index.

    >>> Vocabulary(["b", "a"]).index
    {'b': 0, 'a': 1}
    """

    def __init__(self, terms: Sequence[Any], weights: np.ndarray | None = None, special_weights: Any = None):
        self.terms = list(terms)
        self.index = {term: i for i, term in enumerate(self.terms)}
        self.weights = weights
        self.special_weights = special_weights

    def __len__(self) -> int:
        return len(self.terms)


class TermCounts:
    """How often terms were seen, and in how many documents.

    >>> counts = TermCounts()
    >>> counts.update([["a", "b", "b"], ["c"]])
    >>> counts.ranked(exclude=(), limit=2)
    ['b', 'c']
    """

    def __init__(self) -> None:
        self.terms: Counter[Any] = Counter()
        self.documents: Counter[Any] = Counter()
        self.total_documents = 0

    def update(self, documents: Iterable[Sequence[Any]]) -> None:
        """Count the terms of some documents."""
        for document in documents:
            self.terms.update(document)
            self.documents.update(set(document))
            self.total_documents += 1

    def ranked(self, exclude: Sequence[Any], limit: int | None) -> list[Any]:
        """Return the terms by frequency, ties in descending order of the terms themselves."""
        known = [(count, term) for term, count in self.terms.items() if term not in exclude]
        return [term for _, term in sorted(known, reverse=True)[:limit]]

    def weights(self, terms: Sequence[Any]) -> np.ndarray:
        """Return the inverse document frequencies `log(1 + documents / (1 + documents with the term))`."""
        return np.asarray(
            [math.log(1 + self.total_documents / (1 + self.documents[term])) for term in terms], "float32"
        )


def read_vocabulary(owner: str, vocabulary: Any, kind: type, encoding: str) -> list[Any]:
    """Return the terms of a sequence, or of a file with one term a line, as `kind`.

    Raises:
        ValueError: If the file does not exist, the vocabulary is empty, or a term is repeated or of another kind.
    """
    if isinstance(vocabulary, (str, Path)):
        path = Path(vocabulary)
        if is_reading_data():
            raise ValueError(
                f"{owner}: the configuration names the file {str(path)!r} as its vocabulary. A file does not lead to "
                "other files: give the terms as a list, or make the layer in code."
            )
        if not path.is_file():
            raise ValueError(f"{owner}: the vocabulary file {str(path)!r} does not exist.")
        lines = path.read_text(encoding).split("\n")
        terms: list[Any] = lines[:-1] if len(lines) > 1 and lines[-1] == "" else lines
    else:
        array = np.asarray(vocabulary) if not isinstance(vocabulary, (list, tuple)) else np.asarray(vocabulary, object)
        if array.ndim != 1:
            raise ValueError(f"{owner}: a vocabulary has one axis; got shape {array.shape}.")
        terms = array.tolist()
    if not terms:
        raise ValueError(f"{owner}: the vocabulary is empty. Give at least one term, or leave it out and call adapt.")
    return [_as_term(owner, term, kind, encoding) for term in terms]


def check_unique(owner: str, terms: Sequence[Any]) -> None:
    """Raise `ValueError` if a term is there more than once."""
    repeated = [term for term, count in Counter(terms).items() if count > 1]
    if repeated:
        raise ValueError(f"{owner}: each term of a vocabulary must be there once; repeated: {repeated[:5]}.")


def _as_term(owner: str, term: Any, kind: type, encoding: str) -> Any:
    if isinstance(term, bytes):
        term = term.decode(encoding)
    if kind is str and isinstance(term, str):
        return str(term)
    if kind is int:
        try:
            return int(term)
        except (TypeError, ValueError):
            pass
    raise ValueError(f"{owner}: the terms of the vocabulary must be of type {kind.__name__}; got {term!r}.")
