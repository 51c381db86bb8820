"""The compiled forward pass of a model."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import seeds
from jkeras.core.template import walk
from jkeras.models.compiled import pure_functions
from jkeras.models.custom import custom_forward
from jkeras.training.data import to_device


class Predictor:
    """The forward pass of a model as it is now: one compiled function, its arrays, and the state as it goes along.

    Args:
        model: Its arrays are read once; `finish` stores the state that the batches left behind.
    """

    def __init__(self, model: Any):
        self.model = model
        self.function = _compiled_forward(model)
        self.params, self.state = model._tree(trainable=True), model._tree(trainable=False)
        self.before = self.state
        self.key = seeds.next_key()
        self.count = 0

    def __call__(self, x: Any) -> Any:
        """Return the outputs for one batch, on the device."""
        number = jax.device_put(np.uint32(self.count))
        self.count += 1
        outputs, self.state = self.function(self.params, self.state, jax.tree.map(to_device, x), self.key, number)
        return outputs

    def finish(self) -> None:
        """Let the model hold the state as the last batch left it."""
        self.model._keep_state(self.before, self.state)


def _compiled_forward(model: Any) -> Any:
    """Return the compiled forward pass, one for each choice of trained layers: a frozen layer may compute otherwise."""
    cache = model.__dict__.setdefault("_compiled_predict", {})
    eager = model._compiled is not None and model._compiled.eager
    key = (eager, tuple((path, getattr(layer, "_trainable", True)) for path, layer in walk(model)))
    if key not in cache:
        forward = custom_forward(model) or pure_functions(model).forward

        def predict(params: Any, state: Any, x: Any, rng: Any, number: Any) -> Any:
            result = forward(params, state, x, False, jax.random.fold_in(rng, number))
            return result.outputs, result.state

        cache[key] = predict if eager else jax.jit(predict)
    return cache[key]


def pad_rows(tree: Any, size: int) -> Any:
    """Repeat the last row up to `size` rows, so that the last batch needs no program of its own."""

    def pad(array: Any) -> Any:
        rows = [(0, size - array.shape[0])] + [(0, 0)] * (array.ndim - 1)
        return jnp.pad(array, rows, mode="edge") if isinstance(array, jax.Array) else np.pad(array, rows, mode="edge")

    return jax.tree.map(pad, tree)
