"""The usual cells and their derivatives, for the scan of `jkeras.functional.recurrence`.

On CPU such a scan is bound by memory, so a step saves the values of its gates and no more: all else that its derivative
needs is a product or two away from them. A sigmoid is `tanh(z / 2) / 2 + 1/2`, so that one `tanh` serves all gates.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.functional.recurrence import Cell, Gates

# What the sum of each gate is multiplied by: those of a sigmoid by one half.
LSTM_GATES = (0.5, 0.5, 1.0, 0.5)
GRU_GATES = (0.5, 0.5, 1.0)

States = tuple[Array, ...]


def halved(gates: Gates, factors: tuple[float, ...]) -> Gates:
    """Multiply the weights of each gate by its factor, which is exact for a half.

    Args:
        gates: The weights.
        factors: One for each gate.

    Returns:
        The weights.

    >>> halved(Gates(jnp.ones((1, 3)), jnp.ones((1, 3))), GRU_GATES).kernel.tolist()
    [[0.5, 0.5, 1.0]]
    """

    def multiplied(weight: Array) -> Array:
        return weight * _beside(factors, weight)

    return jax.tree.map(multiplied, gates)


def _beside(factors: tuple[float, ...], like: Array) -> Array:
    """The factor of each gate, once for each of its units."""
    return jnp.asarray(np.repeat(np.asarray(factors, np.float32), like.shape[-1] // len(factors)), like.dtype)


def _tanh_step(gates: Array, state: States, weights: Any) -> tuple[States, None]:
    return (jnp.tanh(gates),), None


def _tanh_tangent(
    saved: None, state: States, new: States, weights: Any, gates_dot: Array, state_dot: States, weights_dot: Any
) -> States:
    return ((1 - new[0] * new[0]) * gates_dot,)


def _lstm_gates(t: Array) -> list[Array]:
    scale = _beside(LSTM_GATES, t)
    return jnp.split(t * scale + (1 - scale), 4, axis=-1)


def _lstm_step(gates: Array, state: States, weights: Any) -> tuple[States, Array]:
    t = jnp.tanh(gates)
    i, f, g, o = _lstm_gates(t)
    c = f * state[1] + i * g
    return (o * jnp.tanh(c), c), t


def _lstm_tangent(
    t: Array, state: States, new: States, weights: Any, gates_dot: Array, state_dot: States, weights_dot: Any
) -> States:
    i, f, g, o = _lstm_gates(t)
    i_dot, f_dot, g_dot, o_dot = jnp.split(gates_dot * ((1 - t * t) * _beside(LSTM_GATES, t)), 4, axis=-1)
    c_dot = f * state_dot[1] + state[1] * f_dot + g * i_dot + i * g_dot
    tanh_c = jnp.tanh(new[1])
    return o * (1 - tanh_c * tanh_c) * c_dot + tanh_c * o_dot, c_dot


def _gru_step(a: Array, d: Array, state: States, weights: Any) -> tuple[States, tuple[Array, Array, Array]]:
    units = state[0].shape[-1]
    t = jnp.tanh(a[..., : 2 * units] + d[..., : 2 * units])
    z, r = jnp.split((t + 1) / 2, 2, axis=-1)
    g = jnp.tanh(a[..., 2 * units :] + r * d[..., 2 * units :])
    return (g + z * (state[0] - g),), (t, g, d[..., 2 * units :])


def _gru_tangent(
    saved: tuple[Array, Array, Array],
    state: States,
    new: States,
    weights: Any,
    a_dot: Array,
    d_dot: Array,
    state_dot: States,
    weights_dot: Any,
) -> States:
    t, g, d_h = saved
    units = g.shape[-1]
    z, r = jnp.split((t + 1) / 2, 2, axis=-1)
    z_dot, r_dot = jnp.split((1 - t * t) / 2 * (a_dot[..., : 2 * units] + d_dot[..., : 2 * units]), 2, axis=-1)
    g_dot = (1 - g * g) * (a_dot[..., 2 * units :] + r * d_dot[..., 2 * units :] + d_h * r_dot)
    return (z * state_dot[0] + (1 - z) * g_dot + (state[0] - g) * z_dot,)


tanh_cell = Cell(_tanh_step, _tanh_tangent)
lstm_cell = Cell(_lstm_step, _lstm_tangent)
gru_cell = Cell(_gru_step, _gru_tangent)
