"""Mathematics beyond numpy: segments, Fourier transforms, special functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from jkeras.core.operation import operation, publish
from jkeras.functional import signal


def _real(x: Any) -> Array:
    """Return an array of numbers with a fractional part."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.result_type(float))


def _special(function: Callable[[Array], Array]) -> Callable[[Any], Array]:
    def compute(x: Any) -> Array:
        return function(_real(x))

    compute.__name__ = function.__name__
    return compute


_row = functools.partial(
    operation, elementwise=True, returns="Array of the shape of `x`, of floats; integers give float32."
)

erf = _row(
    _special(lax.erf), "x", "The error function, `2 / sqrt(pi) int_0^x exp(-t^2) dt`.", "[0.0, 1.0] -> [0.0, 0.842...]"
)
erfc = _row(_special(lax.erfc), "x", "`1 - erf(x)`, exact where it is small.", "[0.0, 1.0] -> [1.0, 0.157...]")
erfinv = _row(_special(lax.erf_inv), "x", "The number whose error function is `x`.", "[0.0, 0.5] -> [0.0, 0.476...]")
rsqrt = _row(_special(lax.rsqrt), "x", "`1 / sqrt(x)`.", "[1.0, 4.0] -> [1.0, 0.5]")


# Segments

_REDUCTIONS = {
    "sum": jax.ops.segment_sum,
    "max": jax.ops.segment_max,
    "min": jax.ops.segment_min,
    "prod": jax.ops.segment_prod,
}


def _segment(kind: str) -> Callable[..., Any]:
    def reduce(data: Any, segment_ids: Any, *, num_segments: int | None, sorted: bool) -> Array:
        if num_segments is None:
            raise ValueError(f"segment_{kind}: the shape of the result is not known. Give it: num_segments=...")
        return _REDUCTIONS[kind](jnp.asarray(data), jnp.asarray(segment_ids), num_segments, indices_are_sorted=sorted)

    reduce.__name__ = f"segment_{kind}"
    return reduce


_SEGMENTS = "data, segment_ids, num_segments=None, sorted=False"
_segments = functools.partial(
    operation, data="Array of rows.", segment_ids="Vector of integers, the number of each row.",
    num_segments="How many numbers there are, from 0.", sorted="Whether `segment_ids` ascend, which is faster.",
    returns="Array of `num_segments` rows of the dtype of `data`.",
)  # fmt: skip

segment_sum = _segments(
    _segment("sum"),
    _SEGMENTS,
    "Sums of the rows of `data` that have the same number.",
    "[1, 2, 4], [0, 1, 0], 2 -> [5, 2]",
)
segment_max = _segments(
    _segment("max"),
    _SEGMENTS,
    "Largest of the rows of `data` that have the same number.",
    "[1, 2, 4], [0, 1, 0], 2 -> [4, 2]",
)
segment_min = _segments(
    _segment("min"),
    _SEGMENTS,
    "Smallest of the rows of `data` that have the same number.",
    "[1, 2, 4], [0, 1, 0], 2 -> [1, 2]",
)
segment_prod = _segments(
    _segment("prod"),
    _SEGMENTS,
    "Products of the rows of `data` that have the same number.",
    "[3, 2, 4], [0, 1, 0], 2 -> [12, 2]",
)


# Ranks


def _top_k(x: Any, k: int, *, sorted: bool) -> tuple[Array, Array]:
    # Sorting costs nothing more here, so that `sorted=False` allows what is done anyway.
    values, indices = lax.top_k(jnp.asarray(x), k)
    return values, indices


def _in_top_k(targets: Any, predictions: Any, k: int) -> Array:
    targets, predictions = jnp.asarray(targets), jnp.asarray(predictions)
    own = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    better = jnp.sum(predictions > own, axis=-1)
    finite = jnp.all(jnp.isfinite(own), axis=-1)
    return finite & (better < k)


def _logsumexp(x: Any, *, axis: Any, keepdims: bool) -> Array:
    return jax.nn.logsumexp(jnp.asarray(x), axis=axis, keepdims=keepdims)


