"""Embeddings for a changed vocabulary, and ordinal targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def warmstart_embedding_matrix(
    base_vocabulary: Any, new_vocabulary: Any, base_embeddings: Any, new_embeddings_initializer: Any = "uniform"
) -> np.ndarray:
    """Return embeddings for a new vocabulary: those of known words are kept.

    Args:
        base_vocabulary: The old words in their order: a list or array, or the path of a file with one a line.
        new_vocabulary: The new words, likewise.
        base_embeddings: `(old words, dimensions)`.
        new_embeddings_initializer: Where other words' come from: a name, an initializer, or an array
            `(new words, dimensions)`.

    Returns:
        `(new words, dimensions)`.

    Raises:
        ValueError: If the shapes do not fit.

    >>> warmstart_embedding_matrix(["a", "b"], ["b", "c"], np.eye(2), "zeros").tolist()
    [[0.0, 1.0], [0.0, 0.0]]

    Reference: `tf.keras.utils.warmstart_embedding_matrix`.
    """
    old, new = _words(base_vocabulary), _words(new_vocabulary)
    base = np.asarray(base_embeddings)
    if base.ndim != 2 or len(base) != len(old):
        raise ValueError(
            f"base_embeddings must have one row for each of the {len(old)} words of base_vocabulary; got shape "
            f"{base.shape}."
        )
    shape = (len(new), base.shape[1])
    matrix = np.array(_initial(new_embeddings_initializer, shape), base.dtype)
    if matrix.shape != shape:
        raise ValueError(f"new_embeddings_initializer must have shape {shape}; got {matrix.shape}.")
    row = {word: i for i, word in enumerate(old)}
    for i, word in enumerate(new):
        if word in row:
            matrix[i] = base[row[word]]
    return matrix


def _initial(initializer: Any, shape: tuple[int, ...]) -> Any:
    if hasattr(initializer, "shape"):
        return initializer
    from jkeras.layers.embedding import Embedding

    embedding = Embedding(shape[0], shape[1], embeddings_initializer=initializer)
    embedding.build((None, 1))
    return embedding.get_weights()[0]


def _words(vocabulary: Any) -> list[str]:
    if isinstance(vocabulary, (str, Path)):
        return Path(vocabulary).read_text(encoding="utf-8").splitlines()
    return [word.decode() if isinstance(word, bytes) else str(word) for word in vocabulary]


def to_ordinal(y: Any, num_classes: int | None = None, dtype: Any = "float32") -> Any:
    """Turn class numbers into rows that say which classes they exceed: `out[..., k] = 1 if y[...] > k else 0`.

    Args:
        y: Class numbers `0 ... num_classes - 1`; a trailing axis of length 1 is dropped.
        num_classes: How many classes there are; the largest number plus one if left out.
        dtype: Of the result.

    Returns:
        Array of shape `y.shape + (num_classes - 1,)`: a JAX array if `y` is one, else a NumPy array.

    Raises:
        ValueError: If a number is negative, or not below `num_classes`.

    >>> to_ordinal([0, 1, 2]).tolist()
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]

    Reference: `tf.keras.utils.to_ordinal`.
    """
    numbers = np.asarray(y).astype("int64")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    if num_classes is None:
        num_classes = int(numbers.max()) + 1 if numbers.size else 1
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < num_classes):
        raise ValueError(
            f"to_ordinal() expected class numbers from 0 to {num_classes - 1}; got {numbers.min()} to {numbers.max()}."
        )
    rows = (numbers[..., None] > np.arange(num_classes - 1)).astype(dtype)
    return jnp.asarray(rows) if isinstance(y, jax.Array) else rows
