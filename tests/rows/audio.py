"""Spectrograms."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import Row, rows

MEL = {"fft_length": 16, "sequence_stride": 6, "num_mel_bins": 4, "sampling_rate": 800}
FRAMES = {"frame_length": 6, "fft_length": 8}

CONTRACT = [
    Row("MelSpectrogram", lambda: layers.MelSpectrogram(**MEL), (3, 40)),
    Row("STFTSpectrogram", lambda: layers.STFTSpectrogram(**FRAMES), (3, 20, 2)),
]

ORACLE = [
    *rows("MelSpectrogram", (2, 40), MEL, {**MEL, "window": None, "sequence_length": 10, "top_db": 9.0}),
    *rows("MelSpectrogram", (40,), {**MEL, "power_to_db": False, "mag_exp": 1.0, "min_freq": 60.0, "max_freq": 300}),
    *rows("STFTSpectrogram", (2, 20, 2), FRAMES, *({**FRAMES, "mode": m} for m in ("psd", "stft", "angle"))),
    *rows("STFTSpectrogram", (2, 20, 2), {"mode": "real", "frame_length": 5, "padding": "same", "window": None}),
    *rows("STFTSpectrogram", (2, 20, 2), {**FRAMES, "mode": "imag", "expand_dims": True, "scaling": "spectrum"}),
    *rows("STFTSpectrogram", (2, 2, 20), {**FRAMES, "data_format": "channels_first", "frame_step": 2}),
    *rows("STFTSpectrogram", (2, 2, 20), {**FRAMES, "data_format": "channels_first", "expand_dims": True}),
]
