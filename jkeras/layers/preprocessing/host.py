"""Layers that compute on the host: strings never reach the device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.graph import SymbolicTensor
from jkeras.core.layer import Layer


class HostLayer(Layer):
    """A layer of strings, or of integers that may be too large for the device.

    Called on arrays of the host (numpy, lists), it computes there, by `host`. In a model it stands before everything
    that computes on the device: the model applies it to the data before they enter the compiled part.

    Subclasses write `host` and `host_spec`; those that can also compute integers on the device write `call`.
    """

    encoding = "utf-8"
    takes_strings = True

    def __init__(self, **kwargs: Any):
        super().__init__(**{"autocast": False, **kwargs})
        self.built = self.__dict__["_declared"] = type(self).build is Layer.build

    def host(self, inputs: Any) -> Any:
        """Compute on the host.

        Args:
            inputs: Strings or numbers, as lists or numpy arrays.

        Returns:
            The outputs, as numpy arrays.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `host(self, inputs)`.")

    def host_spec(self, inputs: Any) -> SymbolicTensor:
        """Say what `host` returns.

        Args:
            inputs: The symbolic inputs.

        Returns:
            The symbolic outputs.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `host_spec(self, inputs)`.")

    def call(self, inputs: Any) -> Any:
        """Refuse: strings exist on the host only.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            f"Layer {self.path!r} ({type(self).__name__}) works on strings, which exist on the host only: it cannot "
            "run inside a compiled function, nor in the `call` of another layer. Apply it to the data before, or let "
            "it be the first layer after a string Input: Input(shape=(1,), dtype='string')."
        )

    def _on_device(self, inputs: Any) -> bool:
        """Whether `call` computes these inputs."""
        leaves = jax.tree.leaves(inputs)
        return type(self).call is not HostLayer.call and all(isinstance(leaf, jax.Array) for leaf in leaves)

    def _call_arrays(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if len(args) != 1 or kwargs or self._on_device(args[0]):
            return super()._call_arrays(args, kwargs)
        return to_device(self.host(args[0]))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs as symbolic tensors."""
        leaves = jax.tree.leaves(args)
        if type(self).call is HostLayer.call or any(leaf.dtype == "string" for leaf in leaves):
            return self.host_spec(*args)
        return super().compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs; unknown dimensions are None."""
        several = isinstance(input_shape[0], (tuple, list))
        inputs = [SymbolicTensor(tuple(s), "int32") for s in (input_shape if several else [input_shape])]
        return self.host_spec(inputs if several else inputs[0]).shape


def to_device(tree: Any) -> Any:
    """Return numbers as JAX arrays; strings stay numpy arrays."""
    return jax.tree.map(lambda a: a if a.dtype.kind == "U" else jnp.asarray(a), tree)


def on_host(values: Any, encoding: str = "utf-8") -> np.ndarray:
    """Return strings or numbers as one numpy array; bytes are decoded.

    Raises:
        ValueError: If rows differ in length.

    >>> on_host([b"a", "b"]).tolist()
    ['a', 'b']
    """
    values = values.to_numpy() if hasattr(values, "to_numpy") else values
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError("The rows of the list have different lengths. Pad them, e.g. with the mask token.") from None
    if array.dtype.kind == "S":
        return np.char.decode(array, encoding)
    if array.dtype.kind in "OT" or (array.dtype.kind == "U" and isinstance(values, (list, tuple))):
        flat = np.asarray(values, object)
        texts = [v.decode(encoding) if isinstance(v, bytes) else v for v in flat.ravel().tolist()]
        wrong = next((v for v in texts if not isinstance(v, str)), None)
        if wrong is None:
            return np.asarray(texts, "U" if texts else "U1").reshape(flat.shape)
        if not all(isinstance(v, (int, np.integer)) for v in texts):
            raise TypeError(f"Expected strings; got {wrong!r} of type {type(wrong).__name__} among them.")
        return np.asarray(texts).reshape(flat.shape)
    return array


def texts_of(layer: Layer, values: Any, encoding: str = "utf-8") -> np.ndarray:
    """Return `values` as an array of strings, or raise `TypeError` if they are something else."""
    array = on_host(values, encoding)
    if array.dtype.kind != "U":
        raise TypeError(f"Layer {layer.name!r} ({type(layer).__name__}) expects strings; got dtype {array.dtype}.")
    return array


def integers_of(layer: Layer, values: Any) -> np.ndarray:
    """Return `values` as an array of 64-bit integers; fractions are cut off."""
    array = on_host(values)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"Layer {layer.name!r} ({type(layer).__name__}) expects integers; got dtype {array.dtype}.")
    return array.astype("int64")
