"""The model: a layer that is also trained, evaluated, saved and shown."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import jax

from jkeras.core import graph, placement
from jkeras.core.custom_objects import CustomObjectScope, tables
from jkeras.core.errors import nearest
from jkeras.core.graph import Plan, SymbolicTensor, has_symbolic
from jkeras.core.layer import Layer
from jkeras.core.template import walk
from jkeras.layers.table import layers as layer_classes
from jkeras.models.added_loss import AddedLoss
from jkeras.models.estimation import estimate
from jkeras.models.files import Files
from jkeras.models.host_part import host_part
from jkeras.models.legacy import former_ends
from jkeras.models.reports import cost_analysis, explain_fit
from jkeras.models.trainer import Trainer


class Model(Files, Trainer):
    """A model, made from symbolic tensors or by subclassing.

    Made from tensors, it computes `outputs` from `inputs`, each of them one tensor or a list, tuple or dict of them.
    Subclassed, it computes what its `call` says.

    Args:
        inputs: Symbolic tensors made by `Input`.
        outputs: Symbolic tensors made by calling layers.
        name: The model's name.

    >>> import numpy as np
    >>> from jkeras.layers import Dense, Input
    >>> x = Input(shape=(3,))
    >>> model = Model(x, Dense(2)(x))
    >>> model.predict(np.ones((4, 3)), verbose=0).shape
    (4, 2)
    >>> params, state = model.init(0)
    >>> sorted(params["dense"])
    ['bias', 'kernel']
    """

    explain_fit = explain_fit
    cost_analysis = cost_analysis
    estimate = estimate
    _passes_masks_on = True
    _plan: Plan | None = None

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any):
        inputs, outputs = former_ends(inputs, outputs, kwargs)
        super().__init__(name=name, **kwargs)
        self.stop_training = False
        self._layers: dict[str, Layer] = {}
        if (inputs is None) != (outputs is None):
            raise ValueError(
                "Model needs both inputs and outputs: Model(inputs=x, outputs=y); or neither, in a subclass."
            )
        if inputs is not None:
            self._set_plan(Plan(inputs, outputs))

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls, *args, **kwargs)
        # Made under a strategy, it stays on the devices of the strategy.
        placed = None if placement.current() is placement.DEFAULT else placement.current()
        self.__dict__.update(_layers={}, stop_training=False, _compiled=None, history=None, _placed=placed)
        return self

    def __getstate__(self) -> dict[str, Any]:
        if self._is_declared() and self._frame is None:
            self._drawn_weights()  # so that a copy has the same
        _ = self._plan  # made by a chain when it is first asked for
        state = super().__getstate__()
        if self._compiled is not None:
            state["_compiled"] = copy.copy(self._compiled)
        return state

    def _set_plan(self, plan: Plan) -> None:
        plan.host = host_part(plan)
        self.autocast = False  # its layers cast what they take
        self.__dict__["_plan"] = plan
        self.__dict__["_layers"] = dict(plan.layers)
        self.built = True
        self.__dict__["_declared"] = all(layer._declared for layer in plan.layers.values())

    def add_loss(self, loss: Any) -> None:
        """Add a value to the loss: in `call`, or a symbolic tensor computed from the inputs of this model."""
        if not has_symbolic(loss):
            return super().add_loss(loss)
        if self._plan is None:
            raise ValueError(
                "add_loss(symbolic tensor) needs a model made from symbolic tensors: Model(inputs, outputs)."
            )
        also = [AddedLoss()(tensor) for tensor in (loss if isinstance(loss, (list, tuple)) else [loss])]
        self._set_plan(Plan(self._plan.inputs, self._plan.outputs, [*self._plan.also, *also]))
        return None

    def call(self, inputs: Any) -> Any:
        """Compute the outputs; a subclass writes its own."""
        if self._plan is None:
            raise NotImplementedError(
                f"{type(self).__name__} has neither inputs and outputs nor a `call`. "
                "Write: def call(self, inputs): return ..."
            )
        return self._plan.run(self._layers, inputs, self.path)

    def host_inputs(self, x: Any) -> Any:
        """Return what the compiled part of the model takes for inputs `x`.

        That is `x` itself, unless layers of strings stand at the front: they run on the host. `model(x)`, `fit`,
        `predict` and so on call it; `apply` is pure and takes what it returns.

        Args:
            x: A tree of arrays, of strings too.
        """
        plan = self._plan
        return x if plan is None or plan.host is None else plan.host.prepare(x, self.name)

    def _call_arrays(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return super()._call_arrays((self.host_inputs(args[0]), *args[1:]) if args else args, kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of `input_shape`, batch included: a tuple, or a tree of tuples.

        Raises:
            ValueError: If no shape is given and none is known.
        """
        if input_shape is None:
            if not self._is_declared():
                raise ValueError(f"Model {self.name!r} needs an input shape: model.build((None, 28, 28)).")
            return
        if not self._is_declared():
            self._declare((graph.symbolic_like(input_shape),), {}, unknown=graph.UNKNOWN_SIZES[0])

    def _declare(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], unknown: int | None = None) -> Any:
        outputs = super()._declare(args, kwargs, unknown)
        if (
            self._plan is None and args and all(map(graph.is_abstract, jax.tree.leaves(args[0])))
        ):  # what a file has to say to make the weights anew
            shapes = jax.tree.map(lambda leaf: (None, *leaf.shape[1:]), args[0])
            self.__dict__["_built_shape"] = shapes
        return outputs

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Make the weights for the shapes that a file says the model was built with.

        Args:
            config: `{"input_shape": (batch, ...)}`, or `{"shapes_dict": {name: shape}}`.
        """
        shapes = config.get("input_shape", config.get("shapes_dict"))
        if shapes is not None and not self._is_declared():
            self.build(jax.tree.map(tuple, shapes, is_leaf=graph.is_shape))

    def _build_from(self, frame: Any, signature: Any, given: dict[str, Any]) -> None:
        if type(self).build is Model.build:  # nothing of its own to declare; its layers are built as they are called
            self._template.built = self.built = True
        else:
            super()._build_from(frame, signature, given)

    def _root_path(self) -> str:
        # The layers of a model are what one wants to see in `params`: the model's own name is no folder above them.
        return ""

    def children(self) -> dict[str, Any]:
        """Return the layers by their local names."""
        named: dict[str, Any] = dict(self._layers)
        known = {id(layer) for layer in named.values()}
        for name, child in super().children().items():
            if id(child) not in known:
                named[name] = child
        return named

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in this model, in order."""
        return list(self.children().values())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or index.

        Args:
            name: Its name, in the model or its own.
            index: Its place among `layers`, from 0; negative ones count from the end.

        Raises:
            ValueError: If there is no such layer; names the nearest one.
        """
        layers = self.children()
        if index is not None:
            found = list(layers.values())
            if not -len(found) <= index < len(found):
                raise ValueError(f"Model {self.name!r} has {len(found)} layers; there is no index {index}.")
            return found[index]
        if name is None:
            raise ValueError("get_layer needs a name or an index.")
        if name in layers:
            return layers[name]
        for layer in layers.values():
            if layer.name == name:
                return layer
        hint = nearest(name, layers) or f" It has: {', '.join(layers)}."
        raise ValueError(f"Model {self.name!r} has no layer {name!r}.{hint}")

    def _graph(self) -> Plan:
        if self._plan is None:
            raise AttributeError(
                f"Model {self.name!r} was not made from an Input, so it has no symbolic inputs and outputs."
            )
        return self._plan

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs."""
        return self._graph().input_list

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs."""
        return self._graph().output_list

    @property
    def input(self) -> Any:
        """The symbolic input, or the tree of them."""
        return _single(self._graph().inputs)

    @property
    def output(self) -> Any:
        """The symbolic output, or the tree of them."""
        return _single(self._graph().outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return self._graph().input_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self._graph().output_names

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers, their output shapes and their numbers of parameters as a table.

        Args:
            line_length: Width of the table in characters.
            positions: Relative or absolute positions of the columns.
            print_fn: Takes each line instead of `print`.
            expand_nested: Whether to show the layers inside nested models.
            show_trainable: Whether to show which layers are trained.
            layer_range: Names (or patterns) of the first and the last layer to show.
        """
        from jkeras.display.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary."""
        from jkeras.display.html import model_html

        return model_html(self)

    def __repr__(self) -> str:
        count, optimizer = len(self.children()), self.optimizer
        facts = [
            f"{count} layer{'s' * (count != 1)}",
            f"{self.count_params():,} parameters" if self.built else "not built",
        ]
        facts += [f"compiled with {type(optimizer).__name__}"] * (optimizer is not None)
        return f"<{type(self).__name__} {self.name!r}: {', '.join(facts)}>"

    def reset_states(self) -> None:
        """Set the state of every stateful layer back to zeros."""
        for _, layer in walk(self):
            if layer is not self and getattr(layer, "stateful", False):
                layer.reset_states()  # pyright: ignore[reportAttributeAccessIssue]

    reset_state = reset_states

    @property
    def input_shape(self) -> Any:
        """The shape of `input`."""
        return jax.tree.map(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """The shape of `output`."""
        return jax.tree.map(lambda t: t.shape, self.output)

    @property
    def _class_name(self) -> str:
        """The name by which files know the class: a model made from tensors is `Functional`."""
        return "Functional" if type(self) is Model and self._plan is not None else type(self).__name__

    def _is_graph(self) -> bool:
        """Whether its configuration is that of its graph: its class does not say how else it is made."""
        return self._plan is not None and type(self).__init__ is Model.__init__

    def get_config(self) -> dict[str, Any]:
        """Return the model as plain data: its layers and how they are called, or a subclass's constructor arguments.

        >>> from jkeras.layers import Dense, Input
        >>> x = Input((3,))
        >>> config = Model(x, Dense(2)(x)).get_config()
        >>> [layer["class_name"] for layer in config["layers"]], config["output_layers"]
        (['InputLayer', 'Dense'], ['dense', 0, 0])
        """
        if not self._is_graph():
            return super().get_config()
        from jkeras.saving.graph import write_graph

        return write_graph(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Make a model from what `get_config` returned, in the form of any Keras.

        Args:
            config: Plain data.
            custom_objects: Users' classes and functions by name.

        Raises:
            ValueError: If a class is unknown, or the layers and calls do not make a graph.
        """
        with CustomObjectScope(custom_objects):
            if "input_layers" not in config or "output_layers" not in config:
                return super().from_config(config)
            from jkeras.saving.graph import read_graph

            rest = {key: value for key, value in config.items() if key not in _GRAPH}
            trainable = rest.pop("trainable", True)
            inputs, outputs = read_graph(config)
            model = cls(inputs, outputs, **rest)
        if not trainable:
            model.trainable = False
        return model


# What a configuration says about the graph; the rest are arguments of the class.
_GRAPH = ("layers", "input_layers", "output_layers", "nodes", "dtype")


def _single(tree: Any) -> Any:
    """Keras returns the tensor itself where a list has only one."""
    return tree[0] if isinstance(tree, (list, tuple)) and len(tree) == 1 else tree


def first_shape(layers: Mapping[str, Layer]) -> Any:
    """Return `(batch_shape, dtype)` that the first layer of a sequence asks for, or None."""
    for layer in layers.values():
        plan = getattr(layer, "_plan", None)
        if isinstance(plan, Plan):
            return plan.input_list[0].shape, plan.input_list[0].dtype
        return layer._input_hint
    return None


# Not under "keras": Keras 3 knows it by the module it is in.
tables["keras.src.models.functional"]["Functional"] = Model
for _name in ("Model", "Functional"):
    layer_classes.register(_name, Model)
