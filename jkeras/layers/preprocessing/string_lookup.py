"""Strings as indices into a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras.layers.arguments import arguments_of
from jkeras.layers.preprocessing.host import texts_of
from jkeras.layers.preprocessing.lookup import Lookup

__all__ = ["StringLookup"]


class StringLookup(Lookup):
    """Look strings up in a vocabulary, which is given or learned by `adapt`.

    Inputs of any shape keep it in mode "int"; vectors are those of `CategoryEncoding`. It works on the host: called on
    arrays or lists of strings, or as the first layer after a string `Input`.

    Args:
        max_tokens: The largest size of the vocabulary, special tokens included.
        num_oov_indices: How many indices strings outside of the vocabulary share, by their hash; with 0 they are
            errors.
        mask_token: A string that stands for missing data: index 0, or no trace in vectors.
        oov_token: What `invert` returns for indices outside of the vocabulary.
        vocabulary: Terms, or the path of a file with one a line.
        idf_weights: The inverse document frequencies of the terms, for `output_mode="tf_idf"`.
        invert: Whether to return the strings of indices.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf" (`count * idf`).
        pad_to_max_tokens: Whether vectors have `max_tokens` elements, also if the vocabulary is smaller.
        sparse: Not supported.
        encoding: How bytes and vocabulary files are encoded.
        salt: One or two numbers that make the hash of strings outside of the vocabulary another one.

    Raises:
        ValueError: If an argument is invalid, or the layer is used before it has a vocabulary.

    >>> layer = StringLookup(vocabulary=["a", "b"])
    >>> layer(["b", "z"]).tolist(), layer.get_vocabulary()
    ([2, 0], ['[UNK]', 'a', 'b'])
    >>> layer = StringLookup(output_mode="count")
    >>> layer.adapt(["x", "y", "y"])
    >>> layer([["y", "y", "q"]]).tolist()
    [[1, 2, 0]]

    Reference: `keras.layers.StringLookup`.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        kwargs.pop("oov_method", None)  # Keras writes it into configurations; strings are always hashed
        arguments = arguments_of(locals())
        self.encoding = arguments.pop("encoding")
        super().__init__(**arguments, **kwargs)

    def _tokens(self, values: Any) -> np.ndarray:
        return texts_of(self, values, self.encoding)
