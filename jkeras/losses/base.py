"""The base of losses: `call` gives one value for each sample, calling the loss weights and reduces them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.config import Configurable, serialize
from jkeras.core.dtypes import as_policy, floatx
from jkeras.core.graph import has_symbolic
from jkeras.core.operation import operate
from jkeras.core.registry import Registry, snake_case
from jkeras.functional.losses import same_rank
from jkeras.losses.reduction import as_reduction, reduce_weighted

losses = Registry("loss", "losses")


class Loss(Configurable):
    """A loss: subclass it and define `call(y_true, y_pred)`, which returns one value for each sample.

    Args:
        name: Shown in logs; default is the class name in snake_case, or the name of the function behind the class.
        reduction: How one value for each sample becomes the loss. `"sum_over_batch_size"` (or `"mean"`): the mean;
            `"sum"`; `"mean_with_sample_weight"`: the sum over the sum of the weights; `"none"` or None: not at all.
        dtype: What both arguments are converted to before `call`; default is the float of `floatx()`.

    >>> class Cubic(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
    >>> Cubic()([[0.0], [0.0]], [[1.0], [2.0]]).item()
    4.5
    >>> Cubic(reduction="none")([[0.0], [0.0]], [[1.0], [2.0]], sample_weight=[1, 0]).tolist()
    [1.0, 0.0]
    """

    keeps_integer_labels: ClassVar[bool] = False  # a class number above 256 is no bfloat16

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """Return the loss that `get_config` described; tf_keras also writes the function that the class stands for.

        Args:
            config: Constructor arguments.
            custom_objects: Classes and functions by name, for those that hold others.
        """
        return cls(**{name: value for name, value in config.items() if name != "fn"})

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        self.name = name or snake_case(type(self).__name__)
        self.reduction = as_reduction(reduction)
        self.dtype = as_policy(dtype or floatx()).compute_dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> jax.Array:
        """Return the weighted and reduced loss.

        Args:
            y_true: Targets: an array, or a tree of arrays if `call` takes one.
            y_pred: Predictions, likewise.
            sample_weight: Weights of the samples, shape (batch,), or of each loss that `call` returns.
            mask: Booleans; False leaves a sample or time step out, and out of the mean's denominator.

        Returns:
            A scalar, or the shape of what `call` returned if there is no reduction.
        """
        if has_symbolic((y_true, y_pred, sample_weight, mask)):
            return operate(self.__call__, y_true, y_pred, sample_weight, mask)
        y_true = _convert(y_true, self.dtype, keep_integers=self.keeps_integer_labels)
        y_pred = _convert(y_pred, self.dtype)
        values = jnp.asarray(self.call(y_true, y_pred), self.dtype)
        own_mask = self.compute_mask(y_true, y_pred)
        if own_mask is not None:
            mask = own_mask if mask is None else jnp.asarray(mask, bool) & own_mask
        return reduce_weighted(values, sample_weight, mask, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value for each sample. Subclasses define it.

        Args:
            y_true: Targets, in the dtype of the loss.
            y_pred: Predictions, likewise.

        Returns:
            An array of shape (batch,), or (batch, ...) for losses of time steps or pixels.
        """
        raise TypeError(f"{type(self).__name__} must define call(self, y_true, y_pred), one value for each sample.")

    def compute_mask(self, y_true: Any, y_pred: Any) -> Any:
        """Return which samples the loss itself leaves out, besides those that are masked.

        Args:
            y_true, y_pred: As for `call`.

        Returns:
            Booleans in the shape of what `call` returns, False where a value is left out, or None.
        """
        return None


class FunctionLoss(Loss):
    """A loss from a function `f(y_true, y_pred, **arguments)` that returns one value for each sample.

    Args:
        fn: The function.
        arguments: What it takes besides, by name.

    >>> FunctionLoss(lambda y_true, y_pred, power: abs(y_true - y_pred) ** power, power=2)([1.0], [3.0]).item()
    4.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **arguments: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self.arguments = arguments

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if jax.tree.structure(y_true) == jax.tree.structure(y_pred):
            pairs = jax.tree.map(same_rank, y_true, y_pred)
            y_true, y_pred = jax.tree.transpose(jax.tree.structure(y_true), jax.tree.structure((0, 0)), pairs)
        return self.fn(y_true, y_pred, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function and its arguments, besides name, reduction and dtype.

        Raises:
            ValueError: If the function is a lambda, which no name can find again.
        """
        config = super().get_config()
        if type(self) is not FunctionLoss:
            return config
        return {**serialize(self.arguments), **config, "fn": losses.serialize(self.fn)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """Return the loss that `get_config` described; a function is found by its name.

        Args:
            config: Constructor arguments.
            custom_objects: Functions by name.

        Raises:
            ValueError: If the name is neither a loss of jkeras nor in `custom_objects`.
        """
        fn = config.get("fn")
        if isinstance(fn, (str, dict)):
            config = {**config, "fn": losses.deserialize(fn, custom_objects)}
        return cls(**config)


def _convert(tree: Any, dtype: str, keep_integers: bool = False) -> Any:
    """Convert every array of `tree`; nested lists of numbers are one array."""
    leaves = jax.tree.leaves(tree)
    if isinstance(tree, (list, tuple)) and all(isinstance(leaf, (bool, int, float, np.generic)) for leaf in leaves):
        tree = np.asarray(tree)

    def convert(leaf: Any) -> jax.Array:
        array = jnp.asarray(leaf)
        return array if keep_integers and jnp.issubdtype(array.dtype, jnp.integer) else array.astype(dtype)

    return jax.tree.map(convert, tree)
