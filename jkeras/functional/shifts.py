"""Depthwise convolution as a sum of shifted slices, which is what CPUs are fast at.

XLA on CPU computes a convolution of one channel a group 10 to 90 times slower than one loop over contiguous channels.
"""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import product
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jkeras.functional.transforms import jit

Window = tuple[int, ...]


def window_slices(x: Array, window: Sequence[int], strides: Sequence[int], dilation_rate: Sequence[int]) -> list[Array]:
    """Return, for each place in the window in row-major order, its elements of all windows.

    Args:
        x: `(batch, spatial..., channels)`.
        window: number of elements along each spatial axis.
        strides: step of the window.
        dilation_rate: distance of neighbouring elements.

    Returns:
        As many arrays as the window has elements, each `(batch, positions..., channels)`.

    >>> [taken.ravel().tolist() for taken in window_slices(jnp.arange(4.0).reshape(1, 4, 1), [2], [1], [1])]
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    reach = _reach(x.shape[1:-1], window, strides, dilation_rate)
    found: list[Array] = []
    for place in product(*map(range, window)):
        starts = [index * rate for index, rate in zip(place, dilation_rate, strict=True)]
        limits = [start + length for start, length in zip(starts, reach, strict=True)]
        found.append(lax.slice(x, (0, *starts, 0), (x.shape[0], *limits, x.shape[-1]), (1, *strides, 1)))
    return found


def shifted_sum(x: Array, rows: Array, window: Window, strides: Window, dilation_rate: Window) -> Array:
    """Return `y[n, p, c] = sum_k x[n, strides * p + dilation_rate * k, c] * rows[k, c]`.

    Args:
        x: `(batch, spatial..., channels)`, padded already.
        rows: `(window elements, channels)`, the elements in row-major order.
        window: number of elements along each spatial axis.
        strides: step of the window.
        dilation_rate: distance of neighbouring elements.

    Returns:
        `(batch, positions..., channels)`.

    >>> shifted_sum(jnp.arange(4.0).reshape(1, 4, 1), jnp.asarray([[1.0], [10.0]]), (2,), (1,), (1,)).ravel().tolist()
    [10.0, 21.0, 32.0]
    """
    return cast(Array, _shifted_sum(x, rows, window, strides, dilation_rate))


@jit(static_argnums=(2, 3, 4), inline=True)
def _summed(x: Array, rows: Array, window: Window, strides: Window, dilation_rate: Window) -> Array:
    # Without the barrier, what `x` is made by is computed again for each slice.
    slices = window_slices(cast(Array, lax.optimization_barrier(x)), window, strides, dilation_rate)
    return functools.reduce(lax.add, (taken * row for taken, row in zip(slices, rows, strict=True)))


_shifted_sum = cast(Any, jax.custom_vjp(_summed, nondiff_argnums=(2, 3, 4)))


def _forward(
    x: Array, rows: Array, window: Window, strides: Window, dilation_rate: Window
) -> tuple[Array, tuple[Array, Array]]:
    return _summed(x, rows, window, strides, dilation_rate), (x, rows)


@jit(static_argnums=(0, 1, 2), inline=True)
def _backward(
    window: Window, strides: Window, dilation_rate: Window, kept: tuple[Array, Array], dy: Array
) -> tuple[Array, Array]:
    x, rows = kept
    spatial, reach = x.shape[1:-1], _reach(x.shape[1:-1], window, strides, dilation_rate)
    far = [rate * (size - 1) for size, rate in zip(window, dilation_rate, strict=True)]
    pads = [
        (before, length - covered, step - 1)
        for before, length, covered, step in zip(far, spatial, reach, strides, strict=True)
    ]
    spread = lax.pad(dy, jnp.zeros((), dy.dtype), [(0, 0, 0), *pads, (0, 0, 0)])
    ones = (1,) * len(window)
    # Without a gradient of its own, which could not be differentiated forwards, as a Hessian-vector product does.
    dx = _summed(spread, rows[::-1], window, ones, dilation_rate)

    # A loop compiles once for all elements of the window, and `dy` is not computed again for each.
    def element(start: Array) -> Array:
        starts = (0, *(start[axis] for axis in range(len(window))), 0)
        taken = lax.dynamic_slice(x, starts, (x.shape[0], *reach, x.shape[-1]))
        taken = lax.slice(taken, (0,) * x.ndim, taken.shape, (1, *strides, 1))
        # The last spatial axis last: the sums before run over contiguous memory.
        return jnp.sum(jnp.sum(taken * dy, axis=range(x.ndim - 2)), axis=0)

    places = np.stack(np.meshgrid(*map(np.arange, window), indexing="ij"), -1).reshape(-1, len(window))
    starts = jnp.asarray(places * np.asarray(dilation_rate), jnp.int32)
    return dx, cast(Array, lax.map(element, starts))


_shifted_sum.defvjp(_forward, _backward)


def _reach(
    spatial: Sequence[int], window: Sequence[int], strides: Sequence[int], dilation_rate: Sequence[int]
) -> list[int]:
    """Return how many elements the same place of all windows spans along each axis."""
    return [
        (length - rate * (size - 1) - 1) // step * step + 1
        for length, size, step, rate in zip(spatial, window, strides, dilation_rate, strict=True)
    ]
