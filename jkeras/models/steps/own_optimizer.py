"""The optimizer's part in training for a model with an `init_optimizer` of its own, which may return any tree."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from jkeras.core.compiling import jit_once
from jkeras.core.weight import Weight
from jkeras.optimizers import Optimizer


class OwnOptimizer:
    """What the training loop asks of an optimizer, answered for a model with an `init_optimizer` of its own.

    The learning rates of the optimizers that the model holds in attributes are handed to each step, so that callbacks
    may change them.
    """

    def __init__(self, model: Any):
        self.model = weakref.ref(model)

    def __reduce__(self) -> Any:
        return OwnOptimizer, (self.model(),)

    def state_for(self, rows: Sequence[Any], params: Any, known: Any = None) -> Any:
        """Return the state to train from: `known`, else a fresh one."""
        model: Any = self.model()
        return known if known is not None else jit_once(model.init_optimizer)(model._tree(trainable=True))

    def hold(self, rows: Sequence[Any], state: Any) -> None:
        """Nothing: only the model knows what is in the state."""

    def finalize(self, params: Any, state: Any) -> Any:
        """Return the parameters to keep after training."""
        return params

    def rate_variables(self) -> list[Weight]:
        """Return the learning rates of the model's optimizers that are plain numbers."""
        found: dict[int, Weight] = {}
        model: Any = self.model()
        todo: list[Any] = [model.optimizer, *vars(model).values()]
        while todo:
            value = todo.pop()
            if isinstance(value, Optimizer):
                found.update((id(v), v) for v in value._rate_variables())
            elif isinstance(value, (list, tuple)):
                todo += value
            elif isinstance(value, dict):
                todo += value.values()
        return list(found.values())

    @property
    def rate_for_step(self) -> Any:
        """The learning rates in the order of `rate_variables`."""
        return [variable.current() for variable in self.rate_variables()]
