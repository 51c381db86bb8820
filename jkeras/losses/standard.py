"""Classes made from functions: they take the function's arguments, and have its words for them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from jkeras.core.errors import unexpected_argument
from jkeras.losses.base import Loss

_COMMON = {"reduction": "sum_over_batch_size", "name": None, "dtype": None}


class StandardLoss(Loss):
    """A loss class made from a function: it takes the function's arguments, then `reduction`, `name` and `dtype`.

    A class keyword names the function; `name` is the default name if it is not the function's; `order` lists the
    arguments where they are not simply all of the function's followed by the three.

    >>> class Distance(StandardLoss, function=lambda y_true, y_pred, scale=2.0: abs(y_true - y_pred) * scale):
    ...     "A distance."
    >>> Distance(scale=3.0)([1.0], [3.0]).item()
    6.0
    """

    _function: ClassVar[Callable[..., Any]]
    _argument_names: ClassVar[tuple[str, ...]]

    def __init_subclass__(
        cls, function: Callable[..., Any] | None = None, name: str | None = None, order: str | None = None
    ) -> None:
        super().__init_subclass__()
        if function is None:
            return
        parameters = {p.name: p.default for p in list(inspect.signature(function).parameters.values())[2:]}
        defaults = {**parameters, **_COMMON, "name": name or function.__name__}
        own = order.split() if order else defaults
        cls._function = staticmethod(function)
        cls._argument_names = tuple(p for p in own if p not in _COMMON)
        cls.__doc__ = described(cls, function, cls._argument_names)
        cls.__init__ = constructor(cls, Loss, {p: defaults[p] for p in own}, _COMMON)  # type: ignore[method-assign]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._function(y_true, y_pred, **{name: getattr(self, name) for name in self._argument_names})


def constructor(cls: type, base: type, defaults: Mapping[str, Any], common: Collection[str]) -> Callable[..., None]:
    """Return an `__init__` with the arguments of `defaults`, for people and tools that read signatures.

    Args:
        cls: The class that it is for.
        base: The class whose constructor takes the common arguments.
        defaults: Arguments in their order, and their defaults.
        common: Those that `base` takes; the others become attributes.
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind, default=value) for name, value in defaults.items()]
    signature = inspect.Signature([inspect.Parameter("self", kind), *parameters])

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in defaults:
                raise unexpected_argument(cls.__name__, name, defaults)
        given = {**defaults, **signature.bind(self, *args, **kwargs).arguments}
        base.__init__(self, **{name: given[name] for name in common})
        for name in defaults:
            if name not in common:
                setattr(self, name, given[name])

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    return __init__


def described(cls: type, function: Callable[..., Any], names: Collection[str]) -> str:
    """Return the docstring of a class with what its function's docstring says about some arguments.

    Args:
        cls: A class made from `function`.
        function: Has rows `    name: text` in its docstring.
        names: The arguments that the class takes too.
    """
    rows = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", inspect.getdoc(function) or "", re.MULTILINE)
    listing = "".join(f"    {name}: {text}\n" for name, text in rows if name in names)
    text = inspect.cleandoc(cls.__doc__ or "")
    end = re.search(r"^(Reference:|>>>)|\Z", text, re.MULTILINE)
    assert end is not None  # there always is an end
    head, rest = text[: end.start()].rstrip(), text[end.start() :]
    return f"{head}\n\nArgs:\n{listing}\n{rest}" if listing else text
