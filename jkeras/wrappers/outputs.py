"""What outputs of a model say: numbers, classes, probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np


def loss_name(model: Any) -> str:
    """Return the name of the loss that a model is compiled with, "" if it has none.

    >>> from types import SimpleNamespace
    >>> loss_name(SimpleNamespace(loss="mse"))
    'mse'
    """
    loss = model.loss
    return loss if isinstance(loss, str) else str(getattr(loss, "__name__", None) or getattr(loss, "name", ""))


def numbers(outputs: np.ndarray) -> np.ndarray:
    """Return outputs, of shape (samples,) if there is one for each sample.

    >>> numbers(np.array([[1.0], [2.0]])).tolist()
    [1.0, 2.0]
    """
    return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs


def places(outputs: np.ndarray) -> np.ndarray:
    """Return the place of the class of each sample: that of the largest output; of one output, if it is above 0.5.

    >>> places(np.array([[0.2, 0.8]])).tolist(), places(np.array([[0.2], [0.8]])).tolist()
    ([1], [0, 1])
    """
    return outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs[:, 0] > 0.5).astype(int)


def probabilities(outputs: np.ndarray) -> np.ndarray:
    """Return a column for each class; one output is the probability of the second of two.

    >>> probabilities(np.array([[0.25]])).tolist()
    [[0.75, 0.25]]
    """
    return outputs if outputs.shape[-1] > 1 else np.hstack([1 - outputs, outputs])
