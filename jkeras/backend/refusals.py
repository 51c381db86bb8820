"""Names of old backends that have no meaning on JAX: each says what to use instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

_INSTEAD = {
    "get_session": "there are no sessions. Compute with K.function, or get a variable's value with K.get_value",
    "set_session": "there are no sessions. Devices and memory are set by jax.config and the XLA_ environment variables",
    "get_graph": "there is no global graph. A model's is in its symbolic tensors: model.inputs, model.outputs",
    "sparse_placeholder": "inputs are dense. Use K.placeholder, and give the function K.to_dense(x)",
}

_DOCSTRING = """Refuse: {reason}.

Args:
    args: Anything; nothing is read.

Raises:
    RuntimeError: Always.

>>> {name}()
Traceback (most recent call last):
RuntimeError: K.{name} does not exist on JAX: {reason}.
"""


def _refuse(name: str, reason: str) -> Callable[..., Any]:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(f"K.{name} does not exist on JAX: {reason}.")

    refused.__name__ = refused.__qualname__ = name
    refused.__doc__ = _DOCSTRING.format(name=name, reason=reason)
    return refused


globals().update({name: _refuse(name, reason) for name, reason in _INSTEAD.items()})

__all__ = list(_INSTEAD)  # pyright: ignore[reportUnsupportedDunderAll]
