"""Layers that prepare data: numbers, categories, texts; `adapt` learns from data what they need to know."""

from __future__ import annotations

from typing import Any

from jkeras.layers.preprocessing.category_encoding import CategoryEncoding
from jkeras.layers.preprocessing.discretization import Discretization
from jkeras.layers.preprocessing.feature_space import FeatureSpace as FeatureSpace
from jkeras.layers.preprocessing.hashed_crossing import HashedCrossing
from jkeras.layers.preprocessing.hashing import Hashing
from jkeras.layers.preprocessing.integer_lookup import IntegerLookup
from jkeras.layers.preprocessing.normalization import Normalization
from jkeras.layers.preprocessing.pipeline import Pipeline
from jkeras.layers.preprocessing.string_lookup import StringLookup
from jkeras.layers.preprocessing.text_vectorization import TextVectorization
from jkeras.layers.table import layers as _table

# `FeatureSpace` is offered by `jkeras.utils`, as in Keras.
__all__ = [
    "CategoryEncoding",
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "Normalization",
    "Pipeline",
    "StringLookup",
    "TextVectorization",
]


def __getattr__(name: str) -> Any:
    """Return any other layer: `layers.experimental.preprocessing` of Keras 2 had those of images too."""
    if name.startswith("_") or name not in _table:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _table.lookup(name)
