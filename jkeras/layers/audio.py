"""Spectrograms of sounds."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import is_float
from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.functional.conv import conv
from jkeras.functional.signal import decibels, mel_matrix, stft, window_of
from jkeras.initializers import STFT
from jkeras.layers.arguments import one_of, positive

__all__ = ["MelSpectrogram", "STFTSpectrogram"]

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class MelSpectrogram(Layer):
    """Loudness in bands of equal width on the mel scale, over time.

    The magnitude of the short-time Fourier transform to the power `mag_exp`, summed by triangular filters, in decibels.

    Args:
        fft_length: Samples in a frame.
        sequence_stride: Samples from one frame to the next.
        sequence_length: Samples under the window; `fft_length` if None.
        window: Name of a window, such as "hann" or "hamming", its weights, or None for no window.
        sampling_rate: Samples a second.
        num_mel_bins: Number of bands.
        min_freq: Where the lowest band begins, in Hz.
        max_freq: Where the highest band ends, in Hz; half the sampling rate if None.
        power_to_db: Whether to return decibels.
        top_db: Decibels from the loudest element of the batch below which all are raised to.
        mag_exp: Power of the magnitude: 1 for magnitudes, 2 for powers.
        min_power: What smaller powers are raised to.
        ref_power: The power of 0 dB.

    Inputs are `(batch, samples)` or `(samples,)`; outputs `(..., num_mel_bins, frames)`.

    >>> layer = MelSpectrogram(fft_length=64, sequence_stride=16, sampling_rate=8000, num_mel_bins=10)
    >>> layer(jnp.ones((2, 400))).shape
    (2, 10, 26)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.fft_length = positive(self, "fft_length", fft_length)
        self.sequence_stride = positive(self, "sequence_stride", sequence_stride)
        self.sequence_length = positive(self, "sequence_length", sequence_length or fft_length)
        self.num_mel_bins = positive(self, "num_mel_bins", num_mel_bins)
        if self.sequence_length > self.fft_length:
            raise ValueError(
                f"MelSpectrogram: sequence_length must be at most fft_length, {fft_length}; got {sequence_length}."
            )
        self.max_freq = max_freq or sampling_rate / 2
        self.window, self.sampling_rate, self.min_freq = window, sampling_rate, min_freq
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def call(self, inputs: Array) -> Array:
        """Return `(..., num_mel_bins, frames)`."""
        spectrum = stft(
            inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32)),  # decibels need the range of 32 bits
            self.sequence_length,
            self.sequence_stride,
            self.fft_length,
            self.window,
        )
        bands = mel_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq
        )
        power = jnp.abs(spectrum) ** self.mag_exp @ bands
        if self.power_to_db:
            power = decibels(power, self.ref_power, self.min_power, self.top_db)
        return jnp.swapaxes(power, -1, -2).astype(self.compute_dtype)


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel, as a convolution whose kernels begin as those of Fourier.

    Args:
        mode: What is returned: "real" and "imag" parts, their "magnitude" or its logarithm "log", the "angle", "stft"
            (both parts, one after the other), or "psd", the power of each frequency with that of its negative.
        frame_length: Samples in a frame.
        frame_step: Samples from one frame to the next; half a frame if None.
        fft_length: Length that frames are padded to; the next power of two if None.
        window: Name of a window of `scipy.signal`, its weights, or None for no window.
        periodic: Whether a window given by name is periodic rather than symmetric.
        scaling: "density" divides the window by `sqrt(sum(w^2))`, "spectrum" by `sum(w)`, None does not.
        padding: "valid" or "same".
        expand_dims: Whether frequencies and channels are axes of their own, as in an image.
        data_format: "channels_last" or "channels_first".

    Inputs are `(batch, samples, channels)`; outputs `(batch, frames, channels * frequencies)`, or with `expand_dims`
    `(batch, frames, frequencies, channels)`. With channels first, `(batch, channels, samples)` gives
    `(batch, channels * frequencies, frames)` or `(batch, channels, frames, frequencies)`.

    Raises:
        ValueError: For an argument outside these.

    >>> STFTSpectrogram(frame_length=8, fft_length=16)(jnp.ones((2, 40, 3))).shape
    (2, 9, 27)
    """

    real_kernel: Any
    imag_kernel: Any

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.frame_length = positive(self, "frame_length", frame_length)
        self.frame_step = None if frame_step is None else positive(self, "frame_step", frame_step)
        self.fft_length = None if fft_length is None else positive(self, "fft_length", fft_length)
        self.data_format = standardize_data_format(data_format)
        self.mode, self.padding = one_of(self, "mode", mode, MODES), one_of(self, "padding", padding, ("valid", "same"))
        self.expand_dims = expand_dims
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self.input_spec = InputSpec(ndim=3)
        if (frame_step or 1) > frame_length or (fft_length or frame_length) < frame_length:
            raise ValueError(
                f"STFTSpectrogram: frame_step must be at most and fft_length at least frame_length, {frame_length}; "
                f"got frame_step={frame_step}, fft_length={fft_length}."
            )
        STFT("real", window, scaling, periodic)
        if window is not None:
            window_of(window, frame_length)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Declare a kernel for each part that the mode needs."""
        fft_length = self.fft_length or 2 ** (self.frame_length - 1).bit_length()
        for side in ("real", "imag"):
            if self.mode not in ("real", "imag") or self.mode == side:
                initializer = STFT(side, self.window, self.scaling, self.periodic)
                shape = (self.frame_length, 1, fft_length // 2 + 1)
                setattr(self, f"{side}_kernel", self.add_weight(f"{side}_kernel", shape, initializer))

    def call(self, inputs: Array) -> Array:
        """Return the spectrogram."""
        if not is_float(inputs):
            raise TypeError(f"Layer {self.path!r} expects sounds as floating-point numbers; got dtype {inputs.dtype}.")
        x = inputs if self.data_format == "channels_first" else jnp.swapaxes(inputs, 1, 2)
        batch, channels, samples = x.shape
        signals = x.reshape(batch * channels, samples, 1)
        step = self.frame_step or self.frame_length // 2

        def part(kernel: Array) -> Array:
            y = conv(signals, kernel, step, self.padding)
            return y.reshape(batch, channels, *y.shape[1:])

        y = self._compute(part)
        if self.data_format == "channels_first":
            return y if self.expand_dims else jnp.swapaxes(y, 2, 3).reshape(batch, -1, y.shape[2])
        y = jnp.moveaxis(y, 1, -1 if self.expand_dims else 2)
        return y if self.expand_dims else y.reshape(batch, y.shape[1], -1)

    def _compute(self, part: Any) -> Array:
        """Return what the mode asks for: `(batch, channels, frames, frequencies)`."""
        if self.mode in ("real", "imag"):
            return part(getattr(self, f"{self.mode}_kernel"))
        real, imag = part(self.real_kernel), part(self.imag_kernel)
        if self.mode == "stft":
            return jnp.concatenate([real, imag], axis=-1)
        if self.mode == "angle":
            return jnp.arctan2(imag, real)
        power = jnp.square(real) + jnp.square(imag)
        if self.mode == "psd":
            return power.at[..., 1:-1].multiply(2)
        # Finite slopes where nothing is heard.
        magnitude = jnp.sqrt(jnp.maximum(power, jnp.asarray(1e-7, power.dtype)))
        return jnp.log(magnitude) if self.mode == "log" else magnitude
