"""`ImageDataGenerator`: random transforms and normalisation of images, as batches are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jkeras.core import blame
from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import floatx
from jkeras.preprocessing.image.affine import FILL_MODES, apply_affine_transform, two_factors
from jkeras.preprocessing.image.files import DataFrameIterator, DirectoryIterator
from jkeras.preprocessing.image.intensity import apply_brightness_shift, apply_channel_shift
from jkeras.preprocessing.image.iterator import NumpyArrayIterator

# What one needs for the other to make sense: (set, which implies).
_IMPLIED = (
    ("zca_whitening", "featurewise_center"),
    ("featurewise_std_normalization", "featurewise_center"),
    ("samplewise_std_normalization", "samplewise_center"),
)


class ImageDataGenerator:
    """Batches of images that are transformed at random and normalised.

    Each image is first rotated, shifted, sheared, zoomed, shifted in its channels, flipped and made brighter at
    random; then `preprocessing_function` is applied, the values are scaled, and normalised.

    Args:
        featurewise_center: Subtract the mean of the data, channel by channel; `fit` finds it.
        samplewise_center: Subtract each image's own mean.
        featurewise_std_normalization: Divide by the standard deviation of the data.
        samplewise_std_normalization: Divide by each image's own standard deviation.
        zca_whitening: Multiply by the matrix that makes the data's pixels uncorrelated; `fit` finds it.
        zca_epsilon: Added to the singular values for that.
        rotation_range: Degrees: angles are drawn from `-rotation_range ... rotation_range`.
        width_shift_range: Below 1 a fraction of the width, else pixels; several values: one of them, either way.
        height_shift_range: Likewise.
        brightness_range: Two factors to draw between.
        shear_range: Degrees.
        zoom_range: Two factors to draw between, or one number `z` for `(1 - z, 1 + z)`.
        channel_shift_range: How much may be added to the values.
        fill_mode: What is outside the image: "nearest", "constant" (`cval`), "reflect" or "wrap".
        cval: Value for "constant".
        horizontal_flip: Whether half of the images are mirrored left to right.
        vertical_flip: Whether half of them are turned upside down.
        rescale: Factor for the values, before they are normalised.
        preprocessing_function: From one image to one of the same shape.
        data_format: "channels_last" or "channels_first".
        validation_split: Share of the data that is `subset="validation"`.
        interpolation_order: Order of the spline between pixels.
        dtype: Of the images; `floatx()` if left out.

    Raises:
        ValueError: If an argument is out of range.

    >>> generator = ImageDataGenerator(rescale=0.5)
    >>> next(generator.flow(np.ones((4, 2, 2, 1)), batch_size=3)).shape
    (3, 2, 2, 1)

    Reference: `keras.preprocessing.image.ImageDataGenerator`.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], Any] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ):
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = None if brightness_range is None else two_factors("brightness_range", brightness_range)
        one = (1 - zoom_range, 1 + zoom_range) if isinstance(zoom_range, (int, float)) else zoom_range
        self.zoom_range = None if one is None else two_factors("zoom_range", one)
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval = fill_mode, cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format = standardize_data_format(data_format)
        self.interpolation_order = interpolation_order
        self.dtype = dtype or floatx()
        self._validation_split = validation_split
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"validation_split must lie between 0 and 1; got {validation_split}.")
        if fill_mode not in FILL_MODES:
            raise ValueError(f"fill_mode must be one of {', '.join(FILL_MODES)}; got {fill_mode!r}.")
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        for name, implied in _IMPLIED:
            if getattr(self, name) and not getattr(self, implied):
                blame.warn(f"ImageDataGenerator: {name}=True needs {implied}=True, which is now set.")
                setattr(self, implied, True)

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Return batches from arrays.

        Args:
            x: Images, `(samples, height, width, channels)`.
            y, sample_weight: Targets and weights of the samples, or None.
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format: As in `NumpyArrayIterator`.
            ignore_class_split, subset: As there.
        """
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, save_to_dir, save_prefix,
            save_format, subset, ignore_class_split, self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Return batches from a folder with one for each class.

        Args:
            directory: The folder.
            target_size: `(height, width)` that images are resized to.
            class_mode: Targets: "categorical" (one-hot), "binary", "sparse" (class numbers), "input" or None.
            color_mode, classes, batch_size, shuffle, seed, save_to_dir, save_prefix, save_format: As in
                `DirectoryIterator`.
            follow_links, subset, interpolation, keep_aspect_ratio: As there.
        """
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, self.data_format,
            save_to_dir, save_prefix, save_format, follow_links, subset, interpolation, keep_aspect_ratio, self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
    ) -> DataFrameIterator:
        """Return batches from the files that a data frame names.

        Args:
            dataframe: One row a file.
            directory: Folder that paths are relative to; None for the current one.
            x_col, y_col, weight_col: Its columns of paths, of targets, and of weights of the samples.
            target_size: `(height, width)` that images are resized to.
            class_mode: Targets: "categorical" (one-hot), "binary", "sparse", "raw", "multi_output", "input" or None.
            color_mode, classes, batch_size, shuffle, seed, save_to_dir, save_prefix, save_format: As in
                `DataFrameIterator`.
            subset, interpolation, validate_filenames, keep_aspect_ratio: As there.
        """
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode,
            batch_size, shuffle, seed, self.data_format, save_to_dir, save_prefix, save_format, subset, interpolation,
            keep_aspect_ratio, self.dtype, validate_filenames,
        )  # fmt: skip

    def standardize(self, x: Any) -> np.ndarray:
        """Return one image or a batch of images with `preprocessing_function`, `rescale` and normalisation applied.

        Args:
            x: `(height, width, channels)` or `(samples, height, width, channels)`, or channels first.
        """
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        x = np.asarray(x)
        x = x if np.issubdtype(x.dtype, np.floating) else x.astype(self.dtype)
        if self.rescale:
            x = x * np.asarray(self.rescale, x.dtype)
        if self.samplewise_center:
            x = x - x.mean(keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (x.std(keepdims=True) + 1e-6)
        if self.featurewise_center and self._is_fit("featurewise_center", self.mean):
            x = x - self.mean
        if self.featurewise_std_normalization and self._is_fit("featurewise_std_normalization", self.std):
            x = x / (self.std + 1e-6)
        if self.zca_whitening and self._is_fit("zca_whitening", self.zca_whitening_matrix):
            x = (x.reshape(-1, int(np.prod(x.shape[-3:]))) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _is_fit(self, option: str, statistic: Any) -> bool:
        told = self.__dict__.setdefault("_told", set())
        if statistic is None and option not in told:  # asked for every image
            told.add(option)
            blame.warn(
                f"ImageDataGenerator({option}=True) has not seen the data: call generator.fit(x) first. Until then "
                "images are not normalised."
            )
        return statistic is not None

    def get_random_transform(self, img_shape: tuple[int, ...], seed: Any = None) -> dict[str, Any]:
        """Draw the parameters of one random transform.

        Args:
            img_shape: Shape of one image.
            seed: A number, or a `numpy.random.RandomState` to draw from; `numpy.random` if left out.

        Returns:
            "theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical", "channel_shift_intensity"
            and "brightness".
        """
        rng = np.random if seed is None else seed if hasattr(seed, "uniform") else np.random.RandomState(seed)

        def symmetric(limit: float) -> float:
            return rng.uniform(-limit, limit) if limit else 0

        def shift(limit: Any, size: int) -> float:
            if not np.any(limit):
                return 0
            if isinstance(limit, float):
                amount = rng.uniform(-limit, limit)
            else:
                amount = rng.choice(limit) * rng.choice([-1, 1])
            return amount * size if np.max(limit) < 1 else amount

        theta = symmetric(self.rotation_range)
        tx = shift(self.height_shift_range, img_shape[self.row_axis - 1])
        ty = shift(self.width_shift_range, img_shape[self.col_axis - 1])
        shear = symmetric(self.shear_range)
        low, high = self.zoom_range or (1, 1)
        zx, zy = (1, 1) if low == high == 1 else rng.uniform(low, high, 2)
        flip_horizontal = bool(rng.random_sample() < 0.5) and self.horizontal_flip
        flip_vertical = bool(rng.random_sample() < 0.5) and self.vertical_flip
        channel_shift = symmetric(self.channel_shift_range) if self.channel_shift_range != 0 else None
        brightness = None if self.brightness_range is None else rng.uniform(*self.brightness_range)
        return {
            "theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy, "flip_horizontal": flip_horizontal,
            "flip_vertical": flip_vertical, "channel_shift_intensity": channel_shift, "brightness": brightness,
        }  # fmt: skip

    def apply_transform(self, x: Any, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Return one image with the transform of certain parameters.

        Args:
            x: The image, `(height, width, channels)`, or channels first.
            transform_parameters: A dict like that of `get_random_transform`; what is missing changes nothing.
        """
        p = transform_parameters
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        x = apply_affine_transform(
            x, p.get("theta", 0), p.get("tx", 0), p.get("ty", 0), p.get("shear", 0), p.get("zx", 1), p.get("zy", 1),
            rows, columns, channels, self.fill_mode, self.cval, self.interpolation_order,
        )  # fmt: skip
        if p.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, p["channel_shift_intensity"], channels)
        if p.get("flip_horizontal", False):
            x = np.flip(x, columns)
        if p.get("flip_vertical", False):
            x = np.flip(x, rows)
        if p.get("brightness") is not None:
            image = np.moveaxis(x, channels, -1)
            x = np.moveaxis(apply_brightness_shift(image, p["brightness"], False), -1, channels)
        return x

    def random_transform(self, x: Any, seed: Any = None) -> np.ndarray:
        """Return one image, transformed at random.

        Args:
            x: The image, `(height, width, channels)`, or channels first.
            seed: As in `get_random_transform`.
        """
        return self.apply_transform(x, self.get_random_transform(np.shape(x), seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Find the statistics that `featurewise_*` and `zca_whitening` need.

        Args:
            x: `(samples, height, width, channels)`.
            augment: Whether the images are transformed at random for this.
            rounds: How often each of them is, then.
            seed: Of these transforms.

        Raises:
            ValueError: If `x` is no batch of images.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"fit expects images (samples, height, width, channels); got shape {x.shape}.")
        if augment:
            rng = np.random if seed is None else np.random.RandomState(seed)
            x = np.stack([self.random_transform(image, rng) for _ in range(rounds) for image in x]).astype(self.dtype)
        across = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = x.mean(axis=across, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axis=across, keepdims=True)[0]
            x /= self.std + 1e-6
        if self.zca_whitening:
            vectors, values, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            scale = np.sqrt(len(x), dtype=x.dtype) / (values + x.dtype.type(self.zca_epsilon))
            self.zca_whitening_matrix = (vectors * scale) @ vectors.T
