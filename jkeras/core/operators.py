"""The operators of arrays, once, for everything that stands for an array: weights, state, symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

BINARY: dict[str, Callable[..., Any]] = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "truediv": jnp.true_divide,
    "floordiv": jnp.floor_divide,
    "mod": jnp.mod,
    "pow": jnp.power,
    "matmul": jnp.matmul,
    "and": jnp.logical_and,
    "or": jnp.logical_or,
    "xor": jnp.logical_xor,
}
COMPARISON: dict[str, Callable[..., Any]] = {
    "lt": jnp.less,
    "le": jnp.less_equal,
    "gt": jnp.greater,
    "ge": jnp.greater_equal,
}
UNARY: dict[str, Callable[..., Any]] = {"neg": jnp.negative, "abs": jnp.abs, "invert": jnp.invert}


class HasOperators:
    """Base of classes that `install_operators` completes; the declarations are for type checkers only."""

    if TYPE_CHECKING:

        def _operator(self, other: Any) -> Any: ...
        def _unary(self) -> Any: ...

        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = _operator
        __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _operator
        __pow__ = __rpow__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _operator
        __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = _operator
        __neg__ = __abs__ = __invert__ = _unary


def get_item(array: Any, index: Any) -> Any:
    """Return `array[index]`: indexing as a function, so that it can be recorded like any other operation."""
    return array[index]


def install_operators(cls: type, perform: Callable[..., Any]) -> None:
    """Give `cls` every array operator; each calls `perform(function, *operands)`."""

    def method(function: Callable[..., Any]) -> Callable[..., Any]:
        def operator(self: Any, *others: Any) -> Any:
            return perform(function, self, *others)

        return operator

    def reflected(function: Callable[..., Any]) -> Callable[..., Any]:
        def operator(self: Any, other: Any) -> Any:
            return perform(function, other, self)

        return operator

    for name, function in BINARY.items():
        setattr(cls, f"__{name}__", method(function))
        setattr(cls, f"__r{name}__", reflected(function))
    for name, function in {**COMPARISON, **UNARY}.items():
        setattr(cls, f"__{name}__", method(function))
    cls.__getitem__ = method(get_item)  # type: ignore[attr-defined]
