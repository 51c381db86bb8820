"""Categories of any number as a fixed number of bins, by their hash."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core.graph import SymbolicTensor
from jkeras.functional.encoding import encode_indices
from jkeras.functional.hashing import fingerprint_texts, hash_integers
from jkeras.layers.arguments import one_of, positive
from jkeras.layers.preprocessing.host import HostLayer, integers_of, on_host
from jkeras.layers.preprocessing.lookup import encoded_shape
from jkeras.layers.preprocessing.options import check_salt, hash_key, output_dtype, refuse_sparse

__all__ = ["Hashing"]


class Hashing(HostLayer):
    """`hash(x) mod num_bins`, with FarmHash64, or SipHash-2-4 where a salt is given; integers by their decimal text.

    Inputs of any shape keep it in mode "int"; vectors are those of `CategoryEncoding`. Strings are hashed on the host;
    integers in JAX arrays, and inside models, on the device.

    Args:
        num_bins: How many bins there are, that of `mask_value` included.
        mask_value: A string or integer that stands for missing data and has bin 0 for itself.
        salt: One or two numbers that make the hash another one.
        output_mode: "int" for indices; "one_hot", "multi_hot" or "count" for vectors as `CategoryEncoding` makes them.
        sparse: Not supported.

    Raises:
        ValueError: If an argument is invalid.

    >>> Hashing(3)([["A"], ["B"], ["E"]]).tolist()
    [[1], [0], [2]]
    >>> Hashing(3, mask_value=0)(jnp.asarray([0, 1, 2])).tolist()
    [0, 2, 2]

    Reference: `keras.layers.Hashing`.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int32" if output_mode == "int" else None
        super().__init__(**kwargs)
        refuse_sparse(self, sparse)
        self.num_bins = positive(self, "num_bins", num_bins)
        if mask_value is not None and self.num_bins < 2:
            raise ValueError("Hashing: num_bins must be 2 or more where mask_value has a bin for itself; got 1.")
        self.mask_value, self.salt = mask_value, check_salt(self, salt)
        self.output_mode = one_of(self, "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        self.sparse = sparse
        if output_mode == "int" and "int" not in self.compute_dtype:
            raise ValueError(f"Hashing: output_mode='int' needs an integer dtype; got {self.compute_dtype!r}.")

    def host(self, inputs: Any) -> Any:
        """Hash strings or integers.

        Args:
            inputs: Strings or integers, of any shape.

        Returns:
            Bins or vectors, as a numpy array.
        """
        values = on_host(inputs, self.encoding)
        values = values if values.dtype.kind == "U" else integers_of(self, values)
        if self.mask_value is not None and isinstance(self.mask_value, str) != (values.dtype.kind == "U"):
            raise TypeError(
                f"Layer {self.name!r}: mask_value={self.mask_value!r} does not fit inputs of dtype {values.dtype}."
            )
        flat = values.ravel().tolist()
        hashes = fingerprint_texts([str(value).encode() for value in flat], hash_key(self.salt))
        return self._binned((hashes % np.uint64(self._bins)).astype(np.int64).reshape(values.shape), values)

    def call(self, inputs: Array) -> Array:
        """Return bins or vectors for integers."""
        x = jnp.asarray(inputs).astype(jnp.int32)
        return self._binned(hash_integers(x, self._bins, hash_key(self.salt)), x)

    @property
    def _bins(self) -> int:
        return self.num_bins - (self.mask_value is not None)

    def _binned(self, bins: Any, values: Any) -> Any:
        if self.mask_value is not None:
            bins = (bins + 1) * (values != self.mask_value)
        return encode_indices(bins, self.output_mode, self.num_bins, output_dtype(self))

    def host_spec(self, inputs: Any) -> SymbolicTensor:
        """Say what `host` returns.

        Args:
            inputs: The symbolic inputs.

        Returns:
            The symbolic outputs.
        """
        shape = encoded_shape(inputs.shape, self.output_mode, self.num_bins)
        return SymbolicTensor(shape, output_dtype(self))
