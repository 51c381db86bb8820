"""Metric classes made from functions: the mean of a function whose arguments the class takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from jkeras.losses.standard import constructor, described
from jkeras.metrics.mean import Mean

_COMMON = ("name", "dtype")


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
    _function: ClassVar[Callable[..., Any]]
    _argument_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls, function: Callable[..., Any] | None = None, name: str | None = None, order: str = "name dtype"
    ) -> None:
        super().__init_subclass__()
        if function is None:
            return
        parameters = {p.name: p.default for p in inspect.signature(function).parameters.values()}
        defaults = {**parameters, "name": name or function.__name__, "dtype": None}
        own = order.split()
        cls._function = staticmethod(function)
        cls._argument_names = tuple(p for p in own if p not in _COMMON)
        cls.__doc__ = described(cls, function, cls._argument_names)
        cls.__init__ = constructor(cls, Mean, {p: defaults[p] for p in own}, _COMMON)  # type: ignore[method-assign]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions."""
        arguments = {name: getattr(self, name) for name in self._argument_names}
        super().update_state(self._function(y_true, y_pred, **arguments), sample_weight)
