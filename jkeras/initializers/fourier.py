"""The kernel of a convolution that is a Fourier transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.registry import initializers
from jkeras.functional.signal import fourier_kernel, window_of
from jkeras.initializers.base import Initializer


@initializers.register_class("STFTInitializer")
class STFT(Initializer):
    """Kernel `(frame_length, 1, frequencies)` of a convolution that is one side of a Fourier transform of frames.

    `w[n] cos(2 pi k n / fft_length)`, or `-w[n] sin(...)`, with `fft_length = 2 (frequencies - 1)`.

    Args:
        side: Which part of the transform: `"real"` or `"imag"`.
        window: Name of a window of `scipy.signal`, the weights `w`, or None for no window.
        scaling: `"density"` divides the window by `sqrt(sum(w^2))`, `"spectrum"` by `sum(w)`, None does not.
        periodic: Whether a window given by name is periodic rather than symmetric.

    Raises:
        ValueError: For an argument outside these and, when called, if the shape does not have three sizes.

    >>> STFT(window=None)((2, 1, 2)).round(4).tolist()
    [[[1.0, 1.0]], [[1.0, -1.0]]]
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ):
        if side not in ("real", "imag"):
            raise ValueError(f"STFT: side must be 'real' or 'imag', got {side!r}.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f"STFT: scaling must be 'density', 'spectrum' or None, got {scaling!r}.")
        if isinstance(window, (str, tuple)):
            window_of(window, 2)  # refuses an unknown name
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if len(shape) != 3:
            raise ValueError(f"STFT makes kernels (frame_length, 1, frequencies), got shape {tuple(shape)}.")
        length, _, frequencies = shape
        kernel = fourier_kernel(length, 2 * (frequencies - 1), self.side)
        if self.window is not None:
            window = jnp.asarray(window_of(self.window, length, self.periodic))
            if self.scaling == "density":
                window = window / jnp.sqrt(jnp.sum(jnp.square(window)))
            elif self.scaling == "spectrum":
                window = window / jnp.abs(jnp.sum(window))
            kernel = kernel * window[:, None]
        return jnp.broadcast_to(jnp.asarray(kernel)[:, None], tuple(shape)).astype(dtype)
