"""Texts as indices of their words, or as vectors of word counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras.core.custom_objects import CustomObjectScope, find
from jkeras.core.graph import SymbolicTensor
from jkeras.layers.arguments import one_of, positive
from jkeras.layers.preprocessing.batches import batches_of
from jkeras.layers.preprocessing.host import HostLayer, texts_of
from jkeras.layers.preprocessing.options import refuse_sparse
from jkeras.layers.preprocessing.string_lookup import StringLookup
from jkeras.layers.preprocessing.text import SPLIT, STANDARDIZE, ngrams, split, standardize

__all__ = ["TextVectorization"]


class TextVectorization(HostLayer):
    """Standardize texts, split them into tokens, and look those up in a vocabulary, given or learned by `adapt`.

    It works on the host: called on arrays or lists of strings, or as the first layer after a string `Input`. With
    `output_mode="int"`, texts `(batch,)` or `(batch, 1)` become `(batch, tokens)`, in which index 0 is padding and 1
    stands for tokens outside of the vocabulary.

    Args:
        max_tokens: The largest size of the vocabulary, special tokens included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function of a numpy array
            of strings that returns one of the same shape.
        split: "whitespace", "character", None, or a function of a numpy array of strings that returns a list of tokens
            for each.
        ngrams: Join runs of tokens: up to so many, or of the lengths in a tuple.
        output_mode: "int", "multi_hot", "count" or "tf_idf".
        output_sequence_length: With "int": pad or cut every text to so many tokens; without, the longest decides.
        pad_to_max_tokens: Whether vectors have `max_tokens` elements, also if the vocabulary is smaller.
        vocabulary: Terms, or the path of a file with one a line.
        idf_weights: The inverse document frequencies of the terms, for "tf_idf".
        sparse: Not supported.
        ragged: Not supported.
        encoding: How bytes and vocabulary files are encoded.

    Raises:
        ValueError: If an argument is invalid, or the layer is used before it has a vocabulary.

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
    >>> layer(["Foo qux, bar!"]).tolist()
    [[4, 1, 3, 0]]

    Reference: `keras.layers.TextVectorization`.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        kwargs.pop("vocabulary_size", None)  # Keras writes it into configurations
        super().__init__(name=name, **kwargs)
        refuse_sparse(self, sparse)
        refuse_sparse(self, ragged, "ragged")
        self.standardize = _option(self, "standardize", standardize, STANDARDIZE)
        self.split = _option(self, "split", split, SPLIT)
        self.ngrams = _lengths(ngrams)
        self.output_mode = one_of(self, "output_mode", output_mode, ("int", "multi_hot", "count", "tf_idf"))
        self.output_sequence_length = output_sequence_length
        if output_sequence_length is not None:
            positive(self, "output_sequence_length", output_sequence_length)
            if output_mode != "int":
                raise ValueError(
                    f"TextVectorization: output_sequence_length needs output_mode='int'; it is {output_mode!r}."
                )
        self.max_tokens, self.pad_to_max_tokens = max_tokens, pad_to_max_tokens
        self.sparse, self.ragged, self.encoding = sparse, ragged, encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            encoding=encoding,
            dtype=self.dtype_policy,
        )

    # The vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary anew: the most frequent tokens first, ties in descending order of the tokens.

        Args:
            data: An array or list of texts; or batches of them: a list of arrays, a generator, a `PyDataset`.
            batch_size: How many texts are looked at together; makes no difference.
            steps: How many batches are read; all if left out.

        Raises:
            ValueError: If the vocabulary was given, or the data are empty.
        """
        self.reset_state()
        for batch in batches_of(data, steps, batch_size):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of one more batch; `finalize_state` makes the vocabulary.

        Args:
            data: Texts `(batch,)` or `(batch, 1)`.

        Raises:
            ValueError: If the vocabulary was given.
        """
        texts = np.atleast_1d(texts_of(self, data, self.encoding))
        texts = texts[:, None] if self.split is None and texts.ndim == 1 else texts
        self._lookup_layer._count_documents(self._documents(texts)[0])

    def finalize_state(self) -> None:
        """Make the vocabulary from the tokens counted since `reset_state`."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget the tokens counted; the vocabulary stays until `finalize_state` makes another."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the terms in the order of their indices.

        Args:
            include_special_tokens: Whether the special tokens come before them.

        Returns:
            A list of strings.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary.

        Args:
            vocabulary: A sequence of terms, or the path of a file with one a line.
            idf_weights: With `output_mode="tf_idf"`: the weight of each term.

        Raises:
            ValueError: As `StringLookup.set_vocabulary`.
        """
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def vocabulary_size(self) -> int:
        """Return the number of indices, those of the special tokens included."""
        return self._lookup_layer.vocabulary_size()

    # Texts to indices

    def _documents(self, texts: np.ndarray) -> tuple[list[list[str]], tuple[int, ...]]:
        """Return the tokens of each text, and the axes of the texts: without `split`, each row is one text."""
        texts = standardize(texts, self.standardize)
        if self.split is None:
            rows, axes = texts.reshape(-1, texts.shape[-1]).tolist(), texts.shape[:-1]
        else:
            if texts.ndim > 1 and texts.shape[-1] != 1:
                raise ValueError(
                    f"Layer {self.name!r} splits texts: it expects the shape (batch,) or (batch, 1); got {texts.shape}."
                )
            axes = texts.shape[:-1] if texts.ndim > 1 else texts.shape
            rows = split(texts.ravel(), self.split)
        if self.ngrams is not None:
            rows = [ngrams(row, self.ngrams) for row in rows]
        return rows, axes

    def host(self, inputs: Any) -> Any:
        """Vectorize texts.

        Args:
            inputs: Texts `(batch,)` or `(batch, 1)`; without `split`, `(batch, tokens)`.

        Returns:
            Indices `(batch, tokens)` or vectors `(batch, size)`, as a numpy array.
        """
        texts = texts_of(self, inputs, self.encoding)
        documents, axes = self._documents(np.atleast_1d(texts))
        axes = () if texts.ndim == 0 else axes
        width = max(map(len, documents), default=0)
        # Without `split`, a single axis is one text; its indices are padded only if a length is asked for.
        width = width if self.output_sequence_length is None else self.output_sequence_length
        lookup = self._lookup_layer
        indices = np.full((len(documents), width), 0 if self.output_mode == "int" else -1)
        if documents:
            lengths = [min(len(tokens), width) for tokens in documents]
            flat = [token for tokens, n in zip(documents, lengths) for token in tokens[:n]]
            inside = np.arange(width) < np.asarray(lengths)[:, None]
            indices[inside] = lookup._indices(np.asarray(flat, object))
        return lookup._encode(indices.reshape(*axes, width))

    def host_spec(self, inputs: Any) -> SymbolicTensor:
        """Say what `host` returns.

        Args:
            inputs: The symbolic texts.

        Returns:
            The symbolic outputs, of unknown length if nothing fixes it.
        """
        if inputs.dtype != "string":
            raise TypeError(f"Layer {self.name!r} expects strings; got {inputs!r}. Write Input(..., dtype='string').")
        shape = inputs.shape
        if self.split is not None and len(shape) > 1 and shape[-1] != 1:
            raise ValueError(f"Layer {self.name!r} splits texts: it expects the shape (batch, 1); got {shape}.")
        axes = shape[:-1] if self.split is None or len(shape) > 1 else shape
        if self.output_mode != "int":
            return SymbolicTensor((*axes, self._lookup_layer._depth), self._lookup_layer._spec_dtype())
        unsplit = shape[-1] if self.split is None and self.ngrams is None else None
        return SymbolicTensor((*axes, self.output_sequence_length or unsplit), "int32")

    # Configuration and files

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; the vocabulary is among them, also if it was learned. Functions by name."""
        learned = self._lookup_layer.get_config()
        return {**super().get_config(), "vocabulary": learned["vocabulary"], "idf_weights": learned["idf_weights"]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make a layer from what `get_config` returned; functions are looked up by name in `custom_objects`.

        Raises:
            ValueError: If the function of that name is not known.
        """
        with CustomObjectScope(custom_objects):
            named = {key: _named(config[key], table) for key, table in _TABLES.items() if config.get(key) is not None}
        return super().from_config({**config, **named})

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary to `vocabulary.txt`, one token a line, the special ones first.

        Args:
            dir_path: The folder.
        """
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary that `save_assets`, or Keras, wrote.

        Args:
            dir_path: The folder.
        """
        self._lookup_layer.load_assets(dir_path)


_TABLES: dict[str, Mapping[str, Any]] = {"standardize": STANDARDIZE, "split": SPLIT}


def _named(value: Any, table: Mapping[str, Any]) -> Any:
    """Return the function that a configuration names, or the name of a way to do it."""
    name = value.get("config") if isinstance(value, Mapping) else value
    if not isinstance(name, str) or name in table:
        return name
    found = find(name)
    if found is None:
        raise ValueError(
            f"TextVectorization: the function {name!r} is not known. A configuration holds its name and no code: pass "
            f"custom_objects={{{name!r}: function}}, or register it with register_keras_serializable."
        )
    return found


def _option(layer: Any, name: str, value: Any, known: Mapping[str, Any]) -> Any:
    return value if value is None or callable(value) else one_of(layer, name, value, known)


def _lengths(given: Any) -> tuple[int, ...] | None:
    if given is None:
        return None
    lengths = tuple(range(1, given + 1)) if isinstance(given, int) else given
    if not isinstance(lengths, (list, tuple)) or not lengths or not all(isinstance(n, int) and n > 0 for n in lengths):
        raise ValueError(f"TextVectorization: ngrams must be a positive integer or a tuple of them; got {given!r}.")
    return tuple(lengths)
