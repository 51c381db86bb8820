"""Combinations of categories as a fixed number of bins."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.graph import SymbolicTensor
from jkeras.functional.encoding import encode_indices
from jkeras.functional.hashing import concatenate_fingerprints, cross_integers, fingerprint_texts
from jkeras.layers.arguments import one_of, positive
from jkeras.layers.preprocessing.host import HostLayer, on_host
from jkeras.layers.preprocessing.lookup import encoded_shape
from jkeras.layers.preprocessing.options import output_dtype, refuse_sparse

__all__ = ["HashedCrossing"]

# What the chain of fingerprints begins with, as in TensorFlow.
_START = 0xDECAFCAFFE


class HashedCrossing(HostLayer):
    """`fingerprint(features) mod num_bins` of two or more features: strings by FarmHash64, integers by themselves.

    Features are scalars, `(batch,)` or `(batch, 1)`, and keep that shape in mode "int"; vectors are `(..., num_bins)`.
    Strings are hashed on the host; integers in JAX arrays, and inside
    models, on the device.

    Args:
        num_bins: How many bins there are.
        output_mode: "int" for the index of the bin, "one_hot" for vectors of `num_bins`.
        sparse: Not supported.
        name: The layer's name.
        dtype: Dtype of the vectors; indices are `int32`.

    Raises:
        ValueError: If an argument is invalid, or features are fewer than two or differ in shape.
        TypeError: If a feature is neither strings nor integers.

    >>> HashedCrossing(5)((["A", "B", "A"], np.asarray([101, 101, 102]))).tolist()
    [1, 4, 3]

    Reference: `keras.layers.HashedCrossing`.
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        dtype = "int32" if dtype is None and output_mode == "int" else dtype
        super().__init__(name=name, dtype=dtype, **kwargs)
        refuse_sparse(self, sparse)
        self.num_bins = positive(self, "num_bins", num_bins)
        self.output_mode = one_of(self, "output_mode", output_mode, ("int", "one_hot"))
        self.sparse = sparse
        if output_mode == "int" and "int" not in self.compute_dtype:
            raise ValueError(f"HashedCrossing: output_mode='int' needs an integer dtype; got {self.compute_dtype!r}.")

    def host(self, inputs: Any) -> Any:
        """Cross features of strings or integers.

        Args:
            inputs: A list or tuple of two or more features, each `(batch,)` or `(batch, 1)`.

        Returns:
            Bins or vectors, as a numpy array.
        """
        features = [on_host(feature, self.encoding) for feature in self._several(inputs)]
        self._check([(f.shape, f.dtype.kind in "Uiub") for f in features])
        prints = [
            fingerprint_texts([text.encode() for text in feature.ravel().tolist()])
            if feature.dtype.kind == "U"
            else feature.ravel().astype(np.int64).view(np.uint64)
            for feature in features
        ]
        hashes = functools.reduce(concatenate_fingerprints, prints, np.uint64(_START))
        bins = (hashes % np.uint64(self.num_bins)).astype(np.int64).reshape(features[0].shape)
        return self._encode(bins)

    def call(self, inputs: Any) -> Any:
        """Return bins or vectors for features of integers."""
        features = [jnp.asarray(feature) for feature in self._several(inputs)]
        self._check([(f.shape, jnp.issubdtype(f.dtype, jnp.integer)) for f in features])
        return self._encode(cross_integers(features, self.num_bins, _START))

    def _several(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(f"Layer {self.path!r} crosses a list or tuple of two or more features; got {inputs!r}.")
        return inputs

    def _check(self, features: list[tuple[tuple[int, ...], bool]]) -> None:
        shapes = [shape for shape, _ in features]
        if len(set(shapes)) > 1 or len(shapes[0]) > 2 or shapes[0][1:] not in ((), (1,)):
            raise ValueError(
                f"Layer {self.path!r} crosses scalars, or features of one shape (batch,) or (batch, 1); got {shapes}."
            )
        if not all(fits for _, fits in features):
            raise TypeError(f"Layer {self.path!r} crosses strings and integers; a feature has another dtype.")

    def _encode(self, bins: Any) -> Any:
        return encode_indices(bins, self.output_mode, self.num_bins, output_dtype(self))

    def host_spec(self, inputs: Any) -> SymbolicTensor:
        """Say what `host` returns.

        Args:
            inputs: A list or tuple of symbolic features.

        Returns:
            The symbolic outputs.
        """
        shapes = [feature.shape for feature in self._several(inputs)]
        self._check([(shape, True) for shape in shapes])
        shape = encoded_shape(shapes[0], self.output_mode, self.num_bins)
        return SymbolicTensor(shape, output_dtype(self))
