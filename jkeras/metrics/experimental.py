"""`metrics.experimental` of Keras 2, which held one class."""

from __future__ import annotations

from typing import Any

from jkeras.metrics.base import Metric

__all__ = ["PyMetric"]


class PyMetric(Metric):
    """A metric computed by Python code on the host: not possible inside a compiled step, so it cannot be made.

    Args:
        name, dtype: As in Keras 2.

    Raises:
        TypeError: Always; it says what to use.

    >>> PyMetric(name="f")
    Traceback (most recent call last):
    TypeError: PyMetric: metrics are accumulated on the device, inside compiled steps. Subclass Metric and compute \
with jax.numpy; what only Python code can compute goes into a callback, or into jax.pure_callback in update_state.
    """

    def __init__(self, name: str | None = None, dtype: Any = None, **kwargs: Any):
        raise TypeError(
            f"{type(self).__name__}: metrics are accumulated on the device, inside compiled steps. Subclass Metric and "
            "compute with jax.numpy; what only Python code can compute goes into a callback, or into jax.pure_callback "
            "in update_state."
        )
