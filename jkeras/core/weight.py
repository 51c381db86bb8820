"""Weights: what a layer declares, and what its state is while a call runs."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import frame as frames
from jkeras.core import placement, seeds, stateless
from jkeras.core.by_name import read, written
from jkeras.core.errors import nearest
from jkeras.core.operators import HasOperators, install_operators
from jkeras.core.types import is_traced

AGGREGATIONS = ("none", "mean", "sum", "only_first_replica", None)


class ArrayHolder(HasOperators):
    """Something that holds an array and behaves like it in arithmetic, `jax.numpy` and numpy.

    Functions of `jax.numpy` take it as it is. The primitives of `jax.lax` want `holder.value`.
    """

    name: str

    @property
    def value(self) -> Any:
        """The array."""
        raise AttributeError(f"{type(self).__name__} holds no array")

    def assign(self, value: Any) -> Any:
        """Replace the array by `value`, of the same shape; it is converted to the declared dtype."""
        raise AttributeError(f"{type(self).__name__} cannot be assigned")

    def assign_add(self, value: Any) -> Any:
        """Add `value` to the array.

        Args:
            value: An array or numbers that broadcast to its shape.

        Returns:
            Itself.
        """
        return self.assign(self.value + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract `value` from the array.

        Args:
            value: An array or numbers that broadcast to its shape.

        Returns:
            Itself.
        """
        return self.assign(self.value - value)

    def numpy(self) -> np.ndarray:
        """The array as numpy, copied from the device.

        Returns:
            An array of its shape and dtype.
        """
        return np.asarray(placement.reachable(self.value))

    def __jax_array__(self) -> Any:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(placement.reachable(self.value), dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # never answer protocol probes (pickle, copy, numpy) from the array
            raise AttributeError(name)
        return getattr(self.value, name)

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)


def plain(value: Any) -> Any:
    """Return the array that a weight or a state holds, and anything else as it is."""
    return value.value if isinstance(value, ArrayHolder) else value


def _compute(function: Callable[..., Any], *operands: Any) -> Any:
    return function(*map(plain, operands))


install_operators(ArrayHolder, _compute)


