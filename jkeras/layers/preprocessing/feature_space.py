"""Tables with features of several kinds as one vector a row, or as a dictionary of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jkeras.core.dtypes import is_float
from jkeras.core.errors import nearest
from jkeras.core.graph import has_symbolic
from jkeras.core.input import Input
from jkeras.core.layer import Layer
from jkeras.functional.encoding import encode_indices
from jkeras.layers.arguments import one_of
from jkeras.layers.merging import Concatenate
from jkeras.layers.preprocessing import features as kinds
from jkeras.layers.preprocessing.category_encoding import CategoryEncoding
from jkeras.layers.preprocessing.features import Cross, Feature, cardinality, is_ready, learns
from jkeras.layers.preprocessing.hashed_crossing import HashedCrossing
from jkeras.layers.preprocessing.host import HostLayer, on_host, to_device
from jkeras.layers.table import layers

__all__ = ["FeatureSpace"]


class FeatureSpace(Layer):
    """Preprocess and encode each feature of a table by its kind, and combine them.

    Called on a dictionary of columns (or of the values of one row), it returns `(rows, size)` (or `(size,)`): the
    encoded features in the order of their names, then the crosses. `get_inputs` and `get_encoded_features` are the same
    as a symbolic graph, to be the front of a model.

    Args:
        features: The kind of each feature by its name: "float", "float_rescaled", "float_normalized",
            "float_discretized", "integer_categorical", "string_categorical", "integer_hashed", "string_hashed"; or what
            the class method of that name returns, which takes arguments.
        output_mode: "concat" for one vector, "dict" for a dictionary of the encoded features.
        crosses: Tuples of names of features whose combinations are hashed, or what `cross` returns.
        crossing_dim: How many bins a cross has unless it says otherwise.
        hashing_dim: Likewise for hashed features.
        num_discretization_bins: Likewise for discretized ones.
        name: The layer's name.

    Raises:
        ValueError: If a kind or a name is unknown, or it is used before `adapt` where there is something to learn.

    >>> space = FeatureSpace({"age": "float_normalized", "job": "string_categorical"})
    >>> table = {"age": [20.0, 40.0], "job": ["cook", "clerk"]}
    >>> space.adapt(table)
    >>> space(table).tolist()
    [[-1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]]

    Reference: `keras.utils.FeatureSpace`.
    """

    feature, cross = staticmethod(kinds.feature), staticmethod(kinds.cross)
    float, float_rescaled = staticmethod(kinds.float_), staticmethod(kinds.float_rescaled)
    float_normalized, float_discretized = staticmethod(kinds.float_normalized), staticmethod(kinds.float_discretized)
    integer_categorical = staticmethod(kinds.integer_categorical)
    string_categorical = staticmethod(kinds.string_categorical)
    integer_hashed, string_hashed = staticmethod(kinds.integer_hashed), staticmethod(kinds.string_hashed)

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Sequence[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **{"autocast": False, **kwargs})
        if not features:
            raise ValueError("FeatureSpace needs features: a dictionary of at least one name and its kind.")
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = one_of(self, "output_mode", output_mode, ("concat", "dict"))
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(value) for value in crosses or ()]
        self.preprocessors: dict[str, Any] = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {c.name: HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self._symbolic: dict[str, Any] = {}
        self.built = True
        self.__dict__["_declared"] = True

    def _feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, Mapping):
            return Feature.from_config(dict(value.get("config", value)))
        if not isinstance(value, str) or value not in kinds.KINDS:
            hint = nearest(value, kinds.KINDS) if isinstance(value, str) else ""
            raise ValueError(f"Feature {name!r}: unknown kind {value!r}.{hint} Known: {', '.join(kinds.KINDS)}.")
        sizes = {"float_discretized": self.num_discretization_bins}
        sizes |= dict.fromkeys(("integer_hashed", "string_hashed"), self.hashing_dim)
        return kinds.KINDS[value](*[sizes[value]] if value in sizes else [], name=name)

    def _cross(self, value: Any) -> Cross:
        if isinstance(value, Mapping):
            value = Cross.from_config(dict(value.get("config", value)))
        cross = value if isinstance(value, Cross) else Cross(value, self.crossing_dim)
        unknown = [name for name in cross.feature_names if name not in self.features]
        if unknown:
            hint = nearest(unknown[0], self.features)
            raise ValueError(f"FeatureSpace: the cross {cross.name!r} names {unknown[0]!r}, which is no feature.{hint}")
        return cross

    # Learning

    def build(self, input_shape: Any = None) -> None:
        """Declare the weights of the preprocessors, for one value a row."""
        for layer in self.preprocessors.values():
            if type(layer).__name__ == "Normalization" and not layer.built:
                layer.build((None, 1))

    def adapt(self, dataset: Any) -> None:
        """Let each preprocessor learn from its feature.

        Args:
            dataset: A dictionary of columns, a data frame; or something that gives rows or batches of rows as such
                dictionaries, alone or first in a tuple.

        Raises:
            ValueError: If a feature is missing, or there are no data.
        """
        learning = {name: layer for name, layer in self.preprocessors.items() if learns(layer)}
        counting = {name: layer for name, layer in learning.items() if hasattr(layer, "update_state")}
        others: dict[str, list[Any]] = {name: [] for name in learning if name not in counting}
        for layer in counting.values():
            layer.reset_state()
        count = 0
        for table in _tables(dataset):
            count += 1
            columns = self._columns({name: table[name] for name in self.features if name in table}, learning)
            for name, layer in counting.items():
                layer.update_state(columns[name])
            for name, seen in others.items():
                seen.append(columns[name])
        if not count:
            raise ValueError(f"FeatureSpace.adapt: the {type(dataset).__name__} gave no rows.")
        for layer in counting.values():
            layer.finalize_state()
        for name, seen in others.items():
            learning[name].adapt(np.concatenate(seen))
        self._symbolic.clear()

    # Encoding

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the encoded features of a dictionary of columns, of one row, or of symbolic tensors."""
        if self._frame is not None:
            raise RuntimeError(
                f"FeatureSpace {self.path!r} works on the host: apply it to the data, or build the model on "
                "get_inputs() and get_encoded_features()."
            )
        self._check_ready()
        if has_symbolic(data):
            return self._combine(self._encode(data))
        columns = self._columns(data, self.features)
        encoded = to_device(self._combine(self._encode(columns)))
        is_row = all(np.ndim(data[name]) == 0 for name in self.features)
        return jax.tree.map(lambda column: column[0], encoded) if is_row else encoded

    def get_inputs(self) -> dict[str, Any]:
        """Return an `Input` for each feature, by name."""
        if "inputs" not in self._symbolic:
            self._symbolic["inputs"] = {
                name: Input(shape=(1,), dtype=feature.dtype, name=name) for name, feature in self.features.items()
            }
        return dict(self._symbolic["inputs"])

    def get_encoded_features(self) -> Any:
        """Return the encoded features as symbolic tensors that depend on those of `get_inputs`."""
        self._check_ready()
        if "outputs" not in self._symbolic:
            self._symbolic["outputs"] = self._combine(self._encode(self.get_inputs()))
        return self._symbolic["outputs"]

    def _check_ready(self) -> None:
        waiting = [name for name, layer in self.preprocessors.items() if not is_ready(layer)]
        if waiting:
            raise ValueError(
                f"FeatureSpace {self.name!r} has still to learn from {', '.join(waiting)}: call adapt(data) first."
            )

    def _columns(self, table: Mapping[str, Any], wanted: Any) -> dict[str, np.ndarray]:
        """Return the columns as `(rows, 1)` arrays, or with more than one value a row as they are."""
        missing = [name for name in wanted if name not in table]
        if missing:
            hint = nearest(missing[0], table)
            raise ValueError(f"FeatureSpace {self.name!r}: the data have no feature {missing[0]!r}.{hint}")
        columns = {}
        for name in wanted:
            column, dtype = on_host(table[name]), self.features[name].dtype
            if (column.dtype.kind == "U") != (dtype == "string"):
                raise TypeError(f"Feature {name!r} is of dtype {dtype!r}; got data of dtype {column.dtype}.")
            column = column.astype(dtype) if "float" in dtype else column
            columns[name] = column.reshape(-1, 1) if column.ndim < 2 else column
        return columns

    def _encode(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        prepared = {name: _apply(layer, columns[name]) for name, layer in self.preprocessors.items()}
        crossed = {c.name: _apply(self.crossers[c.name], [prepared[n] for n in c.feature_names]) for c in self.crosses}
        modes = {n: f.output_mode for n, f in self.features.items()} | {c.name: c.output_mode for c in self.crosses}
        layers_of = {**self.preprocessors, **self.crossers}
        encoded = {}
        for name, value in [*sorted(prepared.items()), *sorted(crossed.items())]:
            if modes[name] == "one_hot":
                value = _apply(CategoryEncoding(cardinality(layers_of[name]), output_mode="multi_hot"), value)
            encoded[name] = value
        return encoded

    def _combine(self, encoded: dict[str, Any]) -> Any:
        if self.output_mode == "dict":
            return encoded
        for name, value in encoded.items():
            if not is_float(value):
                raise ValueError(
                    f"FeatureSpace {self.name!r}: feature {name!r} is not encoded (dtype {value.dtype}), so it cannot "
                    "be concatenated. Give it output_mode='one_hot', or the FeatureSpace output_mode='dict'."
                )
        values = list(encoded.values())
        if all(isinstance(value, np.ndarray) for value in values):
            return np.concatenate(values, -1)
        return values[0] if len(values) == 1 else Concatenate(axis=-1)(values)


layers.register("FeatureSpace", FeatureSpace)


def _apply(layer: Any, inputs: Any) -> Any:
    """Apply a layer to symbolic tensors, or to arrays: on the host what can be computed there."""
    if has_symbolic(inputs):
        return layer(inputs)
    if isinstance(layer, HostLayer):
        return layer.host(jax.tree.map(np.asarray, inputs))
    if isinstance(layer, CategoryEncoding):
        return encode_indices(np.asarray(inputs), layer.output_mode, layer.num_tokens, layer.compute_dtype)
    return np.asarray(layer(inputs))


def _tables(dataset: Any) -> Iterator[Mapping[str, Any]]:
    """Yield dictionaries of columns, or of the values of one row."""
    if isinstance(dataset, Mapping) or hasattr(dataset, "columns"):
        yield dataset
        return
    indexed = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    for item in (dataset[i] for i in range(len(dataset))) if indexed else dataset:
        table = item[0] if isinstance(item, (tuple, list)) else item
        if not isinstance(table, Mapping):
            raise TypeError(f"FeatureSpace.adapt takes dictionaries of columns; got {type(table).__name__}.")
        yield table
