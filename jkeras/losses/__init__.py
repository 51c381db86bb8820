"""Losses: functions of `(y_true, y_pred)`, their classes, and the names that `compile(loss=...)` knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from jkeras.losses.base import FunctionLoss, Loss, losses
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
from jkeras.losses.reduction import Reduction

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
    "Loss", "Reduction", "get", "serialize", "deserialize", "mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE",
    "bce", "BCE", "kld", "KLD", "kullback_leibler_divergence", "logcosh", "cosine", "cosine_proximity",
    "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
    "log_cosh", "huber", "hinge", "squared_hinge", "categorical_hinge", "cosine_similarity", "dice", "tversky",
    "circle", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "sparse_categorical_crossentropy",
    "kl_divergence", "poisson", "ctc", "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError", "LogCosh", "Huber", "Hinge", "SquaredHinge", "CategoricalHinge", "CosineSimilarity",
    "Dice", "Tversky", "Circle", "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy", "SparseCategoricalCrossentropy",
    "KLDivergence", "Poisson", "CTC",
]  # fmt: skip

losses.register("FunctionLoss", FunctionLoss)
for _name in __all__[__all__.index("mse") :]:  # pyright: ignore[reportUnsupportedDunderAll]
    losses.register(_name, globals()[_name])


def get(identifier: Any) -> Loss | Callable[..., Any] | None:
    """Return the loss that `identifier` stands for.

    Args:
        identifier: A function's name (`"mse"`), a class name or a class (gives an instance), a configuration
            dictionary, an instance, a function `f(y_true, y_pred)`, or None.

    Returns:
        A `Loss`, a function that returns one value for each sample, or None.

    Raises:
        ValueError: If the name is unknown; it tells the nearest one.

    >>> get("mse") is mean_squared_error
    True
    >>> get("catgorical_crossentropy")
    Traceback (most recent call last):
    ValueError: Unknown loss 'catgorical_crossentropy'. Did you mean 'categorical_crossentropy'?
    """
    return deserialize(identifier)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the loss for what `serialize` returned, a name or a configuration; `custom_objects` are looked up first.

    Args:
        name: What `serialize` returned, or what `get` takes.
        custom_objects: Classes and functions by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.

    Returns:
        A `Loss`, a function, or None.

    >>> deserialize({"class_name": "Huber", "config": {"delta": 2.0}}).delta
    2.0
    """
    return losses.deserialize(name, custom_objects)


def serialize(loss: Any, use_legacy_format: bool = True) -> Any:
    """Return a loss as plain data: a function's name, or the class name and configuration of an instance.

    Args:
        loss: A `Loss` or a function.
        use_legacy_format: False writes the module besides, as Keras 3 does.

    Returns:
        A string, or a dictionary of plain data.

    Raises:
        ValueError: For a lambda, which no name can find again.

    >>> serialize(mean_squared_error)
    'mean_squared_error'
    """
    return losses.serialize(loss, use_legacy_format)
