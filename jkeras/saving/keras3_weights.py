"""The `.weights.h5` files of Keras 3: groups follow the attributes of the objects, weights are numbered.

/layers/dense/vars/0                 the kernel of the first Dense of a Sequential or functional model
/layers/dense_1/vars/0               that of the second: by class, whatever its name
/encoder/blocks/dense/vars/0         that of `self.encoder.blocks[0]` of a subclassed model
/layers/lstm/cell/vars/0             an LSTM keeps its weights in its cell
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.config import class_name
from jkeras.core.layer import Layer
from jkeras.core.registry import snake_case
from jkeras.core.weight import Weight
from jkeras.saving.hdf5 import find, write_array
from jkeras.saving.hdf5_checks import datasets_in
from jkeras.saving.matching import Match, Mismatches, shapes_of, table

# Layers whose own weights Keras keeps in a sublayer.
WEIGHTS_IN = {
    "SimpleRNN": "cell",
    "LSTM": "cell",
    "GRU": "cell",
    "ConvLSTM1D": "cell",
    "ConvLSTM2D": "cell",
    "ConvLSTM3D": "cell",
}
# Attributes of Keras's layers that have other names here.
_DENSE = {
    "query_projection": "query_dense", "key_projection": "key_dense", "value_projection": "value_dense",
    "gate_projection": "gate_dense", "attention_output": "output_dense",
}  # fmt: skip
ATTRIBUTES = {
    "MultiHeadAttention": _DENSE,
    "GroupQueryAttention": {ours: f"_{theirs}" for ours, theirs in _DENSE.items()},
}
# Where layers may be met that are no sublayers: the arguments a layer was made with.
_NOT_ATTRIBUTES = ("_given_arguments", "_template")
# What a file may hold beside the weights of layers.
_NOT_WEIGHTS = ("optimizer", "metrics", "seed_generator", "loss_tracker", "_metrics", "_loss_tracker")


class Place(NamedTuple):
    """A layer, where its weights are in the file, and in which order."""

    path: str
    name: str
    weights: list[Weight]


def places(root: Any) -> list[Place]:
    """Return the place of every layer, each once, in the order in which Keras visits them."""
    found: list[Place] = []
    _visit(root, "", set(), found)
    return found


def _visit(layer: Any, path: str, seen: set[int], found: list[Place]) -> None:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    own = [w for w in layer._weights if not w.transient]
    weights = [w for w in own if w.trainable] + [w for w in own if not w.trainable]
    inner = next((WEIGHTS_IN[c.__name__] for c in type(layer).__mro__ if c.__name__ in WEIGHTS_IN), None)
    found.append(Place(_join(path, inner) if inner and weights else path, layer.name, weights))
    renamed = next((ATTRIBUTES[c.__name__] for c in type(layer).__mro__ if c.__name__ in ATTRIBUTES), {})
    for attribute, value in _attributes(layer):
        _visit_value(value, _join(path, renamed.get(attribute, attribute)), seen, found)


def _visit_value(value: Any, path: str, seen: set[int], found: list[Place]) -> None:
    if isinstance(value, Layer):
        _visit(value, path, seen, found)
        return
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return
    counts: dict[str, int] = {}
    for item in value:
        if isinstance(item, Layer):
            name = snake_case(class_name(item))
        elif isinstance(item, (list, tuple, dict)):
            name = "container"
        else:
            continue
        counts[name] = counts.get(name, -1) + 1
        _visit_value(item, _join(path, f"{name}_{counts[name]}" if counts[name] else name), seen, found)


def _attributes(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and value of what may hold sublayers: sorted, private names last.

    A model also has `layers`: first if it knows them by itself, in alphabetical order if it is subclassed.
    """
    rows: dict[str, Any] = {k: v for k, v in layer.__dict__.items() if k not in _NOT_ATTRIBUTES}
    if hasattr(layer, "layers"):
        rows.pop("_layers", None)
        if layer.__dict__.get("_layers"):
            yield "layers", layer.layers
        else:
            rows["layers"] = layer.layers
    for name in sorted(rows, key=lambda k: f"~{k}" if k.startswith("_") else k):
        yield name, rows[name]


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def write_keras3(file: Any, model: Any, values: Mapping[int, np.ndarray]) -> None:
    """Write the weights of `model`; `values` maps the id of a weight to its array."""
    for place in places(model):
        group = file.require_group(_join(place.path, "vars"))
        group.attrs["name"] = place.name
        for index, weight in enumerate(place.weights):
            write_array(group, str(index), values[id(weight)])


def match_keras3(file: Any, model: Any, mismatches: Mismatches) -> list[Match]:
    """Return which dataset belongs to which weight; `file` may be the list of files that the weights are spread over.

    Raises:
        ValueError: If a layer is missing in the file or in the model, or numbers of weights or shapes disagree.
    """
    parts = file if isinstance(file, list) else [file]
    found: list[tuple[Place, list[Any]]] = []
    for place in places(model):
        groups = [group for part in parts if (group := _find_vars(part, place.path)) is not None]
        datasets = _numbered(groups)
        if place.weights or datasets:
            found.append((place, datasets))
    used = {dataset.name for _, datasets in found for dataset in datasets}
    unread = [path for path in _layers_in(parts) if not any(name.startswith(f"/{path}/vars/") for name in used)]
    mismatches.table = table(
        [(p.name, shapes_of(p.weights), p.path if d else "", shapes_of(d)) for p, d in found]
        + [("", "", path, "not taken") for path in unread]
    )
    matches: list[Match] = []
    for place, datasets in found:
        if len(datasets) != len(place.weights):
            mismatches.report(
                f"Layer {place.name!r} has {len(place.weights)} weights "
                f"({', '.join(f'{w.name} {w.shape}' for w in place.weights) or 'none'}); the file has {len(datasets)} "
                f"in {place.path or '/'!r} ({', '.join(str(d.shape) for d in datasets) or 'none'})."
            )
            continue
        rows = [Match(w, place.name, dataset) for w, dataset in zip(place.weights, datasets, strict=True)]
        matches += mismatches.fitting(rows)
    if unread:
        mismatches.report(f"The file has weights that no layer of the model takes: {', '.join(unread)}.")
    return matches


def _find_vars(file: Any, path: str) -> Any:
    """Return the group with the weights of the layer at `path`, whose spelling has changed with time."""
    private = re.sub(r"(^|/)(\w+_dense)(?=/|$)", r"\1_\2", path)
    for candidate in (path, path.replace("layers", "_layer_checkpoint_dependencies"), private):
        group = find(file, _join(candidate, "vars"))
        if group is not None:
            return group
    return None


def _numbered(groups: list[Any]) -> list[Any]:
    """Return the datasets `0`, `1`, ... which the parts of a group hold together."""
    datasets = []
    while found := [x for group in groups if (x := find(group, str(len(datasets)))) is not None]:
        if len(found) > 1:
            raise ValueError(f"{found[1].file.filename!r}: {found[1].name} is in another part of the weights too.")
        datasets += found
    return datasets


def _layers_in(files: list[Any]) -> list[str]:
    """Return the paths below which the file has weights of layers."""
    found: dict[str, None] = {}
    for path in (path for file in files for path, _ in datasets_in(file)):
        parts = path.split("/")
        is_weight = len(parts) > 1 and parts[-2] == "vars"
        if is_weight and not any(part in _NOT_WEIGHTS for part in parts):
            found["/".join(parts[:-2])] = None
    return list(found)
