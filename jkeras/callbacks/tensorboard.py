"""Write what TensorBoard shows."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.batch_counter import steps_of_run
from jkeras.callbacks.batch_trace import batch_range, trace_batches
from jkeras.callbacks.event_files import EventFiles, tensorboard
from jkeras.callbacks.learning_rate import read_rate
from jkeras.callbacks.log_values import numbers
from jkeras.callbacks.model_events import write_graph, write_weights
from jkeras.callbacks.projector import write_embeddings
from jkeras.core import blame
from jkeras.core.errors import unexpected_argument

# Arguments of Keras 1 and 2 for which there is nothing to do, and why.
_FORMER = {
    "batch_size": "histograms are of weights, which need no batches",
    "write_grads": "the gradients of a step are used on the device and not kept",
    "embeddings_data": "the rows of embedding layers are written, not their outputs for given data",
}
_ARGUMENTS = ("log_dir", "histogram_freq", "write_graph", "write_images", "write_steps_per_second", "update_freq",
              "profile_batch", "embeddings_freq", "embeddings_metadata", "hparams",
              "embeddings_layer_names")  # fmt: skip


class TensorBoard(Callback):
    """Writes event files for TensorBoard: `tensorboard --logdir logs`. TensorFlow is not needed.

    | run | tag | step |
    | --- | --- | --- |
    | `train`, `validation` | `epoch_loss` and every other metric | epoch |
    | `train` | `epoch_learning_rate`, `epoch_steps_per_second` | epoch |
    | `train` | `batch_loss` and every other metric, `batch_steps_per_second` | batch of the run |
    | `validation` | `evaluation_loss_vs_iterations` and every other metric | updates of the optimizer |
    | `train` | `dense/kernel/histogram`, `dense/kernel/image` | epoch |
    | `train` | the graph of layers, and the model's summary as a text | 0 |

    Epochs count from 0, batches from 1, in a run that is resumed too. After each epoch all is on disk.

    Args:
        log_dir: The folder; each run wants one of its own.
        histogram_freq: Write the distribution of every weight each so many epochs; 0: never.
        write_graph: Write the graph of layers (of a `Sequential` or functional model) and the summary.
        write_images: Write weights as pictures too, each from black at its minimum to white at its maximum, whenever
            histograms are written.
        write_steps_per_second: Write how fast it goes.
        update_freq: "epoch"; "batch", or a number n, writes the metrics of each n-th batch too. The loop stops at
            each of these.
        profile_batch: Trace this batch, or those of a range `(first, last)`, counted from 1, with JAX's profiler; 0:
            none. The loop does not stop at the others.
        embeddings_freq: Write the rows of embedding layers for the projector each so many epochs; 0: never.
        embeddings_metadata: The file, below `log_dir`, with a label for each row; or a dict of them by layer.
        hparams: Hyperparameters of the run, `{"units": 64}`, for the dashboard that compares runs.
        former: `embeddings_layer_names` of Keras 1 and 2 chooses among embedding layers; `batch_size`, `write_grads`
            and `embeddings_data` have no effect and say so.

    Raises:
        ImportError: If the package `tensorboard` is missing.
        ValueError: If a number makes no sense; in training, if there is no embedding layer of a name given.

    >>> import tempfile, numpy as np
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> model = Sequential([Dense(1, input_shape=(3,))])
    >>> model.compile("sgd", "mse")
    >>> board = TensorBoard(tempfile.mkdtemp(), hparams={"units": 1})
    >>> _ = model.fit(np.ones((8, 3)), np.ones(8), epochs=2, verbose=0, callbacks=[board])
    >>> sorted(os.listdir(board.log_dir))[-1]
    'train'

    Reference: https://keras.io/api/callbacks/tensorboard
    """

    writes_alone = True

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
        hparams: Mapping[str, Any] | None = None,
        **former: Any,
    ):
        tensorboard()
        self.embeddings_layer_names = former.pop("embeddings_layer_names", None) or None
        for name in former:
            if name not in _FORMER:
                raise unexpected_argument("TensorBoard", name, _ARGUMENTS)
            if former[name]:
                blame.warn(f"TensorBoard({name}=...) has no effect: {_FORMER[name]}.")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = _count("histogram_freq", histogram_freq)
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq: Any = 1 if update_freq == "batch" else update_freq
        self.profile_batch = profile_batch
        self.embeddings_freq = _count("embeddings_freq", embeddings_freq)
        self.embeddings_metadata = embeddings_metadata
        self.hparams = hparams
        self._profiled = batch_range(profile_batch)
        self._files: EventFiles | None = None
        self._training = False
        self._is_described = False  # whether what does not change was written
        self._steps = 0  # done in the run
        self._written = self._epoch_steps = 0  # the last batch that was written, and the steps before this epoch
        self._written_at = self._epoch_at = 0.0
        if self.update_freq != "epoch":
            self.batch_interval = _count("update_freq", self.update_freq, least=1)
            # Set on the object: without it the loop need not stop within an epoch.
            self.on_train_batch_end = self._write_batch

    @property
    def files(self) -> EventFiles:
        """The event files, begun anew after they were closed."""
        if self._files is None:
            self._files = EventFiles(self.log_dir)
        return self._files

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin a run."""
        self._close()
        self._training, self._is_described = True, False
        self._steps = self._written = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Describe the model in the first epoch, and note the time."""
        self._steps = self._count_steps(self._steps)
        self._epoch_steps, self._written = self._steps, max(self._written, self._steps)
        self._epoch_at = self._written_at = time.perf_counter()
        if not self._is_described:
            self._describe()
            self._is_described = True
        trace_batches(self.model, self.log_dir, *self._profiled)

    def _describe(self) -> None:
        self.files.begin("train")
        if self.hparams:
            self.files.hparams("", self.hparams)
        if self.write_graph:
            write_graph(self.files, "train", self.model)
        if self.embeddings_freq:
            self.files.begin("")  # TensorBoard looks for the projector's files where there are event files
            self._write_embeddings()

    def _count_steps(self, counted: int) -> int:
        """Return the steps of the run, from `fit` if it runs, else as they were counted here."""
        done = steps_of_run(self.model)
        return counted if done is None else done

    def _write_batch(self, batch: int, logs: Logs = None) -> None:
        self._steps = self._count_steps(self._epoch_steps + batch + 1)
        # Others, or steps_per_execution, may cause other calls: the first one at or after each multiple counts.
        if self._steps // self.update_freq <= self._written // self.update_freq:
            return
        now = time.perf_counter()
        logs = dict(logs or {})
        if self.write_steps_per_second:
            logs["steps_per_second"] = (self._steps - self._written) / max(now - self._written_at, 1e-9)
        self._written, self._written_at = self._steps, now
        self._scalars("train", "batch_{}", logs, self._steps)

    def on_test_end(self, logs: Logs = None) -> None:
        """Write the metrics of an evaluation, by the updates that were done before it."""
        iterations = getattr(self.model.optimizer, "iterations", None)
        step = self._steps if iterations is None else int(np.asarray(iterations))
        self._scalars("validation", "evaluation_{}_vs_iterations", logs, step)
        if not self._training:
            self._close()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the metrics of the epoch, and the weights if it is time."""
        logs = logs or {}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        if getattr(self.model.optimizer, "learning_rate", None) is not None:
            trained["learning_rate"] = read_rate(self.model)
        self._steps = self._count_steps(max(self._steps, self._epoch_steps + ((self.params or {}).get("steps") or 0)))
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_at
            trained["steps_per_second"] = (self._steps - self._epoch_steps) / max(seconds, 1e-9)
        self._scalars("train", "epoch_{}", trained, epoch)
        validated = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        self._scalars("validation", "epoch_{}", validated, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            write_weights(self.files, "train", self.model, epoch, self.write_images)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        self.files.flush()

    def _scalars(self, run: str, tag: str, logs: Logs, step: int) -> None:
        self.files.scalars(run, {tag.format(name): value for name, value in numbers(logs).items()}, step)

    def _write_embeddings(self) -> None:
        write_embeddings(self.log_dir, self.model, self.embeddings_layer_names, self.embeddings_metadata)

    def on_train_end(self, logs: Logs = None) -> None:
        """End the files."""
        if self.hparams and self._is_described:
            self.files.hparams_end("")
        self._training = False
        self._close()

    def _close(self) -> None:
        files, self._files = self._files, None
        if files is not None:
            files.close()

    def state_dict(self) -> dict[str, Any]:
        """Return the batches that were done and written, and whether the model was described."""
        return {"steps": self._steps, "written": self._written, "is_described": self._is_described}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned: in new files, with the steps going on."""
        self._steps, self._written = int(state["steps"]), int(state["written"])
        self._is_described = bool(state["is_described"])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": None}


def _count(name: str, value: Any, least: int = 0) -> int:
    if isinstance(value, (bool, str)) or int(value) != value or value < least:
        words = "'epoch', 'batch' or a positive number of batches" if least else "a number of epochs, or 0"
        raise ValueError(f"TensorBoard: {name} must be {words}; got {value!r}.")
    return int(value)
