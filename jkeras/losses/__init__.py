"""Losses: functions of `(y_true, y_pred)`, their classes, and the names that `compile(loss=...)` knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.core.operation import recordable
from jkeras.functional.crossentropy import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from jkeras.functional.losses import (
    categorical_hinge,
    circle,
    cosine_similarity,
    dice,
    hinge,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    squared_hinge,
    tversky,
)
from jkeras.losses.base import FunctionLoss, Loss, StandardLoss, losses
from jkeras.losses.catalogue import (
    CTC,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
from jkeras.losses.ctc import ctc
from jkeras.losses.reduction import Reduction, reduce_weighted

# Each takes symbolic tensors too: a loss of values inside a model, for `model.add_loss`.
for _function in (
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy,
    categorical_generalized_cross_entropy, kl_divergence, poisson, sparse_categorical_crossentropy, categorical_hinge,
    circle, cosine_similarity, dice, hinge, huber, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, squared_hinge, tversky,
):  # fmt: skip
    globals()[_function.__name__] = recordable(_function, __name__)

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh
cosine = cosine_proximity = cosine_similarity

__all__ = [
    "Loss", "FunctionLoss", "StandardLoss", "Reduction", "reduce_weighted", "check_labels", "get", "serialize",
    "deserialize", "mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD",
    "kullback_leibler_divergence", "logcosh", "cosine", "cosine_proximity", "mean_squared_error",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "log_cosh", "huber",
    "hinge", "squared_hinge", "categorical_hinge", "cosine_similarity", "dice", "tversky", "circle",
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy", "sparse_categorical_crossentropy", "kl_divergence", "poisson", "ctc",
    "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "LogCosh",
    "Huber", "Hinge", "SquaredHinge", "CategoricalHinge", "CosineSimilarity", "Dice", "Tversky", "Circle",
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "SparseCategoricalCrossentropy", "KLDivergence", "Poisson", "CTC",
]  # fmt: skip

_NO_LOSS = {
    "Loss", "StandardLoss", "Reduction", "reduce_weighted", "check_labels", "get", "serialize", "deserialize",
}  # fmt: skip
for _name in __all__:
    if _name not in _NO_LOSS:
        losses.register(_name, globals()[_name])


def get(identifier: Any) -> Loss | Callable[..., Any] | None:
    """Return the loss that `identifier` stands for.

    Args:
        identifier: A function's name (`"mse"`), a class name or a class (gives an instance), a configuration
            dictionary, an instance, a function `f(y_true, y_pred)`, or None.

    Raises:
        ValueError: if the name is unknown; it tells the nearest one.

    >>> get("mse") is mean_squared_error
    True
    >>> get("catgorical_crossentropy")
    Traceback (most recent call last):
    ValueError: Unknown loss 'catgorical_crossentropy'. Did you mean 'categorical_crossentropy'?
    """
    return deserialize(identifier)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the loss for what `serialize` returned, a name or a configuration; `custom_objects` are looked up first.

    Both formats of Keras are told apart by what they hold, whatever `use_legacy_format` says.

    >>> deserialize({"class_name": "Huber", "config": {"delta": 2.0}}).delta
    2.0
    """
    return losses.deserialize(name, custom_objects)


def serialize(loss: Any, use_legacy_format: bool = True) -> Any:
    """Return a loss as plain data: a function's name, or the class name and configuration of an instance.

    Without `use_legacy_format` the configuration is as Keras 3 writes it.

    >>> serialize(mean_squared_error)
    'mean_squared_error'
    """
    return losses.serialize(loss, use_legacy_format)


def check_labels(labels: Any, classes: int, name: str, ignore_class: int | None = None) -> None:
    """Raise if integer labels on the host do not fit the classes: compiled code cannot, and would count them as 0.

    Args:
        labels: Class numbers of any shape.
        classes: The size of the last axis of the predictions.
        name: The model's output, for the message.
        ignore_class: A label that is allowed besides.

    Raises:
        ValueError: for a label outside [0, classes).

    >>> check_labels(np.array([0, 3]), 3, "digit")
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
