"""The kinds of features that a `FeatureSpace` knows: a preprocessor, and how what it returns is encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jkeras.core.config import Configurable
from jkeras.core.layer import Layer
from jkeras.layers.identity import Identity
from jkeras.layers.preprocessing.discretization import Discretization
from jkeras.layers.preprocessing.hashing import Hashing
from jkeras.layers.preprocessing.integer_lookup import IntegerLookup
from jkeras.layers.preprocessing.lookup import Lookup
from jkeras.layers.preprocessing.normalization import Normalization
from jkeras.layers.preprocessing.string_lookup import StringLookup
from jkeras.layers.preprocessing.text_vectorization import TextVectorization
from jkeras.layers.table import deserialize, layers

OUTPUT_MODES = ("int", "one_hot", "float")


class Feature(Configurable):
    """A feature of a `FeatureSpace`.

    Args:
        dtype: "string", or the dtype of its numbers.
        preprocessor: The layer that its column goes through.
        output_mode: "float" or "int" for what the preprocessor returns, "one_hot" to encode the indices it returns.

    Raises:
        ValueError: If the output mode is unknown.

    >>> Feature("int32", Hashing(4), "one_hot").output_mode
    'one_hot'
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str):
        if output_mode not in OUTPUT_MODES:
            raise ValueError(f"Feature: output_mode must be one of {', '.join(OUTPUT_MODES)}; got {output_mode!r}.")
        self.dtype = dtype
        self.preprocessor: Layer = deserialize(preprocessor) if isinstance(preprocessor, Mapping) else preprocessor
        self.output_mode = output_mode


class Cross(Configurable):
    """Features whose combinations are hashed.

    Args:
        feature_names: Their names, in order.
        crossing_dim: How many bins there are.
        output_mode: "one_hot" or "int".

    >>> Cross(("city", "job"), 32).name
    'city_X_job'
    """

    def __init__(self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"):
        if output_mode not in ("int", "one_hot"):
            raise ValueError(f"Cross: output_mode must be 'int' or 'one_hot'; got {output_mode!r}.")
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)


