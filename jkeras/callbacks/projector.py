"""Embeddings as files of TensorBoard's projector."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.callbacks.event_files import tensorboard
from jkeras.core.template import walk
from jkeras.saving.atomic import atomic_path


def embedding_weights(model: Any, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the weights of embedding layers, by the path of the layer.

    Args:
        model: The model.
        names: The layers that are wanted, by path or name; all if left out.

    Raises:
        ValueError: If there is no embedding layer of such a name; says which there are.
    """
    found = {
        path: weight
        for path, layer in walk(model)
        if any(kind.__name__ == "Embedding" for kind in type(layer).__mro__)
        for weight in getattr(layer, "_weights", ())
        if weight.name == "embeddings"
    }
    if names is None:
        return found
    chosen = {}
    for name in names:
        path = next((path for path in found if path == name or path.split("/")[-1] == name), None)
        if path is None:
            raise ValueError(
                f"TensorBoard: {name!r} is no embedding layer of the model. There is: {', '.join(found) or 'none'}."
            )
        chosen[path] = found[path]
    return chosen


def write_embeddings(folder: Any, model: Any, names: Iterable[str] | None = None, labels: Any = None) -> None:
    """Write the embeddings of a model for the projector.

    Args:
        folder: TensorBoard's folder.
        model: The model.
        names: The embedding layers that are wanted, by path or name; all if left out.
        labels: The file, below `folder`, with a label for each row; or a dict of them by layer.
    """
    weights = embedding_weights(model, names)
    if isinstance(labels, Mapping):
        given = {path: str(file) for name, file in labels.items() for path in embedding_weights(model, [name])}
    else:
        given = {path: os.fspath(labels) for path in weights} if labels else {}
    write_projector(folder, {path: weight.current() for path, weight in weights.items()}, given)


def write_projector(folder: Any, weights: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """Write each embedding as a table of its rows, and `projector_config.pbtxt`, which names the tables.

    Args:
        folder: TensorBoard's folder, which is made if it is not there.
        weights: Arrays of shape `(rows, columns)`, by name.
        metadata: Files with a label for each row, by the same names; paths from `folder`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_projector(folder, {"words": np.eye(2)}, {"words": "words.tsv"})
    >>> print((folder / "projector_config.pbtxt").read_text().split()[:2])
    ['embeddings', '{']

    Reference: https://www.tensorflow.org/tensorboard/tensorboard_projector_plugin
    """
    from google.protobuf import text_format

    Path(folder).mkdir(parents=True, exist_ok=True)
    config = tensorboard("plugins.projector.projector_config_pb2").ProjectorConfig()
    for name, weight in weights.items():
        array = np.asarray(weight, np.float32)
        table = "embedding_" + name.replace("/", "_") + ".tsv"
        with atomic_path(Path(folder, table)) as temporary:
            # Nine digits tell every number of single precision from its neighbours. The projector takes binary files
            # for text if their bytes happen to be valid UTF-8, so they are none.
            np.savetxt(temporary, array, fmt="%.9g", delimiter="\t")
        config.embeddings.add(
            tensor_name=name, tensor_shape=array.shape, tensor_path=table, metadata_path=metadata.get(name, "")
        )
    with atomic_path(Path(folder, "projector_config.pbtxt")) as temporary:
        temporary.write_text(text_format.MessageToString(config))
