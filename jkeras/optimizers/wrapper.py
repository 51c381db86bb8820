"""Any transformation of optax as an optimizer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jkeras.core.weight import Weight
from jkeras.optimizers.base import Optimizer, OptimizerState
from jkeras.optimizers.rate import scalar


class OptaxOptimizer(Optimizer):
    """An optimizer made from an optax transformation; `compile(optimizer=optax.adam(1e-3))` makes one.

    Its `learning_rate` can be read and set if the transformation was made by `optax.inject_hyperparams`; otherwise it
    is None.

    Args:
        tx: An `optax.GradientTransformation`.
        name: Default is `"optax_optimizer"`.

    >>> OptaxOptimizer(optax.adam(0.1)).learning_rate is None
    True
    >>> float(OptaxOptimizer(optax.inject_hyperparams(optax.sgd)(learning_rate=0.5)).learning_rate)
    0.5
    """

    def __init__(self, tx: Any, name: str | None = None):
        super().__init__(0.0, name=name)
        self.tx = optax.with_extra_args_support(tx)
        injected = _injected(tx)
        self._rate = None if injected is None else scalar("learning_rate", injected, "float32")

    def init(self, params: Any) -> OptimizerState:
        """Return the state to begin with; `inner` is the state of the transformation."""
        return OptimizerState(jnp.zeros((), jnp.int32), self.tx.init(params), None)

    def update(
        self, grads: Any, state: OptimizerState, params: Any = None, learning_rate: Any = None, **extra: Any
    ) -> tuple[Any, OptimizerState]:
        """Return what to add to the parameters, and the next state; pure. `extra` is passed on (`value=`, ...)."""
        inner = state.inner
        if learning_rate is None:
            learning_rate = self.rate_for_step
        elif self._rate is None:
            raise self._no_rate()
        if learning_rate is not None:
            inner = optax.tree_utils.tree_set(inner, _is_injected, learning_rate=jnp.asarray(learning_rate))
        updates, inner = self.tx.update(grads, inner, params, **extra)
        return updates, OptimizerState(state.iterations + 1, inner, None)

    @property
    def learning_rate(self) -> Any:
        """The injected learning rate as a variable, or None."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if self._rate is None:
            raise self._no_rate()
        self._rate.assign(value)

    @property
    def rate_for_step(self) -> Any:
        """The injected learning rate as an array, or None."""
        return None if self._rate is None else self._rate.current()

    def _rate_variables(self) -> list[Weight]:
        return [] if self._rate is None else [self._rate]

    def _no_rate(self) -> TypeError:
        return TypeError(
            "The learning rate of this optax transformation is fixed inside it. "
            "To be able to set it, make it as optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)."
        )

    def get_config(self) -> dict[str, Any]:
        """Raise: an optax transformation is made of functions, which are not data."""
        raise TypeError(
            "An optax transformation has no configuration. To save an optimizer with a model, use one of "
            "jkeras.optimizers; or save the weights alone and pass the transformation to compile again."
        )


def _is_injected(path: Any, _: Any) -> bool:
    """Whether a leaf named learning_rate is one of the hyperparameters of `optax.inject_hyperparams`."""
    return any(getattr(key, "name", None) == "hyperparams" for key in path)


def _injected(tx: Any) -> Any:
    """Return the injected learning rate that the state of `tx` begins with, or None if there is none to set."""
    try:
        state = tx.init({"probe": jnp.zeros(1)})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # made for the structure of one model, so it cannot be probed
    found = optax.tree_utils.tree_get_all_with_path(state, "learning_rate", _is_injected)
    if len(found) != 1 or _follows_schedule(state):
        return None
    return jax.numpy.asarray(found[0][1])


def _follows_schedule(state: Any) -> bool:
    """Whether an injected rate is computed by a schedule, which would overwrite what is set."""
    return bool(optax.tree_utils.tree_get_all_with_path(state, "hyperparams_states")) and any(
        "learning_rate" in states
        for _, states in optax.tree_utils.tree_get_all_with_path(state, "hyperparams_states")
        if isinstance(states, dict)
    )
