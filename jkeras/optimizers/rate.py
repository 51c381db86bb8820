"""The learning rate of an optimizer: a number that can be set, a schedule, or a function called on the host."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jkeras.core.weight import ArrayHolder, Weight, plain
from jkeras.optimizers import schedules


def scalar(name: str, value: Any, dtype: str) -> Weight:
    """Return a variable that holds one number.

    >>> rate = scalar("learning_rate", 0.5, "float32")
    >>> float(rate.assign(0.25))
    0.25
    """
    held = Weight(name, (), jnp.zeros, dtype, trainable=False)
    return held.assign(value)


class LearningRate:
    """What an optimizer knows of its learning rate.

    Exactly one of three is not None: `variable` (a number was given), `schedule` (a function of the step) or `host`
    (a function without arguments, called on the host each time the rate is needed).
    """

    _apart = frozenset({"given", "variable"})  # a number is passed to the programs that use it

    def __init__(self, value: Any):
        self.given = value
        self.variable: Weight | None = None
        self.schedule: Callable[[Any], Any] | None = None
        self.host: Callable[[], Any] | None = None
        if isinstance(value, dict):
            value = self.given = schedules.deserialize(value)
        if callable(value) and not isinstance(value, ArrayHolder):
            if _takes_step(value):
                self.schedule = value
            else:
                self.host = value
            return
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise TypeError(
                "learning_rate must be a number, a LearningRateSchedule, or a function of the step; "
                f"got {value!r} of type {type(value).__name__}."
            ) from None
        if not number >= 0:
            raise ValueError(f"learning_rate must be >= 0; got {number}.")
        self.variable = scalar("learning_rate", number, "float32")

    def assign(self, value: Any) -> LearningRate:
        """Set the number, or return the learning rate that takes the place of this one."""
        replaces = callable(value) and not isinstance(value, ArrayHolder)
        if replaces or isinstance(value, dict):
            return LearningRate(value)
        if self.variable is None:
            raise TypeError(
                f"The learning rate follows {self.given!r}, so it cannot be set to {value!r}. "
                "Make the optimizer with a number, or assign another schedule."
            )
        number = float(plain(value))
        if not number >= 0:
            raise ValueError(f"learning_rate must be >= 0; got {number}.")
        self.variable.assign(number)
        return self

    def current(self) -> Any:
        """Return the rate that must be handed to a compiled step, or None if the step computes it by a schedule."""
        if self.variable is not None:
            return self.variable.current()
        return None if self.host is None else self.host()

    def at(self, step: Any) -> Any:
        """Return the rate of the update after `step` others."""
        return self.current() if self.schedule is None else self.schedule(step)

    def config(self) -> Any:
        """Return what the constructor takes, as plain data where there is such a form."""
        if self.variable is not None:
            # The shortest decimal that is this float32, so that 0.1 is written as 0.1.
            return float(str(self.variable.numpy()))
        if isinstance(self.given, schedules.LearningRateSchedule):
            return schedules.serialize(self.given)
        return self.given


def _takes_step(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in positional or p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
