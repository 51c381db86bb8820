"""A convolution whose outputs are needed only at their maxima: text networks of Conv1D and global max pooling.

The gradient reaches one step for each filter and sample. So the gradient of the kernel is a sum over `batch` windows
rather than `batch * steps`, and that of the input touches `batch * filters` windows. XLA knows nothing of the zeros.
"""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import Array, lax

from jkeras.functional.conv import conv

_shared_axis: ContextVar[str | None] = ContextVar("jkeras_conv_max_axis", default=None)


@contextmanager
def shared_axis(name: str) -> Generator[None]:
    """Inside, gradients that are traced under `vmap(..., axis_name=name)` choose one way for all members of the axis.

    A condition that differs from member to member would make JAX compute both ways for each.

    Args:
        name: The name of the axis.
    """
    token = _shared_axis.set(name)
    try:
        yield
    finally:
        _shared_axis.reset(token)


class Convolution(NamedTuple):
    """What a layer computed its outputs from: `activation(conv(x, kernel) + bias)` over sequences, without padding."""

    x: Array
    kernel: Array
    bias: Array | None
    stride: int
    dilation: int
    rectified: bool  # whether the activation is relu; otherwise it is the identity


def is_worthwhile(source: Convolution) -> bool:
    """Whether the maxima are few among the outputs, and the windows at them no larger than the input by far.

    Args:
        source: What the outputs were computed from.

    Returns:
        True or False.
    """
    size, _, filters = source.kernel.shape
    steps = (source.x.shape[1] - (size - 1) * source.dilation - 1) // source.stride + 1
    is_float32 = source.x.dtype == source.kernel.dtype == jnp.float32
    return jax.default_backend() == "cpu" and is_float32 and steps >= 32 and size * filters <= 8 * steps


def conv_global_max(source: Convolution) -> Array:
    """Return `max_t activation(conv(x, kernel) + bias)[n, t, f]`, `(batch, filters)`, with a gradient that skips zeros.

    Where several steps share the maximum, the gradient is shared among them, as in Keras; that is computed in the
    usual way. It has no forward-mode derivative.

    Args:
        source: What the outputs were computed from.

    Returns:
        `(batch, filters)`.

    >>> x, kernel = jnp.arange(6.0).reshape(1, 6, 1), jnp.ones((2, 1, 1))
    >>> conv_global_max(Convolution(x, kernel, None, 1, 1, True)).tolist()
    [[9.0]]
    """
    x, kernel, bias, *static = source
    bias = jnp.zeros(kernel.shape[-1], kernel.dtype) if bias is None else bias
    return _conv_max(x, kernel, bias, tuple(static))


def _activated(x: Array, kernel: Array, bias: Array, static: Any) -> tuple[Array, Array]:
    stride, dilation, rectified = static
    scores = conv(x, kernel, stride, "valid", dilation_rate=dilation) + bias
    return scores, jax.nn.relu(scores) if rectified else scores


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _conv_max(x: Array, kernel: Array, bias: Array, static: Any) -> Array:
    return _activated(x, kernel, bias, static)[1].max(1)


def _forward(x: Array, kernel: Array, bias: Array, static: Any) -> tuple[Array, Any]:
    scores, outputs = _activated(x, kernel, bias, static)
    largest = outputs.max(1)
    return largest, (x, kernel, scores, largest)


def _backward(static: Any, kept: Any, gradient: Array) -> tuple[Array, Array, Array]:
    x, kernel, scores, largest = kept
    stride, dilation, rectified = static
    if rectified:  # nothing passes where the largest is not positive
        gradient = jnp.where(largest > 0, gradient, 0)
    is_largest = scores == largest[:, None]
    count = is_largest.sum(1)
    size, channels, filters = kernel.shape

    def at_maxima(_: Any) -> tuple[Array, Array, Array]:
        first = jnp.argmax(is_largest, 1)[:, :, None] * stride  # (batch, filters, 1)
        steps = (first + dilation * jnp.arange(size)).reshape(len(x), -1)
        windows = jnp.take_along_axis(x, steps[:, :, None], 1).reshape(len(x), filters, size, channels)
        to_kernel = jnp.einsum("nf,nfkc->kcf", gradient, windows)
        to_windows = gradient[:, :, None, None] * kernel.transpose(2, 0, 1)
        samples = jnp.arange(len(x))[:, None]
        to_x = jnp.zeros_like(x).at[samples, steps].add(to_windows.reshape(len(x), -1, channels))
        return to_x, to_kernel, gradient.sum(0)

    def everywhere(_: Any) -> tuple[Array, Array, Array]:
        shared = jnp.where(is_largest, (gradient / jnp.maximum(count, 1))[:, None], 0)
        convolve = partial(conv, strides=stride, padding="valid", dilation_rate=dilation)
        to_x, to_kernel = cast(tuple[Array, Array], jax.vjp(convolve, x, kernel)[1](shared))
        return to_x, to_kernel, shared.sum((0, 1))

    has_ties = jnp.any((count > 1) & (gradient != 0))
    axis = _shared_axis.get()
    if axis is not None:
        has_ties = lax.pmax(has_ties.astype(jnp.int32), axis) > 0
    return cast(tuple[Array, Array, Array], lax.cond(has_ties, everywhere, at_maxima, None))


_conv_max.defvjp(_forward, _backward)
