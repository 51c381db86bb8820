"""AdamW without a schedule: gradients are taken between the iterate and its average."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jkeras.optimizers import transforms
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.catalogue import optimizers


@optimizers.register_class()
class ScheduleFreeAdamW(Optimizer, learning_rate=0.0025):
    """`y = (1 - beta_1) z + beta_1 x`: `z` takes the steps of Adam without momentum, `x` is the mean of all `z`.

    The parameters are `y`, in training and afterwards, as in Keras; the paper evaluates at `x`, which
    `average(params, state)` gives.

    `optax.contrib.schedule_free_adamw` differs: it weighs each `z` by the square of its rate, and sums the weights in
    the lowest dtype of the parameters.

    Args:
        beta_1: Share of the mean in the parameters, in (0, 1].
        beta_2: Coefficient of the running mean of the squared gradients, in [0, 1].
        epsilon: Small number that keeps the quotient finite.
        warmup_steps: Updates over which the rate rises linearly.

    Raises:
        ValueError: If `beta_1` is 0, or parameters are not given to `update`.

    Reference: Defazio et al. 2024, https://arxiv.org/abs/2405.15682

    >>> optimizer, params = ScheduleFreeAdamW(0.1), jnp.zeros(1)
    >>> updates, state = optimizer.update(jnp.array([2.0]), optimizer.init(params), params)
    >>> round(updates.item(), 4), round(optimizer.average(updates, state).item(), 4)
    (-0.1, -0.1)
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    warmup_steps: int = 0

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        if self.warmup_steps:
            rate = rate * jnp.minimum(1.0, jnp.asarray(step + 1, jnp.float32) / self.warmup_steps)
        adam = optax.chain(optax.scale_by_adam(0.0, self.beta_2, self.epsilon), transforms.scale_by_rate(rate))
        return schedule_free(adam, self.beta_1, step)

    def average(self, params: Any, state: Any) -> Any:
        """Return `x`, the mean of the iterates; pure.

        Args:
            params: The parameters as trained, `y`.
            state: From the last `update`, without gradient accumulation.
        """
        return jax.tree.map(lambda y, z: _mean(y, z, self.beta_1), params, state.inner.z)


class ScheduleFreeState(NamedTuple):
    """The iterates, and the state of the transformation that moves them."""

    z: Any
    inner: Any


def schedule_free(inner: optax.GradientTransformation, b1: float, step: Any) -> optax.GradientTransformation:
    """Let `inner` move `z`, and the parameters be between `z` and the mean of all `z` so far.

    Args:
        inner: Makes updates without momentum, the rate contained.
        b1: The share of the mean in the parameters, above 0.
        step: The number of updates done before.

    Reference: Defazio et al. 2024, https://arxiv.org/abs/2405.15682
    """
    if not b1 > 0:
        raise ValueError(f"ScheduleFreeAdamW expected beta_1 above 0; got {b1}. Adam(beta_1=0) has no average.")

    def init(params: Any) -> ScheduleFreeState:
        return ScheduleFreeState(jax.tree.map(jnp.array, params), inner.init(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, ScheduleFreeState]:
        if params is None:
            raise ValueError("ScheduleFreeAdamW needs the parameters: opt.update(grads, opt_state, params).")
        moves, inner_state = inner.update(updates, state.inner, params)
        z = jax.tree.map(lambda z, move: z + move.astype(z.dtype), state.z, moves)
        share = 1 / jnp.asarray(step + 1, jnp.float32)

        def moved(y: jax.Array, before: jax.Array, after: jax.Array) -> jax.Array:
            c = share.astype(y.dtype)
            x = (1 - c) * _mean(y, before, b1) + c * after
            return b1 * x + (1 - b1) * after - y

        return jax.tree.map(moved, params, state.z, z), ScheduleFreeState(z, inner_state)

    return optax.GradientTransformation(init, update)


def _mean(y: jax.Array, z: jax.Array, b1: float) -> jax.Array:
    return (y - (1 - b1) * z) / b1
