"""`get_source_inputs`: the inputs that a symbolic tensor is made of."""

from __future__ import annotations

from typing import Any

from jkeras.core.graph import SymbolicTensor


def get_source_inputs(tensor: Any, layer: Any = None, node_index: int | None = None) -> list[SymbolicTensor]:
    """Return the tensors, made by `Input`, that are needed to compute `tensor`.

    Args:
        tensor: A symbolic tensor.
        layer: The layer whose use is meant, with `node_index`; the one that made `tensor` if left out.
        node_index: Which of its uses, counted from 0.

    Returns:
        A list, each input once, in the order in which arguments lead to them.

    Raises:
        TypeError: If `tensor` is not symbolic.

    >>> from jkeras.core.input import Input
    >>> a, b = Input((2,), name="a"), Input((2,), name="b")
    >>> [t.name for t in get_source_inputs((a + b) * a)]
    ['a', 'b']

    Reference: `keras.utils.get_source_inputs`.
    """
    if not isinstance(tensor, SymbolicTensor):
        raise TypeError(f"get_source_inputs expects a symbolic tensor; got {type(tensor).__name__}.")
    todo = [tensor]
    if layer is not None and node_index is not None:
        nodes = [node for node in (reference() for reference in layer._nodes) if node is not None]
        if not 0 <= node_index < len(nodes):
            raise ValueError(f"Layer {layer.name!r} has {len(nodes)} uses; got node_index={node_index}.")
        todo = nodes[node_index].parents[::-1] or todo
    found: dict[int, SymbolicTensor] = {}
    seen: set[int] = set()
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        parents = current.node.parents if current.node is not None else []
        if parents:
            todo.extend(parents[::-1])
        else:
            found[id(current)] = current
    return list(found.values())
