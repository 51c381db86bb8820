"""One training step of LSTM and Dense(1) on a batch of sequences, as jkeras and as Keras build it: not compiled yet.

Loss and optimizer (optax's Adam) are the same for both, so what differs is the layers'.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

# The jitted step and its arguments.
Step = tuple[Any, tuple[Any, ...]]

_optimizer = optax.adam(1e-3)


def _step(forward: Callable[..., tuple[jax.Array, Any]], trainable: Any, state: Any, shape: tuple[int, ...]) -> Step:
    def loss_of(trainable: Any, state: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        out, state = forward(trainable, state, x)
        return ((out - y) ** 2).mean(), state

    def step(trainable: Any, state: Any, optimizer_state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, ...]:
        (loss, state), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, state, x, y)
        updates, optimizer_state = _optimizer.update(gradients, optimizer_state, trainable)
        return optax.apply_updates(trainable, updates), state, optimizer_state, loss

    arrays = (jnp.zeros(shape), jnp.zeros((shape[0], 1)))
    return jax.jit(step), (trainable, state, _optimizer.init(trainable), *arrays)


def _model(package: Any, units: int, features: int, options: dict[str, Any]) -> Any:
    layers = package.layers
    return package.Sequential([layers.Input((None, features)), layers.LSTM(units, **options), layers.Dense(1)])


def jkeras_step(units: int, shape: tuple[int, ...], **options: Any) -> Step:
    """Return the step of `LSTM(units, **options)` on batches of `shape`, with jkeras's pure pair."""
    import jkeras

    model = _model(jkeras, units, shape[-1], options)
    params, state = model.init(jax.random.key(0), jnp.zeros(shape))

    def forward(params: Any, state: Any, x: jax.Array) -> tuple[jax.Array, Any]:
        return model.apply(params, state, x, training=True, rng=jax.random.key(1))

    return _step(forward, params, state, shape)


def keras_step(units: int, shape: tuple[int, ...], **options: Any) -> Step:
    """Return the step of `LSTM(units, **options)` on batches of `shape`, with Keras's `stateless_call`."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    model = _model(keras, units, shape[-1], options)

    def forward(trainable: Any, state: Any, x: jax.Array) -> tuple[jax.Array, Any]:
        return model.stateless_call(trainable, state, x, training=True)

    trainable = [variable.value for variable in model.trainable_variables]
    return _step(forward, trainable, [variable.value for variable in model.non_trainable_variables], shape)


STEPS: dict[str, Callable[..., Step]] = {"jkeras": jkeras_step, "keras": keras_step}
