"""The part of a model that runs on the host, before the compiled part: layers of strings.

Strings exist on the host only. A layer that takes or makes them is applied to the data as they come in, once for arrays
and batch by batch for streams; what it makes of them is what the compiled part of the model takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from jkeras.core.graph import Node, Plan, SymbolicTensor
from jkeras.layers.preprocessing.host import on_host


class HostPart(NamedTuple):
    """Which uses of layers run on the host, and where the compiled part begins."""

    plan: Plan
    nodes: list[Node]
    entry: list[SymbolicTensor]
    compiled: list[tuple[str, Node]]

    def prepare(self, inputs: Any, owner: str) -> Any:
        """Return what the compiled part takes for inputs of the model: one array, or a list of them."""
        arranged = self.plan.match(_arrays(inputs, self.plan), owner, cast=False)
        values = {id(t): array for t, array in zip(self.plan.input_list, arranged, strict=True)}
        for node in self.nodes:
            (argument,) = jax.tree.map(lambda leaf: values.get(id(leaf), leaf), node.args)
            values[id(node.outputs)] = node.layer.host(argument)
        arrays = [values[id(tensor)] for tensor in self.entry]
        return arrays[0] if len(arrays) == 1 else arrays

    def enter(self, inputs: Any, owner: str) -> dict[int, Any]:
        """Return the arrays that `prepare` made, by the tensors they stand for."""
        arrays = jax.tree.leaves(inputs)
        if len(arrays) != len(self.entry):
            raise ValueError(
                f"Model {owner!r} has layers of strings, which run on the host. Its pure functions take what "
                f"`model.host_inputs(x)` returns: {len(self.entry)} array(s); got {len(arrays)}."
            )
        return {id(t): array for t, array in zip(self.entry, arrays, strict=True)}


def host_part(plan: Plan) -> HostPart | None:
    """Return the host part of a plan, or None if there are no strings in it.

    Raises:
        ValueError: If a layer of strings stands behind a layer that computes on the device, or strings are outputs.
    """
    nodes = plan.nodes
    if all(tensor.dtype != "string" for tensor in (*plan.input_list, *(t for node in nodes for t in _made(node)))):
        return None
    host: dict[int, Node] = {}
    todo = [node for node in nodes if any(t.dtype == "string" for t in (*node.parents, *_made(node)))]
    given = {id(tensor) for tensor in plan.input_list}
    while todo:
        node = todo.pop()
        if id(node) in host:
            continue
        if not getattr(node.layer, "takes_strings", False):
            raise ValueError(
                f"Layer {node.layer.name!r} computes on the device and feeds a layer of strings, which runs on the "
                "host. Layers of strings come first: apply this one to the data before the model."
            )
        host[id(node)] = node
        todo += [t.node for t in node.parents if id(t) not in given and t.node is not None]
    ordered = [node for node in nodes if id(node) in host]
    compiled = [(name, node) for name, node in plan.steps if id(node) not in host]
    wanted = [t for _, node in compiled for t in node.parents] + plan.output_list
    made = {id(t) for _, node in compiled for t in _made(node)}
    entry = list({id(t): t for t in wanted if id(t) not in made}.values())
    if any(t.dtype == "string" for t in entry):
        raise ValueError(
            "The outputs of a model are numbers; this one would return strings. Apply the last layer to what "
            "model.predict(x) returns."
        )
    return HostPart(plan, ordered, entry, compiled)


def _made(node: Node) -> list[SymbolicTensor]:
    return jax.tree.leaves(node.outputs)


def _arrays(inputs: Any, plan: Plan) -> Any:
    """Return inputs as numpy arrays; a list of strings is one of them."""
    if isinstance(inputs, Mapping):
        return {name: on_host(value) for name, value in inputs.items()}
    several = len(plan.input_list) > 1 and isinstance(inputs, (list, tuple))
    if several:
        return [on_host(value) for value in inputs]
    single = isinstance(inputs, (list, tuple)) and len(inputs) == 1 and hasattr(inputs[0], "shape")
    return on_host(inputs[0] if single else inputs)
