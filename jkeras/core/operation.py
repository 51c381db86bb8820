"""Functions of arrays on symbolic tensors: each use becomes a layer without weights."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import graph, row_docs
from jkeras.core.by_name import note_operation
from jkeras.core.layer import Layer
from jkeras.core.operators import BINARY, COMPARISON, UNARY
from jkeras.core.types import is_listing
from jkeras.core.weight import plain

# The module of operations that have no name yet.
_UNPUBLISHED = "jkeras.core.operation.unpublished"
_ELEMENTWISE = {*BINARY.values(), *COMPARISON.values(), *UNARY.values()} - {jnp.matmul}


class Operation(Layer):
    """A pure function of arrays as a layer.

    An elementwise operation keeps the mask of its operands; if several have one, a step counts where all do.

    Args:
        function: Takes and returns arrays.
        name: The layer's name; made from the function's name if left out.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None):
        super().__init__(name=name, autocast=False)
        self.function = function
        self.__dict__["_auto_name"] = None if name else getattr(function, "__name__", "operation").strip("_<>")
        self.supports_masking = function in _ELEMENTWISE
        self.built = True
        self.__dict__["_declared"] = True  # no weights, whatever the inputs

    def call(self, *operands: Any, **kwargs: Any) -> Any:
        """Apply the function."""
        return self.function(*operands, **kwargs)

    def _call_bound(self, frame: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outputs = self.function(*args, **kwargs)
        masks = [m for m in map(frame.mask_of, jax.tree.leaves(args)) if m is not None]
        if self.supports_masking and masks:
            combined = masks[0]
            for mask in masks[1:]:
                combined = jnp.logical_and(combined, mask)
            frame.set_mask(outputs, combined)
        return outputs


def operate(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Apply `function` to arrays at once, or record it if a symbolic tensor is among the arguments."""
    if graph.has_symbolic((args, kwargs)):
        return Operation(function)(*args, **kwargs)
    return function(*args, **kwargs)


def recordable(function: Callable[..., Any], module: str) -> Callable[..., Any]:
    """Return a function of arrays that records its use where a symbolic tensor is among its arguments.

    Args:
        function: The function of arrays.
        module: The name of the module that offers it.

    >>> add = recordable(jnp.add, __name__)
    >>> add(1, 2).item()
    3
    """

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        return operate(function, *args, **kwargs)

    either.__module__ = module
    return either


def operation(
    function: Callable[..., Any],
    parameters: str,
    summary: str,
    example: str = "",
    elementwise: bool = False,
    returns: str = "",
    **about: str,
) -> Callable[..., Any]:
    """Return a public function of arrays and symbolic tensors: one row of a table such as `jkeras.ops.numpy`.

    Parameters without a default are passed on by position, the others by name. `axis` may be a list.

    Args:
        function: What computes it; its own parameter names matter only where `parameters` gives a default.
        parameters: The signature that users see, e.g. `"x, axis=None, keepdims=False"`; defaults are literals.
        summary: What it does, in one line.
        example: Arguments and result, as `"[1, 2], 3 -> [4, 5]"`; see `row_docs.example`.
        elementwise: Whether each element of the output depends on one element of each operand, so that masks stay.
        returns: What is returned, with shape and dtype.
        about: What a parameter means, if it is not what `row_docs.PARAMETERS` says.

    >>> clip = operation(jnp.clip, "x, x_min, x_max", "Limit the values to an interval.", elementwise=True)
    >>> clip(jnp.arange(4), x_min=1, x_max=2).tolist()
    [1, 1, 2, 2]
    >>> inspect.signature(clip)
    <Signature (x, x_min, x_max)>
    """
    signature = _signature(parameters)
    positional = [p.name for p in signature.parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    spread = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    takes_axis = "axis" in signature.parameters
    if elementwise:
        _ELEMENTWISE.add(function)

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{call.__name__}{signature}: {error}.") from None
        bound.apply_defaults()
        given = bound.arguments
        if takes_axis and is_listing(given["axis"]):
            given["axis"] = tuple(given["axis"])
        operands: list[Any] = []
        for name in positional:
            value = given.pop(name)
            operands.extend(value) if name == spread else operands.append(value)
        return operate(function, *map(plain, operands), **given)

    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__doc__ = row_docs.docstring(signature, summary, returns, about)
    call.function, call.example = function, example  # type: ignore[attr-defined]
    call.__module__ = _UNPUBLISHED
    return call


def _signature(parameters: str) -> inspect.Signature:
    """Read a parameter list; its defaults are literals.

    >>> _signature("x, *, axis=-1")
    <Signature (x, *, axis=-1)>
    """
    written = ast.parse(f"lambda {parameters}: 0", mode="eval").body
    assert isinstance(written, ast.Lambda)
    given = written.args
    defaults = [*[None] * (len(given.args) - len(given.defaults)), *given.defaults]

    def row(arg: ast.arg, kind: Any, default: ast.expr | None = None) -> inspect.Parameter:
        value = inspect.Parameter.empty if default is None else ast.literal_eval(default)
        return inspect.Parameter(arg.arg, kind, default=value)

    kinds = inspect.Parameter
    rows = [row(arg, kinds.POSITIONAL_OR_KEYWORD, default) for arg, default in zip(given.args, defaults)]
    rows += [row(given.vararg, kinds.VAR_POSITIONAL)] if given.vararg else []
    rows += [row(a, kinds.KEYWORD_ONLY, d) for a, d in zip(given.kwonlyargs, given.kw_defaults)]
    return inspect.Signature(rows)


def publish(namespace: dict[str, Any]) -> list[str]:
    """Name the operations of a module after their variables; return its public functions, for `__all__`."""
    module: str = namespace["__name__"]
    names: list[str] = []
    for name, value in namespace.items():
        if name.startswith("_") or getattr(value, "__module__", None) not in (module, _UNPUBLISHED):
            continue
        if value.__module__ == _UNPUBLISHED:
            value.__name__, value.__qualname__, value.__module__ = name, name, module
            if value.example:
                value.__doc__ += f"\n\n{row_docs.example(name, value.example)}"
        if hasattr(value, "function"):
            note_operation(value.function, value)
        names.append(name)
    return names
