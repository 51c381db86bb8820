"""One step of the gated recurrent cells, from the products of inputs and state with their kernels."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

Activation = Callable[[Array], Array]


def lstm_step(
    gates: Array, c: Array, activation: Activation, recurrent_activation: Activation, axis: int = -1
) -> tuple[Array, Array]:
    """`c_t = s(f) c_{t-1} + s(i) a(g)` and `h_t = s(o) a(c_t)`.

    Args:
        gates: `[i, f, g, o]` side by side along `axis`, before their activations.
        c: `c_{t-1}`.
        activation: `a`.
        recurrent_activation: `s`.
        axis: The axis of the features.

    Returns:
        `(h_t, c_t)`, each of the shape of `c`.

    >>> h, c = lstm_step(jnp.zeros((1, 8)), jnp.ones((1, 2)), jnp.tanh, lambda x: jnp.full_like(x, 0.5))
    >>> c.tolist()
    [[0.5, 0.5]]

    Reference: Hochreiter & Schmidhuber, 1997.
    """
    i, f, g, o = jnp.split(gates, 4, axis=axis)
    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
    return recurrent_activation(o) * activation(c), c


def gru_step(a: Array, d: Array, h: Array, activation: Activation, recurrent_activation: Activation) -> Array:
    """`z = s(a_z + d_z)`, `r = s(a_r + d_r)`, `g = act(a_h + r d_h)`, `h_t = z h_{t-1} + (1 - z) g`.

    Args:
        a: `x_t W + b`, `(batch, 3 * units)` in the order z, r, h.
        d: `h_{t-1} U + b'`, of the same shape.
        h: `h_{t-1}`, `(batch, units)`.
        activation: Of the candidate.
        recurrent_activation: `s`.

    Returns:
        `h_t`, `(batch, units)`.

    >>> gru_step(jnp.zeros((1, 3)), jnp.zeros((1, 3)), jnp.ones((1, 1)), jnp.tanh, lambda x: x + 0.5).item()
    0.5

    Reference: Cho et al., 2014.
    """
    units = h.shape[-1]
    z, r = jnp.split(recurrent_activation(a[..., : 2 * units] + d[..., : 2 * units]), 2, axis=-1)
    g = activation(a[..., 2 * units :] + r * d[..., 2 * units :])
    return z * h + (1 - z) * g


def gru_step_before(
    a: Array,
    d: Array,
    h: Array,
    factors: Array,
    candidate_kernel: Array,
    activation: Activation,
    recurrent_activation: Activation,
) -> Array:
    """The GRU whose reset gate is applied before the product: `g = act(a_h + (r h_{t-1}) U_h)`.

    Args:
        a: `x_t W + b`, `(batch, 3 * units)` in the order z, r, h.
        d: `h_{t-1} [U_z, U_r]`, `(batch, 2 * units)`.
        h: `h_{t-1}`, `(batch, units)`.
        factors: What `h` is multiplied by in the product (dropout), or one.
        candidate_kernel: `U_h`, `(units, units)`.
        activation: Of the candidate.
        recurrent_activation: Of the gates.

    Returns:
        `h_t`, `(batch, units)`.

    >>> ones = jnp.ones((1, 1))
    >>> gru_step_before(jnp.zeros((1, 3)), jnp.zeros((1, 2)), ones, ones, ones, jnp.abs, lambda x: x + 0.5).item()
    0.75
    """
    units = h.shape[-1]
    z, r = jnp.split(recurrent_activation(a[..., : 2 * units] + d), 2, axis=-1)
    g = activation(a[..., 2 * units :] + (r * h * factors) @ candidate_kernel)
    return z * h + (1 - z) * g
