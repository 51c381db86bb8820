"""The base of metrics: Keras's object, and under it a pure triple of init, update and compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp

from jkeras.core import dtypes, seeds
from jkeras.core.frame import Frame
from jkeras.core.template import Template, bind, collect_state, two_level, weights_of
from jkeras.core.weight import Weight, plain
from jkeras.initializers import get as get_initializer

State = dict[str, dict[str, Any]]


class Metric(Template):
    """A quantity accumulated over batches.

    Write it as in Keras: declare variables in `__init__` (`add_variable` or `add_weight`), change them in
    `update_state`, and return the value from `result`. The pure triple comes with it:

        totals = metric.init()
        totals = metric.update(totals, y_true, y_pred, sample_weight)
        value = metric.compute(totals)

    Args:
        dtype: Dtype of the variables, the default float dtype if left out.
        name: The key in logs and histories. By position it may come first, as in Keras 2.

    >>> class Total(Metric):
    ...     def __init__(self, name="total", dtype=None):
    ...         super().__init__(name=name, dtype=dtype)
    ...         self.total = self.add_variable((), name="total")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.total.assign_add(jnp.sum(y_pred))
    ...     def result(self):
    ...         return self.total
    >>> metric = Total()
    >>> float(metric(None, jnp.ones(3)))
    3.0
    >>> float(metric.compute(metric.update(metric.init(), None, jnp.ones(2))))
    2.0
    """

    accumulates = True
    uses_mask: ClassVar[bool] = False  # whether masked values of the model's output get weight 0, as in Keras

    def __init__(self, dtype: Any = None, name: str | None = None):
        if _is_name(dtype) or (name is not None and not isinstance(name, str)):
            dtype, name = name, dtype  # Keras 2 has the name first
        self._explicit_name = name
        self.dtype_policy = dtypes.as_policy(dtype or dtypes.floatx())  # totals do not follow a mixed-precision policy

    @property
    def name(self) -> str:
        """The key in logs and histories."""
        return super().name

    @name.setter
    def name(self, value: str) -> None:
        self._explicit_name = value

    @property
    def dtype(self) -> str:
        """Dtype of the variables."""
        return self.dtype_policy.variable_dtype

    def _variable_dtype(self) -> str:
        return self.dtype_policy.variable_dtype

    def add_variable(
        self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, aggregation: str = "sum", name: Any = None
    ) -> Weight:
        """Declare a variable, as Keras 3 spells it.

        Args:
            shape: A tuple of integers; a scalar if left out.
            initializer: A name, an object or a function; zeros if left out.
            dtype: Default is that of the metric.
            aggregation: "sum", "mean" or another word of Keras, kept with the variable.
            name: Its key in the totals.

        Returns:
            The variable; reading and assigning it in `update_state` is what accumulates.
        """
        return self.add_weight(name=name, shape=shape, initializer=initializer, dtype=dtype, aggregation=aggregation)

    def add_weight(self, *positional: Any, **declaration: Any) -> Weight:
        """Declare a variable, as Keras 2 and 3 spell it.

        Args:
            positional: `name, shape` as in Keras 2, or `shape, initializer` as in Keras 3.
            declaration: The same and others by name, as for `add_variable`.

        Returns:
            The variable.
        """
        declaration["trainable"] = False
        if declaration.get("initializer") is None and (len(positional) < 2 or isinstance(positional[0], str)):
            declaration["initializer"] = "zeros"
        if "initializer" in declaration:
            declaration["initializer"] = get_initializer(declaration["initializer"])
        weight = super().add_weight(*positional, **declaration)
        weight.transient = True  # totals of a run are no part of the weights of a layer that holds this
        return weight

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Accumulate one batch. Subclasses define it.

        Args:
            args, kwargs: `y_true, y_pred, sample_weight=None`, unless the metric says otherwise: targets, predictions,
                and numbers of shape (batch,) or of the targets' leading axes.

        Returns:
            Nothing that is used.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no update_state(self, y_true, y_pred, sample_weight=None)."
        )

    def result(self) -> Any:
        """Return the value accumulated so far: a scalar, an array, or a dict of scalars."""
        raise NotImplementedError(f"{type(self).__name__} has no result(self).")

    def reset_state(self) -> None:
        """Begin anew."""
        for _, weight in weights_of(self):
            weight.assign(weight.draw(seeds.as_key(0)))

    def reset_states(self) -> None:
        """Begin anew, as Keras 2 spells it."""
        self.reset_state()

    @property
    def variables(self) -> list[Weight]:
        """The variables of this metric and of the metrics it holds."""
        return [weight for _, weight in weights_of(self)]

    weights = variables

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Accumulate one batch and return the value so far."""
        self.update_state(*args, **kwargs)
        result = self.result()
        return result.value if isinstance(result, Weight) else result

    def init(self) -> State:
        """Return fresh totals: `{path: {name of the variable: array}}`."""
        return two_level((key, w.name, w.draw(seeds.as_key(0))) for key, w in weights_of(self))

    def update(self, totals: State, *args: Any, **kwargs: Any) -> State:
        """Return the totals after one batch; a pure function of its arguments.

        Args:
            totals: From `init` or the last `update`.
            args, kwargs: What `update_state` takes.
        """
        frame = Frame()
        with frame:
            bind(self, frame, {}, totals).update_state(*args, **kwargs)
            return collect_state(frame)

    def compute(self, totals: State) -> Any:
        """Return the value of totals; a pure function.

        Args:
            totals: From `init` or the last `update`.
        """
        frame = Frame()
        with frame:
            result = bind(self, frame, {}, totals).result()
            return {k: jnp.asarray(v) for k, v in result.items()} if isinstance(result, dict) else jnp.asarray(result)

    # The triple on lists of variables, as Keras 3 spells it

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Return the arrays of `variables` after one batch, given those before it; a pure function.

        Args:
            metric_variables: Arrays in the order of `variables`.
            args, kwargs: What `update_state` takes.

        Raises:
            ValueError: If there are not as many arrays as variables.
        """
        totals = self.update(self._totals_of(metric_variables), *args, **kwargs)
        return [totals[key][w.name] for key, w in weights_of(self)]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Return the value for the arrays of `variables`; a pure function.

        Args:
            metric_variables: Arrays in the order of `variables`.
        """
        return self.compute(self._totals_of(metric_variables))

    def stateless_reset_state(self) -> list[Any]:
        """Return the arrays of `variables` to begin with."""
        totals = self.init()
        return [totals[key][w.name] for key, w in weights_of(self)]

    def _totals_of(self, metric_variables: Sequence[Any]) -> State:
        rows = list(weights_of(self))
        if len(rows) != len(metric_variables):
            raise ValueError(
                f"Metric {self.name!r} has {len(rows)} variables ({', '.join(w.name for _, w in rows)}); "
                f"got {len(metric_variables)} arrays."
            )
        return two_level((key, w.name, plain(v)) for (key, w), v in zip(rows, metric_variables, strict=True))


def _is_name(value: Any) -> bool:
    """Whether a string is no dtype or policy, so that it was meant as a name."""
    if not isinstance(value, str) or value.startswith("mixed_"):
        return False
    try:
        return jnp.dtype(value).name != value  # numpy also takes single letters
    except TypeError:
        return True
