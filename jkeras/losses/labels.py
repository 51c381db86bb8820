"""Labels that fit the classes: a check on the host, for compiled code cannot raise."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_range(labels: Any, classes: int, name: str, ignore_class: int | None = None) -> None:
    """Raise if integer labels on the host do not fit the classes: compiled code cannot, and would count them as 0.

    Args:
        labels: Class numbers of any shape.
        classes: The size of the last axis of the predictions.
        name: The model's output, for the message.
        ignore_class: A label that is allowed besides.

    Raises:
        ValueError: for a label outside [0, classes).

    >>> check_range(np.array([0, 3]), 3, "digit")
    Traceback (most recent call last):
    ValueError: Output 'digit' has 3 classes, so its labels must be 0 to 2; got 3 at position 1. \
Give its last layer 4 units, or subtract 1 if the labels count from 1.
    """
    array = np.asarray(labels)
    if array.size == 0:
        return
    low, high = int(array.min()), int(array.max())
    if low >= 0 and high < classes:
        return
    wrong = (array < 0) | (array >= classes)
    if ignore_class is not None:
        wrong &= array != ignore_class
    if not wrong.any():
        return
    position = int(np.flatnonzero(wrong)[0])
    value = int(array.reshape(-1)[position])
    advice = "Use ignore_class if it marks padding."
    if value >= 0:
        advice = f"Give its last layer {high + 1} units, or subtract 1 if the labels count from 1."
    raise ValueError(
        f"Output {name!r} has {classes} classes, so its labels must be 0 to {classes - 1}; "
        f"got {value} at position {position}. {advice}"
    )
