"""Parameters to and from modules whose arrays are attributes, as in Equinox.

There is no naming that both sides share: `names` says where the module has each layer, `{"dense": "layers/0"}`.
Equinox lays its arrays out as PyTorch does, outputs first. Running statistics of a batch normalization are in an
`equinox.nn.State` and not in the module, so that layer has no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import nearest
from jkeras.core.layer import Layer
from jkeras.trees.conversion import Arrays, Kind, Shapes, arrays_of, gates, layers_of, read_here, renamed, two_trees

_SCALE = renamed({"gamma": "weight", "beta": "bias"})


def _named(weight: Any, arrays: Arrays) -> Arrays:
    return {"weight": weight, **({"bias": arrays["bias"]} if "bias" in arrays else {})}


def _to_dense(arrays: Arrays) -> Arrays:
    return _named(arrays["kernel"].T, arrays)


def _from_dense(arrays: Arrays, shapes: Shapes) -> Arrays:
    return _back(arrays["weight"].T, arrays)


def _back(kernel: Any, arrays: Arrays) -> Arrays:
    # A convolution's bias has axes of size 1 for the pixels.
    return {"kernel": kernel, **({"bias": arrays["bias"].reshape(-1)} if "bias" in arrays else {})}


def _to_projection(arrays: Arrays) -> Arrays:
    # Queries, keys and values have one axis in and two out, `(features, heads, size)`; the outputs' bias has one axis.
    kernel, bias = arrays["kernel"], arrays.get("bias")
    columns = kernel.shape[-1] if bias is not None and bias.ndim == 1 else kernel[0].size
    found = {"weight": kernel.reshape(-1, columns).T}
    return found if bias is None else {**found, "bias": bias.reshape(-1)}


def _from_projection(arrays: Arrays, shapes: Shapes) -> Arrays:
    found = {"kernel": arrays["weight"].T.reshape(shapes["kernel"])}
    return {**found, "bias": arrays["bias"].reshape(shapes["bias"])} if "bias" in arrays else found


def _to_convolution(arrays: Arrays) -> Arrays:
    found = _named(jnp.moveaxis(arrays["kernel"], (-1, -2), (0, 1)), arrays)
    ones = (1,) * (arrays["kernel"].ndim - 2)
    return {**found, "bias": found["bias"].reshape(-1, *ones)} if "bias" in found else found


def _from_convolution(arrays: Arrays, shapes: Shapes) -> Arrays:
    return _back(jnp.moveaxis(arrays["weight"], (0, 1), (-1, -2)), arrays)


def _to_depthwise(arrays: Arrays) -> Arrays:
    *window, channels, multiplier = arrays["kernel"].shape
    return _to_convolution({**arrays, "kernel": arrays["kernel"].reshape(*window, 1, channels * multiplier)})


def _from_depthwise(arrays: Arrays, shapes: Shapes) -> Arrays:
    found = _from_convolution(arrays, shapes)
    return {**found, "kernel": found["kernel"].reshape(shapes["kernel"])}


def _to_lstm(arrays: Arrays) -> Arrays:
    found = {"weight_ih": arrays["kernel"].T, "weight_hh": arrays["recurrent_kernel"].T}
    return {**found, "bias": arrays["bias"]} if "bias" in arrays else found


def _from_lstm(arrays: Arrays, shapes: Shapes) -> Arrays:
    found = {"kernel": arrays["weight_ih"].T, "recurrent_kernel": arrays["weight_hh"].T}
    return {**found, "bias": arrays["bias"]} if "bias" in arrays else found


def _swapped(array: Any) -> Any:
    """The gates of a GRU are update, reset, candidate here, and reset, update, candidate there."""
    update, reset, candidate = gates(array, 3)
    return jnp.concatenate([reset, update, candidate], -1)


def _to_gru(arrays: Arrays) -> Arrays:
    found = {"weight_ih": _swapped(arrays["kernel"]).T, "weight_hh": _swapped(arrays["recurrent_kernel"]).T}
    if "bias" not in arrays:
        return found
    if arrays["bias"].ndim == 1:
        raise ValueError("A GRU with reset_after=False computes what no cell of Equinox does.")
    (update, reset, candidate), (h_update, h_reset, own) = (gates(b, 3) for b in arrays["bias"])
    return {**found, "bias": jnp.concatenate([reset + h_reset, update + h_update, candidate]), "bias_n": own}


def _from_gru(arrays: Arrays, shapes: Shapes) -> Arrays:
    found = {"kernel": _swapped(arrays["weight_ih"].T), "recurrent_kernel": _swapped(arrays["weight_hh"].T)}
    if "bias" not in arrays:
        return found
    own = jnp.zeros_like(arrays["bias"]).at[-arrays["bias_n"].size :].set(arrays["bias_n"])
    return {**found, "bias": jnp.stack([_swapped(arrays["bias"]), own])}


_KINDS = {
    "Dense": Kind(_to_dense, _from_dense),
    "EinsumDense": Kind(_to_projection, _from_projection),
    "BaseConv": Kind(_to_convolution, _from_convolution),
    "BaseDepthwiseConv": Kind(_to_depthwise, _from_depthwise),
    "Embedding": renamed({"embeddings": "weight"}),
    "LayerNormalization": _SCALE,
    "GroupNormalization": _SCALE,
    "RMSNormalization": renamed({"scale": "weight"}),
    "LSTM": Kind(_to_lstm, _from_lstm),
    "GRU": Kind(_to_gru, _from_gru),
}

# What the parts of an attention layer are called there.
_PARTS = {"query": "query_proj", "key": "key_proj", "value": "value_proj", "attention_output": "output_proj"}


def to_equinox(
    model: Layer, params: Mapping[str, Any], state: Mapping[str, Any], module: Any, names: Mapping[str, str]
) -> Any:
    """Return `module` with the arrays of `params` in the place of its own.

    Recurrent layers are cells there (`equinox.nn.LSTMCell`), attention is `equinox.nn.MultiheadAttention`.

    Args:
        model: The model (or layer) that `params` and `state` are of.
        params: Its parameters.
        state: Its state.
        module: A module, or any tree of arrays with their names: dataclasses, dicts, lists.
        names: Where the module has a layer, by the layer's path: `{"dense": "layers/0"}`.

    Returns:
        A tree of the structure of `module`; arrays that no layer has stay.

    Raises:
        ValueError: If a layer has no counterpart, is not found, or has other weights or shapes.

    >>> from jkeras.layers import Dense
    >>> dense = Dense(2)
    >>> module = {"out": {"weight": jnp.zeros((2, 3)), "bias": jnp.ones(2)}}
    >>> there = to_equinox(dense, *dense.init(0, (None, 3)), module, names={"dense": "out"})
    >>> there["out"]["bias"].tolist()
    [0.0, 0.0]
    """
    given = {}
    leaves = _leaves(module)
    for path, kind, weights in layers_of(model, _KINDS, "Equinox"):
        theirs = kind.there(arrays_of(path, weights, params, state))
        place = _place(path, names)
        found = _at(path, place, leaves)
        if found.keys() != theirs.keys():
            raise ValueError(
                f"Layer {path!r} gives the arrays {', '.join(theirs)}; the module has {', '.join(found)} at {place!r}."
            )
        for name, array in theirs.items():
            if jnp.shape(found[name]) != jnp.shape(array):
                raise ValueError(
                    f"Layer {path!r} gives {name} of the shape {jnp.shape(array)}; the module has one of "
                    f"{jnp.shape(found[name])} at {place!r}."
                )
            given[f"{place}/{name}"] = jnp.asarray(array, found[name].dtype)
    return jax.tree_util.tree_map_with_path(lambda path, leaf: given.get(_name(path), leaf), module)


def from_equinox(model: Layer, module: Any, names: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `(params, state)` for a built model, from the arrays of a module.

    Args:
        model: The model (or layer), whose weights are declared: built, or initialised by `model.init`.
        module: A module, or any tree of arrays with their names: dataclasses, dicts, lists.
        names: Where the module has a layer, by the layer's path: `{"dense": "layers/0"}`.

    Returns:
        Two trees in the dtypes of the model's weights.

    Raises:
        ValueError: If the model is not built, a layer has no counterpart, is not found, or has other weights or shapes.

    >>> from jkeras.layers import Dense
    >>> dense = Dense(2)
    >>> _ = dense.init(0, (None, 3))
    >>> module = {"out": {"weight": jnp.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "bias": jnp.ones(2)}}
    >>> from_equinox(dense, module, names={"dense": "out"})[0]["dense"]["kernel"].tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    """
    leaves, rows = _leaves(module), []
    for path, kind, weights in layers_of(model, _KINDS, "Equinox"):
        place = _place(path, names)
        ours = read_here(path, kind, weights, _at(path, place, leaves), f"the module's {place!r}")
        rows += [(path, w, ours[w.name]) for w in weights]
    return two_trees(rows)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _leaves(module: Any) -> dict[str, Any]:
    found = jax.tree_util.tree_flatten_with_path(module)[0]
    return {_name(path): leaf for path, leaf in found if isinstance(leaf, (jax.Array, np.ndarray))}


def _place(path: str, names: Mapping[str, str]) -> str:
    """Return where a layer is: `names` may tell it for the layer itself or for the attention that it is a part of."""
    folder, _, part = path.rpartition("/")
    if path not in names and folder in names:
        return f"{names[folder]}/{_PARTS.get(part, part)}"
    return names.get(path, path)


def _at(path: str, place: str, leaves: Mapping[str, Any]) -> Arrays:
    found = {name.removeprefix(f"{place}/"): leaf for name, leaf in leaves.items() if name.startswith(f"{place}/")}
    if not found:
        folders = list(dict.fromkeys(name.rpartition("/")[0] for name in leaves))
        raise ValueError(
            f"Layer {path!r} is not found at {place!r}. Say where it is: names={{{path!r}: ...}}; "
            f"the module has arrays at {', '.join(folders)}.{nearest(place, folders)}"
        )
    return found
