"""The weight files of Keras 1 and 2: one group for each layer, datasets listed by name in an attribute.

/                          layer_names, backend, keras_version
/dense                     weight_names = ["dense/kernel:0", "dense/bias:0"]
/dense/dense/kernel:0      (3, 4)
/top_level_model_weights   the weights of the model itself
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from jkeras.core import blame
from jkeras.core.template import weights_of
from jkeras.core.weight import Weight
from jkeras.saving.former_weights import Origin, Rows, modern_rows
from jkeras.saving.hdf5 import find, read_names, read_text, write_array, write_names
from jkeras.saving.matching import Match, Mismatches, shapes_of, table

_TOP_LEVEL = "top_level_model_weights"
# Readers look at the version to decide about the layouts of Keras 1; the layout written is that of 2.
KERAS_2_VERSION = "2.21.0"


def legacy_order(layer: Any) -> list[Weight]:
    """Return the weights of a layer as these files hold them: what is trained first, then the rest."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def write_legacy(group: Any, model: Any, values: Mapping[int, np.ndarray]) -> None:
    """Write the weights of `model` below `group`; `values` maps the id of a weight to its array."""
    layers = model.children()
    write_names(group, "layer_names", list(layers))
    group.attrs["backend"] = b"jax"
    group.attrs["keras_version"] = KERAS_2_VERSION.encode()
    for name, layer in layers.items():
        paths = {id(w): f"{path}:0" for path, w in _weight_paths(name, layer).items()}
        rows = [(paths[id(w)], id(w)) for w in legacy_order(layer)]
        _write_weights(group.create_group(name), rows, values)
    own = [(f"{w.name}:0", id(w)) for w in model._weights]
    _write_weights(group.create_group(_TOP_LEVEL), own, values)


def _weight_paths(name: str, layer: Any) -> dict[str, Weight]:
    """Return the weights of a layer by the names they have in these files."""
    return {f"{path or name}/{w.name}": w for path, w in weights_of(layer)}


def _write_weights(group: Any, rows: list[tuple[str, int]], values: Mapping[int, np.ndarray]) -> None:
    write_names(group, "weight_names", [name for name, _ in rows])
    for name, key in rows:
        array = values[key]
        # The readers of this layout know no bfloat16.
        write_array(group, name, array.astype(np.float32) if array.dtype.kind == "V" else array)


def is_legacy(file: Any) -> bool:
    """Whether a file has this layout; also the weights inside a whole-model file."""
    return _legacy_root(file) is not None


def _legacy_root(file: Any) -> Any:
    for root in (file, find(file, "model_weights")):
        if root is not None and read_names(root, "layer_names") is not None:
            return root
    return None


def match_legacy(file: Any, model: Any, by_name: bool, mismatches: Mismatches) -> list[Match]:
    """Return which dataset belongs to which weight, by order or by name.

    Raises:
        ValueError: If the numbers of layers, of weights, or the shapes disagree.
    """
    root = _legacy_root(file)
    saved = {name: _datasets(root, name) for name in read_names(root, "layer_names") or []}
    origin = Origin(*(read_text(root, name) or "" for name in ("keras_version", "backend")))
    layers = model.children()
    matches: list[Match] = []
    if by_name:
        pairs = [(name, layers[name], saved[name]) for name in saved if name in layers]
        if not pairs:
            blame.warn(
                f"{mismatches.path!r}: no layer of the file has the name of a layer of the model, "
                f"so nothing was loaded. File: {_listing(saved)}. Model: {_listing(layers)}."
            )
    else:
        wanted = {name: layer for name, layer in layers.items() if layer.weights}
        pairs = _pairs(wanted, {name: rows for name, rows in saved.items() if rows}, origin, mismatches)
    for name, layer, rows in pairs:
        matches += _match_layer(name, layer, modern_rows(layer, rows, origin), mismatches)
    own, rows = list(model._weights), _datasets(root, _TOP_LEVEL)
    if own or rows:
        matches += _match_weights(f"{model.name} (its own weights)", own, rows, mismatches)
    return matches


