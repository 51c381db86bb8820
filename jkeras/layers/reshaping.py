"""Layers that move elements: flatten, reshape, permute, repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.layers.arguments import positive

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]


class Flatten(Layer):
    """Flatten each sample: `(batch, ...)` to `(batch, features)`.

    Args:
        data_format: With "channels_first", channels are moved to the end first, so that both formats give one order.

    >>> Flatten()(jnp.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Array) -> Array:
        """Return `(batch, features)`."""
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return inputs.reshape(inputs.shape[0], math.prod(inputs.shape[1:]))


class Reshape(Layer):
    """Give each sample the shape `target_shape`: `(batch, ...)` becomes `(batch, *target_shape)`.

    Args:
        target_shape: Shape without the batch; one size may be -1, for what is left.

    Raises:
        ValueError: If the elements do not fit.

    >>> Reshape((2, -1))(jnp.ones((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape: int | Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        sizes = (target_shape,) if isinstance(target_shape, int) else target_shape
        self.target_shape = tuple(int(n) for n in sizes)
        if self.target_shape.count(-1) > 1 or min(self.target_shape, default=0) < -1:
            raise ValueError(f"Reshape: at most one size of target_shape may be -1; got {target_shape}.")

    def call(self, inputs: Array) -> Array:
        """Return `(batch, *target_shape)`."""
        known = math.prod(n for n in self.target_shape if n != -1)
        size = math.prod(inputs.shape[1:])
        if size % known if -1 in self.target_shape else size != known:
            frame: Any = self._frame
            if frame.declaring and frame.unknown in inputs.shape[1:]:
                # An unknown size stands for one that fits: what is left stays unknown.
                sizes = [frame.unknown if n == -1 else n for n in self.target_shape]
                return jnp.zeros((inputs.shape[0], *sizes), inputs.dtype)
            raise ValueError(
                f"Layer {self.path!r} cannot give {size} elements the target_shape {self.target_shape}; "
                f"got an input of shape {inputs.shape}."
            )
        return inputs.reshape(inputs.shape[0], *(size // known if n == -1 else n for n in self.target_shape))


class Permute(Layer):
    """Permute the axes of each sample: with `dims=(2, 1)`, `(batch, a, b)` becomes `(batch, b, a)`.

    Args:
        dims: The axes in their new order, counted from 1 (the batch is 0 and stays).

    >>> Permute((2, 1))(jnp.ones((5, 2, 3))).shape
    (5, 3, 2)
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(int(d) for d in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims must be a permutation of 1, ..., {len(self.dims)}; got {tuple(dims)}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Array) -> Array:
        """Return the inputs with permuted axes."""
        return jnp.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Repeat each vector `n` times: `(batch, features)` to `(batch, n, features)`.

    Args:
        n: How often.

    >>> RepeatVector(3)(jnp.ones((2, 4))).shape
    (2, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = positive(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Array) -> Array:
        """Return `(batch, n, features)`."""
        return jnp.repeat(inputs[:, None], self.n, axis=1)
