"""`Input`: where a symbolic graph begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras.core import dtypes
from jkeras.core.graph import Node, SymbolicTensor
from jkeras.core.layer import Layer


class InputLayer(Layer):
    """The layer that stands for an input of a model.

    Args:
        shape: Shape of one sample, None where unknown.
        batch_size: Size of the batch if it is fixed.
        dtype: Dtype of the input; the default float dtype if left out.
        batch_shape: Shape with the batch, instead of `shape`.
        name: The input's name.
        input_shape: The name of `shape` in Keras 2.
        type_spec: Not supported: an object of TensorFlow.
        input_tensor: A symbolic tensor whose shape and dtype the input has, instead of these.
        optional: Not supported: make a second model without that input.
        sparse, ragged: Not supported: arrays of JAX are dense.

    Raises:
        ValueError: If no shape is given, or what is not supported is asked for.

    >>> InputLayer(shape=(3,)).output.shape
    (None, 3)
    """

    supports_masking = True

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        input_shape: Any = None,
        type_spec: Any = None,
        **kwargs: Any,
    ):
        if type_spec is not None:
            raise ValueError(f"type_spec is an object of TensorFlow. Give shape and dtype instead of {type_spec!r}.")
        shape = input_shape if shape is None else shape
        if sparse or ragged:
            raise ValueError(
                "Sparse and ragged inputs are not supported: JAX arrays are dense. Pad or densify the data."
            )
        if optional:
            raise ValueError("Optional inputs are not supported. Make a second model without that input.")
        if input_tensor is not None:
            if not isinstance(input_tensor, SymbolicTensor):
                raise ValueError(
                    f"InputLayer(input_tensor=...) expects a symbolic tensor; got {type(input_tensor).__name__}. "
                    "Give shape and dtype instead."
                )
            # An input like that tensor: a tensor belongs to the layer that made it.
            batch_shape, dtype = batch_shape or input_tensor.shape, dtype or input_tensor.dtype
        super().__init__(name=name, **kwargs)
        hint = self._input_hint
        if batch_shape is None:
            if shape is None and hint is None:
                raise ValueError("Input needs a shape without the batch, e.g. Input(shape=(28, 28, 1)).")
            sample: Any = (shape,) if isinstance(shape, int) else shape if hint is None else hint[0][1:]
            batch_shape = (batch_size, *sample)
        elif shape is not None:
            raise ValueError(f"Give Input either shape or batch_shape, not both; got {shape} and {batch_shape}.")
        self.batch_shape = tuple(_dimension(n, batch_shape) for n in batch_shape)
        self.input_dtype = dtypes.floatx() if dtype is None else dtype
        tensor = SymbolicTensor(self.batch_shape, self.input_dtype, name)
        self.built = True
        self.__dict__["_declared"] = True
        # The layer owns its tensor, unlike other layers: nothing else would keep it alive.
        self._own_node = Node(self, (), {}, tensor)
        if name is None:
            tensor.name = self.name

    @property
    def input(self) -> Any:
        """The symbolic tensor it stands for."""
        return self._own_node.outputs

    @property
    def output(self) -> Any:
        """The symbolic tensor it stands for."""
        return self._own_node.outputs

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return self.output.dtype

    def call(self, inputs: Any) -> Any:
        """Return the input."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return shape, dtype and name."""
        return {"batch_shape": list(self.batch_shape), "dtype": self.output.dtype, "name": self.name}


def _dimension(n: Any, shape: Any) -> int | None:
    if n is None or (isinstance(n, int) and n >= 0):
        return n
    try:
        return int(n.__index__())
    except AttributeError:
        raise ValueError(f"Dimensions of an Input are integers or None; got {n!r} in {shape}.") from None


def Input(
    shape: int | Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
    batch_input_shape: Sequence[int | None] | None = None,
    ragged: bool | None = None,
    type_spec: Any = None,
) -> SymbolicTensor:
    """Return a symbolic tensor: the start of a model made of layers called on it.

    Args:
        shape: Shape of one sample: an integer or a sequence, None where unknown.
        batch_size: Size of the batch if it is fixed.
        dtype: Dtype of the input, "float32" by default.
        batch_shape: Shape with the batch, instead of `shape`.
        name: The input's name: the key in dictionaries of inputs.
        tensor: A symbolic tensor to use as it is.
        optional: Not supported: make a second model without that input.
        batch_input_shape: The name of `batch_shape` in Keras 1 and 2.
        sparse, ragged: Not supported: arrays of JAX are dense.
        type_spec: Not supported: an object of TensorFlow.

    Returns:
        A `SymbolicTensor` of shape `(batch_size, *shape)`.

    Raises:
        ValueError: If no shape is given, or a sparse, ragged or optional input or a `type_spec` is asked for.

    >>> Input(shape=(28, 28)).shape
    (None, 28, 28)
    >>> Input(shape=32).shape
    (None, 32)
    """
    if tensor is not None:
        if not isinstance(tensor, SymbolicTensor):
            raise ValueError(f"Input(tensor=...) expects a symbolic tensor; got {type(tensor).__name__}.")
        return tensor
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_input_shape if batch_shape is None else batch_shape,
        optional=optional,
        name=name,
        type_spec=type_spec,
    )
    return layer.output
