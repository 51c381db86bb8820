"""What a picture of a model shows, as plain data: boxes for its layers, and arrows between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jkeras.core.graph import Plan
from jkeras.display.inventory import is_model, layers_in_range


class Box(NamedTuple):
    """One layer of a chart: its key, and what is in it if it is a model drawn open."""

    key: str
    layer: Any
    name: str
    inside: Chart | None


class Chart(NamedTuple):
    """Boxes, arrows between the keys of boxes, and the keys where arrows from outside begin and end."""

    boxes: list[Box]
    arrows: list[tuple[str, str]]
    entries: list[str]
    exits: list[str]


def chart_of(
    model: Any, expand_nested: bool = False, layer_range: Sequence[str] | None = None, path: str = ""
) -> Chart:
    """Return the chart of a model.

    Raises:
        ValueError: If the model has no layers, or `layer_range` names none.
    """
    plan = getattr(model, "_plan", None)
    plan = plan if isinstance(plan, Plan) else None
    named = dict(plan.layers if plan is not None else model.children())
    if not named:
        raise ValueError(f"Model {model.name!r} has no layers to draw.")
    chosen = layers_in_range(list(named.values()), {id(layer): name for name, layer in named.items()}, layer_range)
    boxes: list[Box] = []
    for name, layer in named.items():
        if any(layer is one for one in chosen):
            key = f"{path}{name}"
            inside = chart_of(layer, True, None, f"{key}/") if expand_nested and is_model(layer) else None
            boxes.append(Box(key, layer, name, inside))
    by_layer = {id(box.layer): box for box in boxes}
    if plan is not None:
        pairs = [
            (parent.node.layer, node.layer) for node in plan.nodes for parent in node.parents if parent.node is not None
        ]
        first = [tensor.node.layer for tensor in plan.input_list if tensor.node is not None]
        last = [tensor.node.layer for tensor in plan.output_list if tensor.node is not None]
    else:
        # What a subclass computes is written in its `call`; a Sequential leads from one layer to the next.
        chain = list(named.values()) if hasattr(model, "add") else []
        pairs = list(zip(chain, chain[1:]))
        first, last = list(named.values())[:1], list(named.values())[-1:]
    arrows = [
        (source, target)
        for before, after in dict.fromkeys((id(a), id(b)) for a, b in pairs)
        if before in by_layer and after in by_layer
        for source in _exits(by_layer[before])
        for target in _entries(by_layer[after])
    ]
    entries = [key for layer in first if id(layer) in by_layer for key in _entries(by_layer[id(layer)])]
    exits = [key for layer in last if id(layer) in by_layer for key in _exits(by_layer[id(layer)])]
    return Chart(boxes, arrows, entries, exits)


def _entries(box: Box) -> list[str]:
    return [box.key] if box.inside is None else box.inside.entries


def _exits(box: Box) -> list[str]:
    return [box.key] if box.inside is None else box.inside.exits
