"""Recurrent layers with their arguments, each value of each argument with each value of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np

BATCH, TIME, FEATURES, UNITS = 3, 4, 2, 3

CELLS = ("SimpleRNN", "LSTM", "GRU")
MERGES = ("concat", "sum", "mul", "ave", None)


class Recipe(NamedTuple):
    """How a layer is made, and the shapes of its states."""

    make: Callable[..., Any]
    states: tuple[int, ...]
    """Sizes of the states of one direction, outermost first."""


def plain(name: str, **own: Any) -> Recipe:
    def make(kit: Any, cell: dict[str, Any], **options: Any) -> Any:
        return getattr(kit, name)(UNITS, **own, **cell, **options)

    return Recipe(make, (UNITS,) * (2 if name == "LSTM" else 1))


def around(*names: str) -> Recipe:
    sizes = range(UNITS + 1 - len(names), UNITS + 1)

    def make(kit: Any, cell: dict[str, Any], **options: Any) -> Any:
        cells = [getattr(kit, f"{name}Cell")(size, **cell) for name, size in zip(names, sizes)]
        return kit.RNN(cells if len(cells) > 1 else cells[0], **options)

    return Recipe(make, tuple(size for name, size in zip(names, sizes) for _ in range(2 if name == "LSTM" else 1)))


def both_ways(name: str, merge_mode: str | None, backward: str | None = None) -> Recipe:
    def make(kit: Any, cell: dict[str, Any], **options: Any) -> Any:
        layer = getattr(kit, name)(UNITS, **cell, **options)
        other = {}
        if backward is not None or options["go_backwards"]:
            own = {**options, "go_backwards": not options["go_backwards"]}
            other["backward_layer"] = getattr(kit, backward or name)(UNITS, **cell, **own)
        return kit.Bidirectional(layer, merge_mode=merge_mode, dtype=options["dtype"], **other)

    return Recipe(make, plain(name).states + plain(backward or name).states)


def grid(kit: Any, cell: dict[str, Any], **options: Any) -> Any:
    return kit.ConvLSTM1D(UNITS, 2, **cell, **options)


LAYERS: dict[str, Recipe] = {
    **{name: plain(name) for name in CELLS},
    "GRUbefore": plain("GRU", reset_after=False),
    **{f"RNN({name})": around(name) for name in CELLS},
    "RNN(LSTM,GRU)": around("LSTM", "GRU"),
    "ConvLSTM1D": Recipe(grid, (UNITS, UNITS)),
    **{f"{merge or 'pair'}({name})": both_ways(name, merge) for name in CELLS for merge in MERGES},
    "concat(LSTM,LSTM)": both_ways("LSTM", "concat", "LSTM"),
    "ave(GRU,SimpleRNN)": both_ways("GRU", "ave", "SimpleRNN"),
}

BOTH_WAYS = {name for name in LAYERS if name.split("(")[0] in (*MERGES, "pair")}

MASKS: dict[str, Any] = {
    "": None,
    "right": [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]],
    "left": [[0, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]],
    "holes": [[1, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0]],
    "empty": [[0, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0]],
}

# Each value is what an identifier says of it.
FACTORS: dict[str, tuple[str, ...]] = {
    "layer": tuple(LAYERS),
    "mask": tuple(MASKS),
    "go_backwards": ("", "backwards"),
    "return_sequences": ("", "sequences"),
    "return_state": ("", "state"),
    "stateful": ("", "stateful"),
    "initial_state": ("", "initial"),
    "dtype": ("", "float16", "bfloat16"),
    "unroll": ("", "unroll"),
    "zero_output_for_mask": ("", "zero"),
    "use_bias": ("", "unbiased"),
}
NAMES = tuple(FACTORS)

Pair = tuple[tuple[str, str], tuple[str, str]]


class Combination(NamedTuple):
    """One row: a layer and a value of each of the other factors."""

    layer: str
    mask: str
    go_backwards: str
    return_sequences: str
    return_state: str
    stateful: str
    initial_state: str
    dtype: str
    unroll: str
    zero_output_for_mask: str
    use_bias: str

    def __str__(self) -> str:
        return "-".join(filter(None, self))


def impossible(row: dict[str, str]) -> str | None:
    """Return why a combination (or a part of one) is not compared, or None."""
    if row.get("layer") == "ConvLSTM1D":
        if row.get("mask"):
            return "Keras on JAX does not fit a mask to the rank of the states."
        if row.get("unroll") or row.get("zero_output_for_mask"):
            return "The layer has no such argument here; in Keras it is not among the documented ones."
    if row.get("layer", "") in BOTH_WAYS:
        if row.get("return_state") and row.get("stateful"):
            return "Keras multiplies a generator by two."
        if row.get("unroll") and row.get("mask") and row.get("return_sequences"):
            return "Bidirectional sets zero_output_for_mask, which Keras's unrolled loop does not know."
    if "GRU" in row.get("layer", "").replace("GRUbefore", "") and row.get("mask") == row.get("unroll") == "":
        if row.get("dtype") and row.get("use_bias"):
            return "Keras's fused loop takes a bias of float32 for the one that is not there, and the scan refuses it."
    if row.get("unroll") and row.get("mask"):
        if row.get("zero_output_for_mask"):
            return "Keras's unrolled loop does not know zero_output_for_mask, its other loop does."
        if row.get("initial_state") or row.get("stateful"):
            return "Before the first valid step Keras's unrolled loop gives zeros, its other loop the initial state."
    return None


def pairs_of(row: dict[str, str]) -> Iterator[Pair]:
    return combinations(row.items(), 2)


def all_pairs() -> set[Pair]:
    """Return the pairs of values that must occur together."""
    found = set()
    for one, other in combinations(NAMES, 2):
        for pair in product(((one, v) for v in FACTORS[one]), ((other, v) for v in FACTORS[other])):
            if impossible(dict(pair)) is None:
                found.add(pair)
    return found


def _completed(begin: dict[str, str], seen: Counter[Pair]) -> Combination:
    """Give the other factors their values, one factor after the other: those in the pairs that were seen least."""
    row = dict(begin)

    def gain(name: str, value: str) -> float:
        longer = {k: value if k == name else row[k] for k in NAMES if k == name or k in row}
        return -1.0 if impossible(longer) else sum(0.5 ** seen[pair] for pair in pairs_of(longer))

    for name in NAMES:
        if name not in row:
            row[name] = max(FACTORS[name], key=lambda value: gain(name, value))
    return Combination(**row)


def covering(begins: Iterator[dict[str, str]]) -> list[Combination]:
    """Complete each beginning, then add rows until no pair is missing."""
    rows: list[Combination] = []
    seen: Counter[Pair] = Counter()

    def add(begin: dict[str, str]) -> None:
        rows.append(_completed(begin, seen))
        seen.update(pairs_of(rows[-1]._asdict()))

    for begin in begins:
        if impossible(begin) is None:
            add(begin)
    for pair in sorted(all_pairs()):
        if not seen[pair]:
            add(dict(pair))
    return list(dict.fromkeys(rows))


def _every_layer_mask_and_direction() -> Iterator[dict[str, str]]:
    names = ("layer", "mask", "go_backwards")
    return (dict(zip(names, values)) for values in product(*(FACTORS[name] for name in names)))


TABLE = covering(_every_layer_mask_and_direction())


def marks_of(row: Combination) -> set[tuple[str, str]]:
    """Return the values of a row; what is in a wrapper counts for itself, and so does the wrapper."""
    own = {(name, value) for name, value in row._asdict().items() if name != "layer"}
    return own | {("layer", part) for part in row.layer.split("(")}


def _few(rows: list[Combination], times: int) -> list[Combination]:
    """Choose rows in which each value occurs `times` times."""
    wanted = Counter({mark: times for row in rows for mark in marks_of(row)})
    chosen: list[Combination] = []
    while any(n > 0 for n in wanted.values()):
        chosen.append(
            max((row for row in rows if row not in chosen), key=lambda r: sum(wanted[m] > 0 for m in marks_of(r)))
        )
        wanted.subtract(marks_of(chosen[-1]))
    return chosen


FEW = _few(TABLE, 1)


def data_of(row: Combination) -> tuple[Any, Any, Any]:
    """Return inputs, mask and initial states (None if there are none)."""
    rng = np.random.default_rng(7)
    grid = (5,) if row.layer == "ConvLSTM1D" else ()
    inputs = rng.normal(size=(BATCH, TIME, *grid, FEATURES)).astype("float32")
    mask = None if MASKS[row.mask] is None else np.asarray(MASKS[row.mask], bool)
    window = (4,) if row.layer == "ConvLSTM1D" else ()
    states = [rng.normal(size=(BATCH, *window, n)).astype("float32") for n in LAYERS[row.layer].states]
    if row.layer == "RNN(LSTM,GRU)":
        return inputs, mask, [states[:2], states[2:]] if row.initial_state else None
    return inputs, mask, states if row.initial_state else None


def make(row: Combination, kit: Any) -> Any:
    """Return the layer of a row, from `jkeras.layers` or `keras.layers`."""
    policy = {"": "float32", "float16": "float16", "bfloat16": "mixed_bfloat16"}[row.dtype]
    flags = ("go_backwards", "return_sequences", "return_state", "stateful", "unroll", "zero_output_for_mask")
    options = {name: True for name in flags if getattr(row, name)}
    options |= {"go_backwards": bool(row.go_backwards), "dtype": policy}
    # Weights are given; and orthogonal matrices of 16 bits are more than Keras can draw.
    cell = {"use_bias": not row.use_bias, "recurrent_initializer": "zeros"}
    if row.layer.startswith("RNN("):
        cell["dtype"] = policy
    return LAYERS[row.layer].make(kit, cell, **options)
