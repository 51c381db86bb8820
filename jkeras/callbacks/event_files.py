"""TensorBoard's event files, written without TensorFlow."""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.callbacks.log_values import plain
from jkeras.core.extras import optional

MAX_IMAGES = 3  # of one weight, as `tf.summary.image` keeps
QUEUED = 10_000  # events: the loop never waits for the thread that writes them, but when an epoch is over


def tensorboard(module: str = "summary.writer.event_file_writer") -> Any:
    """Return a module of the package `tensorboard`.

    Raises:
        ImportError: If the package is missing; names the extra.
    """
    return optional(f"tensorboard.{module}", "The TensorBoard callback", "TensorFlow is not needed.")


class EventFiles:
    """The event files below one folder: a writer for each run, begun when it is first written to.

    Runs are subfolders, "train" for example; "" is the folder itself. A thread writes; `flush` waits for it.

    Args:
        folder: The folder of the runs.

    Raises:
        ImportError: If the package `tensorboard` is missing.

    >>> import tempfile
    >>> from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    >>> folder = tempfile.mkdtemp()
    >>> files = EventFiles(folder)
    >>> files.scalars("train", {"epoch_loss": 0.5}, step=3)
    >>> files.close()
    >>> events = EventAccumulator(f"{folder}/train").Reload().Tensors("epoch_loss")
    >>> [(event.step, event.tensor_proto.float_val[0]) for event in events]
    [(3, 0.5)]

    Reference: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
    """

    def __init__(self, folder: Any):
        tensorboard()
        self.folder = os.fspath(folder)
        self._writers: dict[str, Any] = {}

    def begin(self, run: str) -> Any:
        """Return the writer of a run; a new one begins a file."""
        if run not in self._writers:
            self._writers[run] = tensorboard().EventFileWriter(
                str(Path(self.folder, run)), max_queue_size=QUEUED, flush_secs=10
            )
        return self._writers[run]

    def flush(self) -> None:
        """Wait until all is in the files."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Flush, and end the files; what is written later begins new ones."""
        writers, self._writers = self._writers, {}
        for writer in writers.values():
            writer.close()

    def summary(self, run: str, summary: Any, step: int) -> None:
        """Write a `Summary`."""
        event = tensorboard("compat.proto.event_pb2").Event(summary=summary, step=int(step), wall_time=time.time())
        self.begin(run).add_event(event)

    def scalars(self, run: str, values: Mapping[str, float], step: int) -> None:
        """Write numbers by their tags, as one event: built directly, because there may be one for each batch."""
        summaries, tensors = tensorboard("compat.proto.summary_pb2"), tensorboard("compat.proto.tensor_pb2")
        metadata = tensorboard("plugins.scalar.metadata").create_summary_metadata("", "")
        rows = [
            summaries.Summary.Value(
                tag=tag, metadata=metadata, tensor=tensors.TensorProto(dtype=1, tensor_shape={}, float_val=[value])
            )
            for tag, value in values.items()
        ]
        if rows:
            self.summary(run, summaries.Summary(value=rows), step)

    def histogram(self, run: str, tag: str, values: Any, step: int) -> None:
        """Write the distribution of the finite ones among `values`."""
        numbers = np.asarray(values, np.float64).reshape(-1)
        self.summary(
            run, tensorboard("plugins.histogram.summary_v2").histogram_pb(tag, numbers[np.isfinite(numbers)]), step
        )

    def text(self, run: str, tag: str, text: str, step: int = 0) -> None:
        """Write a text in Markdown."""
        self.summary(run, tensorboard("plugins.text.summary_v2").text_pb(tag, text), step)

    def images(self, run: str, tag: str, images: np.ndarray, step: int) -> None:
        """Write the first images of an array of shape `(count, height, width)`, black at its minimum."""
        rows = np.nan_to_num(np.asarray(images[:MAX_IMAGES], np.float64), posinf=0.0, neginf=0.0)
        span = float(np.ptp(rows)) or 1.0
        levels = np.round((rows - rows.min()) / span * 255).astype(np.uint8)
        height, width = levels.shape[1:]
        encoded = [str(width).encode(), str(height).encode(), *map(png, levels)]
        metadata = tensorboard("plugins.image.metadata").create_summary_metadata(tag, "")
        self._tensor(run, tag, encoded, metadata, step)

    def graph(self, run: str, model_json: str) -> None:
        """Write the layers of a model, as Keras's JSON, for the conceptual graph, and as the one shown first."""
        converter, Event = tensorboard("plugins.graph.keras_util"), tensorboard("compat.proto.event_pb2").Event
        with suppress(Exception), _silent(converter.logger):  # what it cannot convert is still in the JSON
            layers = converter.keras_model_to_graph_def(json.loads(model_json))
            self.begin(run).add_event(Event(graph_def=layers.SerializeToString(), wall_time=time.time()))
        metadata = tensorboard("compat.proto.summary_pb2").SummaryMetadata
        plugin = metadata.PluginData(plugin_name="graph_keras_model", content=b"1")
        self._tensor(run, "keras", model_json.encode(), metadata(plugin_data=plugin), 0)

    def hparams(self, run: str, values: Mapping[str, Any]) -> None:
        """Write hyperparameters: numbers, booleans and strings as they are, anything else as text."""
        known = {name: plain(value) for name, value in values.items()}
        written = {n: v if isinstance(v, (bool, int, float, str)) else json.dumps(v) for n, v in known.items()}
        self.summary(run, tensorboard("plugins.hparams.summary_v2").hparams_pb(written), 0)

    def hparams_end(self, run: str) -> None:
        """Say that the run with these hyperparameters was completed."""
        status, written = tensorboard("plugins.hparams.api_pb2"), tensorboard("plugins.hparams.plugin_data_pb2")
        metadata = tensorboard("plugins.hparams.metadata")
        ended = written.SessionEndInfo(status=status.STATUS_SUCCESS, end_time_secs=time.time())
        data = metadata.create_summary_metadata(written.HParamsPluginData(session_end_info=ended))
        self._value(run, metadata.SESSION_END_INFO_TAG, metadata.NULL_TENSOR, data, 0)

    def _tensor(self, run: str, tag: str, value: Any, metadata: Any, step: int) -> None:
        self._value(run, tag, tensorboard("util.tensor_util").make_tensor_proto(value), metadata, step)

    def _value(self, run: str, tag: str, tensor: Any, metadata: Any, step: int) -> None:
        summary = tensorboard("compat.proto.summary_pb2").Summary
        self.summary(run, summary(value=[summary.Value(tag=tag, metadata=metadata, tensor=tensor)]), step)


@contextmanager
def _silent(logger: Any) -> Iterator[None]:
    """Keep a logger from remarks on every layer whose dtype is a policy."""
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def png(levels: np.ndarray) -> bytes:
    """Return a grey image of `uint8` as a PNG file.

    Reference: https://www.w3.org/TR/png-3/
    """
    height, width = levels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.concatenate([np.zeros((height, 1), np.uint8), levels], axis=1)  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data
