"""Elastic deformation: every pixel comes from a place nearby, neighbours from places near each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jkeras.preprocessing.image.affine import FILL_MODES, ndimage


def elastic_deformation(
    alpha: float = 34.0, sigma: float = 4.0, seed: int | None = None, fill_mode: str = "nearest", order: int = 1
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that deforms an image, for `ImageDataGenerator(preprocessing_function=...)`.

    `out[p] = x[p + d(p)]`, where each component of `d` is uniform noise of -1 ... 1, smoothed by a Gaussian of standard
    deviation `sigma`, times `alpha`.

    Args:
        alpha: How strong the deformation is.
        sigma: How smooth it is, in pixels.
        seed: Of the noise; without it, draws are from `numpy.random`.
        fill_mode: What is outside: "nearest", "constant" (0), "reflect" or "wrap".
        order: Order of the spline.

    Returns:
        A function of an image `(height, width, channels)` which returns one of that shape and dtype.

    Raises:
        ValueError: If `fill_mode` is unknown.
        ImportError: If SciPy is not installed.

    >>> deform = elastic_deformation(alpha=10.0, sigma=2.0, seed=0)
    >>> deform(np.ones((8, 8, 1))).shape
    (8, 8, 1)

    Reference: Simard, Steinkraus and Platt, "Best practices for convolutional neural networks", 2003.
    """
    if fill_mode not in FILL_MODES:
        raise ValueError(f"fill_mode must be one of {', '.join(FILL_MODES)}; got {fill_mode!r}.")
    draw = np.random.uniform if seed is None else np.random.RandomState(seed).uniform

    def deform(x: np.ndarray) -> np.ndarray:
        scipy = ndimage()
        rows, columns = np.indices(x.shape[:2])
        noise = [scipy.gaussian_filter(draw(-1, 1, x.shape[:2]), sigma, mode="constant") * alpha for _ in range(2)]
        places = np.stack([rows + noise[0], columns + noise[1]])
        channels = [scipy.map_coordinates(c, places, order=order, mode=fill_mode) for c in np.moveaxis(x, -1, 0)]
        return np.stack(channels, -1)

    return deform
