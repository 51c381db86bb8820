"""What a summary says about a model, as plain data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core.graph import Node, Plan
from jkeras.core.input import InputLayer


class Row(NamedTuple):
    """One layer."""

    name: str
    kind: str
    shape: str
    count: str
    connected: tuple[str, ...]
    trainable: str
    depth: int


class Inventory(NamedTuple):
    """A model: its rows, whether it has branches, and its totals as `(name, number, bytes)`."""

    name: str
    rows: list[Row]
    has_branches: bool
    totals: list[tuple[str, int, int]]


def take_inventory(model: Any, expand_nested: bool = False, layer_range: Any = None) -> Inventory:
    """Return what there is to say about `model`."""
    plan = getattr(model, "_plan", None)
    has_branches = isinstance(plan, Plan) and not _is_chain(plan)
    rows = list(_rows(model, 0, expand_nested, has_branches, layer_range))
    trainable = {id(w) for w in model.trainable_weights}
    weights = list(model.weights)
    groups = [
        ("Total params", weights),
        ("Trainable params", [w for w in weights if id(w) in trainable]),
        ("Non-trainable params", [w for w in weights if id(w) not in trainable]),
    ]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and getattr(optimizer, "built", False):
        own = _optimizer_variables(optimizer)
        groups[0][1].extend(own)
        groups.append(("Optimizer params", own))
    totals = [(name, sum(w.size for w in own), sum(w.size * _itemsize(w) for w in own)) for name, own in groups]
    return Inventory(model.name, rows, has_branches, totals)


def _optimizer_variables(optimizer: Any) -> list[Any]:
    """Return what Keras counts: all but the further counters of steps that the parts of an optax chain keep."""
    iterations = optimizer.iterations
    return [v for v in optimizer.variables if v is iterations or v.shape or jnp.issubdtype(v.dtype, jnp.floating)]


def _itemsize(weight: Any) -> int:
    return jnp.dtype(weight.dtype).itemsize


def _rows(model: Any, depth: int, expand: bool, with_connections: bool, layer_range: Any = None) -> Any:
    plan = getattr(model, "_plan", None)
    uses = _uses(plan) if isinstance(plan, Plan) else {}
    named = {id(layer): name for name, layer in getattr(plan, "layers", {}).items()}
    children = model.children()
    for layer in children.values():
        named.setdefault(id(layer), next(name for name, child in children.items() if child is layer))
    for layer in layers_in_range(list(children.values()), named, layer_range):
        nodes = uses.get(id(layer), [])
        connected = _connections(nodes, uses, named) if with_connections and depth == 0 else ()
        yield Row(
            named[id(layer)],
            "Functional" if type(layer).__name__ == "Model" else type(layer).__name__,
            _shape(layer, nodes),
            _count(layer),
            connected,
            _trainable(layer),
            depth,
        )
        if expand and is_model(layer):
            yield from _rows(layer, depth + 1, expand, with_connections)


def is_model(layer: Any) -> bool:
    """Whether a layer is itself a model with layers."""
    return hasattr(layer, "compile") and bool(layer.children())


def layers_in_range(layers: list[Any], named: dict[int, str], layer_range: Any) -> list[Any]:
    """Return the layers from the first that fits the first pattern to the last that fits the second."""
    if layer_range is None:
        return layers
    if isinstance(layer_range, str) or not isinstance(layer_range, Sequence) or len(layer_range) != 2:
        raise ValueError(f"layer_range expects two layer names (or patterns): ['first', 'last']; got {layer_range!r}.")
    ends = []
    for pattern in layer_range:
        found = [i for i, layer in enumerate(layers) if re.match(pattern, named[id(layer)])]
        if not found:
            raise ValueError(f"layer_range: no layer fits {pattern!r}. The model has: {', '.join(named.values())}.")
        ends.append(found)
    first, last = ends[0][0], ends[1][-1]
    return layers[min(first, last) : max(first, last) + 1]


def _uses(plan: Plan) -> dict[int, list[Node]]:
    uses: dict[int, list[Node]] = {}
    inputs = [t.node for t in plan.input_list if t.node is not None and not t.node.parents]
    for node in [*inputs, *plan.nodes]:
        uses.setdefault(id(node.layer), []).append(node)
    return uses


def _is_chain(plan: Plan) -> bool:
    """Whether every layer is used once, on one tensor, by one layer."""
    if len(plan.input_list) != 1 or len(plan.output_list) != 1:
        return False
    parents = [id(node.parents[0]) if len(node.parents) == 1 else None for node in plan.nodes]
    once = len({id(node.layer) for node in plan.nodes}) == len(plan.nodes)
    return once and None not in parents and len(set(parents)) == len(parents)


def _connections(nodes: list[Node], uses: dict[int, list[Node]], named: dict[int, str]) -> tuple[str, ...]:
    """Return `layer[use][output]` for every tensor the layer takes."""
    found = []
    for node in nodes:
        for parent in node.parents:
            source = parent.node
            if source is None or id(source.layer) not in named:
                found.append(parent.name)
                continue
            use = next((i for i, n in enumerate(uses.get(id(source.layer), [])) if n is source), 0)
            outputs = jax.tree.leaves(source.outputs)
            index = next((i for i, tensor in enumerate(outputs) if tensor is parent), 0)
            found.append(f"{named[id(source.layer)]}[{use}][{index}]")
    return tuple(found)


def _shape(layer: Any, nodes: list[Node]) -> str:
    """Return the shape of the outputs; "multiple" if its uses differ, "?" if nothing is known."""
    shapes = [_shapes_text(node.outputs) for node in nodes]
    if not shapes:
        try:
            shapes = [_shapes_text(layer.output)]
        except (AttributeError, ValueError):
            return "?"
    return shapes[0] if len(set(shapes)) == 1 else "multiple"


def _shapes_text(outputs: Any) -> str:
    shapes = [str(tuple(tensor.shape)) for tensor in jax.tree.leaves(outputs)]
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _count(layer: Any) -> str:
    count = layer.count_params()
    is_known = count or layer._is_declared() or isinstance(layer, InputLayer)
    return f"{count:,}" if is_known else "0 (unbuilt)"


def _trainable(layer: Any) -> str:
    if not layer.weights:
        return "-"
    return "Y" if layer.trainable else "N"
