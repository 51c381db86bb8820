"""What TensorBoard shows of a model itself: the graph of its layers, its summary, its weights."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from jkeras.callbacks.event_files import EventFiles
from jkeras.core import blame
from jkeras.core.config import serialize
from jkeras.core.template import weights_of
from jkeras.saving.forms import keras3_form


def write_graph(files: EventFiles, run: str, model: Any) -> None:
    """Write the graph of layers, and the summary as a text.

    A model of a class of its own has no graph of layers; its summary tells what there is.
    """
    if getattr(model, "_plan", None) is not None:
        try:
            config = json.dumps(keras3_form(serialize(model)))
        except Exception as error:  # a layer of a user's own, say; no reason to end the training
            blame.warn(f"TensorBoard: no graph, as the model has no configuration: {error}")
        else:
            files.graph(run, config)
    lines: list[str] = []
    model.summary(line_length=100, print_fn=lines.append)
    files.text(run, "model_summary", "```\n" + "\n".join(lines) + "\n```")


def write_weights(files: EventFiles, run: str, model: Any, epoch: int, with_images: bool) -> None:
    """Write the distribution of every weight and, `with_images`, those that can be seen as pictures as such."""
    for path, weight in weights_of(model):
        array = np.asarray(weight.current())  # done with before the loop goes on: nothing has to be copied
        files.histogram(run, f"{path}/{weight.name}/histogram", array, epoch)
        images = as_images(array) if with_images else None
        if images is not None:
            files.images(run, f"{path}/{weight.name}/image", images, epoch)


def as_images(weight: np.ndarray) -> np.ndarray | None:
    """Return a weight as images of shape `(count, height, width)`, as Keras lays it out; None if it is no picture.

    >>> [as_images(np.zeros(shape)).shape for shape in ((5,), (4, 3), (3, 3, 1, 8))]
    [(1, 5, 1), (1, 3, 4), (8, 3, 3)]
    """
    array = np.squeeze(np.asarray(weight, np.float32))
    if array.ndim == 1:
        return array[None, :, None]
    if array.ndim == 2:
        return (array.T if array.shape[0] > array.shape[1] else array)[None]
    return array.transpose(2, 0, 1) if array.ndim == 3 else None
