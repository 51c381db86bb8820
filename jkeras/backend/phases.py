"""`K` functions that choose: by the learning phase, or by a condition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import frame as frames
from jkeras.core.graph import has_symbolic
from jkeras.core.operation import operate
from jkeras.core.weight import plain

__all__ = [
    "in_test_phase", "in_train_phase", "learning_phase", "learning_phase_scope", "print_tensor", "set_learning_phase",
    "switch",
]  # fmt: skip


def learning_phase() -> int:
    """Return 1 in training, else 0: in a `call` as `fit` or the caller says; elsewhere what was set, 0 at first.

    It is known while JAX traces, so that `if K.learning_phase():` is right in `call`.

    Returns:
        An integer.

    >>> learning_phase()
    0
    """
    return frames.learning_phase()


def set_learning_phase(value: Any) -> None:
    """Set whether layers called on arrays without `training=` behave as in training (1) or not (0).

    `fit`, `evaluate` and `predict` know it themselves.

    Args:
        value: 1 or 0.

    Raises:
        ValueError: If it is neither 0 nor 1.

    >>> set_learning_phase(1); learning_phase()
    1
    >>> set_learning_phase(0)
    """
    if value not in (0, 1):
        raise ValueError(f"set_learning_phase expects 0 (test) or 1 (train); got {value!r}.")
    frames.set_learning_phase(bool(value))


@contextmanager
def learning_phase_scope(value: Any) -> Iterator[None]:
    """Set the learning phase inside a `with` block.

    Args:
        value: 1 for training or 0.

    >>> with learning_phase_scope(1):
    ...     learning_phase()
    1
    """
    before = frames.training_or_default(None)
    set_learning_phase(value)
    try:
        yield
    finally:
        frames.set_learning_phase(before)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return `x` in training, else `alt`; both may be functions without arguments.

    Args:
        x, alt: Arrays, symbolic tensors, or functions that return them.
        training: Whether it is training; None is the learning phase. May be a traced boolean.

    Returns:
        An array or symbolic tensor.

    >>> in_train_phase(1.0, lambda: 2.0)
    2.0
    """
    if training is not None and not isinstance(training, (bool, int)):
        return switch(training, x, alt)
    if frames.active() is None and training is None:
        x, alt = _called(x), _called(alt)
        if has_symbolic((x, alt)):  # whether it is training is known when the graph runs
            return operate(lambda a, b: a if frames.learning_phase() else b, x, alt)
    return _called(x if (frames.learning_phase() if training is None else training) else alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return `alt` in training, else `x`; both may be functions without arguments.

    Args:
        x, alt: Arrays, symbolic tensors, or functions that return them.
        training: Whether it is training; None is the learning phase. May be a traced boolean.

    Returns:
        An array or symbolic tensor.

    >>> in_test_phase(1.0, 2.0)
    1.0
    """
    return in_train_phase(alt, x, training)


def _called(value: Any) -> Any:
    return value() if callable(value) and not hasattr(value, "shape") else value


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Return one of two values, or of two for each element.

    Args:
        condition: One truth value, or an array of them for the first dimensions of the values.
        then_expression, else_expression: Arrays, symbolic tensors, or functions without arguments that return them.
            Of two functions and one truth value, one is run.

    Returns:
        Array of the shape and dtype of the values.

    Raises:
        ValueError: If the condition has more dimensions than the values.

    >>> switch(jnp.array([True, False]), jnp.ones((2, 2)), jnp.zeros((2, 2))).tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    if has_symbolic((condition, then_expression, else_expression)):
        return operate(_switch, condition, _called(then_expression), _called(else_expression))
    return _switch(plain(condition), then_expression, else_expression)


def _switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    if np.ndim(condition) == 0 and callable(then_expression) and callable(else_expression):
        return jax.lax.cond(condition, then_expression, else_expression)
    then_value, else_value = jnp.asarray(_called(then_expression)), jnp.asarray(_called(else_expression))
    condition = jnp.asarray(condition, bool)
    if condition.ndim > max(then_value.ndim, else_value.ndim):
        raise ValueError(
            f"K.switch: the condition has shape {condition.shape}, more dimensions than the values of shapes "
            f"{then_value.shape} and {else_value.shape}."
        )
    missing = max(then_value.ndim, else_value.ndim) - condition.ndim
    return jnp.where(jnp.reshape(condition, condition.shape + (1,) * missing), then_value, else_value)


def print_tensor(x: Any, message: str = "", summarize: int = 3) -> Any:
    """Return `x`, and print it when it is computed, also in compiled code.

    Args:
        x: An array or symbolic tensor.
        message: Printed before it.
        summarize: How many elements to show at both ends of each axis; -1 shows all.

    Returns:
        The same values.

    >>> _ = print_tensor(jnp.arange(8), "x = ", summarize=2); jax.effects_barrier()
    x = [0 1 ... 6 7]
    """

    def show(value: Any) -> None:
        shown = np.asarray(value)
        edges, threshold = (shown.size, shown.size) if summarize < 0 else (summarize, 0)
        print(message + np.array2string(shown, edgeitems=edges, threshold=threshold))

    def printed(value: Any) -> Any:
        jax.debug.callback(show, value)
        return value

    return operate(printed, plain(x))
