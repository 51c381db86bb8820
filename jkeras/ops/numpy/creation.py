"""Arrays from sizes and numbers: constants, ranges, windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.dtypes import floatx
from jkeras.core.operation import publish
from jkeras.ops.operands import row, sizes


def _filled(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return `function` of a shape, made of the default float if no dtype is given."""

    def fill(shape: int | Sequence[int], *value: Any, dtype: Any) -> Array:
        return function(sizes(function.__name__, shape), *value, dtype=dtype or floatx())

    fill.__name__ = function.__name__
    return fill


def _matrix(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return `function` of numbers of rows and columns, made of the default float if no dtype is given."""

    def fill(N: int, *, dtype: Any, **options: Any) -> Array:
        return function(N, dtype=dtype or floatx(), **options)

    fill.__name__ = function.__name__
    return fill


def _window(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return a window of a length, made of the default float."""

    def window(x: Any, *options: Any) -> Array:
        return function(int(x), *options).astype(floatx())

    window.__name__ = function.__name__
    return window


def _arange(start: Any, *, stop: Any, step: Any, dtype: Any) -> Array:
    if dtype is None:
        # Python's floats have no dtype of their own.
        given = [jnp.dtype(floatx()) if isinstance(n, float) else n for n in (start, stop, step) if n is not None]
        dtype = jnp.result_type(*given)
    return jnp.arange(start, stop, step, dtype)


def _array(x: Any, *, dtype: Any) -> Array:
    return jnp.array(x, dtype)


def _view(x: Any, *, dtype: Any) -> Array:
    x = jnp.asarray(x)
    return x if dtype is None else x.view(dtype)


array = row(_array, "x, dtype=None", "Numbers, lists or arrays as a new array.")
view = row(_view, "x, dtype=None", "The same bytes read as another dtype; the last axis grows or shrinks accordingly.")

zeros = row(_filled(jnp.zeros), "shape, dtype=None", "Zeros.")
ones = row(_filled(jnp.ones), "shape, dtype=None", "Ones.")
empty = row(_filled(jnp.empty), "shape, dtype=None", "An array whose values do not matter: zeros.")
full = row(_filled(jnp.full), "shape, fill_value, dtype=None", "An array filled with a value, which is broadcast.")
zeros_like = row(jnp.zeros_like, "x, dtype=None", "Zeros of the shape and dtype of `x`.", elementwise=True)
ones_like = row(jnp.ones_like, "x, dtype=None", "Ones of the shape and dtype of `x`.", elementwise=True)
empty_like = row(
    jnp.empty_like, "x, dtype=None", "An array like `x` whose values do not matter: zeros.", elementwise=True
)
full_like = row(
    jnp.full_like, "x, fill_value, dtype=None", "An array like `x` filled with a value, which is broadcast."
)
eye = row(_matrix(jnp.eye), "N, M=None, k=0, dtype=None", "`N` rows and `M` columns with ones on the diagonal `k`.")
identity = row(_matrix(jnp.identity), "n, dtype=None", "Identity matrix.")
tri = row(_matrix(jnp.tri), "N, M=None, k=0, dtype=None", "`N` rows and `M` columns with ones up to the diagonal `k`.")

arange = row(
    _arange,
    "start, stop=None, step=None, dtype=None",
    "Numbers from `start` up to, and without, `stop`; from 0 up to `start` if there is no `stop`.",
)
linspace = row(
    jnp.linspace,
    "start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0",
    "`num` numbers at equal distances along a new axis; with `retstep`, also the distance.",
)
logspace = row(
    jnp.logspace, "start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0", "`base ** linspace(start, stop)`."
)
geomspace = row(
    jnp.geomspace, "start, stop, num=50, endpoint=True, dtype=None, axis=0", "`num` numbers of equal ratios."
)

bartlett = row(_window(jnp.bartlett), "x", "Bartlett's window of a length: a triangle.")
blackman = row(_window(jnp.blackman), "x", "Blackman's window of a length: `0.42 - 0.5 cos t + 0.08 cos 2t`.")
hamming = row(_window(jnp.hamming), "x", "Hamming's window of a length: `0.54 - 0.46 cos t`.")
hanning = row(_window(jnp.hanning), "x", "Hann's window of a length: `0.5 - 0.5 cos t`.")
kaiser = row(_window(jnp.kaiser), "x, beta", "Kaiser's window of a length, the narrower the larger `beta`.")

__all__ = publish(globals())
