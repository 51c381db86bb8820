"""A model like another, with layers and weights of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jax

from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.graph import SymbolicTensor
from jkeras.core.input import Input, InputLayer
from jkeras.core.layer import Layer
from jkeras.core.operation import Operation
from jkeras.core.template import walk
from jkeras.models.model import Model
from jkeras.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """Return a model like `model` whose layers are new and whose weights are drawn afresh.

    Args:
        model: A `Sequential` or a model made from symbolic tensors; a subclassed model if it has `get_config`.
        input_tensors: Symbolic tensors to begin with instead of new inputs.
        clone_function: `f(layer)` that returns the layer to take the place of `layer`; by default a new one made from
            its configuration. It is called for every layer but inputs.
        call_function: `f(layer, *args, **kwargs)` that returns the outputs of a new layer; by default its call.
        recursive: Whether models inside are cloned layer by layer, with `clone_function`, too.

    Returns:
        A model of the same class.

    Raises:
        TypeError: If `model` is not a model, or `clone_function` returns something else than a layer.

    >>> from jkeras.layers import Dense
    >>> model = Sequential([Input((3,)), Dense(2)])
    >>> copy = clone_model(model)
    >>> copy.count_params(), copy.layers[0] is model.layers[0]
    (8, False)
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model expects a model; got {type(model).__name__}.")
    make = clone_function or clone_layer
    call = call_function or (lambda layer, *args, **kwargs: layer(*args, **kwargs))

    def new(layer: Any) -> Any:
        if isinstance(layer, Model) and (recursive or clone_function is None):
            return clone_model(layer, None, clone_function, call_function, recursive)
        made = make(layer)
        if not isinstance(made, Layer):
            raise TypeError(f"clone_function must return a layer for {layer.name!r}; got {made!r}.")
        return made

    if type(model)._plan is None and model._plan is None and not isinstance(model, Sequential):
        if input_tensors is not None or clone_function is not None or call_function is not None:
            raise ValueError(
                f"{type(model).__name__} is a subclassed model: it has no graph to call other layers in. "
                "Clone it without input_tensors, clone_function and call_function."
            )
        return type(model).from_config(model.get_config())
    if isinstance(model, Sequential) and input_tensors is None and call_function is None:
        first = [Input(batch_shape=t.shape, dtype=t.dtype) for t in model._chain.tensors[:1]]
        return Sequential([*first, *map(new, model._layers.values())], name=model._explicit_name)
    return _clone_graph(model, input_tensors, new, call)


def _clone_graph(model: Model, input_tensors: Any, new: Callable[[Any], Any], call: Callable[..., Any]) -> Model:
    plan: Any = model._plan
    if plan is None:
        raise ValueError(f"Model {model.name!r} has no graph yet: call it on data once, or give it an Input.")
    given = jax.tree.leaves(input_tensors) if input_tensors is not None else [_like(t) for t in plan.input_list]
    if len(given) != len(plan.input_list):
        raise ValueError(f"clone_model: the model has {len(plan.input_list)} input(s); got {len(given)} input_tensors.")
    tensors = {id(t): one for t, one in zip(plan.input_list, given, strict=True)}
    layers = {name: new(layer) for name, layer in plan.layers.items() if not isinstance(layer, InputLayer)}

    def tensor(leaf: Any) -> Any:
        return tensors[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf

    for name, node in plan.steps:
        args, kwargs = jax.tree.map(tensor, (node.args, node.kwargs))
        outputs = call(layers[name], *args, **kwargs)
        made, expected = jax.tree.leaves(outputs), jax.tree.leaves(node.outputs)
        tensors.update({id(t): one for t, one in zip(expected, made, strict=True)})
    inputs = jax.tree.map(tensor, plan.inputs)
    return Model(inputs, jax.tree.map(tensor, plan.outputs), name=model._explicit_name)


def _like(tensor: SymbolicTensor) -> SymbolicTensor:
    layer = tensor.node.layer if tensor.node is not None else None
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=getattr(layer, "_explicit_name", None))


def clone_layer(layer: Any) -> Any:
    """Return a new layer with the configuration of `layer`, and a name given by the model if `layer` has one so."""
    if isinstance(layer, Operation):  # its function need not have a name
        return Operation(layer.function, layer._explicit_name)
    # Classes of users are known to the layer itself, whether or not they are registered.
    with CustomObjectScope({type(part).__name__: type(part) for _, part in walk(layer)}):
        made = type(layer).from_config(layer.get_config())
    if layer._explicit_name is None:
        made.__dict__.update(_explicit_name=None, _auto_name=layer._auto_name)
    return made


def clone_compiled(model: Model) -> Any:
    """Return a clone of a compiled model, compiled in the same way, whose optimizer has done nothing yet."""
    compiled: Any = model._compiled
    optimizer = copy.deepcopy(compiled.optimizer)
    optimizer.iterations.assign(0)
    made = clone_model(model)
    made.compile(
        optimizer, *copy.deepcopy((compiled.loss, compiled.metrics, compiled.loss_weights, compiled.weighted_metrics)),
        run_eagerly=compiled.eager, steps_per_execution=compiled.steps_per_execution, auto_scale_loss=False,
        remat=compiled.remat.choice if compiled.remat is not None else None,
    )  # fmt: skip
    return made
