"""Texts as sequences of word indices."""

from __future__ import annotations

import hashlib
import json
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """Return the words of a text.

    Args:
        input_text: The text.
        filters: Characters that separate words, besides `split`.
        lower: Whether it is converted to lower case.
        split: What separates words.

    Returns:
        A list of strings.

    >>> text_to_word_sequence("Hello, World! It's me.")
    ['hello', 'world', "it's", 'me']
    """
    text = input_text.lower() if lower else input_text
    return [word for word in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """Return an index from 1 to `n - 1` for each word of a text: its hash; different words may share one.

    Args:
        text: The text.
        n: Size of the space, with 0, which stands for no word.
        hash_function: "md5", the same on every run; a function of a string; None is Python's `hash`, which changes
            from run to run.
        filters: As in `text_to_word_sequence`, like the next two.
        lower: Whether it is converted to lower case.
        split: What separates words.
        analyzer: Returns the words of a text instead.

    Returns:
        A list of integers.

    >>> hashing_trick("the cat, the dog", 50, hash_function="md5")
    [43, 32, 43, 2]
    """
    hash_word: Any = hash_function or hash
    if hash_function == "md5":
        hash_word = _md5
    words = analyzer(text) if analyzer else text_to_word_sequence(text, filters, lower, split)
    return [hash_word(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """Return `hashing_trick` with Python's `hash`, under its old name: indices, in spite of it.

    Args:
        input_text: The text.
        n: Size of the space, with 0, which stands for no word.
        filters, lower, split, analyzer: As in `hashing_trick`.

    Returns:
        A list of integers from 1 to `n - 1`, which change from run to run.

    >>> words = one_hot("the cat the", 50)
    >>> len(words), words[0] == words[2]
    (3, True)
    """
    return hashing_trick(input_text, n, None, filters, lower, split, analyzer)


class Tokenizer:
    """Turn texts into sequences of word indices, the most frequent word being 1.

    Args:
        num_words: Words whose index is below this number are kept; all if left out.
        filters: Characters that separate words, besides `split`.
        lower: Whether texts are converted to lower case.
        split: What separates words.
        char_level: Whether every character is a word.
        oov_token: If given, it has index 1 and stands for every other word.
        analyzer: Returns the words of a text instead.

    >>> tokenizer = Tokenizer(num_words=10)
    >>> tokenizer.fit_on_texts(["the cat the dog", "the end"])
    >>> tokenizer.texts_to_sequences(["the dog barks"])
    [[1, 3]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
        **kwargs: Any,
    ):
        num_words = kwargs.pop("nb_words", num_words)
        document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Tokenizer got an unexpected argument {next(iter(kwargs))!r}.")
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: defaultdict[str, int] = defaultdict(int)
        self.index_docs: defaultdict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.filters, self.split, self.lower, self.num_words = filters, split, lower, num_words
        self.document_count, self.char_level, self.oov_token = document_count, char_level, oov_token
        self.analyzer = analyzer

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, list):
            lowered = (part.lower() for part in text) if self.lower else text
            return list(lowered)
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Learn the vocabulary: words are ordered by how often they occur, then by when they were first seen.

        Args:
            texts: Strings, or lists of words.
        """
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ordered = sorted(self.word_counts, key=lambda word: -self.word_counts[word])
        vocabulary = ordered if self.oov_token is None else [self.oov_token, *ordered]
        self.word_index = {word: i for i, word in enumerate(vocabulary, start=1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Learn in how many documents each index occurs; needed by `sequences_to_matrix` for "tfidf".

        Args:
            sequences: Indices of words.
        """
        for sequence in sequences:
            self.document_count += 1
            for index in set(sequence):
                self.index_docs[index] += 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Return the indices of the words of each text; words that are not known are left out or `oov_token`.

        Args:
            texts: Strings, or lists of words.
        """
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Make what `texts_to_sequences` returns, one after the other.

        Args:
            texts: Strings, or lists of words.

        Yields:
            A list of indices for each text.
        """
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        limit = self.num_words or math.inf
        for text in texts:
            found = (self.word_index.get(word) for word in self._words(text))
            kept = (i if i is not None and i < limit else unknown for i in found)
            yield [i for i in kept if i is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Return the words of each sequence of indices, joined by spaces.

        Args:
            sequences: Indices of words.
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Make what `sequences_to_texts` returns, one after the other.

        Args:
            sequences: Indices of words.

        Yields:
            A string for each sequence.
        """
        limit = self.num_words or math.inf
        for sequence in sequences:
            words = (self.index_word.get(i) if i < limit else None for i in sequence)
            known = (self.oov_token if word is None else word for word in words)
            yield " ".join(word for word in known if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """Return one row for each text and one column for each word, of shape `(texts, num_words)`.

        Args:
            texts: Strings, or lists of words.
            mode: As in `sequences_to_matrix`.
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Iterable[Iterable[int]], mode: str = "binary") -> np.ndarray:
        """Return one row for each sequence and one column for each index.

        Args:
            sequences: Indices of words.
            mode: "binary", whether the word occurs; "count"; "freq", the part of the sequence; or "tfidf",
                `(1 + log(count)) log(1 + documents / (1 + documents with the word))`.

        Returns:
            `(sequences, num_words)`, float64.

        Raises:
            ValueError: If the mode is unknown, or nothing is known about the vocabulary.
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise ValueError(f"Tokenizer: mode must be 'binary', 'count', 'freq' or 'tfidf'; got {mode!r}.")
        if not self.num_words and not self.word_index:
            raise ValueError("Tokenizer: give num_words, or call fit_on_texts first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Tokenizer: mode='tfidf' needs document counts. Call fit_on_texts first.")
        rows = list(sequences)
        width = self.num_words or len(self.word_index) + 1
        counts = np.zeros((len(rows), width))
        for row, sequence in zip(counts, rows, strict=True):
            indices = np.asarray(list(sequence), int)
            np.add.at(row, indices[indices < width], 1)
        if mode == "binary":
            return (counts > 0).astype(float)
        if mode == "freq":
            return counts / np.maximum([[len(list(sequence))] for sequence in rows], 1)
        if mode == "count":
            return counts
        documents = np.asarray([self.index_docs.get(i, 0) for i in range(width)])
        scale = np.log(1 + self.document_count / (1 + documents))
        return np.where(counts > 0, (1 + np.log(np.maximum(counts, 1))) * scale, 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return what the tokenizer knows; the tables are JSON strings, as in Keras."""
        plain = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        tables = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        own = {name: getattr(self, name) for name in plain}
        return {**own, **{name: json.dumps(getattr(self, name)) for name in tables}}

    def to_json(self, **kwargs: Any) -> str:
        """Return the tokenizer as a JSON string; `kwargs` are those of `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return the tokenizer that `Tokenizer.to_json` described, in Keras or here.

    Args:
        json_string: What it returned.

    Returns:
        A `Tokenizer` that knows the same words.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["a b a"])
    >>> tokenizer_from_json(tokenizer.to_json()).texts_to_sequences(["a b c"])
    [[2, 3, 1]]
    """
    config = dict(json.loads(json_string)["config"])
    tables = {name: json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "word_index")}
    by_index = {name: json.loads(config.pop(name)) for name in ("index_docs", "index_word")}
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts.update(tables["word_counts"])
    tokenizer.word_docs.update(tables["word_docs"])
    tokenizer.word_index = tables["word_index"]
    tokenizer.index_docs.update({int(i): count for i, count in by_index["index_docs"].items()})
    tokenizer.index_word = {int(i): word for i, word in by_index["index_word"].items()}
    return tokenizer
