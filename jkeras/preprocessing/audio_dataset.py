"""`audio_dataset_from_directory`: batches of WAV files from folders."""

from __future__ import annotations

import functools
import math
import os
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core.extras import optional
from jkeras.preprocessing.directory import check_format, dataset_from_directory


def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
    format: str | None = "tf",
) -> Any:
    """Return a data set of the .wav files in a folder that has one folder for each class.

    Args:
        directory: The folder. Files hold whole numbers of 8, 16, 24 or 32 bits.
        labels: "inferred" from the folders; a list of numbers, one a file, the files being sorted by path; or None.
        label_mode: "int" (int32), "binary" (float32, `(batch, 1)`), "categorical" (one-hot) or None.
        class_names: The classes in their order; the folders, sorted, if left out.
        batch_size: Sounds in a batch; None for sounds without a batch axis.
        sampling_rate: Samples per second that sounds are resampled to (by SciPy); as they are if left out.
        output_sequence_length: Samples that a sound is cut or padded with zeros to; if left out, those of a batch are
            padded to its longest.
        ragged: Must be False.
        shuffle: Whether the order is random, another in every epoch; if not, files are sorted.
        seed: Of the order and of the split.
        validation_split: Share of the files that is for validation.
        subset: "training", "validation" or "both".
        follow_links: Whether links to folders are followed.
        verbose: Whether the numbers of files and classes are printed.
        format: "tf", "grain" or None. Here the data set is always a `PyDataset` of NumPy arrays.

    Returns:
        A `PyDataset` with `class_names` and `file_paths`, which gives `x` or `(x, y)`, the sounds being
        `(batch, samples, channels)`, float32 of -1 ... 1; a list of two for `subset="both"`.

    Raises:
        ValueError: If arguments are unknown or contradict each other, or there are no files.
        FileNotFoundError: If the folder is missing.
        ImportError: If sounds must be resampled and SciPy is not installed.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> os.mkdir(os.path.join(folder, "silence"))
    >>> with wave.open(os.path.join(folder, "silence", "1.wav"), "wb") as file:
    ...     file.setparams((1, 2, 8000, 0, "NONE", "none")); file.writeframes(bytes(200))
    >>> dataset = audio_dataset_from_directory(folder)
    Found 1 files belonging to 1 classes.
    >>> dataset[0][0].shape
    (1, 100, 1)

    Reference: `keras.utils.audio_dataset_from_directory`.
    """
    check_format(format)
    if ragged:
        raise ValueError(
            "Ragged batches are not supported: JAX arrays have one shape. Leave ragged=False: sounds are padded with "
            "zeros; or give output_sequence_length."
        )
    return dataset_from_directory(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, formats=(".wav",), load=functools.partial(_load, rate=sampling_rate, length=output_sequence_length),
        stack=_stack,
    )  # fmt: skip


def _load(path: str, rate: int | None, length: int | None) -> np.ndarray:
    with wave.open(path, "rb") as file:
        channels, width, own_rate, frames = file.getparams()[:4]
        raw = file.readframes(frames)
    if width == 3:
        # Three bytes become the upper three of four.
        parts = np.zeros((len(raw) // 3, 4), "uint8")
        parts[:, 1:] = np.frombuffer(raw, "uint8").reshape(-1, 3)
        sound = parts.view("<i4")[:, 0] / 2**31
    elif width == 1:
        sound = np.frombuffer(raw, "uint8") / 2**7 - 1
    else:
        sound = np.frombuffer(raw, f"<i{width}") / 2 ** (8 * width - 1)
    sound = sound.reshape(-1, channels).astype("float32")
    if rate is not None and rate != own_rate:
        sound = _resample(sound, own_rate, rate)
    return sound if length is None else _fit(sound, length)


def _resample(sound: np.ndarray, own_rate: int, rate: int) -> np.ndarray:
    signal = optional("scipy.signal", "Resampling sounds")
    common = math.gcd(rate, own_rate)
    return signal.resample_poly(sound, rate // common, own_rate // common, axis=0).astype("float32")


def _fit(sound: np.ndarray, length: int) -> np.ndarray:
    sound = sound[:length]
    return np.pad(sound, [(0, length - len(sound)), (0, 0)])


def _stack(sounds: list[np.ndarray]) -> np.ndarray:
    longest = max(map(len, sounds))
    return np.stack([_fit(sound, longest) for sound in sounds])
