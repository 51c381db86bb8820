"""Arrays from sizes and numbers: constants, ranges, windows."""

from __future__ import annotations

import functools
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


_row = functools.partial(row, dtype="Dtype of the result; None is `config.floatx()`.")
_made = functools.partial(_row, returns="Array of `shape` and `dtype`.")
_like = functools.partial(
    row, returns="Array of the shape of `x`.", dtype="Dtype of the result; None is that of `x`.",
)  # fmt: skip
_matrices = functools.partial(
    _row, returns="Matrix `(N, M)`.", N="Number of rows.", M="Number of columns; None is that of rows.",
)  # fmt: skip
_range = functools.partial(
    row, returns="Array of `num` numbers along `axis`; integers give float32.",
    start="First number, or an array of several.", stop="Last number, or an array of several.", num="How many.",
    base="Base of the powers.", axis="Where the new axis goes if `start` or `stop` is an array.",
    dtype="Dtype of the result; None is that of `start` and `stop`.",
)  # fmt: skip
_windows = functools.partial(row, returns="Vector `(x,)` of the default float.", x="The length, an integer.")

array = row(
    _array, "x, dtype=None", "Numbers, lists or arrays as a new array.", "[1, 2.5] -> [1.0, 2.5]",
    x="Anything that stands for an array.", dtype="Dtype of the result; None is that of `x`.",
    returns="Array of the shape of `x`.",
)  # fmt: skip
view = row(
    _view, "x, dtype=None", "The same bytes read as another dtype.", "1.0, 'int32' -> 1065353216",
    dtype="Dtype of the result; None is that of `x`.",
    returns="Array of the shape of `x`; the last axis grows or shrinks with the size of the dtype.",
)  # fmt: skip

zeros = _made(_filled(jnp.zeros), "shape, dtype=None", "Zeros.", "(1, 2) -> [[0.0, 0.0]]")
ones = _made(_filled(jnp.ones), "shape, dtype=None", "Ones.", "(1, 2) -> [[1.0, 1.0]]")
empty = _made(
    _filled(jnp.empty), "shape, dtype=None", "An array whose values do not matter: zeros.", "(1, 2) -> shape (1, 2)"
)
full = _made(
    _filled(jnp.full), "shape, fill_value, dtype=None", "An array filled with a value.", "(2,), 7, 'int32' -> [7, 7]",
    fill_value="A number, or an array that is broadcast.",
)  # fmt: skip
zeros_like = _like(jnp.zeros_like, "x, dtype=None", "Zeros of the shape of `x`.", "[1, 2] -> [0, 0]", elementwise=True)
ones_like = _like(jnp.ones_like, "x, dtype=None", "Ones of the shape of `x`.", "[1, 2] -> [1, 1]", elementwise=True)
empty_like = _like(
    jnp.empty_like, "x, dtype=None", "An array like `x` whose values do not matter: zeros.", "[1, 2] -> shape (2,)",
    elementwise=True,
)  # fmt: skip
full_like = _like(
    jnp.full_like, "x, fill_value, dtype=None", "An array like `x` filled with a value.", "[1, 2], 7 -> [7, 7]",
    fill_value="A number, or an array that is broadcast.",
)  # fmt: skip
eye = _matrices(
    _matrix(jnp.eye), "N, M=None, k=0, dtype=None", "`N` rows and `M` columns with ones on the diagonal `k`.",
    "2, 3 -> [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]",
)  # fmt: skip
identity = _row(
    _matrix(jnp.identity), "n, dtype=None", "Identity matrix.", "2 -> [[1.0, 0.0], [0.0, 1.0]]",
    n="Number of rows and columns.", returns="Matrix `(n, n)`.",
)  # fmt: skip
tri = _matrices(
    _matrix(jnp.tri), "N, M=None, k=0, dtype=None", "`N` rows and `M` columns with ones up to the diagonal `k`.",
    "2, 3 -> [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]",
)  # fmt: skip

arange = row(
    _arange, "start, stop=None, step=None, dtype=None",
    "Numbers from `start` up to, and without, `stop`; from 0 up to `start` if there is no `stop`.",
    "1, 6, 2 -> [1, 3, 5]", start="First number.", stop="The end, which is left out.", step="Distance; None is 1.",
    dtype="Dtype of the result; None is int32 for integers and the default float for floats.", returns="Vector.",
)  # fmt: skip
linspace = _range(
    jnp.linspace, "start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0",
    "`num` numbers at equal distances along a new axis.", "0, 1, 5 -> [0.0, 0.25, 0.5, 0.75, 1.0]",
    retstep="Whether the distance is returned too.",
)  # fmt: skip
logspace = _range(
    jnp.logspace, "start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0", "`base ** linspace(start, stop)`.",
    "0, 3, 4, base=2 -> [1.0, 2.0, 4.0, 8.0]", start="First exponent.", stop="Last exponent.",
)  # fmt: skip
geomspace = _range(
    jnp.geomspace, "start, stop, num=50, endpoint=True, dtype=None, axis=0", "`num` numbers of equal ratios.",
    "1, 100, 3 -> [1.0, 10..., 100.0]",
)  # fmt: skip

bartlett = _windows(_window(jnp.bartlett), "x", "Bartlett's window of a length: a triangle.", "3 -> [0.0, 1.0, 0.0]")
blackman = _windows(
    _window(jnp.blackman),
    "x",
    "Blackman's window of a length: `0.42 - 0.5 cos t + 0.08 cos 2t`.",
    "3 -> shape (3,)",
)
hamming = _windows(
    _window(jnp.hamming), "x", "Hamming's window of a length: `0.54 - 0.46 cos t`.", "3 -> [0.08..., 1.0, 0.08...]"
)
hanning = _windows(_window(jnp.hanning), "x", "Hann's window of a length: `0.5 - 0.5 cos t`.", "3 -> [0.0, 1.0, 0.0]")
kaiser = _windows(
    _window(jnp.kaiser), "x, beta", "Kaiser's window of a length, the narrower the larger `beta`.",
    "3, 14.0 -> [7...e-06, 1.0, 7...e-06]", beta="A number; 0 is a rectangle.",
)  # fmt: skip

__all__ = publish(globals())
