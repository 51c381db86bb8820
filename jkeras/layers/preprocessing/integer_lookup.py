"""Integers as indices into a vocabulary."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.functional.hashing import hash_integers
from jkeras.layers.arguments import arguments_of, one_of
from jkeras.layers.preprocessing.host import integers_of
from jkeras.layers.preprocessing.lookup import Lookup
from jkeras.layers.preprocessing.options import declare_constant, hash_key
from jkeras.layers.preprocessing.vocabulary import Vocabulary

__all__ = ["IntegerLookup"]


class IntegerLookup(Lookup):
    """Look integers up in a vocabulary, which is given or learned by `adapt`.

    Inputs of any shape keep it in mode "int"; vectors are those of `CategoryEncoding`. On JAX arrays, and inside
    models, it is a binary search on the device, in 32 bits; on numpy arrays and lists it computes on the host, in 64
    bits. Inside compiled programs nothing can be raised: there a token outside of the vocabulary has index -1 if
    `num_oov_indices` is 0.

    Args:
        max_tokens: The largest size of the vocabulary, special tokens included.
        num_oov_indices: How many indices integers outside of the vocabulary share; with 0 they are errors.
        mask_token: An integer that stands for missing data: index 0, or no trace in vectors.
        oov_token: What `invert` returns for indices outside of the vocabulary.
        vocabulary: Terms, or the path of a file with one a line.
        vocabulary_dtype: "int64", as in Keras.
        idf_weights: The inverse document frequencies of the terms, for `output_mode="tf_idf"`.
        invert: Whether to return the integers of indices.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf" (`count * idf`).
        sparse: Not supported.
        pad_to_max_tokens: Whether vectors have `max_tokens` elements, also if the vocabulary is smaller.
        oov_method: How integers outside of the vocabulary share their indices: "floormod" is `x % num_oov_indices`,
            "farmhash" the hash of the integer's decimal text.
        salt: With "farmhash": one or two numbers that make the hash another one.

    Raises:
        ValueError: If an argument is invalid, or the layer is used before it has a vocabulary.

    >>> layer = IntegerLookup(vocabulary=[12, 36, 1138])
    >>> layer(jnp.asarray([[36, 7]])).tolist(), layer.get_vocabulary()
    ([[2, 0]], [-1, 12, 36, 1138])

    Reference: `keras.layers.IntegerLookup`.
    """

    kind = int

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        self._tables: dict[str, Any] = {}
        if vocabulary_dtype not in ("int64", "int32"):
            raise ValueError(f"IntegerLookup: vocabulary_dtype must be 'int64'; got {vocabulary_dtype!r}.")
        self.vocabulary_dtype = arguments.pop("vocabulary_dtype")
        self.oov_method = one_of(self, "oov_method", arguments.pop("oov_method"), ("floormod", "farmhash"))
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"IntegerLookup: salt needs oov_method='farmhash'; it is {oov_method!r}.")
        super().__init__(**arguments, **kwargs)

    def _tokens(self, values: Any) -> np.ndarray:
        return integers_of(self, values)

    def _keep(self, vocabulary: Vocabulary) -> None:
        super()._keep(vocabulary)
        if self.built:
            self.build()

    def build(self, input_shape: Any = None) -> None:
        """Declare the vocabulary as constants: sorted for searching, or in order for `invert`."""
        terms = self._known().terms
        if self.invert:
            self._constant("terms", np.asarray([*self._special_tokens(), *terms, self.oov_token], "int64"))
            return
        places = np.arange(len(terms)) + self._first
        if self.mask_token is not None:
            terms, places = [*terms, self.mask_token], np.append(places, 0 if self._masks else -1)
        keys = np.asarray(terms, "int64")
        order = np.argsort(keys, kind="stable")
        self._constant("keys", keys[order])
        self._constant("places", places[order])
        if self.output_mode == "tf_idf":
            self._declare_table("weights", self._term_weights())

    def _declare_table(self, name: str, values: np.ndarray) -> None:
        self._tables[name] = declare_constant(self, self._tables.get(name), name, values)

    def _constant(self, name: str, values: np.ndarray) -> None:
        if values.size and np.abs(values).max() >= 2**31:
            raise ValueError(
                f"Layer {self.path!r}: the vocabulary has integers beyond 32 bits, which is all the device computes "
                "in. Apply the layer to numpy arrays before the model."
            )
        self._declare_table(name, values.astype("int32"))

    def call(self, inputs: Array) -> Array:
        """Return indices or vectors, or with `invert` integers."""
        x = inputs.astype(jnp.int32)
        if self.invert:
            terms = self._tables["terms"].value
            inside = (x >= 0) & (x < len(terms) - 1)
            return terms[jnp.where(inside, x, len(terms) - 1)]
        keys, places = self._tables["keys"].value, self._tables["places"].value
        at = jnp.minimum(jnp.searchsorted(keys, x), len(keys) - 1)
        return self._encode(jnp.where(keys[at] == x, places[at], self._index_outside(x)))

    def _index_outside(self, x: Array) -> Any:
        count = self.num_oov_indices
        if count < 2:
            return self._masks if count else -1
        if self.oov_method == "floormod":
            return x % count + self._masks
        return hash_integers(x, count, hash_key(self.salt)) + self._masks

    def _term_weights(self) -> Any:
        if self._frame is None:
            return super()._term_weights()
        return self._tables["weights"].value.astype(self.compute_dtype)