class Weight(ArrayHolder):
    """A declaration: name, shape, dtype and how to begin; on a template it also keeps the facade's current array.

    Args:
        name: Its key in the layer's part of `params` or `state`.
        shape: A tuple of integers.
        initializer: `f(shape, dtype)` or `f(shape, dtype, key=)` that returns the first value.
        dtype: Name of the dtype it is stored in.
        trainable: Whether it belongs to `params` (True) or to `state` (False).
        regularizer: `f(value) -> scalar`, added to the loss of a training step.
        constraint: `f(value) -> value`, applied after each update.
        autocast: Whether a layer of mixed precision computes with it in the compute dtype.
        aggregation: How Keras joins updates of its copies on several devices: "none", "mean", "sum",
            "only_first_replica" or None. An array of JAX is one array on however many devices, so each comes to the
            same.

    Raises:
        ValueError: If the aggregation is none of these.

    >>> import jax.numpy as jnp
    >>> w = Weight("bias", (3,), lambda shape, dtype: jnp.ones(shape, dtype))
    >>> w.numpy()
    array([1., 1., 1.], dtype=float32)
    >>> (w * 2).tolist()
    [2.0, 2.0, 2.0]
    >>> w.assign([1, 2]).numpy()
    Traceback (most recent call last):
    ValueError: Weight 'bias' has shape (3,); cannot assign a value of shape (2,).
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        initializer: Callable[..., Any],
        dtype: str = "float32",
        trainable: bool = True,
        regularizer: Callable[..., Any] | None = None,
        constraint: Callable[..., Any] | None = None,
        autocast: bool = True,
        aggregation: str | None = "none",
    ):
        if aggregation not in AGGREGATIONS:
            raise ValueError(
                f"Weight {name!r}: aggregation must be one of {', '.join(map(repr, AGGREGATIONS))}; "
                f"got {aggregation!r}.{nearest(str(aggregation), AGGREGATIONS[:-1])}"
            )
        self.name = name
        self.path = name
        self.shape = tuple(int(n) for n in shape)
        self.dtype = dtype
        self.initializer = initializer
        self.trainable = trainable
        self.regularizer = regularizer
        self.constraint = constraint
        self.autocast = autocast
        self.aggregation = aggregation or "none"
        self.declared = False  # True once a layer counts it among its weights
        self.drawn_as = ""  # the name whose key its first value is drawn with, if not its own
        self.transient = False  # True for what is no part of the layer's weights in files: a recurrent state
        self.lent = False  # True once the array was handed out, so that training must not donate its buffer
        self._array: Any = None

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def is_drawn(self) -> bool:
        """Whether the facade holds a value already."""
        return self._array is not None or self._in_scope() is not None

    @property
    def value(self) -> Any:
        """The facade's current array, drawn on first use from the global seed."""
        if frames.active() is not None:
            raise RuntimeError(
                f"Weight {self.path!r} was read from the template inside `call`: a function captured the layer itself "
                "instead of using `self`. Hold the layer as an attribute and go through `self`, "
                "so that the parameters of this call are used."
            )
        self.lent = True
        return self.current()

    def current(self) -> Any:
        """The facade's array for the framework's own use: it may be donated to the next training step.

        Returns:
            An array of its shape and dtype.
        """
        scoped = self._in_scope()
        if scoped is not None:
            return scoped
        if self._array is None:
            with jax.ensure_compile_time_eval():
                value = self.draw(seeds.fold_path(seeds.next_key(), self.path))
                self._array = placement.current().place(self.path, value)
        return self._array

    def store(self, array: Any) -> None:
        """Put the result of a step where `value` finds it, unchecked.

        Args:
            array: An array of its shape and dtype.
        """
        scope = stateless.active()
        if scope is not None and (self.is_drawn or is_traced(array)):
            scope.add_update((self, array))
            return
        self._array = array
        self.lent = False

    def _in_scope(self) -> Any:
        scope = stateless.active()
        return None if scope is None else scope.get_current_value(self)

    def assign(self, value: Any) -> Weight:
        """Replace the array by `value`, of the same shape; it is converted to the declared dtype.

        Args:
            value: An array or numbers.

        Returns:
            The weight.

        Raises:
            ValueError: If the shape is another.
        """
        value = plain(value)
        check_shape("Weight", self.path, self.shape, np.shape(value))
        self.store(jnp.array(value, self.dtype))
        return self

    def draw_at(self, path: str, key: Any) -> Any:
        """Return a first value drawn with the part of `key` that belongs to this weight of the layer at `path`.

        Args:
            path: The layer's path.
            key: The key that all weights of a model are drawn from.
        """
        return self.draw(seeds.fold_path(key, f"{path}/{self.drawn_as or self.name}"))

    def draw(self, key: Any) -> Any:
        """Return a first value drawn with `key`; stores nothing.

        Args:
            key: The key of this weight.
        """
        takes_key = "key" in _parameters(self.initializer)
        value = self.initializer(self.shape, self.dtype, **({"key": key} if takes_key else {}))
        value = jnp.asarray(plain(value), self.dtype)
        check_shape("Initializer of weight", self.path, self.shape, value.shape)
        return value

    def __getstate__(self) -> dict[str, Any]:
        return written(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(read(state))

    def __repr__(self) -> str:
        return f"<Weight {self.path} shape={self.shape} dtype={self.dtype} trainable={self.trainable}>"


class StateReference(ArrayHolder):
    """A state weight while a call runs: reads as the array, and remembers what is assigned to it.

    It lives on a bound layer only. After the call the frame collects its last value into the returned `state`.
    """

    def __init__(self, path: str, array: Any):
        self.name = path
        self._array = array

    @property
    def value(self) -> Any:
        """The array as of now in this call."""
        return self._array

    def assign(self, value: Any) -> StateReference:
        """Replace the array by `value`, of the same shape; it is converted to the declared dtype."""
        value = jnp.asarray(plain(value), self._array.dtype)
        check_shape("State", self.name, self._array.shape, value.shape)
        self._array = value
        return self


# Functions of jax.numpy are jitted, and jit flattens its arguments as pytrees: seen as a node of one leaf that
# unflattens to the bare array, a holder can be passed to all of them.
for _holder in (Weight, StateReference):
    jax.tree_util.register_pytree_node(_holder, lambda held: ((held.value,), None), lambda _, leaves: leaves[0])


def check_shape(what: str, name: str, expected: tuple[int, ...], got: tuple[int, ...]) -> None:
    """Raise `ValueError` if a value does not have the declared shape."""
    if tuple(expected) != tuple(got):
        raise ValueError(f"{what} {name!r} has shape {tuple(expected)}; cannot assign a value of shape {tuple(got)}.")


def _parameters(function: Callable[..., Any]) -> Any:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