def _pairs(wanted: dict[str, Any], found: dict[str, Rows], origin: Origin, mismatches: Mismatches) -> list[Any]:
    """Return which layer takes which values: by order, or by name if the shapes agree in no other way.

    Raises:
        ValueError: If the numbers of layers disagree; with a table of what is in the model and in the file.
    """
    held = {name: shapes_of(value for _, value in rows) for name, rows in found.items()}
    needed = {name: shapes_of(layer.weights) for name, layer in wanted.items()}
    shown = list(zip_longest(wanted, found, fillvalue=""))
    if set(wanted) == set(found) and [*held.values()] != [*needed.values()] and held == needed:
        return [(name, layer, found[name]) for name, layer in wanted.items()]
    if wanted.keys() == found.keys():
        shown = [(name, name) for name in wanted]
    mismatches.table = table([(ours, needed.get(ours, ""), theirs, held.get(theirs, "")) for ours, theirs in shown])
    if len(wanted) != len(found):
        raise ValueError(
            f"{mismatches.path!r} does not fit the model. The model has {len(wanted)} layers with weights: "
            f"{_listing(wanted)}. The file has {len(found)}: {_listing(found)}.{mismatches.table}"
        )
    return [(name, layer, rows) for (name, layer), rows in zip(wanted.items(), found.values(), strict=True)]


def _datasets(root: Any, name: str) -> list[tuple[str, Any]]:
    """Return the name and the dataset of every weight in a group, in order."""
    group = find(root, name)
    rows = []
    for weight_name in (read_names(group, "weight_names") or []) if group is not None else []:
        dataset = find(group, weight_name)
        if dataset is None:
            raise ValueError(f"{root.file.filename!r} lists {name}/{weight_name}, but does not contain it.")
        rows.append((weight_name, dataset))
    return rows


def _match_layer(name: str, layer: Any, rows: list[tuple[str, Any]], mismatches: Mismatches) -> list[Match]:
    """Pair the weights of a layer with the datasets.

    The order in the file depends on what was frozen when it was written, which need not be what is frozen now. So
    weights of the same full name belong together; if the names were given otherwise, that one of the possible orders
    is taken in which `kernel` meets `kernel`.
    """
    paths = _weight_paths(name, layer)
    full_names = [row.split(":")[0] for row, _ in rows]
    if len(rows) == len(paths) and set(full_names) == set(paths):
        return _match_weights(name, [paths[full] for full in full_names], rows, mismatches)
    weights = list(layer.weights)
    orders = [
        legacy_order(layer),
        weights,
        [w for w in weights if w.trainable] + [w for w in weights if not w.trainable],
    ]
    names = [_base_name(row) for row, _ in rows]
    order = next((o for o in orders if [_base_name(w.name) for w in o] == names), orders[0])
    return _match_weights(name, order, rows, mismatches)


def _match_weights(
    name: str, weights: list[Weight], rows: list[tuple[str, Any]], mismatches: Mismatches
) -> list[Match]:
    if len(weights) != len(rows):
        expected = _listing(f"{w.name} {w.shape}" for w in weights)
        found = _listing(f"{row} {getattr(dataset, 'shape', '')}" for row, dataset in rows)
        mismatches.report(
            f"Layer {name!r} has {len(weights)} weights ({expected}); the file has {len(rows)} ({found})."
        )
        return []
    return mismatches.fitting([Match(w, name, dataset) for w, (_, dataset) in zip(weights, rows, strict=True)])


def _base_name(name: str) -> str:
    """Return `kernel` for `dense/kernel:0`."""
    return name.rsplit("/", 1)[-1].split(":")[0]


def _listing(names: Any) -> str:
    return ", ".join(names) or "none"
