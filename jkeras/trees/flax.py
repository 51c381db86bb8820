"""Parameters to and from Flax: the variables of Linen, and the pure dictionaries of an NNX state.

A layer of the model and the module that computes the same are found under the same path, or under the one that `names`
gives. What is converted is arrays: options such as an epsilon (0.001 here, 0.00001 in Flax) are those of each side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jkeras.core.layer import Layer
from jkeras.core.trees import named_leaves
from jkeras.trees.conversion import (
    Arrays,
    Kind,
    Shapes,
    arrays_of,
    gates,
    layers_of,
    read_here,
    renamed,
    two_trees,
)

_STATISTICS = ("mean", "var")  # what Linen keeps in `batch_stats`
_NORM = renamed({"gamma": "scale", "beta": "bias", "moving_mean": "mean", "moving_variance": "var"})
_PRODUCT = renamed({"kernel": "kernel", "bias": "bias"})


def _to_depthwise(arrays: Arrays) -> Arrays:
    *window, channels, multiplier = arrays["kernel"].shape
    return {**arrays, "kernel": arrays["kernel"].reshape(*window, 1, channels * multiplier)}


def _from_depthwise(arrays: Arrays, shapes: Shapes) -> Arrays:
    return {**arrays, "kernel": arrays["kernel"].reshape(shapes["kernel"])}


def _to_lstm(arrays: Arrays) -> Arrays:
    bias = arrays["bias"] if "bias" in arrays else jnp.zeros(arrays["kernel"].shape[-1])
    parts = zip("ifgo", *(gates(a, 4) for a in (arrays["kernel"], arrays["recurrent_kernel"], bias)), strict=True)
    found: Arrays = {}
    for gate, kernel, recurrent, b in parts:
        found |= {f"cell/i{gate}/kernel": kernel, f"cell/h{gate}/kernel": recurrent, f"cell/h{gate}/bias": b}
    return found


def _from_lstm(arrays: Arrays, shapes: Shapes) -> Arrays:
    # A key of Python's own is spelt with an underscore by NNX.
    arrays = {name.replace("if_/", "if/"): array for name, array in arrays.items()}

    def joined(form: str) -> Any:
        return jnp.concatenate([arrays[form.format(gate)] for gate in "ifgo"], -1)

    found = {"kernel": joined("cell/i{}/kernel"), "recurrent_kernel": joined("cell/h{}/kernel")}
    return {**found, "bias": joined("cell/h{}/bias")}


def _to_gru(arrays: Arrays) -> Arrays:
    kernels, recurrent = gates(arrays["kernel"], 3), gates(arrays["recurrent_kernel"], 3)
    bias = arrays.get("bias", jnp.zeros((2, arrays["kernel"].shape[-1])))
    if bias.ndim == 1:
        raise ValueError("A GRU with reset_after=False computes what no cell of Flax does.")
    (z, r, n), (hz, hr, hn) = gates(bias[0], 3), gates(bias[1], 3)
    found: Arrays = {"cell/hn/bias": hn}
    for gate, kernel, h, b in zip("zrn", kernels, recurrent, (z + hz, r + hr, n), strict=True):
        found |= {f"cell/i{gate}/kernel": kernel, f"cell/h{gate}/kernel": h, f"cell/i{gate}/bias": b}
    return found


def _from_gru(arrays: Arrays, shapes: Shapes) -> Arrays:
    def joined(form: str) -> Any:
        return jnp.concatenate([arrays[form.format(gate)] for gate in "zrn"], -1)

    bias = joined("cell/i{}/bias")
    own = jnp.zeros_like(bias).at[-arrays["cell/hn/bias"].size :].set(arrays["cell/hn/bias"])
    found = {"kernel": joined("cell/i{}/kernel"), "recurrent_kernel": joined("cell/h{}/kernel")}
    return {**found, "bias": jnp.stack([bias, own])}


_KINDS = {
    "Dense": _PRODUCT,
    "EinsumDense": _PRODUCT,
    "BaseConv": _PRODUCT,
    "BaseDepthwiseConv": Kind(_to_depthwise, _from_depthwise),
    "Embedding": renamed({"embeddings": "embedding"}),
    "BatchNormalization": _NORM,
    "LayerNormalization": _NORM,
    "GroupNormalization": _NORM,
    "RMSNormalization": renamed({"scale": "scale"}),
    "LSTM": Kind(_to_lstm, _from_lstm),
    "GRU": Kind(_to_gru, _from_gru),
    "SimpleRNN": renamed({"kernel": "cell/i/kernel", "recurrent_kernel": "cell/h/kernel", "bias": "cell/i/bias"}),
}

# What the parts of a layer are called there.
_PARTS = {"attention_output": "out"}


def to_linen(
    model: Layer, params: Mapping[str, Any], state: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the variables of a Linen module: `{"params": ..., "batch_stats": ...}`, nested by path.

    Recurrent layers are `nn.RNN(nn.LSTMCell(...))` and so on, attention is `nn.MultiHeadDotProductAttention`.

    Args:
        model: The model (or layer) that `params` and `state` are of.
        params: Its parameters.
        state: Its state.
        names: Where the module has a layer, by the layer's path: `{"dense": "Dense_0"}`; the same path if left out.

    Returns:
        Nested dicts, `{"params": {"Dense_0": {"kernel": ...}}}`, as `module.init` returns them.

    Raises:
        ValueError: If a layer has no counterpart in Flax, or none that computes the same.

    >>> from jkeras.layers import BatchNormalization, Dense, Input
    >>> from jkeras.models import Sequential
    >>> model = Sequential([Input((3,)), Dense(2), BatchNormalization()])
    >>> import jax
    >>> variables = to_linen(model, *model.init(0), names={"dense": "Dense_0", "batch_normalization": "BatchNorm_0"})
    >>> jax.tree.map(jnp.shape, variables["batch_stats"])
    {'BatchNorm_0': {'mean': (2,), 'var': (2,)}}
    """
    variables: dict[str, Any] = {"params": {}}
    for path, name, array in _rows(model, params, state, names):
        collection = "batch_stats" if name in _STATISTICS else "params"
        _put(variables.setdefault(collection, {}), f"{path}/{name}".split("/"), array)
    return variables


