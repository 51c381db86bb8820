"""Small runs for the tests of logs, and TensorBoard's own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jkeras import layers
from jkeras.models import Sequential

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 4)).astype("float32")
Y = (X[:, :1] - X[:, 1:2] * 0.5).astype("float32")
EPOCH = 9  # batches of 8


def network():
    net = Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)])
    net.compile("adam", "mse", metrics=["mae"])
    return net


def fit(hooks, epochs=2, model=None, **options):
    options = {"batch_size": 8, "validation_data": (X[:16], Y[:16]), **options}
    return (model or network()).fit(X, Y, epochs=epochs, verbose=0, callbacks=hooks, **options)


def events(folder, run="train"):
    """Read a run with TensorBoard's own reader."""
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return module.EventAccumulator(str(Path(folder, run)), size_guidance={"tensors": 0}).Reload()


def scalars(folder, run="train"):
    """Return `{tag: [(step, value)]}`."""
    found = events(folder, run)
    return {
        tag: [(event.step, event.tensor_proto.float_val[0]) for event in found.Tensors(tag)]
        for tag in found.Tags()["tensors"]
        if found.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    }


def steps(rows):
    return [step for step, _ in rows]
