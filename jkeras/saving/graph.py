"""Models made of symbolic tensors as plain data, and back: a list of layers, each with its calls.

Keras 3 writes a call as `{"args": [...], "kwargs": {...}}` with tensors as `{"class_name": "__keras_tensor__", ...}`;
Keras 1 and 2 as a list of rows `[layer, call, tensor, keywords]`. Both are read; the form of Keras 3 is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from jkeras.core.config import serialize
from jkeras.core.graph import Node, Plan, SymbolicTensor
from jkeras.core.input import InputLayer
from jkeras.core.layer import Layer
from jkeras.core.operation import Operation
from jkeras.core.signature import call_signature
from jkeras.saving.operations import operation_config, read_operation
from jkeras.saving.serialization import deserialize_keras_object, serialize_keras_object


class Reference(NamedTuple):
    """An output of a layer: which of its calls, and which tensor of that call."""

    layer: str
    call: int
    tensor: int


class Call(NamedTuple):
    """The arguments of one call of a layer, with references in the place of tensors."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def write_graph(model: Any) -> dict[str, Any]:
    """Return the configuration of a model made from symbolic tensors, as Keras 3 writes it.

    Raises:
        ValueError: If a layer is a function that no name can find again.
    """
    plan: Plan = model._plan
    references: dict[int, Reference] = {}
    for name, tensor in zip(plan.input_names, plan.input_list, strict=True):
        references[id(tensor)] = Reference(name, 0, 0)
    calls: dict[str, list[Node]] = {name: [] for name in plan.layers}
    for name, node in plan.steps:
        for index, tensor in enumerate(jax.tree.leaves(node.outputs)):
            references.setdefault(id(tensor), Reference(name, len(calls[name]), index))
        calls[name].append(node)
    rows = []
    for name, tensor in zip(plan.input_names, plan.input_list, strict=True):
        if name not in calls:  # the graph is cut here: what feeds this tensor belongs to another model
            rows.append(_row(InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=name), name, []))
    rows += [_row(layer, name, [_write_call(node, references) for node in calls[name]])
             for name, layer in plan.layers.items()]  # fmt: skip

    def place(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: place(part) for key, part in tree.items()}
        return [place(part) for part in tree] if isinstance(tree, (list, tuple)) else list(references[id(tree)])

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": rows,
        "input_layers": place(plan.inputs),
        "output_layers": place(plan.outputs),
    }


def _row(layer: Any, name: str, calls: list[Any]) -> dict[str, Any]:
    if isinstance(layer, Operation):
        written = {**operation_config(layer, name, calls)}
        calls = written.pop("inbound_nodes")
    else:
        written = serialize(layer)
        written["config"] = {**written["config"], "name": name}
    return {**written, "name": name, "inbound_nodes": calls}


def _write_call(node: Node, references: dict[int, Reference]) -> dict[str, Any]:
    """Return the arguments of a call; those of a layer after the first by name, so that each Keras finds them."""

    def write(value: Any) -> Any:
        if isinstance(value, SymbolicTensor):
            history = list(references[id(value)])
            config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": history}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, (list, tuple)):
            return [write(v) for v in value]
        if isinstance(value, dict):
            return {key: write(v) for key, v in value.items()}
        return serialize_keras_object(value)

    args, kwargs = list(node.args), dict(node.kwargs)
    names = () if isinstance(node.layer, Operation) else _argument_names(node.layer)
    if len(names) >= len(args):
        kwargs = {**dict(zip(names[1:], args[1:], strict=False)), **kwargs}
        args = args[:1]
    return {"args": [write(a) for a in args], "kwargs": {key: write(v) for key, v in kwargs.items()}}


def _argument_names(layer: Any) -> list[str]:
    signature = call_signature(type(layer).call)
    return list(signature.signature.parameters) if signature.by_name else []


def read_graph(config: dict[str, Any]) -> tuple[Any, Any]:
    """Make the layers of a configuration and call them on one another; return the inputs and the outputs.

    Raises:
        ValueError: If the configuration is no graph: a layer is missing or named twice, calls form a circle, or refer
            to what is not there.
    """
    graph = _Graph(config)
    graph.call_all()
    return graph.tensors("input_layers"), graph.tensors("output_layers")


