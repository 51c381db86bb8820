"""Sounds and other signals: frames, short-time Fourier transforms, mel bands, decibels."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array


def window_of(window: Any, length: int, periodic: bool = True) -> np.ndarray | Array:
    """Return the weights of a frame.

    Args:
        window: Name of a window of `scipy.signal`, the weights themselves, or None for no window.
        length: Number of samples.
        periodic: Whether the window is one period of a periodic function, rather than symmetric.

    Returns:
        (length,), float32; weights that were given, as they are.

    Raises:
        ValueError: If the window is unknown or does not have `length` weights.

    >>> window_of("hann", 4).tolist(), window_of("hann", 3, periodic=False).tolist()
    ([0.0, 0.5, 1.0, 0.5], [0.0, 1.0, 0.0])
    """
    if window is None:
        return np.ones(length, np.float32)
    if isinstance(window, (str, tuple)):
        from scipy import signal  # pyright: ignore[reportMissingTypeStubs]

        return np.asarray(signal.get_window(window, length, fftbins=periodic), np.float32)
    weights = jnp.asarray(window)
    if weights.shape != (length,):
        raise ValueError(f"A window must have one weight for each of {length} samples; got shape {weights.shape}.")
    return weights


def frames(x: Array, length: int, stride: int) -> Array:
    """Return the windows of a signal: `(..., samples)` to `(..., frames, length)`.

    Args:
        x: `(..., samples)`.
        length: Samples in a frame.
        stride: Samples from the start of a frame to that of the next.

    Returns:
        (..., frames, length).

    >>> frames(jnp.arange(5), 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    count = max(0, 1 + (x.shape[-1] - length) // stride)
    return x[..., np.arange(count)[:, None] * stride + np.arange(length)]


def overlap_add(x: Array, stride: int) -> Array:
    """Return the signal whose frames, `stride` samples apart, are summed: `(..., frames, length)` to `(..., samples)`.

    Args:
        x: (..., frames, length).
        stride: Samples from the start of a frame to that of the next.

    Returns:
        (..., samples).

    >>> overlap_add(jnp.ones((2, 3)), 2).tolist()
    [1.0, 1.0, 2.0, 1.0, 1.0]
    """
    count, length = x.shape[-2:]
    places = np.arange(count)[:, None] * stride + np.arange(length)
    return jnp.zeros((*x.shape[:-2], (count - 1) * stride + length), x.dtype).at[..., places].add(x)


def stft(
    x: Array, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> Array:
    """Short-time Fourier transform: `X[t, k] = sum_n w[n] x[t * stride + n] exp(-2 pi i k n / fft_length)`.

    Args:
        x: `(..., samples)`, real.
        sequence_length: Samples under the window, at most `fft_length`; the window stands in the middle of the frame.
        sequence_stride: Samples from one frame to the next.
        fft_length: Samples in a frame.
        window: See `window_of`; None takes the whole frame.
        center: Whether the signal is mirrored at both ends, so that frame `t` has sample `t * stride` in its middle.

    Returns:
        Complex, `(..., frames, fft_length // 2 + 1)`.

    Raises:
        ValueError: If `sequence_length` is larger than `fft_length`.

    >>> stft(jnp.arange(5.0), 3, 2, 3).shape
    (3, 2)
    """
    weights = _frame_window(window, sequence_length, fft_length)
    if center:
        side = fft_length // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(side, side)], mode="reflect")
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # Fourier transforms exist for 32 and 64 bits only
    return jnp.fft.rfft(frames(x, fft_length, sequence_stride) * weights.astype(x.dtype))


def istft(
    x: Array,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Array:
    """Return the signal that `stft` with the same arguments turns into `x`: the least squares solution.

    `x[s] = sum_t w[s - t * stride] frame_t[s - t * stride] / sum_t w[s - t * stride]^2` (Griffin & Lim, 1984)

    Args:
        x: Complex, `(..., frames, fft_length // 2 + 1)`.
        sequence_length: As in `stft`, like the arguments that are not described here.
        sequence_stride: As in `stft`.
        fft_length: As in `stft`.
        length: The most samples to return; None is all that the frames cover, without what `center` added.
        window: As in `stft`.
        center: As in `stft`.

    Returns:
        `(..., samples)`.

    >>> istft(stft(jnp.arange(8.0), 4, 2, 4), 4, 2, 4).round(4).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    weights = _frame_window(window, sequence_length, fft_length)
    parts = jnp.fft.irfft(x, fft_length)
    weights = weights.astype(parts.dtype)
    total = overlap_add(jnp.broadcast_to(jnp.square(weights), parts.shape[-2:]), sequence_stride)
    signal = overlap_add(parts * weights, sequence_stride)
    # Where no window reaches, there is nothing to divide.
    signal = jnp.where(total > 1e-10, signal / jnp.where(total > 1e-10, total, 1), signal)
    start = fft_length // 2 if center else 0
    return signal[..., start : signal.shape[-1] - start if length is None else start + length]


def _frame_window(window: Any, sequence_length: int, fft_length: int) -> np.ndarray | Array:
    if fft_length < sequence_length:
        raise ValueError(f"fft_length must be at least sequence_length, {sequence_length}; got {fft_length}.")
    if window is None:
        return window_of(None, fft_length)
    before = (fft_length - sequence_length) // 2
    weights = window_of(window, sequence_length)
    widths = before, fft_length - sequence_length - before
    return np.pad(weights, widths) if isinstance(weights, np.ndarray) else jnp.pad(weights, widths)


def fourier_kernel(length: int, fft_length: int, side: str) -> np.ndarray:
    """Return `cos(2 pi k n / fft_length)` for `side` "real", and `-sin(...)` for "imag": `(length, frequencies)`.

    Args:
        length: Samples in a frame.
        fft_length: Samples in a period.
        side: "real" or "imag".

    Returns:
        (length, fft_length // 2 + 1), float64.

    >>> fourier_kernel(2, 2, "real").round(4).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    # Reduced modulo one turn before it is multiplied, so that long frames lose no precision.
    turns = np.outer(np.arange(length), np.arange(fft_length // 2 + 1)) % fft_length / fft_length
    return np.cos(2 * np.pi * turns) if side == "real" else -np.sin(2 * np.pi * turns)


def mel_matrix(
    bands: int, frequencies: int, sampling_rate: float, lowest: float = 125.0, highest: float = 3800.0
) -> np.ndarray:
    """Return triangular filters whose centres are equally spaced on the mel scale, `mel(f) = 1127 log(1 + f / 700)`.

    Args:
        bands: Number of filters.
        frequencies: Number of frequencies of the spectrum, from 0 to half the sampling rate.
        sampling_rate: In Hz.
        lowest: Where the first filter begins, in Hz.
        highest: Where the last one ends, in Hz.

    Returns:
        `(frequencies, bands)`, float32. The constant part of the spectrum is in no band.

    >>> mel_matrix(2, 5, 8000, 0.0, 4000.0).shape
    (5, 2)
    """

    def mel(hertz: Any) -> np.ndarray:
        return 1127.0 * np.log1p(hertz / 700.0)

    spectrum = mel(np.linspace(0.0, sampling_rate / 2, frequencies))[:, None]
    edges = np.linspace(mel(lowest), mel(highest), bands + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (spectrum - left) / (centre - left)
    falling = (right - spectrum) / (right - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return weights.astype(np.float32)


def decibels(power: Array, reference: float = 1.0, least: float = 1e-10, range_db: float = 80.0) -> Array:
    """Return `10 log10(power / reference)`, not more than `range_db` below the loudest of all elements.

    Args:
        power: Array of any shape.
        reference: The power of 0 dB, raised to `least`.
        least: What smaller powers are raised to.
        range_db: Distance of the quietest from the loudest.

    Returns:
        The shape of `power`.

    >>> decibels(jnp.asarray([1.0, 100.0, 0.0]), range_db=30.0).tolist()
    [0.0, 20.0, -10.0]
    """
    levels = 10.0 * jnp.log10(jnp.maximum(power, least)) - 10.0 * np.log10(max(least, reference))
    return jnp.maximum(levels, jnp.max(levels) - range_db)
