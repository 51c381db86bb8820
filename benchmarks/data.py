"""Made-up data: for each kind a function of the number of rows that returns inputs and targets, always the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def regression(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight numbers; the target is the product of two of them, and noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 8)).astype("float32")
    return x, (x[:, :1] * x[:, 1:2] + 0.1 * random.normal(size=(rows, 1))).astype("float32")


def images(*shape: int) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Noise, in ten classes that say nothing about it."""

    def make(rows: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(0)
        return random.random((rows, *shape), "float32"), random.integers(0, 10, rows).astype("int32")

    return make


def tinted_images(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 32x32 pixels in the colour of one of ten classes."""
    random = np.random.default_rng(0)
    y = random.integers(0, 10, rows)
    colours = 0.2 * random.normal(size=(10, 1, 1, 3))
    return (colours[y] + random.normal(size=(rows, 32, 32, 3))).astype("float32"), y.astype("int32")


def series(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Twelve values of a wave, and the next one."""
    wave = np.sin(np.arange(rows + 12) / 9).astype("float32")
    return np.stack([wave[i : i + 12, None] for i in range(rows)]), wave[12:, None]


def signals(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise around one of ten constant vectors."""
    random = np.random.default_rng(0)
    y = random.integers(0, 10, rows)
    means = 0.1 * random.normal(size=(10, 1, 32))
    return (means[y] + random.normal(size=(rows, 50, 32))).astype("float32"), y.astype("int32")


def reviews(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """200 of 10,000 words; a tenth of them are from the half of the vocabulary that belongs to the label, 0 or 1."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, (rows, 1))
    telling = random.random((rows, 200)) < 0.1
    words = random.integers(0, 5_000, (rows, 200)) + 5_000 * np.where(telling, y, random.integers(0, 2, (rows, 200)))
    return words.astype("int32"), y.astype("float32")


def sentences(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """64 of 1,000 words; a tenth of them are from the hundred words of one of ten classes."""
    random = np.random.default_rng(0)
    y = random.integers(0, 10, (rows, 1))
    telling = random.random((rows, 64)) < 0.1
    words = random.integers(0, 100, (rows, 64)) + 100 * np.where(telling, y, random.integers(0, 10, (rows, 64)))
    return words.astype("int32"), y[:, 0].astype("int32")


def counting(rows: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Count by a step, and go on counting: 62 numbers from 2, 1 to begin with, and 0 behind the end."""
    random = np.random.default_rng(0)
    position = np.arange(20)
    begin, step = random.integers(0, 62, (rows, 1)), random.integers(1, 6, (rows, 1))
    source_length, target_length = random.integers(5, 21, (2, rows, 1))
    source = np.where(position < source_length, 2 + (begin + step * position) % 62, 0)
    target = np.where(position < target_length, 2 + (begin + step * (source_length + position)) % 62, 0)
    shifted = np.concatenate([np.ones((rows, 1), int), target[:, :-1]], axis=1)
    teacher = np.where(position < target_length, shifted, 0)
    return [source.astype("int32"), teacher.astype("int32")], target.astype("int32")


def moving_squares(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight frames of a square of one of eight sizes that moves, in noise."""
    random = np.random.default_rng(0)
    y = random.integers(0, 8, rows)
    steps = random.integers(-1, 2, (rows, 1, 2))
    corner = random.integers(0, 16, (rows, 1, 2)) + steps * np.arange(8)[:, None]
    inside = (np.arange(16) - corner[..., None]) % 16 < 2 * y[:, None, None, None] + 1
    frames = inside[:, :, 0, :, None] & inside[:, :, 1, None, :]
    noise = 0.2 * random.normal(size=(rows, 8, 16, 16))
    return (frames + noise)[..., None].astype("float32"), y.astype("int32")
