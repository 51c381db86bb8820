"""Sums and means over everything seen, and the mean of a function of `(y_true, y_pred)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp

from jkeras.core.config import serialize
from jkeras.core.registry import Registry
from jkeras.functional.losses import aligned
from jkeras.losses import deserialize as find_loss
from jkeras.metrics.base import Metric
from jkeras.metrics.counting import spread
from jkeras.metrics.lazy import LazyMetric
from jkeras.metrics.weighting import samplewise


class Sum(Metric):
    """The (weighted) sum of all values seen.

    >>> metric = Sum()
    >>> metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    >>> float(metric.result())
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add a batch of values, shape (batch, ...)."""
        self.total.assign_add(jnp.sum(samplewise(values, sample_weight, jnp.sum, self.dtype)[0]))

    def result(self) -> Any:
        """Return the sum."""
        return jnp.asarray(self.total)


class Mean(Metric):
    """The (weighted) mean of all values seen: `sum_i w_i v_i / sum_i w_i`, and 0 before the first.

    >>> metric = Mean()
    >>> metric.update_state([1, 3, 5, 7])
    >>> metric.update_state([[9, 11]])  # one sample, whose value is 10
    >>> round(float(metric.result()), 3)
    5.2
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add a batch of values, shape (batch, ...); a scalar counts as one sample."""
        values, weights = samplewise(values, sample_weight, jnp.mean, self.dtype)
        self.total.assign_add(jnp.sum(values))
        self.count.assign_add(values.size if weights is None else jnp.sum(weights))

    def result(self) -> Any:
        """Return the mean."""
        return divide_no_nan(self.total, self.count)


class MeanTensor(LazyMetric):
    """The (weighted) mean of each element of arrays of one shape.

    Args:
        name: The key in logs.
        dtype: Dtype of the totals.
        shape: Shape of the values; that of the first values if None.

    >>> metric = MeanTensor()
    >>> metric.update_state([0.0, 1.0])
    >>> metric.update_state([2.0, 5.0], sample_weight=[1.0, 3.0])
    >>> metric.result().tolist()
    [1.0, 4.0]
    """

    def __init__(self, name: str | None = "mean_tensor", dtype: Any = None, shape: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.shape = shape
        if shape is not None:
            self.build(shape)

    def _declare(self, shape: tuple[int | None, ...]) -> None:
        """Declare a total and a count for each element."""
        self.total = self.add_variable(shape, name="total")
        self.count = self.add_variable(shape, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values; the weights have their shape, or that of leading axes of them."""
        values = jnp.asarray(values, self.dtype)
        self._prepare(values)
        weight = spread(sample_weight, values.shape, self.dtype)
        self.total.assign_add(values * weight)
        self.count.assign_add(weight)

    def result(self) -> Any:
        """Return the means, in the shape of the values."""
        self._require_built()
        return divide_no_nan(self.total, self.count)


class MeanRelativeError(Mean):
    """Mean of `|y_true - y_pred| / normalizer`, 0 where the normalizer is 0.

    Args:
        normalizer: Numbers that broadcast to the predictions.
        name: The key in logs, default is the class name in snake_case.
        dtype: Dtype of the totals.

    >>> float(MeanRelativeError(normalizer=[1.0, 3.0])(jnp.array([1.0, 3.0]), jnp.array([2.0, 0.0])))
    1.0
    """

    uses_mask: ClassVar[bool] = True

    def __init__(self, normalizer: Any, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.normalizer = normalizer

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions."""
        y_true, y_pred = aligned(y_true, jnp.asarray(y_pred, self.dtype))
        error = jnp.abs(y_true - y_pred)
        super().update_state(divide_no_nan(error, jnp.asarray(self.normalizer, error.dtype)), sample_weight)


def divide_no_nan(numerator: Any, denominator: Any) -> jax.Array:
    """Return the quotient, and 0 where the denominator is 0.

    >>> divide_no_nan(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).tolist()
    [0.0, 0.5]
    """
    numerator, denominator = jnp.asarray(numerator), jnp.asarray(denominator)
    is_zero = denominator == 0
    return jnp.where(is_zero, 0, numerator / jnp.where(is_zero, 1, denominator))


class MeanMetricWrapper(Mean):
    """The mean of a function `fn(y_true, y_pred, **kwargs)` that returns one value for each sample.

    Args:
        fn: Function of two arrays; its values have shape (batch, ...), or are one scalar for the batch.
        name: The key in logs, default is the class name in snake_case.
        dtype: Dtype of the totals.
        **kwargs: Further arguments of `fn`.

    >>> metric = MeanMetricWrapper(lambda y_true, y_pred, power: abs(y_true - y_pred) ** power, power=2)
    >>> metric.update_state(jnp.array([1.0, 2.0]), jnp.array([2.0, 5.0]))
    >>> float(metric.result())
    5.0
    """

    uses_mask: ClassVar[bool] = True

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)
        self.fn = fn
        self.arguments = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions."""
        super().update_state(self.fn(y_true, y_pred, **self.arguments), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function and its arguments, besides name and dtype.

        Raises:
            ValueError: If the function is a lambda, which no name can find again.
        """
        config = super().get_config()
        if type(self) is not MeanMetricWrapper:
            return config
        return {**serialize(self.arguments), **config, "fn": functions.serialize(self.fn)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """Make a metric from what `get_config` returned; a function is found by its name."""
        fn = config.get("fn")
        if isinstance(fn, (str, dict)):
            is_own = isinstance(fn, str) and fn in functions and fn not in (custom_objects or {})
            config = {**config, "fn": functions.lookup(str(fn)) if is_own else find_loss(fn, custom_objects)}
        return cls(**config)


functions = Registry("metric function")  # those that are not losses too
