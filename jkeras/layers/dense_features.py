"""The layer of feature columns, which are TensorFlow's."""

from __future__ import annotations

from typing import Any, NoReturn

from jkeras.core.layer import Layer

__all__ = ["DenseFeatures"]


class DenseFeatures(Layer):
    """Refuse to be made, and say what to use: feature columns are objects of TensorFlow.

    In tf_keras it makes one array `(batch, features)` of a dictionary of columns.

    Args:
        feature_columns: Whatever they are.

    Raises:
        ValueError: Always.

    >>> DenseFeatures([])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: DenseFeatures takes feature columns, which are objects of TensorFlow. ...
    """

    def __init__(
        self, feature_columns: Any, trainable: bool = True, name: str | None = None, **kwargs: Any
    ) -> NoReturn:
        raise ValueError(
            "DenseFeatures takes feature columns, which are objects of TensorFlow. Give the model one Input for each "
            "feature, encode it with a preprocessing layer (Normalization, Discretization, CategoryEncoding, "
            "StringLookup, Hashing, Embedding), and join them with Concatenate."
        )
