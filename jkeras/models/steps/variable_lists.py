"""The state of a step in Keras's style: lists of arrays, in the order of the model's variables, made from trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import seeds
from jkeras.core.template import two_level
from jkeras.models.weight_rows import CARRIED, WeightRows
from jkeras.training.program import TrainState


class VariableLists:
    """How the lists that a step is given lie in the trees of the training loop.

    Args:
        model: The model.
        rows: Its weights; frozen ones are carried with the state, so that a step may change them.
        metrics: What `model.metrics` is in a step.
        optimizer: The optimizer of `compile`.
    """

    def __init__(self, model: Any, rows: WeightRows, metrics: Sequence[Any], optimizer: Any):
        self.rows, self.optimizer = rows, optimizer
        listed = {id(w): (key, w) for key, w in rows.state}
        self.others = [listed[id(w)] for w in model.non_trainable_variables]
        names = {id(w) for _, w in self.others}
        self.unlisted = [(key, w) for key, w in rows.state if id(w) not in names]  # recurrent states
        self.metrics = [w for metric in metrics for w in metric.variables]
        held = {id(w) for _, w in rows.held}
        self.own = [w for w in self.metrics if id(w) not in held]

    def init(self) -> list[Any]:
        """Return fresh arrays of the metrics that are not part of the model's tree."""
        return [w.draw(seeds.as_key(0)) for w in self.own]

    def carry(self, state: Any, frozen: Any) -> Any:
        """Return the state with the frozen weights as a part of it."""
        return {**state, **{CARRIED + key: weights for key, weights in frozen.items()}}

    def values(self, params: Any, state: Any, totals: Any) -> list[tuple[Any, Any]]:
        """Return pairs `(weight, array)` for everything."""
        pairs = [(w, params[key][w.name]) for key, w in self.rows.trained]
        pairs += [(w, state[key][w.name]) for key, w in self.rows.state]
        pairs += [(w, totals["held"][key][w.name]) for key, w in self.rows.held]
        return pairs + list(zip(self.own, totals["own"], strict=True))

    def lists(self, params: Any, state: Any, totals: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the trainable, the non-trainable and the metrics variables."""
        values = {id(w): array for w, array in self.values(params, state, totals)}
        groups = ([w for _, w in self.rows.trained], [w for _, w in self.others], self.metrics)
        trained, others, metrics = ([values[id(w)] for w in group] for group in groups)
        return trained, others, metrics

    def optimizer_list(self, opt_state: Any, learning_rate: Any) -> list[Any]:
        """Return the arrays of `optimizer.variables`: the count, learning rates that are numbers, and the rest."""
        first, *rest = jax.tree.leaves(opt_state)
        return [first, *self._rates(learning_rate), *rest]

    def optimizer_state(self, arrays: Sequence[Any], like: Any, learning_rate: Any) -> Any:
        """Return the state whose arrays are those of `optimizer.variables`."""
        count = len(self._rates(learning_rate))
        return jax.tree.unflatten(jax.tree.structure(like), [arrays[0], *arrays[1 + count :]])

    def _rates(self, learning_rate: Any) -> list[Any]:
        return jax.tree.leaves(learning_rate) if self.optimizer._rate_variables() else []

    def params(self, trained: Sequence[Any]) -> Any:
        """Return the tree of the trainable variables."""
        return two_level((key, w.name, a) for (key, w), a in zip(self.rows.trained, trained, strict=True))

    def state(self, others: Sequence[Any], scope: Any) -> Any:
        """Return the tree of the non-trainable variables; what is not in the list is read from the scope."""
        pairs = [(key, w, a) for (key, w), a in zip(self.others, others, strict=True)]
        pairs += [(key, w, scope.get_current_value(w)) for key, w in self.unlisted]
        return two_level((key, w.name, a) for key, w, a in pairs)

    def totals(self, metrics: Sequence[Any], scope: Any) -> dict[str, Any]:
        """Return `held` and `own` of the totals; metrics that are not in the list are read from the scope."""
        values = {id(w): array for w, array in zip(self.metrics, metrics, strict=True)}

        def value(w: Any) -> Any:
            return values[id(w)] if id(w) in values else scope.get_current_value(w)

        held = two_level((key, w.name, value(w)) for key, w in self.rows.held)
        return {"held": held, "own": [value(w) for w in self.own]}


def settled(where: str, before: Any, after: Any) -> Any:
    """Return `after` with the dtypes of `before`.

    Raises:
        ValueError: If it has another structure or an array has another shape: a step must return what it was given.
    """
    if jax.tree.structure(before) != jax.tree.structure(after):
        raise ValueError(
            f"{where} with another structure than it was given: expected {_brief(before)}; got {_brief(after)}."
        )

    def convert(path: Any, old: Any, new: Any) -> Any:
        if jnp.shape(old) != jnp.shape(new):
            name = jax.tree_util.keystr(path)
            raise ValueError(f"{where}{name} with shape {jnp.shape(new)}; it was given one of {jnp.shape(old)}.")
        return new if jnp.issubdtype(old.dtype, jax.dtypes.prng_key) else jnp.asarray(new, old.dtype)

    return jax.tree_util.tree_map_with_path(convert, before, after)


def _brief(tree: Any) -> str:
    if isinstance(tree, (Mapping, TrainState)):
        return f"the keys {', '.join(map(str, tree))}" if isinstance(tree, Mapping) else "a TrainState"
    return f"{len(tree)} arrays" if isinstance(tree, (list, tuple)) else str(jax.tree.structure(tree))


def flat_logs(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Return logs without dicts in dicts, as arrays.

    >>> sorted(flat_logs({"loss": 1.0, "compile_metrics": {"mae": 2.0}}))
    ['loss', 'mae']
    """
    flat: dict[str, Any] = {}
    for key, value in logs.items():
        flat.update(flat_logs(value) if isinstance(value, Mapping) else {key: jnp.asarray(value)})
    return flat