class _Graph:
    """The layers of a configuration and their calls, of which each waits for those that it refers to."""

    def __init__(self, config: dict[str, Any]):
        self.config = config
        self.owner = str(config.get("name", "the model"))
        self.layers: dict[str, Callable[..., Any]] = {}
        self.calls: dict[str, list[Call]] = {}
        self.outputs: dict[tuple[str, int], Any] = {}
        rows = _list_of_dicts(config.get("layers"), self.owner)
        self.names = {_name(row, self.owner) for row in rows}
        self.is_modern = False
        for row in rows:
            name = _name(row, self.owner)
            if name in self.layers:
                raise ValueError(f"Configuration of {self.owner!r}: two layers are named {name!r}.")
            nodes = row.get("inbound_nodes", [])
            self.is_modern |= any(isinstance(node, dict) for node in nodes)
            self.calls[name] = [self._read_call(node, name) for node in nodes]
            self.layers[name] = _make(row, name)
        # A model inside has, in Keras 1 and 2, a first call of its own which is not listed: the count begins at 1.
        referred = [*self._referred(), *_leaves([config.get("input_layers"), config.get("output_layers")], self.names)]
        self.first: dict[str, int] = {}
        for reference in referred:
            self.first[reference.layer] = min(self.first.get(reference.layer, reference.call), reference.call)

    def _referred(self) -> Iterator[Reference]:
        for calls in self.calls.values():
            for call in calls:
                yield from _references((call.args, call.kwargs))

    def _read_call(self, node: Any, name: str) -> Call:
        where = f"Configuration of {self.owner!r}, a call of {name!r}"
        if isinstance(node, dict):
            if set(node) - {"args", "kwargs"}:
                raise ValueError(f"{where}: expected 'args' and 'kwargs'; got {', '.join(map(str, node))}.")
            args, kwargs = _read_modern(node.get("args", [])), _read_modern(node.get("kwargs", {}))
            return Call(tuple(args), {key: value for key, value in kwargs.items() if value is not None})
        if not isinstance(node, list) or not node:
            raise ValueError(f"{where}: expected a list of tensors; got {node!r}.")
        rows = [node] if isinstance(node[0], str) else node
        first = rows[0] if isinstance(rows[0], list) else []
        keywords = first[3] if len(first) > 3 and isinstance(first[3], dict) else {}
        tensors = [self._read_legacy(row[:3] if _is_row(row) else row) for row in rows]
        kwargs = {key: self._read_legacy(value) for key, value in keywords.items() if value is not None}
        return Call((tensors[0] if len(tensors) == 1 else tensors,), kwargs)

    def _read_legacy(self, value: Any) -> Any:
        if _is_row(value) and value[0] == "_CONSTANT_VALUE":
            return value[2]
        if _is_row(value) and value[0] in self.names:
            return Reference(*value[:3])
        if isinstance(value, list):
            return [self._read_legacy(v) for v in value]
        if isinstance(value, dict):
            return {key: self._read_legacy(v) for key, v in value.items()}
        return value

    def call_all(self) -> None:
        """Call every layer, arguments first; without recursion, as models may be deeper than Python's stack."""
        for name, layer in self.layers.items():
            if isinstance(layer, InputLayer):
                self.outputs[name, self.first.get(name, 0)] = [layer.output]
        done: set[tuple[str, int]] = set()
        open_calls: set[tuple[str, int]] = set()
        for name, calls in self.calls.items():
            todo = [(name, index) for index in reversed(range(len(calls)))]
            while todo:
                at = todo[-1]
                if at in done:
                    todo.pop()
                    continue
                missing = [needed for needed in self._needs(*at) if needed not in done]
                if missing and at in open_calls:
                    raise ValueError(f"Configuration of {self.owner!r}: the calls of {at[0]!r} refer to one another.")
                if missing:
                    open_calls.add(at)
                    todo += missing
                    continue
                self._call(*at)
                done.add(at)
                todo.pop()

    def _needs(self, name: str, index: int) -> list[tuple[str, int]]:
        """Return the calls that a call needs: those of its arguments, and the one of the same layer before it."""
        call = self.calls[name][index]
        needed = [(name, index - 1)] if index else []
        for reference in _references((call.args, call.kwargs)):
            at = self._index(reference)
            if not isinstance(self.layers[reference.layer], InputLayer):
                needed.append((reference.layer, at))
        return needed

    def _index(self, reference: Reference) -> int:
        name = reference.layer
        if name not in self.layers:
            raise ValueError(f"Configuration of {self.owner!r}: there is no layer {name!r} to take the output of.")
        index = reference.call - self.first[name]
        if not isinstance(self.layers[name], InputLayer) and index >= len(self.calls[name]):
            raise ValueError(
                f"Configuration of {self.owner!r}: {name!r} is called {len(self.calls[name])} times; "
                f"output {reference.call} is asked for."
            )
        return index

    def _call(self, name: str, index: int) -> None:
        call = self.calls[name][index]
        if not any(_references((call.args, call.kwargs))):
            raise ValueError(f"Configuration of {self.owner!r}: {name!r} is called on no output of another layer.")
        args, kwargs = _replaced((call.args, call.kwargs), self.tensor)
        outputs = self.layers[name](*args, **kwargs)
        self.outputs[name, index + self.first.get(name, 0)] = jax.tree.leaves(outputs)

    def tensor(self, reference: Reference) -> Any:
        """Return the symbolic tensor that a reference stands for."""
        found = self.outputs.get((reference.layer, reference.call))
        if found is None or not 0 <= reference.tensor < len(found):
            raise ValueError(f"Configuration of {self.owner!r}: there is no tensor {list(reference)}.")
        return found[reference.tensor]

    def tensors(self, key: str) -> Any:
        """Return the tensors listed under `input_layers` or `output_layers`, in their structure."""
        tree = self.config.get(key)
        if not list(_leaves(tree, self.names)):
            raise ValueError(f"Configuration of {self.owner!r}: {key} names no layer of it; got {tree!r}.")
        if not self.is_modern and isinstance(tree, list) and len(tree) == 1:
            tree = tree[0]
        return self._structured(tree)

    def _structured(self, tree: Any) -> Any:
        if _is_row(tree) and tree[0] in self.names:
            return self.tensor(Reference(*tree[:3]))
        if isinstance(tree, list):
            return [self._structured(part) for part in tree]
        if isinstance(tree, dict) and tree.get("class_name") == "__tuple__":
            return tuple(self._structured(part) for part in tree["config"]["value"])
        if isinstance(tree, dict):
            return {key: self._structured(part) for key, part in tree.items()}
        raise ValueError(f"Configuration of {self.owner!r}: expected [layer, call, tensor]; got {tree!r}.")


