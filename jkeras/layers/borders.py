"""Layers that add a border of zeros to sequences, images and volumes, or cut one off."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec

__all__ = ["Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]

Pairs = tuple[tuple[int, int], ...]


def read_pairs(layer: Layer, name: str, value: Any, rank: int) -> Pairs:
    """Return how much is added or cut off before and after each of `rank` spatial dimensions.

    A number is for all sides, one number for each dimension is for both its sides, one pair for each says all. With one
    dimension, two numbers are its pair.

    >>> read_pairs(Layer(), "padding", (1, (2, 3)), 2)
    ((1, 1), (2, 3))
    """

    def pair(sides: Any) -> tuple[int, int]:
        before, after = map(index, sides if isinstance(sides, Iterable) else (sides, sides))
        return before, after

    try:
        if rank == 1:
            pairs: Pairs = (pair(value),)
        else:
            pairs = tuple(map(pair, value if isinstance(value, Iterable) else [value] * rank))
        if len(pairs) == rank and min(map(min, pairs)) >= 0:
            return pairs
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"{type(layer).__name__}: {name} must be a number from 0 for all sides, or "
        + ("two of them, before and after" if rank == 1 else f"{rank} numbers or pairs (before, after) of them")
        + f"; got {value!r}."
    )


class _Border(Layer):
    """What adding and cutting off have in common."""

    rank: ClassVar[int]

    def _keep(self, name: str, given: Any, data_format: str | None) -> None:
        self.pairs = read_pairs(self, name, given, self.rank)
        setattr(self, name, self.pairs[0] if self.rank == 1 else self.pairs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _spatial(self, pairs: Pairs) -> list[tuple[int, int]]:
        """Return a pair for each axis."""
        return [(0, 0), *pairs, (0, 0)] if self.data_format == "channels_last" else [(0, 0), (0, 0), *pairs]


class ZeroPadding(_Border):
    """Base of layers that add zeros around the spatial dimensions; see `ZeroPadding2D`."""

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._keep("padding", padding, data_format)

    def call(self, inputs: Array) -> Array:
        """Return the inputs with zeros around them."""
        return jnp.pad(inputs, self._spatial(self.pairs))


class Cropping(_Border):
    """What layers that cut a border off the spatial dimensions have in common; see `Cropping2D`."""

    cropping: Any

    def call(self, inputs: Array) -> Array:
        """Return what is left of the inputs."""
        sides = self._spatial(self.pairs)
        if any(before + after >= n for n, (before, after) in zip(inputs.shape, sides, strict=True) if before + after):
            raise ValueError(
                f"Layer {self.path!r}: cropping={self.cropping} leaves nothing of an input of shape {inputs.shape}."
            )
        return inputs[tuple(slice(before, n - after) for n, (before, after) in zip(inputs.shape, sides, strict=True))]


class ZeroPadding1D(ZeroPadding):
    """Add zeros before and after a sequence: `(batch, steps, features)` becomes longer by their number.

    Args:
        padding: How many, one number or two: before and after.
        data_format: "channels_last" or "channels_first".

    >>> ZeroPadding1D((1, 2))(jnp.ones((1, 2, 1))).ravel().tolist()
    [0.0, 1.0, 1.0, 0.0, 0.0]
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding2D(ZeroPadding):
    """Add zeros around images.

    `(batch, height, width, channels)` becomes `(batch, top + height + bottom, left + width + right, channels)`.

    Args:
        padding: How many: one number for all sides, two for `(height, width)`, or
            `((top, bottom), (left, right))`.
        data_format: "channels_last", `(batch, height, width, channels)`, or "channels_first".

    Raises:
        ValueError: If a number is negative, or the form is another one.

    >>> ZeroPadding2D(((1, 0), (2, 3)))(jnp.ones((1, 4, 4, 3))).shape
    (1, 5, 9, 3)
    """

    rank = 2


class ZeroPadding3D(ZeroPadding):
    """Add zeros around volumes: `(batch, depth, height, width, channels)` becomes larger by their numbers.

    Args:
        padding: How many: one number for all sides, three for the dimensions, or three pairs (before, after).
        data_format: "channels_last" or "channels_first".

    >>> ZeroPadding3D((1, 0, 2))(jnp.ones((1, 2, 2, 2, 3))).shape
    (1, 4, 2, 6, 3)
    """

    rank = 3


class Cropping1D(Cropping):
    """Cut off the ends of a sequence: `(batch, steps, features)` becomes shorter by that.

    Args:
        cropping: How many steps, one number or two: at the start and at the end.

    >>> Cropping1D((1, 2))(jnp.arange(5.0).reshape(1, 5, 1)).ravel().tolist()
    [1.0, 2.0]
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__(**kwargs)
        self._keep("cropping", cropping, "channels_last")


class Cropping2D(Cropping):
    """Cut off the border of images.

    `(batch, height, width, channels)` becomes `(batch, height - top - bottom, width - left - right, channels)`.

    Args:
        cropping: How many rows and columns: one number for all sides, two for `(height, width)`, or
            `((top, bottom), (left, right))`.
        data_format: "channels_last", `(batch, height, width, channels)`, or "channels_first".

    Raises:
        ValueError: If a number is negative, the form is another one, or nothing is left.

    >>> Cropping2D(((1, 0), (2, 1)))(jnp.ones((1, 4, 4, 3))).shape
    (1, 3, 1, 3)
    """

    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._keep("cropping", cropping, data_format)


class Cropping3D(Cropping):
    """Cut off the border of volumes: `(batch, depth, height, width, channels)` becomes smaller by that.

    Args:
        cropping: How much: one number for all sides, three for the dimensions, or three pairs (before, after).
        data_format: "channels_last" or "channels_first".

    >>> Cropping3D()(jnp.ones((1, 3, 4, 5, 2))).shape
    (1, 1, 2, 3, 2)
    """

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._keep("cropping", cropping, data_format)
