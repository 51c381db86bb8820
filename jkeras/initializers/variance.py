"""First values whose variance depends on how many inputs and outputs a kernel connects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import numpy as np
from jax import Array

from jkeras.core import threefry
from jkeras.core.registry import initializers
from jkeras.initializers.base import RandomInitializer

Axes = int | Sequence[int]

TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a standard normal cut off at two standard deviations."""


@initializers.register_class()
class VarianceScaling(RandomInitializer):
    """Zero mean and variance `scale / n`, with `n` the fan-in, the fan-out or their average.

    Args:
        scale: Positive factor of the variance.
        mode: What `n` is: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` (`"normal"` means the same), `"untruncated_normal"` or `"uniform"`.
        input_axes: Axes of the shape whose sizes multiply to the fan-in, if it is not a kernel `(..., in, out)`.
        output_axes: Axes whose sizes multiply to the fan-out. Both are given or neither.

    Raises:
        ValueError: For an argument outside these.

    >>> VarianceScaling(2.0, "fan_avg", "uniform", seed=0)((3, 3, 8, 16)).shape
    (3, 3, 8, 16)
    """

    MODES: ClassVar = ("fan_in", "fan_out", "fan_avg")
    DISTRIBUTIONS: ClassVar = ("truncated_normal", "untruncated_normal", "uniform")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Axes | None = None,
        output_axes: Axes | None = None,
    ):
        distribution = {"normal": "truncated_normal"}.get(distribution.lower(), distribution.lower())
        if scale <= 0:
            raise ValueError(f"VarianceScaling: scale must be positive, got {scale}.")
        if mode not in self.MODES:
            raise ValueError(f"VarianceScaling: mode must be one of {self.MODES}, got {mode!r}.")
        if distribution not in self.DISTRIBUTIONS:
            raise ValueError(
                f"VarianceScaling: distribution must be one of {self.DISTRIBUTIONS}, got {distribution!r}."
            )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        shape, stddev, key = tuple(shape), self._stddev(shape), self.key(key)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            return jax.random.uniform(key, shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return stddev * jax.random.normal(key, shape, dtype)
        return stddev / TRUNCATED_STDDEV * jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray | None:
        """Return the values that a call draws, if it draws with the key given, by a distribution that the host has."""
        if self.distribution == "untruncated_normal" or self.seed is not None:
            return None
        if self.distribution == "truncated_normal":
            factor = np.float32(self._stddev(shape) / TRUNCATED_STDDEV)
            return factor * threefry.truncated_normal(key, shape)
        limit = math.sqrt(3.0) * self._stddev(shape)
        return threefry.uniform(key, shape, -limit, limit)

    def _stddev(self, shape: Sequence[int]) -> float:
        fan_in, fan_out = compute_fans(tuple(shape), self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        return math.sqrt(self.scale / max(1.0, fan))


class _ScaledVariance(VarianceScaling):
    """A named case of `VarianceScaling`: the class attribute `row` holds its scale, mode and distribution."""

    row: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: Any = None, input_axes: Axes | None = None, output_axes: Axes | None = None):
        super().__init__(*self.row, seed=seed, input_axes=input_axes, output_axes=output_axes)


@initializers.register_class("xavier_uniform")
class GlorotUniform(_ScaledVariance):
    """Uniform within `sqrt(6 / (fan_in + fan_out))` (Glorot & Bengio, 2010).

    >>> bool((abs(GlorotUniform(seed=0)((3, 3))) <= 1).all())
    True
    """

    row = (1.0, "fan_avg", "uniform")


@initializers.register_class("xavier_normal")
class GlorotNormal(_ScaledVariance):
    """Truncated normal of variance `2 / (fan_in + fan_out)` (Glorot & Bengio, 2010).

    >>> GlorotNormal(seed=0)((3, 4)).shape
    (3, 4)
    """

    row = (1.0, "fan_avg", "truncated_normal")


@initializers.register_class()
class HeUniform(_ScaledVariance):
    """Uniform within `sqrt(6 / fan_in)` (He et al., 2015).

    >>> bool((abs(HeUniform(seed=0)((6, 3))) <= 1).all())
    True
    """

    row = (2.0, "fan_in", "uniform")


@initializers.register_class()
class HeNormal(_ScaledVariance):
    """Truncated normal of variance `2 / fan_in` (He et al., 2015).

    >>> HeNormal(seed=0)((3, 4), 'bfloat16').dtype.name
    'bfloat16'
    """

    row = (2.0, "fan_in", "truncated_normal")


@initializers.register_class()
class LecunUniform(_ScaledVariance):
    """Uniform within `sqrt(3 / fan_in)` (LeCun et al., 1998).

    >>> bool((abs(LecunUniform(seed=0)((3, 9))) <= 1).all())
    True
    """

    row = (1.0, "fan_in", "uniform")


@initializers.register_class()
class LecunNormal(_ScaledVariance):
    """Truncated normal of variance `1 / fan_in` (LeCun et al., 1998).

    >>> LecunNormal(seed=0)((3, 4)).shape
    (3, 4)
    """

    row = (1.0, "fan_in", "truncated_normal")


def compute_fans(
    shape: Sequence[int], input_axes: Axes | None = None, output_axes: Axes | None = None
) -> tuple[int, int]:
    """Return how many inputs reach an output and how many outputs an input, for a kernel `(spatial..., in, out)`.

    Args:
        shape: Sizes of the kernel; one of fewer than two axes connects each input with one output.
        input_axes: Axes whose sizes multiply to the first result, if given together with `output_axes`.
        output_axes: Axes whose sizes multiply to the second.

    Returns:
        `(fan_in, fan_out)`.

    >>> compute_fans((3, 3, 8, 16)), compute_fans((5,)), compute_fans((2, 6, 7), (1,), (2,))
    ((72, 144), (5, 5), (6, 7))
    """
    shape = tuple(int(size) for size in shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in _axes(input_axes)), math.prod(shape[a] for a in _axes(output_axes))
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    receptive_field = math.prod(shape[:-2])
    return shape[-2] * receptive_field, shape[-1] * receptive_field


def _axes(axes: Axes) -> tuple[int, ...]:
    return (axes,) if isinstance(axes, int) else tuple(axes)
