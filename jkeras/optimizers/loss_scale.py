"""Dynamic loss scaling: for float16, whose gradients vanish or overflow if the loss is not scaled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core.config import serialize
from jkeras.core.errors import unexpected_argument
from jkeras.core.weight import Weight
from jkeras.optimizers.base import Optimizer, OptimizerState
from jkeras.optimizers.catalogue import optimizers


class LossScaleState(NamedTuple):
    """The scale, the finite steps since it changed, and what the inner optimizer keeps."""

    scale: jax.Array
    finite_steps: jax.Array
    inner: Any
    average: Any


@optimizers.register_class()
class LossScaleOptimizer(Optimizer):
    """Multiply the loss by a scale, divide the gradients by it, and find the largest scale that works.

    A step whose gradients are not all finite changes nothing but the scale, which is halved. After
    `dynamic_growth_steps` finite steps in a row it is doubled. `compile` wraps the optimizer of a `mixed_float16` model
    in this by itself (`auto_scale_loss`).

    Args:
        inner_optimizer: The optimizer that makes the updates, with its weight decay, clipping and so on.
        initial_scale: The first scale; too large a one is found out soon.
        dynamic_growth_steps: Finite steps after which the scale is doubled.
        name: Default is the class name in snake_case.
        kwargs: Refused but for `dynamic=True`: what every optimizer takes is for the inner one.

    Raises:
        TypeError: If the inner optimizer is none.
        ValueError: If a common argument of optimizers is given here instead of to the inner one.

    >>> from jkeras.optimizers import SGD
    >>> optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=8.0)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> updates, state = optimizer.update(optimizer.scale_loss(jnp.ones(1), state), state)
    >>> float(updates[0]), float(state.inner.scale), int(state.iterations)
    (-0.5, 8.0, 1)
    >>> updates, state = optimizer.update(jnp.array([jnp.inf]), state)
    >>> float(updates[0]), float(state.inner.scale), int(state.iterations)
    (0.0, 4.0, 1)
    """

    def __init__(
        self,
        inner_optimizer: Any,
        initial_scale: float = 32768.0,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        owner = type(self).__name__
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(f"{owner} expected an optimizer, such as Adam(); got {inner_optimizer!r}.")
        if not kwargs.pop("dynamic", True):
            raise ValueError(f"{owner}(dynamic=False): give the optimizer itself a loss_scale_factor instead.")
        super().__init__(0.0, name=name)
        for argument, value in kwargs.items():
            if not hasattr(self, argument):
                raise unexpected_argument(owner, argument, ["inner_optimizer", "initial_scale", "dynamic_growth_steps"])
            if value:
                raise ValueError(f"{owner} takes no {argument}. Give it to the inner optimizer.")
        if not initial_scale > 0:
            raise ValueError(f"{owner} expected initial_scale > 0; got {initial_scale}.")
        if not dynamic_growth_steps >= 1:
            raise ValueError(f"{owner} expected dynamic_growth_steps >= 1; got {dynamic_growth_steps}.")
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        self._iterations = inner_optimizer._iterations
        self._held.iterations, self._held.copies = self._iterations, [self._iterations.current()]

    def init(self, params: Any) -> OptimizerState:
        """Return the state to begin with; pure."""
        iterations, inner, average = self.inner_optimizer.init(params)
        scale = jnp.asarray(self.initial_scale, jnp.float32)
        return OptimizerState(iterations, LossScaleState(scale, jnp.zeros((), jnp.int32), inner, average), None)

    def update(
        self, grads: Any, state: OptimizerState, params: Any = None, learning_rate: Any = None
    ) -> tuple[Any, OptimizerState]:
        """Return what to add to the parameters (zeros if a gradient is not finite), and the next state; pure."""
        scale, steps, _, _ = state.inner
        is_finite = jnp.array(True)
        for gradient in jax.tree.leaves(grads):
            is_finite &= jnp.all(jnp.isfinite(gradient))
        # In float32, as the quotient may be too small for the gradient's own dtype.
        unscaled = jax.tree.map(lambda g: g.astype(jnp.float32) / scale, grads)
        before = self._inner_state(state)
        updates, after = self.inner_optimizer.update(unscaled, before, params, learning_rate=learning_rate)
        updates = jax.tree.map(lambda u: jnp.where(is_finite, u, jnp.zeros_like(u)), updates)
        after = jax.tree.map(lambda new, old: jnp.where(is_finite, new, old), after, before)
        grows = steps + 1 >= self.dynamic_growth_steps
        factor = jnp.where(is_finite, jnp.where(grows, 2.0, 1.0), 0.5)
        steps = jnp.where(is_finite & ~grows, steps + 1, 0)
        inner = LossScaleState(scale * factor, steps, after.inner, after.average)
        return updates, OptimizerState(after.iterations, inner, None)

    def finalize(self, params: Any, state: OptimizerState) -> Any:
        """Return the parameters to keep after training, as the inner optimizer says."""
        return self.inner_optimizer.finalize(params, self._inner_state(state))

    def scale_loss(self, loss: Any, state: OptimizerState | None = None) -> Any:
        """Return the loss to differentiate: multiplied by the scale of `state`, or of the state held here."""
        if state is None and not self.built:
            return loss * self.initial_scale
        return loss * (self._state() if state is None else state).inner.scale

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Leave weights out of the decay of the inner optimizer."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def _inner_state(self, state: OptimizerState) -> OptimizerState:
        return OptimizerState(state.iterations, state.inner.inner, state.inner.average)

    def _parts(self, state: OptimizerState) -> Iterator[tuple[Any, Any]]:
        yield from self.inner_optimizer._parts(self._inner_state(state))

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer; can be set."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def rate_for_step(self) -> Any:
        """What a training loop passes to `update` as `learning_rate`."""
        return self.inner_optimizer.rate_for_step

    def _rate_variables(self) -> list[Weight]:
        return self.inner_optimizer._rate_variables()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as plain data."""
        return {
            "name": self.name,
            "inner_optimizer": serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LossScaleOptimizer:
        """Return the optimizer that `get_config` described; `custom_objects` may hold its inner class."""
        return cls(**{**config, "inner_optimizer": optimizers.deserialize(config["inner_optimizer"], custom_objects)})
