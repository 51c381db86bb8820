"""Weights of older layers in the form of today's: gate by gate, kernels turned, two biases where there is one now.

Keras 1: LSTM of 12 arrays, GRU of 9, kernels of Conv1D with an axis more, `th` kernels `(out, in, rows, columns)`.
Theano: convolution kernels are flipped, as it convolves where the others correlate.
CuDNN: kernels of the gates are transposed, and there are two biases, of the input and of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.saving.hdf5 import read_array

Rows = list[tuple[str, Any]]

# The gates in the files of Keras 1, and in kernels of today.
_GATES_OF_KERAS_1 = {"LSTM": ("i", "c", "f", "o"), "ConvLSTM2D": ("i", "c", "f", "o"), "GRU": ("z", "r", "h")}
_GATES = {"LSTM": ("i", "f", "c", "o"), "ConvLSTM2D": ("i", "f", "c", "o"), "GRU": ("z", "r", "h")}
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "ConvLSTM2D", "SeparableConv2D")


class Origin(NamedTuple):
    """What wrote a file."""

    version: str
    backend: str

    @property
    def is_keras_1(self) -> bool:
        """Whether it was Keras 1, or something that does not say."""
        return self.version.split(".")[0] in ("", "0", "1")


class Derived(NamedTuple):
    """A value computed from datasets of a file; has a shape and a name as they have."""

    sources: tuple[Any, ...]
    compute: Callable[..., np.ndarray]
    shape: tuple[int, ...]
    name: str

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))

    def read(self, where: str) -> np.ndarray:
        """Read the datasets and compute the value."""
        return self.compute(*(read_value(source, where) for source in self.sources))


def read_value(source: Any, where: str) -> np.ndarray:
    """Return the numbers of a dataset, or of what is derived from datasets."""
    return source.read(where) if isinstance(source, Derived) else read_array(source, source.shape, where)


def modern_rows(layer: Any, rows: Rows, origin: Origin) -> Rows:
    """Return the names and values that a file has for a layer, in the form of today; unchanged if they are that."""
    kind = _kind(layer)
    if kind == "TimeDistributed":
        return modern_rows(layer.layer, rows, origin)
    if kind == "Bidirectional":
        half = len(rows) // 2
        parts = ((layer.forward_layer, rows[:half]), (layer.backward_layer, rows[half:]))
        return [row for part, own in parts for row in modern_rows(part, own, origin)]
    if hasattr(layer, "layers"):
        return _of_model(layer, rows, origin)
    if not all(hasattr(value, "shape") for _, value in rows):
        return rows  # left for the reader to refuse
    if origin.is_keras_1:
        rows = _from_keras_1(layer, kind, rows)
    if origin.backend == "theano" and kind in _CONVOLUTIONS:
        count = 2 if kind == "ConvLSTM2D" else 1
        rows = [(name, _flipped(value)) for name, value in rows[:count]] + rows[count:]
    return _from_cudnn(layer, kind, rows)


def _kind(layer: Any) -> str:
    known = ("TimeDistributed", "Bidirectional", *_GATES, *_CONVOLUTIONS)
    return next((c.__name__ for c in type(layer).__mro__ if c.__name__ in known), type(layer).__name__)


def _of_model(model: Any, rows: Rows, origin: Origin) -> Rows:
    """Convert the layers of a model inside one by one, where each still has as many values as today."""
    if not (origin.is_keras_1 or origin.backend == "theano"):
        return rows
    found, at = [], 0
    for layer in model.layers:
        count = len(layer.weights)
        if origin.is_keras_1 and (kind := _kind(layer)) in _GATES and count:
            count = 3 * len(_GATES[kind])
        found += modern_rows(layer, rows[at : at + count], origin)
        at += count
    return found + rows[at:]


def _from_keras_1(layer: Any, kind: str, rows: Rows) -> Rows:
    gates = _GATES_OF_KERAS_1.get(kind, ())
    if gates and len(rows) == 3 * len(gates):
        values = dict(zip(gates, (rows[i : i + 3] for i in range(0, len(rows), 3)), strict=True))
        order = [values[gate] for gate in _GATES[kind]]
        names = ("kernel", "recurrent_kernel", "bias")
        return [(name, _joined([gate[i][1] for gate in order])) for i, name in enumerate(names)]
    if kind == "Conv1D" and rows and len(rows[0][1].shape) == 4:
        value = rows[0][1]
        return [
            (rows[0][0], Derived((value,), lambda a: a[:, 0], (value.shape[0], *value.shape[2:]), value.name)),
            *rows[1:],
        ]
    rank = {"Conv2D": 2, "Conv2DTranspose": 2, "Conv3D": 3}.get(kind, 0)
    if rank and rows and getattr(layer, "data_format", None) == "channels_first":
        axes = (*range(2, rank + 2), 1, 0)
        return [(rows[0][0], _transposed(rows[0][1], axes)), *rows[1:]]
    return rows


def _from_cudnn(layer: Any, kind: str, rows: Rows) -> Rows:
    """Convert what CuDNNLSTM and CuDNNGRU kept, which is told by the shape of the bias."""
    if kind not in ("LSTM", "GRU") or len(rows) != 3:
        return rows
    (kernel_name, kernel), (recurrent_name, recurrent), (bias_name, bias) = rows
    gates = len(_GATES[kind])
    if len(recurrent.shape) != 2 or tuple(bias.shape) != (2 * gates * recurrent.shape[0],):
        return rows
    units = recurrent.shape[0]

    def turned(order: Any) -> Callable[[np.ndarray], np.ndarray]:
        return lambda a: np.hstack([part.T.reshape(part.shape, order=order) for part in np.hsplit(a, gates)])

    if kind == "GRU":
        shape: tuple[int, ...] = (2, gates * units)
        new_bias = Derived((bias,), lambda a: a.reshape(shape), shape, bias.name)
    else:
        shape = (gates * units,)
        new_bias = Derived((bias,), lambda a: a.reshape(2, -1).sum(0), shape, bias.name)
    return [
        (kernel_name, Derived((kernel,), turned("F"), tuple(kernel.shape), kernel.name)),
        (recurrent_name, Derived((recurrent,), turned("C"), tuple(recurrent.shape), recurrent.name)),
        (bias_name, new_bias),
    ]


def _joined(values: Sequence[Any]) -> Derived:
    """Return the values of the gates side by side, along the last axis."""
    last = sum(value.shape[-1] for value in values)
    shape = (*values[0].shape[:-1], last)
    return Derived(tuple(values), lambda *parts: np.concatenate(parts, -1), shape, values[0].name)


def _transposed(value: Any, axes: tuple[int, ...]) -> Derived:
    shape = tuple(value.shape[axis] for axis in axes) if len(value.shape) == len(axes) else tuple(value.shape)
    return Derived((value,), lambda a: np.transpose(a, axes), shape, value.name)


def _flipped(value: Any) -> Derived:
    spatial = tuple(range(len(value.shape) - 2))
    return Derived((value,), lambda a: np.flip(a, spatial), tuple(value.shape), value.name)
