"""A scope in which the facade's variables are read from a mapping, and what is assigned goes there."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import jax.numpy as jnp

_current: ContextVar[StatelessScope | None] = ContextVar("jkeras_stateless_scope", default=None)


class StatelessScope:
    """Run facade code as a pure function of its variables.

    Inside, a variable reads as the value mapped to it; assigning changes the mapping and not the variable. So code
    written for the facade can be traced. A layer on its own needs no scope: `layer.apply(params, state, x)` is pure.

    Args:
        state_mapping: Pairs `(variable, value)`; variables that are not in it keep their own value.
        collect_losses: Whether `losses` collects what `add_loss` adds in the calls inside.
        initialize_variables: Either value is right: a variable gets its first value when it is first read.

    Raises:
        ValueError: If a key is no variable, or a value does not have its shape.

    >>> from jkeras.core.weight import Weight
    >>> count = Weight("count", (), lambda shape, dtype: jnp.zeros(shape, dtype))
    >>> with StatelessScope(state_mapping=[(count, 5.0)]) as scope:
    ...     _ = count.assign_add(1.0)
    ...     float(count)
    6.0
    >>> float(scope.get_current_value(count)), float(count)
    (6.0, 0.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Any, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self._values: dict[int, tuple[Any, Any]] = {}  # the variable is kept, so its id cannot be used again
        for variable, value in state_mapping or ():
            self.add_update((variable, value))

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Map a variable to a value.

        Args:
            update: `(variable, value)`.

        Raises:
            ValueError: If it is no variable, or the value does not have its shape.
        """
        variable, value = update
        if not hasattr(variable, "assign") or not hasattr(variable, "dtype"):
            raise ValueError(f"StatelessScope maps variables to values; got a {type(variable).__name__} as variable.")
        value = jnp.asarray(getattr(value, "value", value), variable.dtype)
        if value.shape != tuple(variable.shape):
            raise ValueError(
                f"StatelessScope: variable {variable.path!r} has shape {tuple(variable.shape)}; got {value.shape}."
            )
        self._values[id(variable)] = (variable, value)

    def get_current_value(self, variable: Any) -> Any:
        """Return the value mapped to a variable, or None.

        Args:
            variable: The variable.
        """
        entry = self._values.get(id(variable))
        return None if entry is None else entry[1]

    def __enter__(self) -> StatelessScope:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def active() -> StatelessScope | None:
    """Return the innermost scope of this context, or None."""
    return _current.get()


def keep_losses(layer: Any, losses: list[Any]) -> None:
    """Let `layer` remember the losses of its last call; inside a scope, which may be traced, the scope does."""
    scope = active()
    if scope is None:
        layer._call_losses[:] = losses
    elif scope.collect_losses:
        scope.losses.extend(losses)


class SymbolicScope:
    """Refused: jkeras has no symbolic stage that code could be in.

    Raises:
        RuntimeError: Always; says how shapes are found.

    >>> SymbolicScope()
    Traceback (most recent call last):
    RuntimeError: SymbolicScope does not exist in jkeras: shapes are found by tracing. ...
    """

    def __init__(self, *args: Any, **kwargs: Any):
        raise RuntimeError(
            "SymbolicScope does not exist in jkeras: shapes are found by tracing. Use layer.compute_output_spec(x), "
            "or jax.eval_shape(lambda p, s, x: layer.apply(p, s, x), params, state, x)."
        )
