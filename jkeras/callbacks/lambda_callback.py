"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jkeras.callbacks.base import HOOKS, Callback
from jkeras.core.errors import unexpected_argument


class LambdaCallback(Callback):
    """A callback whose hooks are the functions given.

    Args:
        on_epoch_begin: `f(epoch, logs)`.
        on_epoch_end: `f(epoch, logs)`.
        on_train_begin: `f(logs)`.
        on_train_end: `f(logs)`.
        on_train_batch_begin: `f(batch, logs)`.
        on_train_batch_end: `f(batch, logs)`.
        on_batch_begin: The old name of `on_train_batch_begin`.
        on_batch_end: The old name of `on_train_batch_end`.
        other_hooks: Any other hook of `Callback`, e.g. `on_test_end`.

    Raises:
        TypeError: If a name is no hook, or what is given is no function.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print("epoch", epoch)).on_epoch_end(3, {})
    epoch 3
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        on_batch_begin: Callable[..., Any] | None = None,
        on_batch_end: Callable[..., Any] | None = None,
        **other_hooks: Callable[..., Any] | None,
    ):
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            "on_batch_begin": on_batch_begin,
            "on_batch_end": on_batch_end,
            **other_hooks,
        }
        for hook, function in given.items():
            if hook not in HOOKS:
                raise unexpected_argument("LambdaCallback", hook, HOOKS)
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"LambdaCallback: {hook} expects a function; got {function!r}.")
            setattr(self, hook, function)
