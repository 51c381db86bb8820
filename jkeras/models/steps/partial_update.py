"""An update of some of the parameters: the others, and what the optimizer keeps for them, stay as they are."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.optimizers.held import step
from jkeras.optimizers.multi import MultiOptimizer
from jkeras.optimizers.transforms import path_name
from jkeras.training.program import TrainState


def update_part(optimizer: Any, ts: TrainState, grads: Any, learning_rate: Any) -> tuple[Any, Any]:
    """Return the parameters and the optimizer's state after an update of the layers in `grads`.

    In a `MultiOptimizer` an optimizer none of whose parameters is updated does not count the step.

    Raises:
        ValueError: If there is no gradient at all.
    """
    if not grads:
        raise ValueError(
            f"apply_updates got no gradient of a trained layer. These are trained: {', '.join(ts.params)}."
        )
    filled = {key: grads.get(key) or jax.tree.map(jnp.zeros_like, weights) for key, weights in ts.params.items()}
    absent = tuple(f"{key}/{name}" for key, weights in ts.params.items() if key not in grads for name in weights)
    params, after = step(optimizer, filled, ts.opt_state, ts.params, learning_rate, absent)
    if isinstance(optimizer, MultiOptimizer):
        present = jax.tree_util.tree_flatten_with_path(grads)[0]
        used = {optimizer._choose(path_name(path), leaf) for path, leaf in present}
        before = ts.opt_state.inner.inner_states
        states = {label: new if label in used else before[label] for label, new in after.inner.inner_states.items()}
        after = after._replace(inner=after.inner._replace(inner_states=states))
    return params, after
