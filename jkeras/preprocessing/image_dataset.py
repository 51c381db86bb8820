"""`image_dataset_from_directory`: batches of images from folders."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core.data_format import standardize_data_format
from jkeras.preprocessing.directory import check_format, dataset_from_directory
from jkeras.preprocessing.image.loading import check_color_mode, img_to_array, load_img
from jkeras.preprocessing.image.resizing import INTERPOLATIONS, crop_to_ratio, pad_to_ratio, resize

IMAGE_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_FRAMES = {"crop": crop_to_ratio, "pad": pad_to_ratio}


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str | None = "tf",
    verbose: bool = True,
) -> Any:
    """Return a data set of the images in a folder that has one folder for each class.

    Args:
        directory: The folder. Files of .bmp, .gif (their first image), .jpeg, .jpg and .png are read.
        labels: "inferred" from the folders; a list of numbers, one a file, the files being sorted by path; or None.
        label_mode: "int" (int32), "binary" (float32, `(batch, 1)`), "categorical" (one-hot) or None.
        class_names: The classes in their order; the folders, sorted, if left out.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: Images in a batch; None for images without a batch axis.
        image_size: `(height, width)` that images are resized to.
        shuffle: Whether the order is random, another in every epoch; if not, files are sorted.
        seed: Of the order and of the split.
        validation_split: Share of the files that is for validation.
        subset: "training", "validation" or "both".
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic".
        follow_links: Whether links to folders are followed.
        crop_to_aspect_ratio: Whether the middle of an image is cut to the proportions of `image_size` first.
        pad_to_aspect_ratio: Whether zeros are put around it for that.
        data_format: "channels_last" or "channels_first".
        format: "tf", "grain" or None, which Keras knows. Here the data set is always a `PyDataset` of NumPy arrays.
        verbose: Whether the numbers of files and classes are printed.

    Returns:
        A `PyDataset` with `class_names` and `file_paths`, which gives `x` or `(x, y)`, the images being float32 of
        0 ... 255; a list of two for `subset="both"`.

    Raises:
        ValueError: If arguments are unknown or contradict each other, or there are no files.
        FileNotFoundError: If the folder is missing.
        ImportError: If Pillow is not installed.

    >>> import tempfile
    >>> from jkeras.preprocessing.image import save_img
    >>> folder = tempfile.mkdtemp()
    >>> for name in ("cat", "dog"):
    ...     os.mkdir(os.path.join(folder, name))
    ...     save_img(os.path.join(folder, name, "1.png"), np.ones((4, 4, 3)))
    >>> dataset = image_dataset_from_directory(folder, image_size=(2, 2), shuffle=False)
    Found 2 files belonging to 2 classes.
    >>> [(x.shape, y.tolist()) for x, y in dataset]
    [((2, 2, 2, 3), [0, 1])]

    Reference: `keras.utils.image_dataset_from_directory`.
    """
    check_format(format)
    check_color_mode(color_mode)
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}; got {interpolation!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Give crop_to_aspect_ratio or pad_to_aspect_ratio, not both.")
    frame = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else None
    load = functools.partial(
        _load,
        color_mode=color_mode,
        size=(image_size[0], image_size[1]),
        interpolation=interpolation,
        frame=frame,
        data_format=standardize_data_format(data_format),
    )
    return dataset_from_directory(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, formats=IMAGE_FORMATS, load=load,
    )  # fmt: skip


def _load(
    path: str, color_mode: str, size: tuple[int, int], interpolation: str, frame: str | None, data_format: str
) -> np.ndarray:
    image = img_to_array(load_img(path, color_mode), "channels_last", "float32")
    image = resize(image if frame is None else _FRAMES[frame](image, size), size, interpolation)
    return image.transpose(2, 0, 1) if data_format == "channels_first" else image