def to_nnx(
    model: Layer, params: Mapping[str, Any], state: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the pure dictionary of an NNX state.

    Give it to the module by `state = nnx.state(module); nnx.replace_by_pure_dict(state, tree);
    nnx.update(module, state)`.

    Args:
        model, params, state: As for `to_linen`.
        names: Where the module has a layer, by the layer's path. Numbers are places in a list:
            `{"dense": "layers/0"}`. The same path if left out.

    Returns:
        Nested dicts, in which places in a list are integers.

    Raises:
        ValueError: If a layer has no counterpart in Flax, or none that computes the same.

    >>> from jkeras.layers import Dense
    >>> dense = Dense(2)
    >>> import jax
    >>> jax.tree.map(jnp.shape, to_nnx(dense, *dense.init(0, (None, 3)), names={"dense": "layers/0"}))
    {'layers': {0: {'bias': (2,), 'kernel': (3, 2)}}}
    """
    tree: dict[Any, Any] = {}
    for path, name, array in _rows(model, params, state, names):
        keys = f"{path}/{name.replace('/if/', '/if_/')}".split("/")
        _put(tree, [int(key) if key.isdigit() else key for key in keys], array)
    return tree


def from_flax(
    model: Layer, tree: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `(params, state)` for a built model, from the variables of a Linen module or the pure dictionary of NNX.

    Args:
        model: The model (or layer).
        tree: What `module.init` returned, or `nnx.to_pure_dict(nnx.state(module))`.
        names: As for `to_linen`.

    Returns:
        Two trees in the dtypes of the model's weights.

    Raises:
        ValueError: If a layer is not found, or its weights are others or of another shape.

    >>> from jkeras.layers import Dense
    >>> dense = Dense(2)
    >>> params, state = dense.init(0, (None, 3))
    >>> again, _ = from_flax(dense, to_linen(dense, params, state))
    >>> bool((again["dense"]["kernel"] == params["dense"]["kernel"]).all())
    True
    """
    collections = [tree[c] for c in ("params", "batch_stats") if c in tree] or [tree]
    rows = []
    for path, kind, weights in layers_of(model, _KINDS, "Flax"):
        there = _place(path, names)
        theirs: Arrays = {}
        for collection in collections:
            theirs |= _below(collection, there)
        if not theirs:
            raise ValueError(
                f"Layer {path!r} is not found at {there!r}. Say where it is: names={{{path!r}: ...}}; the tree has "
                f"{', '.join(map(str, collections[0]))}."
            )
        ours = read_here(path, kind, weights, theirs, f"Flax's {there!r}")
        rows += [(path, w, ours[w.name]) for w in weights]
    return two_trees(rows)


def _rows(model: Layer, params: Any, state: Any, names: Mapping[str, str] | None) -> list[tuple[str, str, Any]]:
    """Return `(path of the module, path of the array in it, array)`."""
    return [
        (_place(path, names), name, array)
        for path, kind, weights in layers_of(model, _KINDS, "Flax")
        for name, array in kind.there(arrays_of(path, weights, params, state)).items()
    ]


def _place(path: str, names: Mapping[str, str] | None) -> str:
    """Return where a layer is there: `names` may tell it for the layer itself or for one that it is inside of."""
    folder, rest = path, ""
    while folder:
        if folder in (names or {}):
            path = f"{names[folder]}{rest}"  # type: ignore[index]
            break
        folder, _, last = folder.rpartition("/")
        rest = f"/{last}{rest}"
    return "/".join(_PARTS.get(part, part) for part in path.split("/"))


def _put(tree: dict[Any, Any], keys: list[Any], array: Any) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
    tree[keys[-1]] = array


def _below(tree: Any, path: str) -> Arrays:
    """Return the arrays under a path, by the rest of their paths; random streams are left out."""
    for key in path.split("/"):
        tree = tree.get(key, tree.get(int(key)) if key.isdigit() else None) if isinstance(tree, Mapping) else None
        if tree is None:
            return {}
    return {name: leaf for name, leaf in named_leaves(tree).items() if "rngs" not in name.split("/")}
