"""Class labels are looked at on the host: compiled code cannot raise, and would take a wrong one for another class."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from jkeras.losses import SparseCategoricalCrossentropy, sparse_categorical_crossentropy
from jkeras.losses.labels import check_range
from jkeras.training.objective import Objective


def check_labels(objective: Objective, targets: Any) -> None:
    """Raise `ValueError` if the targets of a sparse crossentropy are not class numbers of its output."""
    if targets is None:
        return
    matched = objective.match("y", targets)
    for output, labels, shape in zip(objective.outputs, matched, objective.shapes, strict=True):
        loss = output.loss
        function = getattr(loss, "fn", None)
        is_sparse = isinstance(loss, SparseCategoricalCrossentropy)
        if labels is None or not (is_sparse or function is sparse_categorical_crossentropy):
            continue
        if len(jax.tree.leaves(labels)) != 1 or not shape:
            continue
        check_range(np.asarray(labels), shape[-1], output.name, getattr(loss, "ignore_class", None))