top_k = operation(
    _top_k, "x, k, sorted=True", "The `k` largest elements along the last axis, and their indices.",
    "[1, 5, 3], 2 -> ([5, 3], [1, 2])", k="How many.", sorted="Not used: they descend in any case.",
    returns="Two arrays `(..., k)`: of the dtype of `x`, and of int32.",
)  # fmt: skip
in_top_k = operation(
    _in_top_k, "targets, predictions, k", "Whether fewer than `k` predictions exceed the target's.",
    "[0, 1], [[0.1, 0.9], [0.2, 0.8]], 1 -> [False, True]", targets="Array `(...)` of class numbers.",
    predictions="Array `(..., classes)`.", k="An integer.", returns="Array `(...)` of booleans.",
)  # fmt: skip
logsumexp = operation(
    _logsumexp, "x, axis=None, keepdims=False", "`log(sum(exp(x)))`, without overflow.", "[99.0, 99.0] -> 99.69...",
    axis="One axis or several; None is all.", returns="Array without these axes, of floats.",
)  # fmt: skip


# Matrices and vectors


def _logdet(x: Any) -> Array:
    return jnp.linalg.slogdet(_real(x))[1]


def _cdist(x: Any, y: Any) -> Array:
    difference = _real(x)[..., :, None, :] - _real(y)[..., None, :, :]
    squared = jnp.sum(jnp.square(difference), axis=-1)
    # The root has an infinite slope at 0: where points coincide, the gradient is 0.
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1)), 0)


logdet = operation(
    _logdet, "x", "Logarithm of the absolute determinant.", "[[1.0, 0.0], [0.0, -1.0]] -> 0.0",
    x="Matrices `(..., n, n)`.", returns="Array `(...)` of floats.",
)  # fmt: skip
cdist = operation(
    _cdist, "x, y", "Euclidean distances between the rows of two matrices.", "[[0.0, 0.0]], [[3.0, 4.0]] -> [[5.0]]",
    x="Array `(..., n, d)`.", y="Array `(..., m, d)`.", returns="Array `(..., n, m)` of floats.",
)  # fmt: skip


# Complex numbers and Fourier transforms; the real and the imaginary part go in and out as a pair.


def _complex(x: Any) -> Array:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"Expected a pair of arrays, the real and the imaginary part; got {type(x).__name__}.")
    real, imag = map(jnp.asarray, x)
    if real.shape != imag.shape:
        raise ValueError(f"The real and the imaginary part differ in shape: {real.shape} and {imag.shape}.")
    if not all(jnp.issubdtype(part.dtype, jnp.floating) for part in (real, imag)):
        raise ValueError(f"Expected floating-point parts; got {real.dtype} and {imag.dtype}.")
    return lax.complex(*(part.astype(jnp.promote_types(part.dtype, jnp.float32)) for part in (real, imag)))


def _parts(x: Array) -> tuple[Array, Array]:
    return x.real, x.imag


def _on_pairs(function: Callable[[Array], Array]) -> Callable[[Any], tuple[Array, Array]]:
    def compute(x: Any) -> tuple[Array, Array]:
        return _parts(function(_complex(x)))

    compute.__name__ = function.__name__
    return compute


def _rfft(x: Any, *, fft_length: int | None) -> tuple[Array, Array]:
    return _parts(jnp.fft.rfft(_at_least_32_bits(x), fft_length))


def _irfft(x: Any, *, fft_length: int | None) -> Array:
    return jnp.fft.irfft(_complex(x), fft_length)


def _at_least_32_bits(x: Any) -> Array:
    x = _real(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, *, window: Any, center: bool
) -> tuple[Array, Array]:
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"stft expects floating-point numbers; got {x.dtype}.")
    return _parts(signal.stft(x, sequence_length, sequence_stride, fft_length, window, center))


def _istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    *,
    length: int | None,
    window: Any,
    center: bool,
) -> Array:
    return signal.istft(_complex(x), sequence_length, sequence_stride, fft_length, length, window, center)


def _extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Array:
    return signal.frames(jnp.asarray(x), sequence_length, sequence_stride)


def _view_as_complex(x: Any) -> Array:
    x = _real(x)
    if x.shape[-1:] != (2,):
        raise ValueError(f"view_as_complex expects a last axis of 2, real and imaginary parts; got shape {x.shape}.")
    return lax.complex(x[..., 0], x[..., 1])


def _view_as_real(x: Any) -> Array:
    x = jnp.asarray(x)
    return jnp.stack([x.real, x.imag], axis=-1)


