"""Metric classes made from functions: the mean of a function whose arguments the class takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from jkeras.core.errors import unexpected_argument
from jkeras.metrics.mean import Mean


class StandardMetric(Mean):
    """The mean of a class's own function of `(y_true, y_pred, **arguments)`.

    A class keyword names the function; `name` is the default name if it is not the function's; `order` lists the
    constructor's parameters: `name`, `dtype` and those arguments of the function that the class takes.

    >>> class Near(StandardMetric, function=lambda y_true, y_pred, within=1.0: abs(y_true - y_pred) < within,
    ...            name="near", order="within name dtype"):
    ...     "How often a prediction is near."
    >>> import jax.numpy as jnp
    >>> float(Near(within=2.0)(jnp.array([0.0, 0.0]), jnp.array([1.0, 3.0])))
    0.5
    """

    uses_mask: ClassVar[bool] = True
    function: ClassVar[Callable[..., Any]]
    argument_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls, function: Callable[..., Any] | None = None, name: str | None = None, order: str = "name dtype"
    ) -> None:
        super().__init_subclass__()
        if function is None:
            return
        parameters = inspect.signature(function).parameters
        defaults = {p: parameters[p].default for p in order.split() if p in parameters}
        defaults |= {"name": name or function.__name__, "dtype": None}
        cls.function = staticmethod(function)
        cls.argument_names = tuple(p for p in order.split() if p not in ("name", "dtype"))
        cls.__init__ = _constructor(cls, {p: defaults[p] for p in order.split()})  # type: ignore[method-assign]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions."""
        arguments = {name: getattr(self, name) for name in self.argument_names}
        super().update_state(self.function(y_true, y_pred, **arguments), sample_weight)


def _constructor(cls: type[StandardMetric], defaults: dict[str, Any]) -> Callable[..., None]:
    """An `__init__` with the arguments of `defaults`, for people and tools that read signatures."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind, default=value) for name, value in defaults.items()]
    signature = inspect.Signature([inspect.Parameter("self", kind), *parameters])

    def __init__(self: StandardMetric, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in defaults:
                raise unexpected_argument(cls.__name__, name, defaults)
        given = {**defaults, **signature.bind(self, *args, **kwargs).arguments}
        Mean.__init__(self, name=given["name"], dtype=given["dtype"])
        for name in cls.argument_names:
            setattr(self, name, given[name])

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    return __init__
