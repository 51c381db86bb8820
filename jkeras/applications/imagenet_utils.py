"""What images go through before a network that was trained on ImageNet, and what its outputs mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.data_format import standardize_data_format
from jkeras.core.operation import operate
from jkeras.utils.files import get_file, keras_home

_CLASS_INDEX = "imagenet_class_index.json"
_CLASS_INDEX_ORIGIN = f"https://storage.googleapis.com/download.tensorflow.org/data/{_CLASS_INDEX}"
_CLASS_INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"

# Mode: whether red and blue are exchanged, what is divided by first, then the mean and the deviation of each channel.
_MODES: dict[str, tuple[bool, float, tuple[float, ...], tuple[float, ...]]] = {
    "caffe": (True, 1.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "tf": (False, 127.5, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    "torch": (False, 255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}

Prediction = tuple[str, str, float]


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Return images with values in [0, 255] as a network that was trained on ImageNet wants them.

    "caffe": blue, green, red, each less its mean. "tf": `x / 127.5 - 1`. "torch": `(x / 255 - mean) / deviation`.

    Args:
        x: Images `(..., height, width, 3)`, or `(..., 3, height, width)` for "channels_first": an array of numpy or
            JAX, or a symbolic tensor. It is left as it is, where Keras writes into it.
        data_format: "channels_last" or "channels_first"; by default that of the layers.
        mode: "caffe", "tf" or "torch".

    Returns:
        An array (of numpy for numpy) or symbolic tensor of the same shape; integers become float32.

    Raises:
        ValueError: For an unknown mode or data format, or if there are not three channels.

    >>> preprocess_input(np.full((1, 1, 1, 3), 255.0), mode="tf").tolist()
    [[[[1.0, 1.0, 1.0]]]]

    Reference: `keras.applications.imagenet_utils.preprocess_input`.
    """
    if mode not in _MODES:
        raise ValueError(f"preprocess_input: mode must be 'caffe', 'tf' or 'torch'; got {mode!r}.")
    swaps, scale, mean, deviation = _MODES[mode]
    axis = -1 if standardize_data_format(data_format) == "channels_last" else -3
    images = x if hasattr(x, "shape") else np.asarray(x)
    if mode != "tf" and (len(images.shape) < 3 or images.shape[axis] != 3):
        raise ValueError(
            f"preprocess_input(mode={mode!r}) expects images with 3 channels, by data_format on axis {axis}; "
            f"got shape {tuple(images.shape)}."
        )

    def convert(images: Any) -> Any:
        numbers = np if isinstance(images, np.ndarray) else jnp
        if not jnp.issubdtype(images.dtype, jnp.floating):
            images = images.astype("float32")
        if mode == "tf":
            return images / scale - 1.0
        shape = (3,) if axis == -1 else (3, 1, 1)
        means, deviations = (numbers.asarray(row, images.dtype).reshape(shape) for row in (mean, deviation))
        images = numbers.flip(images, axis) if swaps else images
        return (images / scale - means) / deviations

    return operate(convert, images)


def decode_predictions(preds: Any, top: int = 5) -> list[list[Prediction]]:
    """Return the most likely classes of each image.

    The names come from the file `imagenet_class_index.json` in the folder `models` of the Keras folder. It is fetched
    the first time; one that lies there already is used.

    Args:
        preds: Probabilities `(images, 1000)`.
        top: How many classes.

    Returns:
        A list for each image, of `(WordNet number, name, probability)`, the most likely first.

    Raises:
        ValueError: If there are not 1000 columns.
        OSError: If the file could not be downloaded; the message says where to put it.

    Reference: `keras.applications.imagenet_utils.decode_predictions`.
    """
    scores = np.asarray(preds)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ValueError(
            f"decode_predictions expects the outputs of an ImageNet classifier, shape (images, 1000); "
            f"got {scores.shape}."
        )
    names = class_index()
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [[(*names[int(k)], row[k]) for k in order] for row, order in zip(scores, best, strict=True)]  # pyright: ignore[reportReturnType]


def class_index() -> list[tuple[str, str]]:
    """Return WordNet number and name of each of the 1000 classes.

    Raises:
        OSError: If the file is not there and could not be downloaded.
        ValueError: If it does not hold 1000 classes.
    """
    path = keras_home() / "models" / _CLASS_INDEX
    if not path.exists():
        path = Path(get_file(_CLASS_INDEX, _CLASS_INDEX_ORIGIN, file_hash=_CLASS_INDEX_MD5, cache_subdir="models"))
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, dict) or rows.keys() != {str(k) for k in range(1000)}:
        raise ValueError(f"{path} does not hold the classes '0' to '999' of ImageNet. Remove it, to fetch it again.")
    return [tuple(rows[str(k)][:2]) for k in range(1000)]


def modes(mode: str | None) -> tuple[Callable[..., Any], Callable[..., list[list[Prediction]]]]:
    """Return `preprocess_input` and `decode_predictions` of a family whose images are preprocessed by `mode`.

    Args:
        mode: As of `preprocess_input`; None: the models scale images themselves, and the function returns what it is
            given.
    """

    def preprocess(x: Any, data_format: str | None = None) -> Any:
        if mode is None:
            standardize_data_format(data_format)
            return x
        return preprocess_input(x, data_format, mode)

    what = (
        "as they are: the models of this family scale values in [0, 255] themselves"
        if mode is None
        else f"with values in [0, 255] as this family wants them: mode {mode!r} of `imagenet_utils`"
    )
    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__doc__ = f"""Return images {what}.

    Args:
        x: Images `(..., height, width, 3)`, or `(..., 3, height, width)` for "channels_first": an array of numpy or
            JAX, or a symbolic tensor.
        data_format: "channels_last" or "channels_first"; by default that of the layers.

    Returns:
        An array or symbolic tensor of the same shape.
    """
    return preprocess, decode_predictions
