"""The compiled forward pass of a model."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.template import walk
from jkeras.models.compiled import pure_functions


class PredictFunctions:
    """The compiled forward pass of a model, for each choice of trained layers (frozen ones may compute otherwise)."""

    def __init__(self) -> None:
        self.functions: dict[Any, Any] = {}

    def get(self, model: Any) -> Any:
        """Return the compiled function for the model as it is now."""
        eager = model._compiled is not None and model._compiled.eager
        key = (eager, tuple((path, getattr(layer, "_trainable", True)) for path, layer in walk(model)))
        if key not in self.functions:
            forward = pure_functions(model).forward

            def predict(params: Any, state: Any, x: Any, rng: Any) -> Any:
                result = forward(params, state, x, False, rng)
                changed = {
                    layer: {name: v for name, v in weights.items() if v is not state[layer][name]}
                    for layer, weights in result.state.items()
                }
                return result.outputs, changed

            self.functions[key] = predict if eager else jax.jit(predict)
        return self.functions[key]


def pad_rows(tree: Any, size: int) -> Any:
    """Repeat the last row up to `size` rows, so that the last batch needs no program of its own."""

    def pad(array: Any) -> Any:
        rows = [(0, size - array.shape[0])] + [(0, 0)] * (array.ndim - 1)
        return jnp.pad(array, rows, mode="edge") if isinstance(array, jax.Array) else np.pad(array, rows, mode="edge")

    return jax.tree.map(pad, tree)
