"""A model that is a chain of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core import dtypes
from jkeras.core.config import serialize
from jkeras.core.custom_objects import CustomObjectScope, tables
from jkeras.core.errors import nearest
from jkeras.core.graph import Plan, SymbolicTensor, is_shape
from jkeras.core.input import Input, InputLayer
from jkeras.core.layer import Layer
from jkeras.core.registry import snake_case
from jkeras.core.template import unique_name
from jkeras.layers.table import layers as layer_classes
from jkeras.models.host_part import host_part
from jkeras.models.model import Model, first_shape


class Sequential(Model):
    """A chain of layers.

    The shape of its input comes from an `Input` or `input_shape=` of the first layer, or from the first data it sees.

    Args:
        layers: The layers, in order; more can be added with `add`.
        name: The model's name.

    >>> from jkeras.layers import Dense
    >>> model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(2)])
    >>> model.output_shape, model.count_params()
    ((None, 2), 26)
    """

    _chain: Chain

    def __init__(
        self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None, **kwargs: Any
    ):
        super().__init__(name=name, trainable=trainable, **kwargs)
        # The symbolic chain: its input, then the output of each layer. Empty while the input shape is unknown.
        self.__dict__["_chain"] = Chain()
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Append a layer (or, as the first one, an `Input`).

        Args:
            layer: A layer, or a function of arrays.
            rebuild: Either value: layers are connected as they come, which costs nothing that could be put off.

        Raises:
            TypeError: If it is not a layer.
            ValueError: If its name is taken.
        """
        if isinstance(layer, SymbolicTensor):
            layer = layer.node.layer if layer.node is not None else layer
        if isinstance(layer, InputLayer):
            if self._layers or self._chain.tensors:
                raise ValueError(f"Sequential {self.name!r}: an Input must come first, before any layer.")
            self._begin(layer.output)
            return
        if not isinstance(layer, Layer):
            if not isinstance(layer, Callable) or isinstance(layer, type):
                hint = f" Write {layer.__name__}(...)." if isinstance(layer, type) else ""
                raise TypeError(f"Sequential.add expects a layer; got {layer!r}.{hint}")
            from jkeras.core.operation import Operation

            layer = Operation(layer)
        explicit = layer._explicit_name
        if explicit is not None and explicit in self._layers:
            raise ValueError(
                f"Sequential {self.name!r} already has a layer named {explicit!r}. Give each its own name."
            )
        if any(layer is other for other in self._layers.values()):
            raise ValueError(f"Layer {layer.name!r} is in {self.name!r} already. Make another one, or use Model(x, y).")
        name = explicit or unique_name(layer._auto_name or snake_case(type(layer).__name__), self._layers)
        if explicit is None and layer._auto_name is None:
            layer.__dict__["_auto_name"] = name
        self._layers[name] = layer
        self.__dict__["_declared"] = False
        if self._chain.tensors:
            self._extend(layer)
        else:
            hint = first_shape(self._layers)
            if hint is not None:
                self._begin(Input(batch_shape=hint[0], dtype=hint[1]))

    def pop(self, rebuild: bool = True) -> Layer:
        """Return the last layer, which is removed.

        Args:
            rebuild: Makes no difference: what follows from the layers is made when it is asked for.
        """
        if not self._layers:
            raise ValueError(f"Sequential {self.name!r} has no layers to pop.")
        _, layer = self._layers.popitem()
        if self._chain.tensors:
            self._chain.tensors.pop()
            self._plan_chain()
        return layer

    def _begin(self, tensor: SymbolicTensor) -> None:
        """Start the symbolic chain at `tensor` and lead it through the layers there are."""
        self._chain.tensors[:] = [tensor]
        for layer in self._layers.values():
            self._extend(layer)

    def _extend(self, layer: Layer) -> None:
        self._chain.tensors.append(layer(self._chain.tensors[-1]))
        self._plan_chain()

    def _plan_chain(self) -> None:
        tensors = self._chain.tensors
        self.built = bool(tensors)
        self.__dict__["_declared"] = bool(tensors) and all(layer._declared for layer in self._layers.values())
        self._chain.plan = None

    @property
    def _plan(self) -> Plan | None:
        """The graph of the chain, once the input shape is known."""
        tensors = self._chain.tensors
        if not tensors or len(tensors) == 1 and self._layers:
            return None
        if self._chain.plan is None and len(tensors) > 1:
            plan = self._chain.plan = Plan(tensors[0], tensors[-1])
            plan.host = host_part(plan)
        return self._chain.plan

    def call(self, inputs: Any) -> Any:
        """Lead the inputs through every layer."""
        if not self._layers:
            raise ValueError(f"Sequential {self.name!r} has no layers. Add some: model.add(Dense(10)).")
        outputs = inputs
        if self._plan is not None and self._plan.host is not None:
            return self._plan.run(self._layers, inputs, self.path)
        if self._plan is not None:
            (outputs,) = self._plan.match(inputs, self.path)
            if outputs is not inputs and self._frame is not None:
                self._frame.set_mask(outputs, self._frame.mask_of(inputs))
        for layer in self._layers.values():
            outputs = layer(outputs)
        return outputs

    def host_inputs(self, x: Any) -> Any:
        """Return what the compiled part of the model takes for inputs `x`, as `Model.host_inputs` does."""
        first = next(iter(self._layers.values()), None)
        if not self._chain.tensors and getattr(first, "takes_strings", False):
            array = x if hasattr(x, "shape") else np.asarray(x)
            if array.dtype.kind in "USOT":
                self._begin(Input(batch_shape=(None, *array.shape[1:]), dtype="string"))
        return super().host_inputs(x)

    def _declare(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], unknown: int | None = None) -> Any:
        outputs = super()._declare(args, kwargs, unknown)
        if not self._chain.tensors and len(args) == 1 and len(leaves := jax.tree.leaves(args[0])) == 1:
            shape = leaves[0].shape
            self._begin(Input(batch_shape=(None, *shape[1:]), dtype=leaves[0].dtype))
        return outputs

    def children(self) -> dict[str, Any]:
        """Return the layers by name."""
        return dict(self._layers)

    @property
    def output_names(self) -> list[str]:
        """The name of the last layer."""
        return [list(self._layers)[-1]] if self._layers else []

    def get_config(self) -> dict[str, Any]:
        """Return the model as plain data: its layers, the input first if its shape is known."""
        first = [tensor.node.layer for tensor in self._chain.tensors[:1] if tensor.node is not None]
        config = {"name": self.name, "trainable": self.trainable, "dtype": dtypes.as_config(self.dtype_policy)}
        rows = []
        for name, layer in (*((layer.name, layer) for layer in first), *self._layers.items()):
            row = serialize(layer)
            row["config"] = {**row["config"], "name": name}
            rows.append(row)
        shape = {"build_input_shape": list(self._chain.tensors[0].shape)} if self._chain.tensors else {}
        return {**config, "layers": rows, **shape}

    @classmethod
    def from_config(cls, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """Make a model from what `get_config` returned, in the form of any Keras; in Keras 1 and 2.0 that is a list.

        Args:
            config: Plain data.
            custom_objects: Users' classes and functions by name.
        """
        from jkeras.saving.serialization import deserialize_keras_object

        config = {"layers": config} if isinstance(config, list) else dict(config)
        shape = config.pop("build_input_shape", None)
        rows, trainable = config.pop("layers", []), config.pop("trainable", True)
        config.pop("dtype", None)
        with CustomObjectScope(custom_objects):
            model = cls(layers=[deserialize_keras_object(row) for row in rows], **config)
        if shape is not None and not model._chain.tensors and model._layers:
            model.build(tuple(shape) if is_shape(shape) else shape)
        if not trainable:
            model.trainable = False
        return model

    def __getitem__(self, index: int | str) -> Layer:
        """Return a layer by position or name."""
        if isinstance(index, int):
            return self.layers[index]
        if index not in self._layers:
            raise KeyError(f"No layer {index!r}.{nearest(index, self._layers)}")
        return self._layers[index]


class Chain:
    """The symbolic tensors of a sequential model, and the plan made of them."""

    def __init__(self) -> None:
        self.tensors: list[SymbolicTensor] = []
        self.plan: Plan | None = None


tables["keras"]["Sequential"] = Sequential
layer_classes.register("Sequential", Sequential)
