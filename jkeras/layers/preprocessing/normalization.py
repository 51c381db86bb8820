"""Features with mean 0 and variance 1."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core.dtypes import is_float
from jkeras.core.layer import Layer
from jkeras.layers.preprocessing.batches import batches_of

__all__ = ["Normalization"]

EPSILON = 1e-7


class Normalization(Layer):
    """`(x - mean) / max(sqrt(variance), 1e-7)`, with mean and variance given or learned from data.

    Inputs of any shape keep it. What `adapt` learned is state: the weights `mean`, `variance` and `count`, which `init`
    returns too. Before, the mean is 0 and the variance 1.

    Args:
        axis: The axis, or axes, each index of which has a mean and a variance of its own; None: one for all.
        mean: The mean, of the shape of the kept axes or one that broadcasts to it; `adapt` learns it if left out.
        variance: The variance, likewise.
        invert: Whether to undo the normalization: `x * max(sqrt(variance), 1e-7) + mean`.

    Raises:
        ValueError: If only one of `mean` and `variance` is given, or the size of a kept axis is unknown.

    >>> layer = Normalization()
    >>> layer.adapt(np.asarray([[0.0, 7.0], [2.0, 9.0]]))
    >>> layer(np.asarray([[0.0, 9.0]])).tolist()
    [[-1.0, 1.0]]

    Reference: `keras.layers.Normalization`.
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(f"Normalization needs both mean and variance, or neither; got {mean} and {variance}.")
        self.axis = () if axis is None else tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
        self.input_mean = None if mean is None else np.asarray(mean, "float32")
        self.input_variance = None if variance is None else np.asarray(variance, "float32")
        self.invert = invert
        self._seen = _Moments()

    def build(self, input_shape: Any) -> None:
        """Declare `mean`, `variance` and `count` if they are to be learned."""
        rank = len(input_shape)
        for axis in self.axis:
            if not -rank <= axis < rank:
                raise ValueError(f"Layer {self.path!r}: axis {axis} is not an axis of inputs of shape {input_shape}.")
        kept = sorted(axis % rank for axis in self.axis)
        if any(input_shape[axis] is None for axis in kept):
            raise ValueError(
                f"Layer {self.path!r} needs to know the sizes of axes {kept} of its input; got {input_shape}."
            )
        shape = tuple(input_shape[axis] for axis in kept)
        self._reduced = tuple(axis for axis in range(rank) if axis not in kept)
        self._broadcast = tuple(input_shape[axis] if axis in kept else 1 for axis in range(rank))
        if self.input_mean is not None and self.input_variance is not None:
            for name, value in (("mean", self.input_mean), ("variance", self.input_variance)):
                try:
                    np.broadcast_to(value, self._broadcast)
                except ValueError:
                    raise ValueError(
                        f"Layer {self.path!r}: {name} of shape {np.shape(value)} does not fit the kept axes {shape}."
                    ) from None
            return
        self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.adapt_variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", dtype="int32", trainable=False)

    @property
    def mean(self) -> Any:
        """The mean, with axes of size 1 where it is reduced; what was given if the layer is not built."""
        return self._moment(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> Any:
        """The variance, likewise."""
        return self._moment(self.input_variance, "adapt_variance")

    def _moment(self, given: Any, attribute: str) -> Any:
        value = getattr(self, attribute, None) if given is None else given
        if value is None or not self.built:
            return value
        if given is not None:
            return jnp.broadcast_to(jnp.asarray(value), self._broadcast)
        return jnp.reshape(value.value, self._broadcast)

    def adapt(self, data: Any) -> None:
        """Learn mean and variance anew from `data`; builds the layer.

        Args:
            data: An array, or batches of arrays: a list of arrays, a generator, a `PyDataset`.

        Raises:
            ValueError: If the mean was given to the constructor, or the data are empty.
        """
        self.reset_state()
        for batch in batches_of(data):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget the batches seen; the moments stay until `finalize_state` sets others."""
        self._seen = _Moments()

    def update_state(self, data: Any) -> None:
        """Take one more batch into account.

        Args:
            data: An array `(batch, ...)`.

        Raises:
            ValueError: If the mean was given to the constructor, or the shape is another one than before.
        """
        if self.input_mean is not None:
            raise ValueError(f"Layer {self.name!r} was given mean and variance: there is nothing to adapt.")
        batch = np.asarray(data, "float64")
        if not self.built:
            self.build(batch.shape if 0 in self.axis or not batch.ndim else (None, *batch.shape[1:]))
        shape = self.adapt_mean.shape
        if batch.ndim != len(self._broadcast) or batch.mean(self._reduced).shape != shape:
            raise ValueError(
                f"Layer {self.name!r} has moments of shape {shape} for inputs of {len(self._broadcast)} dimensions, "
                f"batch included; got data of shape {batch.shape}."
            )
        self._seen = self._seen.merge(
            _Moments(batch.size // max(1, int(np.prod(shape))), batch.mean(self._reduced), batch.var(self._reduced))
        )

    def finalize_state(self) -> None:
        """Set mean and variance from the batches seen since `reset_state`."""
        if self._seen.count:
            for weight, value in ((self.adapt_mean, self._seen.mean), (self.adapt_variance, self._seen.variance)):
                weight.assign(value)
                # What `init` returns from now on: the moments are no random first values.
                weight.initializer = functools.partial(_moment, value)

    def call(self, inputs: Array) -> Array:
        """Return the normalized inputs, of the same shape."""
        if self.input_mean is None:
            mean, variance = (w.value.reshape(self._broadcast) for w in (self.adapt_mean, self.adapt_variance))
        else:
            mean, variance = jnp.asarray(self.input_mean), jnp.asarray(self.input_variance)
        x = inputs if is_float(inputs) else inputs.astype(self.compute_dtype)
        mean, deviation = mean.astype(x.dtype), jnp.maximum(jnp.sqrt(variance), EPSILON).astype(x.dtype)
        return x * deviation + mean if self.invert else (x - mean) / deviation

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments; what `adapt` learned is among the weights."""
        given = {"mean": self.input_mean, "variance": self.input_variance}
        rest = {"axis": list(self.axis), "invert": self.invert}
        return {**super().get_config(), **rest, **{k: None if v is None else v.tolist() for k, v in given.items()}}


def _moment(value: Any, shape: Any, dtype: Any) -> Array:
    return jnp.asarray(value, dtype)


class _Moments(NamedTuple):
    """Mean and variance of so many values."""

    count: int = 0
    mean: Any = 0.0
    variance: Any = 0.0

    def merge(self, other: _Moments) -> _Moments:
        """Return the moments of both together."""
        count = self.count + other.count
        own, share = self.count / count, other.count / count
        distance = other.mean - self.mean
        variance = own * self.variance + share * other.variance + own * share * distance**2
        return _Moments(count, self.mean + share * distance, variance)