_PAIR = "A pair `(real, imaginary)` of arrays of floats of one shape."
_transform = functools.partial(operation, x=_PAIR, returns="Such a pair, of the shape of the parts of `x`.")
_frames = functools.partial(
    operation, sequence_length="Length of a frame.", sequence_stride="Distance between frames.",
    fft_length="Length of the transform; frames are padded with zeros.",
    window='"hann", "hamming", an array of `sequence_length` numbers, or None for a rectangle.',
    center="Whether frames are centred on their times, with the signal padded.",
)  # fmt: skip

fft = _transform(
    _on_pairs(jnp.fft.fft), "x", "Fourier transform along the last axis of complex numbers.",
    "([1.0, 0.0], [0.0, 0.0]) -> ([1.0, 1.0], [0.0, 0.0])",
)  # fmt: skip
fft2 = _transform(
    _on_pairs(jnp.fft.fft2), "x", "Fourier transform along the last two axes of complex numbers.",
    "([[1.0, 0.0]], [[0.0, 0.0]]) -> ([[1.0, 1.0]], [[0.0, 0.0]])",
)  # fmt: skip
ifft2 = _transform(
    _on_pairs(jnp.fft.ifft2), "x", "Inverse Fourier transform along the last two axes of complex numbers.",
    "([[1.0, 1.0]], [[0.0, 0.0]]) -> ([[1.0, 0.0]], [[0.0, 0.0]])",
)  # fmt: skip
rfft = operation(
    _rfft, "x, fft_length=None", "Fourier transform of real numbers along the last axis.",
    "[1.0, 0.0, 0.0] -> ([1.0, 1.0], [0.0, 0.0])", x="Array `(..., length)`.",
    fft_length="Length of the transform, to which `x` is cut or padded; None is its own.",
    returns="A pair `(real, imaginary)` of arrays `(..., fft_length // 2 + 1)`.",
)  # fmt: skip
irfft = operation(
    _irfft, "x, fft_length=None", "Real inverse Fourier transform.", "([1.0, 1.0], [0.0, 0.0]) -> [1.0, 0.0]", x=_PAIR,
    fft_length="Length of the result; None is `2 * (length - 1)`.", returns="Array `(..., fft_length)` of floats.",
)  # fmt: skip
stft = _frames(
    _stft, 'x, sequence_length, sequence_stride, fft_length, window="hann", center=True',
    "Short-time Fourier transform along the last axis.",
    ">>> real, imaginary = stft(jnp.ones(8), 4, 2, 4)\n>>> real.shape, imaginary.shape\n((5, 3), (5, 3))",
    x="Array `(..., length)` of floats.",
    returns="A pair `(real, imaginary)` of arrays `(..., frames, fft_length // 2 + 1)`.",
)  # fmt: skip
istft = _frames(
    _istft, 'x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True',
    "The signal whose short-time Fourier transform is the pair `x`.",
    ">>> jax.eval_shape(lambda x: istft(x, 4, 2, 4), (jnp.ones((5, 3)), jnp.zeros((5, 3)))).shape\n(8,)",
    x="A pair `(real, imaginary)` of arrays `(..., frames, fft_length // 2 + 1)`.",
    length="Length of the signal; None is what the frames cover.", returns="Array `(..., length)` of floats.",
)  # fmt: skip
extract_sequences = _frames(
    _extract_sequences, "x, sequence_length, sequence_stride", "Windows of the last axis.",
    "[1, 2, 3, 4], 2, 2 -> [[1, 2], [3, 4]]", x="Array `(..., length)`.",
    returns="Array `(..., frames, sequence_length)`.",
)  # fmt: skip
view_as_complex = operation(
    _view_as_complex, "x", "Complex numbers of real and imaginary parts along the last axis.",
    "[[1.0, 2.0]] -> [(1+2j)]",
    x="Array `(..., 2)`.", returns="Array `(...)` of complex numbers.",
)  # fmt: skip
view_as_real = operation(
    _view_as_real, "x", "Real and imaginary parts of complex numbers along a new last axis.",
    "[1 + 2j] -> [[1.0, 2.0]]",
    returns="Array `(..., 2)` of floats.",
)  # fmt: skip


__all__ = publish(globals())