def cross(feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
    """Return a combination of features, whose values are hashed together into `crossing_dim` bins.

    Args:
        feature_names: Their names, in order.
        crossing_dim: How many bins there are.
        output_mode: "one_hot" to encode the indices, "int" for them as they are.
    """
    return Cross(feature_names, crossing_dim, output_mode)


def feature(dtype: str, preprocessor: Layer, output_mode: str) -> Feature:
    """Return a feature with a preprocessor of one's own.

    Args:
        dtype: "string", or the dtype of its numbers.
        preprocessor: The layer that its column, `(rows, 1)`, goes through.
        output_mode: "float" or "int" for what the preprocessor returns, "one_hot" to encode the indices it returns.
    """
    return Feature(dtype, preprocessor, output_mode)


def float_(name: str | None = None) -> Feature:
    """Return a feature of numbers as they are.

    Args:
        name: The feature's name, from which the preprocessor gets its own.
    """
    return Feature("float32", Identity(name=_named(name)), "float")


def float_rescaled(scale: float = 1.0, offset: float = 0.0, name: str | None = None) -> Feature:
    """Return a feature of numbers times `scale` plus `offset`.

    Args:
        scale: The factor.
        offset: What is added.
        name: The feature's name, from which the preprocessor gets its own.
    """
    rescaling = layers.lookup("Rescaling")
    return Feature("float32", rescaling(scale=scale, offset=offset, name=_named(name)), "float")


def float_normalized(name: str | None = None) -> Feature:
    """Return a feature of numbers brought to mean 0 and variance 1, which `adapt` learns.

    Args:
        name: The feature's name, from which the preprocessor gets its own.
    """
    return Feature("float32", Normalization(axis=-1, name=_named(name)), "float")


def float_discretized(
    num_bins: int | None, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """Return a feature of numbers by the range they lie in.

    Args:
        num_bins: How many ranges `adapt` finds, about equally full; None if there are boundaries.
        bin_boundaries: The numbers between the ranges, increasing.
        output_mode: "one_hot" to encode the indices, "int" for them as they are.
        name: The feature's name, from which the preprocessor gets its own.

    Raises:
        ValueError: If both are given and do not fit.
    """
    if bin_boundaries is not None:
        if num_bins not in (None, len(bin_boundaries) + 1):
            raise ValueError(
                f"{len(bin_boundaries)} bin_boundaries make {len(bin_boundaries) + 1} bins; got {num_bins}."
            )
        num_bins = None
    layer = Discretization(num_bins=num_bins, bin_boundaries=bin_boundaries, name=_named(name))
    return Feature("float32", layer, output_mode)


def integer_categorical(
    max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """Return a feature of integers by their index in a vocabulary that `adapt` learns.

    Args:
        max_tokens: The most frequent ones, with those for unknown values; all if left out.
        num_oov_indices: How many indices unknown values share.
        output_mode: "one_hot" to encode the indices, "int" for them as they are.
        name: The feature's name, from which the preprocessor gets its own.
    """
    return Feature("int32", IntegerLookup(max_tokens, num_oov_indices, name=_named(name)), output_mode)


def string_categorical(
    max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """Return a feature of strings by their index in a vocabulary that `adapt` learns.

    Args:
        max_tokens: The most frequent ones, with those for unknown values; all if left out.
        num_oov_indices: How many indices unknown values share.
        output_mode: "one_hot" to encode the indices, "int" for them as they are.
        name: The feature's name, from which the preprocessor gets its own.
    """
    return Feature("string", StringLookup(max_tokens, num_oov_indices, name=_named(name)), output_mode)


def integer_hashed(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
    """Return a feature of integers by their hash.

    Args:
        num_bins: How many bins there are.
        output_mode: "one_hot" to encode the indices, "int" for them as they are.
        name: The feature's name, from which the preprocessor gets its own.
    """
    return Feature("int32", Hashing(num_bins, name=_named(name)), output_mode)


def string_hashed(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
    """Return a feature of strings by their hash.

    Args:
        num_bins: How many bins there are.
        output_mode: "one_hot" to encode the indices, "int" for them as they are.
        name: The feature's name, from which the preprocessor gets its own.
    """
    return Feature("string", Hashing(num_bins, name=_named(name)), output_mode)


KINDS: dict[str, Callable[..., Feature]] = {
    "float": float_,
    "float_rescaled": float_rescaled,
    "float_normalized": float_normalized,
    "float_discretized": float_discretized,
    "integer_categorical": integer_categorical,
    "string_categorical": string_categorical,
    "integer_hashed": integer_hashed,
    "string_hashed": string_hashed,
}


def _named(name: str | None) -> str | None:
    return None if name is None else f"{name}_preprocessor"


def learns(layer: Any) -> bool:
    """Whether `adapt` teaches a preprocessor something."""
    match layer:
        case TextVectorization():
            return learns(layer._lookup_layer)
        case Lookup():
            return not layer._given
        case Normalization():
            return layer.input_mean is None
        case Discretization():
            return layer.num_bins is not None
        case _:
            return hasattr(layer, "adapt")


def is_ready(layer: Any) -> bool:
    """Whether a preprocessor knows what it needs to know."""
    match layer:
        case TextVectorization():
            return is_ready(layer._lookup_layer)
        case Lookup():
            return layer._vocabulary is not None
        case Normalization():
            return layer.built or layer.input_mean is not None
        case Discretization():
            return layer.bin_boundaries is not None
        case _:
            return True


def cardinality(layer: Any) -> int:
    """Return how many indices a preprocessor tells apart.

    Raises:
        ValueError: If it does not say.
    """
    for attribute in ("vocabulary_size", "num_bins", "num_tokens"):
        size = getattr(layer, attribute, None)
        size = size() if callable(size) else size
        if size is not None:
            return int(size)
    if isinstance(layer, Discretization):
        return layer._depth
    raise ValueError(
        f"The preprocessor {layer.name!r} ({type(layer).__name__}) does not say how many indices it returns, as "
        "output_mode='one_hot' needs. Use output_mode='float', or a preprocessor with num_bins."
    )
