"""Images as files, as Pillow's images, and as arrays."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from jkeras.core import blame
from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import floatx
from jkeras.core.errors import nearest
from jkeras.core.extras import optional

COLOR_MODES = {"grayscale": ("L", 1), "rgb": ("RGB", 3), "rgba": ("RGBA", 4)}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow() -> Any:
    """Return the module `PIL.Image`.

    Raises:
        ImportError: If Pillow is not installed.
    """
    return optional("PIL.Image", "Reading and writing images")


def check_color_mode(color_mode: str) -> str:
    """Return `color_mode` if it is one, else raise ValueError."""
    if color_mode not in COLOR_MODES:
        raise ValueError(
            f"color_mode must be 'grayscale', 'rgb' or 'rgba'; got {color_mode!r}.{nearest(color_mode, COLOR_MODES)}"
        )
    return color_mode


def load_img(
    path: Any,
    color_mode: str | bool = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
    grayscale: bool = False,
) -> Any:
    """Read an image file.

    Args:
        path: A path, or an open binary file.
        color_mode: "rgb", "rgba" or "grayscale"; gray images of 16 or 32 bits keep their depth.
        target_size: `(height, width)` to resize to.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: Whether the middle of the image is cut to the target's proportions first.
        grayscale: The older way to write `color_mode="grayscale"`; Keras 1 has it in the second place.

    Returns:
        An image of Pillow.

    Raises:
        ValueError: If an argument is unknown.
        ImportError: If Pillow is not installed.

    >>> file = io.BytesIO()
    >>> save_img(file, np.zeros((4, 6, 3)), file_format="png")
    >>> load_img(file, target_size=(2, 3)).size
    (3, 2)

    Reference: `keras.utils.load_img`.
    """
    image_module = pillow()
    if isinstance(color_mode, bool):
        grayscale, color_mode = color_mode, "rgb"
    if grayscale:
        color_mode = "grayscale"
    mode, _ = COLOR_MODES[check_color_mode(color_mode)]
    if interpolation not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        raise ValueError(f"interpolation must be one of {known}; got {interpolation!r}.")
    if not isinstance(path, (str, os.PathLike, io.IOBase)):
        raise TypeError(f"load_img expects a path or an open binary file; got {type(path).__name__}.")
    with image_module.open(path) as file:
        file.load()
        keeps = file.mode == mode or (mode == "L" and file.mode in ("I;16", "I"))
        image = file.copy() if keeps else file.convert(mode)
    if target_size is None:
        return image
    height, width = target_size
    if image.size == (width, height):
        return image
    resample = getattr(image_module.Resampling, interpolation.upper())
    if not keep_aspect_ratio:
        return image.resize((width, height), resample)
    left, top, inner_width, inner_height = middle(image.size[0], image.size[1], width, height)
    return image.resize((width, height), resample, box=(left, top, left + inner_width, top + inner_height))


def middle(width: int, height: int, target_width: int, target_height: int) -> tuple[int, int, int, int]:
    """Return the largest part in the middle that has the target's proportions: left, top, width and height.

    >>> middle(10, 4, 1, 1)
    (3, 0, 4, 4)
    """
    inner_width = min(width, height * target_width // target_height)
    inner_height = min(height, width * target_height // target_width)
    return (width - inner_width) // 2, (height - inner_height) // 2, inner_width, inner_height


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Return an image of Pillow as an array.

    Args:
        img: The image, or an array `(height, width)` or `(height, width, channels)`.
        data_format: "channels_last" or "channels_first": of the result.
        dtype: Of the result; `floatx()` if left out.

    Returns:
        `(height, width, channels)` or `(channels, height, width)`.

    >>> img_to_array(np.zeros((2, 3))).shape
    (2, 3, 1)

    Reference: `keras.utils.img_to_array`.
    """
    data_format = standardize_data_format(data_format)
    x = np.array(img, dtype=dtype or floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"img_to_array expects an image of two or three dimensions; got shape {x.shape}.")
    x = x[..., None] if x.ndim == 2 else x
    return x.transpose(2, 0, 1) if data_format == "channels_first" else x


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """Return an array as an image of Pillow.

    Args:
        x: `(height, width, channels)` or `(channels, height, width)`, of 1, 3 or 4 channels.
        data_format: "channels_last" or "channels_first": of `x`.
        scale: Whether values are brought to 0 ... 255, smallest to largest.
        dtype: In which this is computed; `floatx()` if left out.

    Returns:
        An image of Pillow: of mode "L" (or "I", where values exceed 255), "RGB" or "RGBA".

    Raises:
        ValueError: If the shape is not that of an image.
        ImportError: If Pillow is not installed.

    >>> array_to_img(np.arange(4.0).reshape(2, 2, 1)).getextrema()
    (0, 255)

    Reference: `keras.utils.array_to_img`.
    """
    image_module = pillow()
    data_format = standardize_data_format(data_format)
    x = np.array(x, dtype=dtype or floatx())
    if x.ndim != 3:
        raise ValueError(f"array_to_img expects one image, of three dimensions; got shape {x.shape}.")
    x = x.transpose(1, 2, 0) if data_format == "channels_first" else x
    if scale:
        x = x - x.min()
        largest = x.max()
        x = 255 * (x / largest if largest != 0 else x)
    channels = x.shape[2]
    if channels == 1 and x.max() > 255:
        return image_module.fromarray(x[..., 0].astype("int32"))
    if channels == 1:
        return image_module.fromarray(x[..., 0].astype("uint8"))
    if channels not in (3, 4):
        raise ValueError(f"array_to_img expects 1, 3 or 4 channels in {data_format}; got shape {x.shape}.")
    return image_module.fromarray(x.astype("uint8"))


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array as an image file.

    Args:
        path: A path, or an open binary file.
        x: `(height, width, channels)` or `(channels, height, width)`.
        data_format: "channels_last" or "channels_first": of `x`.
        file_format: "png", "jpeg", ...; by the path's ending if left out.
        scale: Whether values are brought to 0 ... 255.
        **kwargs: What Pillow's `Image.save` takes for that format, such as `quality`.

    >>> save_img(io.BytesIO(), np.ones((2, 2, 3)), file_format="png")

    Reference: `keras.utils.save_img`.
    """
    image = array_to_img(x, data_format, scale)
    ending = os.path.splitext(path)[1][1:] if file_format is None and isinstance(path, (str, os.PathLike)) else ""
    name = (file_format or ending).lower()
    if image.mode == "RGBA" and name in ("jpg", "jpeg"):
        blame.warn("JPEG files have no transparency: the image is saved as RGB. Save it as PNG to keep it.")
        image = image.convert("RGB")
    image.save(path, format="jpeg" if file_format and name == "jpg" else file_format, **kwargs)
