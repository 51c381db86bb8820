"""What `StringLookup` and `IntegerLookup` have in common: a vocabulary, and indices into it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.graph import SymbolicTensor
from jkeras.functional.encoding import encode_indices
from jkeras.functional.hashing import fingerprint_texts
from jkeras.layers.arguments import one_of, positive
from jkeras.layers.preprocessing.batches import batches_of
from jkeras.layers.preprocessing.host import HostLayer
from jkeras.layers.preprocessing.options import check_salt, hash_key, refuse_sparse
from jkeras.layers.preprocessing.vocabulary import TermCounts, Vocabulary, check_unique, read_vocabulary

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OUTSIDE, _DROPPED = -1, -2


class Lookup(HostLayer):
    """Base of layers that look tokens up in a vocabulary.

    Index 0 is the mask token's, if there is one and indices are returned; then come `num_oov_indices` for tokens
    outside of the vocabulary, then the terms.
    """

    kind: type = str
    max_tokens: int | None
    num_oov_indices: int
    mask_token: Any
    oov_token: Any
    output_mode: str
    invert: bool
    pad_to_max_tokens: bool
    oov_method = "farmhash"

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
        sparse: bool,
        salt: Any,
        **kwargs: Any,
    ):
        kwargs.pop("vocabulary_size", None)  # Keras writes it into configurations
        super().__init__(**kwargs)
        refuse_sparse(self, sparse)
        owner = type(self).__name__
        if max_tokens is not None and positive(self, "max_tokens", max_tokens) < 2:
            raise ValueError(f"{owner}: max_tokens must be greater than 1; got {max_tokens}.")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"{owner}: pad_to_max_tokens=True needs max_tokens, the size to pad to.")
        if num_oov_indices < 0:
            raise ValueError(f"{owner}: num_oov_indices must be 0 or more; got {num_oov_indices}.")
        self.output_mode = one_of(self, "output_mode", output_mode, MODES)
        if invert and output_mode != "int":
            raise ValueError(f"{owner}: invert=True needs output_mode='int'; got {output_mode!r}.")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(f"{owner}: idf_weights need output_mode='tf_idf'; it is {output_mode!r}.")
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens, self.sparse = invert, pad_to_max_tokens, sparse
        self.salt = check_salt(self, salt)
        self._counts = TermCounts()
        self._vocabulary: Vocabulary | None = None
        self._given = False
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # The vocabulary

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary anew: the most frequent tokens first, ties in descending order of the tokens.

        Args:
            data: An array or list of tokens, each row a document; or batches of them: a list of arrays, a generator,
                a `PyDataset`.
            steps: How many batches are read; all if left out.

        Raises:
            ValueError: If the vocabulary was given, or the data are empty.
        """
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of one more batch; `finalize_state` makes the vocabulary.

        Args:
            data: Tokens `(batch,)` or `(batch, length)`, each row a document.

        Raises:
            ValueError: If the vocabulary was given.
        """
        tokens = self._tokens(data)
        rows = tokens.reshape(-1, tokens.shape[-1] if tokens.ndim > 1 else 1)
        self._count_documents(rows.tolist())

    def _count_documents(self, documents: Sequence[Sequence[Any]]) -> None:
        """Count the tokens of some documents, each a list of tokens."""
        if self._given:
            raise ValueError(
                f"Layer {self.name!r} was given a vocabulary: it cannot learn one. Make a layer without, and adapt it."
            )
        self._counts.update(documents)

    def finalize_state(self) -> None:
        """Make the vocabulary from the tokens counted since `reset_state`."""
        if self._given or not self._counts.total_documents:
            return
        limit = None if self.max_tokens is None else max(0, self.max_tokens - self._first)
        terms = self._counts.ranked((self.mask_token, self.oov_token), limit)
        weights = self._counts.weights(terms) if self.output_mode == "tf_idf" else None
        mean = None if weights is None else float(weights.mean()) if terms else 0.0
        self._keep(Vocabulary(terms, weights, mean))

    def reset_state(self) -> None:
        """Forget the tokens counted; the vocabulary stays until `finalize_state` makes another."""
        self._counts = TermCounts()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary.

        Args:
            vocabulary: A sequence of terms, or the path of a file with one a line; it may begin with the special
                tokens, as `get_vocabulary` returns them.
            idf_weights: With `output_mode="tf_idf"`: the weight of each term. If the vocabulary begins without the
                special tokens, theirs is the mean.

        Raises:
            ValueError: If terms are repeated, there are more than `max_tokens`, or weights are missing or superfluous.
        """
        owner = type(self).__name__
        terms = read_vocabulary(owner, vocabulary, self.kind, self.encoding)
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            need = "needs idf_weights, one for each term" if idf_weights is None else "takes no idf_weights"
            raise ValueError(f"{owner}: a vocabulary with output_mode={self.output_mode!r} {need}.")
        weights = None if idf_weights is None else np.asarray(idf_weights, "float32")
        if weights is not None and weights.shape != (len(terms),):
            raise ValueError(f"{owner}: {len(terms)} terms need {len(terms)} idf_weights; got shape {weights.shape}.")
        special_weights = None if weights is None else float(weights.mean())
        special = self._special_tokens()
        if special and terms[: len(special)] == special:
            terms = terms[len(special) :]
            if weights is not None:
                special_weights, weights = weights[: len(special)], weights[len(special) :]
        if self.mask_token in terms and self.mask_token is not None:
            raise ValueError(
                f"{owner}: the mask token {self.mask_token!r} is among the terms. Leave the special tokens out, or "
                f"begin the vocabulary with exactly {special}."
            )
        check_unique(owner, terms)
        if self.max_tokens is not None and len(terms) + self._first > self.max_tokens:
            size = len(terms) + self._first
            raise ValueError(
                f"{owner}: the vocabulary has {size} tokens with the special ones; max_tokens is {self.max_tokens}."
            )
        self._given = True
        self._keep(Vocabulary(terms, weights, special_weights))

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the terms in the order of their indices.

        Args:
            include_special_tokens: Whether the special tokens come before them.

        Returns:
            A list of strings or integers.
        """
        terms = self._vocabulary.terms if self._vocabulary is not None else []
        return [*self._special_tokens(), *terms] if include_special_tokens else list(terms)

    def vocabulary_size(self) -> int:
        """Return the number of indices, those of the special tokens included."""
        return self._first + (len(self._vocabulary) if self._vocabulary is not None else 0)

    def _keep(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def _special_tokens(self) -> list[Any]:
        return [self.mask_token] * self._masks + [self.oov_token] * self.num_oov_indices

    @property
    def _masks(self) -> int:
        """The number of indices of the mask token."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first(self) -> int:
        """The index of the first term."""
        return self._masks + self.num_oov_indices

    def _known(self) -> Vocabulary:
        if self._vocabulary is None:
            raise ValueError(
                f"Layer {self.name!r} has no vocabulary yet: call layer.adapt(data) or "
                "layer.set_vocabulary(terms) first."
            )
        return self._vocabulary

    # Looking up

    def _tokens(self, values: Any) -> np.ndarray:
        """Return tokens on the host."""
        raise NotImplementedError(f"{type(self).__name__} must define `_tokens`.")

    def host(self, inputs: Any) -> Any:
        """Look tokens up.

        Args:
            inputs: Tokens of any shape, or with `invert` indices.

        Returns:
            Indices or vectors, or with `invert` tokens, as a numpy array.
        """
        if self.invert:
            return self._invert(np.asarray(inputs))
        return self._encode(self._indices(self._tokens(inputs)))

    def _indices(self, tokens: np.ndarray) -> np.ndarray:
        """Return the index of each token; a mask token has -1 where it has no index."""
        index, first = self._known().index, self._first
        flat = tokens.ravel().tolist()
        found = np.fromiter(map(index.get, flat, repeat(_OUTSIDE)), np.int64, len(flat))
        found = np.where(found >= 0, found + first, _OUTSIDE)
        if self.mask_token is not None:
            found[np.fromiter((t == self.mask_token for t in flat), bool, len(flat))] = 0 if self._masks else _DROPPED
        outside = np.flatnonzero(found == _OUTSIDE)
        if len(outside):
            found[outside] = self._buckets([flat[i] for i in outside]) + self._masks
        return np.where(found == _DROPPED, -1, found).reshape(tokens.shape)

    def _buckets(self, tokens: list[Any]) -> np.ndarray:
        """Return which of the indices outside of the vocabulary each token has."""
        count = self.num_oov_indices
        if count == 0:
            raise ValueError(
                f"Layer {self.name!r}: {tokens[0]!r} is not in the vocabulary, and num_oov_indices=0 leaves no index "
                "for tokens outside of it."
            )
        if count == 1:
            return np.zeros(len(tokens), np.int64)
        if self.oov_method == "floormod":
            return np.asarray(tokens, np.int64) % count
        hashes = fingerprint_texts([str(t).encode() for t in tokens], hash_key(self.salt))
        return (hashes % np.uint64(count)).astype(np.int64)

    def _encode(self, indices: Any) -> Any:
        """Encode indices as `output_mode` says."""
        if self.output_mode != "tf_idf":
            return encode_indices(indices, self.output_mode, self._depth, "int32")
        return encode_indices(indices, "count", self._depth, self.compute_dtype) * self._term_weights()

    def _term_weights(self) -> Any:
        """Return the inverse document frequency of each index."""
        known = self._known()
        special = np.broadcast_to(np.asarray(known.special_weights, "float32"), (self.num_oov_indices,))
        weights = np.concatenate([special, known.weights if known.weights is not None else []])
        return np.pad(weights, (0, self._depth - len(weights))).astype(self.compute_dtype)

    def _invert(self, indices: np.ndarray) -> np.ndarray:
        terms = np.asarray([*self._special_tokens(), *self._known().terms, self.oov_token])
        inside = (indices >= 0) & (indices < len(terms) - 1)
        return terms[np.where(inside, indices, len(terms) - 1).astype(np.int64)]

    @property
    def _depth(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens is not None else self.vocabulary_size()

    def host_spec(self, inputs: Any) -> SymbolicTensor:
        """Say what `host` returns.

        Args:
            inputs: The symbolic inputs.

        Returns:
            The symbolic outputs: of the shape of `inputs`, or vectors.

        Raises:
            TypeError: If the inputs are of the wrong dtype.
        """
        if (inputs.dtype == "string") != (self.kind is str and not self.invert):
            wanted = "strings" if self.kind is str and not self.invert else "integers"
            raise TypeError(f"Layer {self.name!r} ({type(self).__name__}) expects {wanted}; got {inputs!r}.")
        if self.invert:
            return SymbolicTensor(inputs.shape, "string" if self.kind is str else "int32")
        shape = encoded_shape(inputs.shape, self.output_mode, self._depth)
        return SymbolicTensor(shape, self._spec_dtype())

    def _spec_dtype(self) -> str:
        return self.compute_dtype if self.output_mode == "tf_idf" else "int32"

    # Configuration and files

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; vocabulary and weights are among them, also if they were learned."""
        known = self._vocabulary
        terms, weights = (None, None) if known is None else (list(known.terms), known.weights)
        if known is not None and weights is not None and np.ndim(known.special_weights):
            terms, weights = self.get_vocabulary(), np.concatenate([known.special_weights, weights])
        values = {"vocabulary": terms, "idf_weights": None if weights is None else weights.tolist()}
        return {**super().get_config(), **values}

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary to `vocabulary.txt`, one token a line, the special ones first.

        Args:
            dir_path: The folder.
        """
        text = "\n".join(str(token) for token in self.get_vocabulary())
        (Path(dir_path) / "vocabulary.txt").write_text(text, self.encoding)

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary that `save_assets`, or Keras, wrote; the weights of terms are in the configuration.

        Args:
            dir_path: The folder.
        """
        if self.output_mode != "tf_idf":
            self.set_vocabulary(Path(dir_path) / "vocabulary.txt")


def encoded_shape(shape: tuple[int | None, ...], mode: str, size: int) -> tuple[int | None, ...]:
    """Return the shape of `encode_indices` of indices of `shape`.

    >>> encoded_shape((None, 3), "one_hot", 5), encoded_shape((None, 3), "count", 5)
    ((None, 3, 5), (None, 5))
    """
    if mode == "int":
        return shape
    if mode == "one_hot" and (len(shape) < 2 or shape[-1] != 1):
        return (*(shape or (1,)), size)
    return (*shape[:-1], size)
