"""Layers around a layer, and around a function."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras import layers
from rows.kinds import IMG, SEQ, VEC, Comparison, Row


class Affine(layers.JaxLayer):
    """A function with parameters, state, a key, and behaviour of its own in training."""

    def __init__(self, **kwargs: Any):
        super().__init__(_affine, _affine_init, **kwargs)


def _affine(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
    y = inputs @ params["dense"]["kernel"] + params["dense"]["bias"][0]
    if training:
        y = y + 0.1 * jax.random.normal(rng, y.shape, y.dtype)
    return y, {"count": state["count"] + 1, "mean": 0.9 * state["mean"] + 0.1 * jnp.mean(y)}


def _affine_init(rng: Any, inputs: Any) -> Any:
    kernel = jax.random.normal(rng, (inputs.shape[-1], 3))
    return {"dense": {"kernel": kernel, "bias": [jnp.zeros(3)]}}, {"count": jnp.asarray(0), "mean": jnp.zeros(())}


CONTRACT = [
    Row("SpectralNormalization", lambda: layers.SpectralNormalization(layers.Dense(3), 2), (3, 4), has_state=True),
    Row("JaxLayer", Affine, (3, 5, 4), uses_rng=True, has_state=True, custom=True),
]

# In inference Keras leaves the kernel as it is.
ORACLE = [
    Comparison("SpectralNormalization", {}, VEC, args=(5,), wrap="Dense", training=True),
    Comparison("SpectralNormalization", {}, SEQ, (5,), wrap="Dense", outer={"power_iterations": 3}, training=True),
    Comparison("SpectralNormalization", {"padding": "same"}, IMG, args=(3, 2), wrap="Conv2D", training=True),
]
