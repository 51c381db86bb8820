"""Which part of a training step makes the first number that is not finite."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jkeras.core import frame as frames
from jkeras.core.trees import named_leaves
from jkeras.models.compiled import Arrays
from jkeras.training.data import Batch
from jkeras.training.program import Fixed, Program, TrainState

Key = tuple[str, int]  # a layer's path, and the number of its call


class Finding(NamedTuple):
    """Where the first number arose that is not finite.

    Attributes:
        kind: "data", "weights", "output" or "gradient" of a layer, "loss", "gradient of the loss", "update", "step" (in
            a step of the model's own), or "nothing".
        path: The layer's path, the name of the weight, or what of the data it is.
        text: A sentence that says it.
    """

    kind: str
    path: str
    text: str


class Call(NamedTuple):
    """A call of a layer outside of any inner transformation, with the arrays it took and gave."""

    layer: Any
    inputs: Any
    outputs: Any
    is_leaf: bool  # whether no other call was seen inside


class Seen:
    """An observer that keeps what layers take and give, in the order in which they are done."""

    def __init__(self) -> None:
        self.calls: dict[Key, Call] = {}
        self._open: list[tuple[Key, Any, int]] = []
        self._counts: Counter[str] = Counter()

    def enters(self, layer: Any, inputs: Any) -> Any:
        key = layer.path, self._counts[layer.path]
        self._counts[layer.path] += 1
        self._open.append((key, inputs, len(self.calls)))
        return inputs

    def leaves(self, layer: Any, outputs: Any) -> Any:
        key, inputs, before = self._open.pop()
        # What a loop or another transformation traces has no values here; the layer around it has.
        if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((inputs, outputs))):
            self.calls[key] = Call(layer, inputs, outputs, len(self.calls) == before)
        return outputs


class Probes:
    """An observer that adds zeros to what layers take and give, whose gradients are those of the arrays there.

    Args:
        zeros: `{(key, "in" or "out"): zeros}`.
    """

    def __init__(self, zeros: dict[tuple[Key, str], Any]):
        self.zeros = zeros
        self._open: list[Key] = []
        self._counts: Counter[str] = Counter()

    def enters(self, layer: Any, inputs: Any) -> Any:
        key = layer.path, self._counts[layer.path]
        self._counts[layer.path] += 1
        self._open.append(key)
        return self._added(layer, (key, "in"), inputs)

    def leaves(self, layer: Any, outputs: Any) -> Any:
        return self._added(layer, (self._open.pop(), "out"), outputs)

    def _added(self, layer: Any, where: tuple[Key, str], arrays: Any) -> Any:
        if where not in self.zeros:
            return arrays
        added = jax.tree.map(lambda a, zero: a if zero is None else a + zero, arrays, self.zeros[where])
        for old, new in zip(jax.tree.leaves(arrays), jax.tree.leaves(added), strict=True):
            layer._frame.set_mask(new, layer._frame.mask_of(old))
        return added


def search(model: Any, program: Program, ts: TrainState, batch: Batch, fixed: Fixed) -> Finding:
    """Find what makes the first number that is not finite in the step from `ts` on `batch`.

    The step is computed layer by layer, uncompiled; then once more with gradients. Layers inside of a compiled loop,
    such as the cells of a recurrent layer, count as parts of the layer around it.

    Args:
        model: The model; it takes over the arrays of `ts`.
        program: The steps.
        ts, fixed: What the step starts from.
        batch: What it is on.
    """
    for part, values in zip(("x", "y", "sample_weight"), batch, strict=True):
        for name, leaf in named_leaves(values).items():
            if not _is_finite(leaf):
                name = part if name == "value" else f"{part}[{name}]"
                return Finding("data", name, f"{name} {_describe(leaf)}, in the rows {_rows(leaf)} of the batch.")
    arrays = Arrays(model, model._compiled, program)
    arrays.store(ts)
    params, state = arrays.trees()
    for name, leaf in named_leaves((params, state)).items():
        if not _is_finite(leaf):
            name = name.partition("/")[2]
            return Finding("weights", name, f"the weight {name!r} {_describe(leaf)} already before the step.")
    seen, key = Seen(), jax.random.fold_in(fixed.key, ts.step)
    held = program.fresh_totals()["held"]
    is_own = getattr(program, "is_custom", False)
    with frames.observed(seen):
        if is_own:
            loss = jnp.zeros(())
            program.pure.forward(params, {**state, **held}, batch.x, True, key)
        else:
            loss, _, _ = program.loss(params, {**state, **held}, batch, True, key)
    for (path, _), call in seen.calls.items():
        if not _is_finite(call.outputs):
            bad = next(leaf for leaf in jax.tree.leaves(call.outputs) if not _is_finite(leaf))
            text = f"the output of {_named(path, call)} {_describe(bad)}, and it takes {_range(call.inputs)}."
            return Finding("output", path, text)
    if is_own:
        what = f"{type(model).__name__}.train_step"
        return Finding("step", what, f"the outputs of all layers are finite; see what {what} makes of them.")
    if not _is_finite(loss):
        text = f"the loss is {float(loss)}, while the outputs of all layers are finite: {_range(_last(seen))}."
        return Finding("loss", "loss", text)
    return _search_gradients(program, seen, params, {**state, **held}, batch, key, set(ts.params))


def _search_gradients(
    program: Program, seen: Seen, params: Any, state: Any, batch: Batch, key: Any, trained: set[str]
) -> Finding:
    def zero(leaf: Any) -> Any:
        return jnp.zeros_like(leaf) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating) else None

    zeros = {
        (where, side): jax.tree.map(zero, arrays)
        for where, call in seen.calls.items()
        for side, arrays in (("in", call.inputs), ("out", call.outputs))
    }

    def loss_of(zeros: Any, params: Any) -> Any:
        with frames.observed(Probes(zeros)):
            return program.loss(params, state, batch, True, key)[0]

    at, by_weight = jax.grad(loss_of, argnums=(0, 1))(zeros, params)
    reached = False
    for where, call in reversed(seen.calls.items()):
        if not call.is_leaf:
            continue
        if not _is_finite(at[where, "out"]):
            if reached:
                continue  # it came from a layer further on, which was seen already
            text = f"the loss is finite, but its gradient at the output of {_named(where[0], call)} is not."
            return Finding("gradient of the loss", where[0], text)
        reached = True
        own = {key: value for key, value in by_weight.items() if key == where[0]}
        for what, gradient in (("its input", at[where, "in"]), ("its weights", own)):
            if not _is_finite(gradient):
                bad = next(leaf for leaf in jax.tree.leaves(gradient) if not _is_finite(leaf))
                text = (
                    f"the gradient at the output of {_named(where[0], call)} is finite, but the one of {what} "
                    f"{_describe(bad)}. It takes {_range(call.inputs)}."
                )
                return Finding("gradient", where[0], text)
    if not _is_finite({key: value for key, value in by_weight.items() if key in trained}):
        names = [n for n, leaf in named_leaves(by_weight).items() if not _is_finite(leaf)]
        return Finding("gradient", names[0], f"the gradient of {', '.join(map(repr, names[:3]))} is not finite.")
    largest = max((float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(by_weight) if leaf.size), default=0.0)
    text = (
        f"outputs, loss and gradients (up to {largest:.3g}) are finite; the update of the optimizer is not. A lower "
        "learning rate, or clipnorm=1.0, may help."
    )
    return Finding("update", "optimizer", text)


def _last(seen: Seen) -> Any:
    return next(reversed(seen.calls.values())).outputs if seen.calls else None


def _named(path: str, call: Call) -> str:
    return f"the layer {path or call.layer.name!r} ({type(call.layer).__name__})"


def _is_finite(tree: Any) -> bool:
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)]
    return all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in leaves)


def _describe(array: Any) -> str:
    """Say how many values of an array are not finite, and of which kind."""
    values = np.asarray(array, np.float32) if np.asarray(array).dtype != np.float64 else np.asarray(array)
    counts = {"NaN": int(np.isnan(values).sum()), "infinite values": int(np.isinf(values).sum())}
    told = " and ".join(f"{name} ({count} of {values.size:,})" for name, count in counts.items() if count)
    return f"holds {told}"


def _rows(array: Any) -> str:
    bad = ~np.isfinite(np.asarray(array, np.float32)).reshape(len(array), -1).all(1)
    rows = np.flatnonzero(bad).tolist()
    return ", ".join(map(str, rows[:5])) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")


def _range(tree: Any) -> str:
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(tree) if np.size(leaf)]
    if not leaves:
        return "nothing"
    low, high = min(float(leaf.min()) for leaf in leaves), max(float(leaf.max()) for leaf in leaves)
    return f"values from {low:.3g} to {high:.3g}"