def _make(row: dict[str, Any], name: str) -> Callable[..., Any]:
    operation = read_operation(row, name)
    if operation is not None:
        return operation
    data = {key: value for key, value in row.items() if key not in ("name", "inbound_nodes")}
    layer = deserialize_keras_object(data)
    if not isinstance(layer, Layer):
        raise ValueError(f"Layer {name!r} of the configuration: expected a layer; got {layer!r}.")
    layer.__dict__["_explicit_name"] = name
    return layer


def _name(row: dict[str, Any], owner: str) -> str:
    config = row.get("config")
    name = row.get("name") or (config.get("name") if isinstance(config, dict) else None)
    if not isinstance(name, str) or not name:
        raise ValueError(f"Configuration of {owner!r}: a layer has no name: {str(row)[:200]}.")
    return name


def _list_of_dicts(rows: Any, owner: str) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"Configuration of {owner!r}: expected a list of layers under 'layers'; got {str(rows)[:80]}.")
    return rows


def _is_row(value: Any) -> bool:
    """Whether a value has the form `[layer, call, tensor]`, perhaps with keywords."""
    return (
        isinstance(value, (list, tuple))
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and (isinstance(value[2], int) or value[0] == "_CONSTANT_VALUE")
    )


def _leaves(tree: Any, names: set[str]) -> Iterator[Reference]:
    if _is_row(tree) and tree[0] in names:
        yield Reference(*tree[:3])
    elif isinstance(tree, (list, tuple)):
        for part in tree:
            yield from _leaves(part, names)
    elif isinstance(tree, dict):
        yield from _leaves(list(tree.values()), names)


def _read_modern(value: Any) -> Any:
    if isinstance(value, list):
        return [_read_modern(v) for v in value]
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        history = value.get("config", {}).get("keras_history")
        if not _is_row(history):
            raise ValueError(f"A tensor of the configuration has no history [layer, call, tensor]: {str(value)[:200]}.")
        return Reference(*history)
    if isinstance(value, dict) and "class_name" in value:
        return deserialize_keras_object(value)
    if isinstance(value, dict):
        return {key: _read_modern(v) for key, v in value.items()}
    return value


def _references(tree: Any) -> Iterator[Reference]:
    if isinstance(tree, Reference):
        yield tree
    elif isinstance(tree, (list, tuple)):
        for part in tree:
            yield from _references(part)
    elif isinstance(tree, dict):
        for part in tree.values():
            yield from _references(part)


def _replaced(tree: Any, tensor: Callable[[Reference], Any]) -> Any:
    if isinstance(tree, Reference):
        return tensor(tree)
    if isinstance(tree, (list, tuple)):
        return type(tree)(_replaced(part, tensor) for part in tree)
    if isinstance(tree, dict):
        return {key: _replaced(part, tensor) for key, part in tree.items()}
    return tree
