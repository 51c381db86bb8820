"""Batches of transformed images that are read from files, found in folders or named by a data frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core import blame
from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import floatx
from jkeras.preprocessing.image.iterator import Iterator, check_subset, save_images
from jkeras.preprocessing.image.loading import COLOR_MODES, check_color_mode, img_to_array, load_img

Path = str | os.PathLike[str]


class FileIterator(Iterator):
    """Reads the files of a batch, transforms them, and gives them their targets.

    A subclass sets `filepaths`, `classes` (numbers), `class_indices`, and calls `_prepare`.
    """

    filepaths: list[str]
    classes: Any
    class_indices: dict[str, int]
    class_mode: str | None
    labels: Any = None
    sample_weight: np.ndarray | None = None

    def _prepare(
        self,
        image_data_generator: Any,
        target_size: tuple[int, int],
        color_mode: str,
        data_format: str | None,
        save_to_dir: Path | None,
        save_prefix: str,
        save_format: str,
        interpolation: str,
        keep_aspect_ratio: bool,
        dtype: Any,
    ) -> None:
        self.image_data_generator = image_data_generator
        self.target_size = (int(target_size[0]), int(target_size[1]))
        self.color_mode = check_color_mode(color_mode)
        default = None if image_data_generator is None else image_data_generator.data_format
        self.data_format = standardize_data_format(data_format or default)
        channels = COLOR_MODES[color_mode][1]
        first = self.data_format == "channels_first"
        self.image_shape = (channels, *self.target_size) if first else (*self.target_size, channels)
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.dtype = np.dtype(dtype or floatx())

    def make_batch(self, indices: np.ndarray, rng: Any) -> Any:
        """Return `x`, `(x, y)` or `(x, y, sample_weight)`, as `class_mode` says."""
        images = np.empty((len(indices), *self.image_shape), self.dtype)
        generator = self.image_data_generator
        for i, j in enumerate(indices):
            image = load_img(
                self.filepaths[j], self.color_mode, self.target_size, self.interpolation, self.keep_aspect_ratio
            )
            x = img_to_array(image, self.data_format, self.dtype)
            if generator is not None:
                params = generator.get_random_transform(x.shape, rng)
                x = generator.standardize(generator.apply_transform(x, params))
            images[i] = x
        save_images(self, images, indices, rng, 10_000_000)
        if self.class_mode is None:
            return images
        if self.sample_weight is None:
            return images, self._targets(images, indices)
        return images, self._targets(images, indices), self.sample_weight[indices]

    def _targets(self, images: np.ndarray, indices: np.ndarray) -> Any:
        if self.class_mode == "input":
            return images.copy()
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.classes[j] for j in indices], self.dtype)
        if self.class_mode == "categorical":
            rows = np.zeros((len(indices), len(self.class_indices)), self.dtype)
            for i, j in enumerate(indices):
                rows[i, self.classes[j]] = 1
            return rows
        if self.class_mode == "multi_output":
            return tuple(output[indices] for output in self.labels)
        return self.labels[indices]


def _check_class_mode(class_mode: Any, known: tuple[Any, ...]) -> None:
    if class_mode not in known:
        raise ValueError(f"class_mode must be one of {', '.join(map(repr, known))}; got {class_mode!r}.")


class DirectoryIterator(FileIterator):
    """Batches of images from a folder with one folder for each class.

    Args:
        directory: The folder.
        image_data_generator: What transforms the images; None to leave them.
        target_size: `(height, width)` that images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of the classes; those of the folders, sorted, if left out.
        class_mode: Targets: "categorical" (one-hot), "binary", "sparse" (class numbers), "input" (the images) or None.
        batch_size: Samples in a batch.
        shuffle: Whether the order is random.
        seed: See `Iterator`.
        data_format: "channels_last" or "channels_first".
        save_to_dir: Folder to write the transformed images to.
        save_prefix: Begin of their names.
        save_format: "png", "jpeg", ...
        follow_links: Whether links to folders are followed.
        subset: "training" or "validation", if the generator has a `validation_split`: of each class validation has the
            first files.
        interpolation: How images are resized, see `load_img`.
        keep_aspect_ratio: See `load_img`.
        dtype: Of the images; `floatx()` if left out.

    Raises:
        ValueError: If an argument is unknown.
        FileNotFoundError: If the folder, or that of a class, is missing.

    >>> import pathlib, tempfile
    >>> from jkeras.preprocessing.image import save_img
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (folder / name).mkdir()
    ...     save_img(folder / name / "1.png", np.ones((2, 2, 3)))
    >>> images = DirectoryIterator(folder, None, target_size=(2, 2), batch_size=2)
    Found 2 images belonging to 2 classes.
    >>> next(images)[0].shape, images.class_indices
    ((2, 2, 2, 3), {'cat': 0, 'dog': 1})

    Reference: `keras.preprocessing.image.DirectoryIterator`.
    """

    allowed_class_modes = ("categorical", "binary", "sparse", "input", None)

    def __init__(
        self,
        directory: Path,
        image_data_generator: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Path | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ):
        self._prepare(
            image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix, save_format,
            interpolation, keep_aspect_ratio, dtype,
        )  # fmt: skip
        _check_class_mode(class_mode, self.allowed_class_modes)
        self.directory, self.class_mode, self.subset = os.fspath(directory), class_mode, subset
        share = 0.0 if image_data_generator is None else image_data_generator._validation_split
        part = check_subset(subset, share, {"validation": (0.0, share), "training": (share, 1.0)}) or (0.0, 1.0)
        names = list(classes) if classes else _folders(self.directory)
        self.num_classes = len(names)
        self.class_indices = {name: i for i, name in enumerate(names)}
        self.filenames: list[str] = []
        numbers: list[int] = []
        for name, number in self.class_indices.items():
            folder = os.path.join(self.directory, name)
            if not os.path.isdir(folder):
                raise FileNotFoundError(f"No folder {folder!r} for class {name!r}.")
            found = list_files(folder, self.white_list_formats, follow_links)
            chosen = found[int(part[0] * len(found)) : int(part[1] * len(found))]
            self.filenames += [os.path.relpath(path, self.directory) for path in chosen]
            numbers += [number] * len(chosen)
        self.samples = len(self.filenames)
        self.classes = np.array(numbers, "int32")
        self.labels = self.classes
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)


def _folders(directory: str) -> list[str]:
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"No folder {directory!r}.")
    return sorted(name for name in os.listdir(directory) if os.path.isdir(os.path.join(directory, name)))


def list_files(folder: str, formats: Sequence[str], follow_links: bool) -> list[str]:
    """Return the paths of the files below a folder whose names end in one of `formats`, folders and names sorted."""
    endings = tuple(formats)
    return [
        os.path.join(root, name)
        for root, _, names in sorted(os.walk(folder, followlinks=follow_links), key=lambda found: found[0])
        for name in sorted(names)
        if name.lower().endswith(endings)
    ]


class DataFrameIterator(FileIterator):
    """Batches of images from the files that a data frame of pandas names.

    Args:
        dataframe: One row a file.
        directory: Folder that paths are relative to; None for the current one.
        image_data_generator: What transforms the images; None to leave them.
        x_col: Column of paths.
        y_col: Column of targets, or a list of columns.
        weight_col: Column of sample weights.
        target_size: `(height, width)` that images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of the classes; rows of others are left out. Those that occur, sorted, if left out.
        class_mode: Targets: "categorical" (one-hot; a row may name a list of classes), "binary", "sparse", "raw" (the
            values of `y_col`), "multi_output" (an array for each column), "input" (the images) or None.
        batch_size: Samples in a batch.
        shuffle: Whether the order is random.
        seed: See `Iterator`.
        data_format: "channels_last" or "channels_first".
        save_to_dir: Folder to write the transformed images to.
        save_prefix: Begin of their names.
        save_format: "png", "jpeg", ...
        subset: "training" or "validation", if the generator has a `validation_split`: validation has the first rows.
        interpolation: How images are resized, see `load_img`.
        keep_aspect_ratio: See `load_img`.
        dtype: Of the images; `floatx()` if left out.
        validate_filenames: Whether rows whose file is missing are left out, with a warning.

    Raises:
        ValueError: If an argument is unknown, or `class_mode` does not fit the number of classes.
        TypeError: If a class is not a string.

    >>> import pathlib, tempfile
    >>> import pandas
    >>> from jkeras.preprocessing.image import save_img
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> save_img(folder / "1.png", np.ones((2, 2, 3)))
    >>> table = pandas.DataFrame({"filename": ["1.png"], "class": ["cat"]})
    >>> images = DataFrameIterator(table, folder, target_size=(2, 2))
    Found 1 validated image filenames belonging to 1 classes.
    >>> next(images)[0].shape
    (1, 2, 2, 3)

    Reference: `keras.preprocessing.image.DataFrameIterator`.
    """

    allowed_class_modes = ("categorical", "binary", "sparse", "input", "multi_output", "raw", None)

    def __init__(
        self,
        dataframe: Any,
        directory: Path | None = None,
        image_data_generator: Any = None,
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
        data_format: str | None = None,
        save_to_dir: Path | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
        validate_filenames: bool = True,
    ):
        self._prepare(
            image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix, save_format,
            interpolation, keep_aspect_ratio, dtype,
        )  # fmt: skip
        _check_class_mode(class_mode, self.allowed_class_modes)
        self.class_mode, self.subset = class_mode, subset
        self.directory = "" if directory is None else os.fspath(directory)
        by_class = class_mode in ("categorical", "binary", "sparse")
        names = [list(row) if isinstance(row, (list, tuple)) else [row] for row in dataframe[y_col]] if by_class else []
        if by_class:
            _check_names(names, y_col, class_mode)
            known = list(dict.fromkeys(classes)) if classes else sorted({name for row in names for name in row})
            if class_mode == "binary" and len(known) != 2:
                raise ValueError(f"class_mode='binary' needs two classes; column {y_col!r} has {len(known)}: {known}.")
            self.class_indices = {name: i for i, name in enumerate(known)}
            names = [[name for name in row if name in self.class_indices] for row in names]
        paths = [os.path.join(self.directory, str(name)) for name in dataframe[x_col]]
        rows = [i for i in range(len(paths)) if not by_class or names[i]]
        if validate_filenames:
            valid = [i for i in rows if _is_image(paths[i], self.white_list_formats)]
            if len(valid) < len(rows):
                blame.warn(
                    f"{len(rows) - len(valid)} files named in column {x_col!r} are missing or no images: their rows "
                    "are left out."
                )
            rows = valid
        share = 0.0 if image_data_generator is None else image_data_generator._validation_split
        at = int(share * len(rows))
        part = check_subset(subset, share, {"validation": slice(None, at), "training": slice(at, None)})
        rows = rows if part is None else rows[part]
        chosen = dataframe.iloc[rows]
        self.samples = len(rows)
        self.filenames = [str(name) for name in chosen[x_col]]
        self.filepaths = [paths[i] for i in rows]
        if weight_col is not None:
            self.sample_weight = chosen[weight_col].to_numpy()
        if by_class:
            numbers = [[self.class_indices[name] for name in names[i]] for i in rows]
            many = any(isinstance(row, (list, tuple)) for row in dataframe[y_col])
            self.classes = numbers if many else [row[0] for row in numbers]
            self.labels = self.classes
            print(f"Found {self.samples} validated image filenames belonging to {len(self.class_indices)} classes.")
        else:
            if class_mode == "raw":
                self.labels = chosen[y_col].to_numpy()
            elif class_mode == "multi_output":
                self.labels = [np.stack(list(chosen[column])) for column in y_col]
            print(f"Found {self.samples} validated image filenames.")
        super().__init__(self.samples, batch_size, shuffle, seed)


def _check_names(names: list[list[Any]], column: Any, class_mode: str | None) -> None:
    for row in names:
        if class_mode != "categorical" and len(row) != 1:
            raise TypeError(f"class_mode={class_mode!r} expects one class a row in column {column!r}; got {row!r}.")
        for name in row:
            if not isinstance(name, str):
                raise TypeError(
                    f"class_mode={class_mode!r} expects strings in column {column!r}; got {name!r}. "
                    "Convert it with .astype(str), or give class_mode='raw' for numbers."
                )


def _is_image(path: str, formats: Sequence[str]) -> bool:
    return os.path.isfile(path) and path.lower().endswith(tuple(formats))
