"""Metrics: functions of `(y_true, y_pred)`, their classes, and the names that `compile(metrics=...)` knows."""

from __future__ import annotations

from typing import Any

from jkeras.core.registry import Registry, snake_case
from jkeras.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from jkeras.metrics import experimental
from jkeras.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    accuracy_by_shape,
    binary_accuracy,
    categorical_accuracy,
    crossentropy_by_shape,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from jkeras.metrics.base import Metric
from jkeras.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from jkeras.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from jkeras.metrics.curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from jkeras.metrics.from_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from jkeras.metrics.fscore import F1Score, FBetaScore
from jkeras.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from jkeras.metrics.lazy import LazyMetric
from jkeras.metrics.mean import Mean, MeanMetricWrapper, MeanRelativeError, MeanTensor, Sum, functions
from jkeras.metrics.r2 import R2Score

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh

__all__ = [
    "Metric", "experimental", "get", "serialize", "deserialize", "mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle",
    "MSLE", "kld", "KLD", "kullback_leibler_divergence", "logcosh", "mean_squared_error", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "log_cosh", "huber", "hinge", "squared_hinge",
    "categorical_hinge", "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_crossentropy", "categorical_focal_crossentropy", "sparse_categorical_crossentropy",
    "kl_divergence", "poisson", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy",
    "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "Mean", "Sum", "MeanMetricWrapper",
    "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "TopKCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy", "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "CosineSimilarity", "LogCoshError",
    "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy", "KLDivergence", "Poisson",
    "Hinge", "SquaredHinge", "CategoricalHinge", "MeanTensor", "MeanRelativeError", "TruePositives",
    "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall", "AUC", "SensitivityAtSpecificity",
    "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision", "F1Score", "FBetaScore", "R2Score", "IoU",
    "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "PearsonCorrelation", "ConcordanceCorrelation",
    "pearson_correlation", "concordance_correlation",
]  # fmt: skip

# The names of classes besides their own, which is known in both spellings.
_ALIASES: dict[type[Metric], tuple[str, ...]] = {
    Accuracy: ("acc",),
    MeanSquaredError: ("mse",),
    RootMeanSquaredError: ("rmse",),
    MeanAbsoluteError: ("mae",),
    MeanAbsolutePercentageError: ("mape",),
    MeanSquaredLogarithmicError: ("msle",),
    CosineSimilarity: ("cosine", "cosine_proximity"),
    LogCoshError: ("log_cosh", "logcosh"),
    BinaryCrossentropy: ("bce",),
    KLDivergence: ("kld", "kullback_leibler_divergence"),
    F1Score: ("f1_score", "f1"),
    FBetaScore: ("fbeta_score",),
    R2Score: ("r2_score", "r2"),
    MeanIoU: ("mean_iou",),
}
# Names that mean one thing or another, depending on the shapes of the batch.
_BY_SHAPE = {
    "accuracy": accuracy_by_shape,
    "acc": accuracy_by_shape,
    "crossentropy": crossentropy_by_shape,
    "ce": crossentropy_by_shape,
}

metrics = Registry("metric", "metrics")
for _name in __all__[__all__.index("Mean") :]:  # pyright: ignore[reportUnsupportedDunderAll]
    _class = globals()[_name]
    if isinstance(_class, type):
        metrics.register(_name, _class, snake_case(_name), *_ALIASES.get(_class, ()))
for _function in (huber, binary_focal_crossentropy, categorical_focal_crossentropy):
    metrics.register(_function.__name__, _function)
metrics.register("crossentropy", crossentropy_by_shape, "ce")
for _function in (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    top_k_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    accuracy_by_shape,
    crossentropy_by_shape,
    pearson_correlation,
    concordance_correlation,
):
    functions.register(_function.__name__, _function)


def get(identifier: Any) -> Metric | None:
    """Return the metric that `identifier` stands for.

    Args:
        identifier: A name (`"mse"`, `"AUC"`), a class, a configuration dictionary, an instance, a function
            `f(y_true, y_pred)`, or None.

    Returns:
        A `Metric` or None; a function's is a `MeanMetricWrapper`.

    Raises:
        ValueError: If the name is unknown; it tells the nearest one.

    >>> get("mse").name
    'mean_squared_error'
    >>> get("binary_acuracy")
    Traceback (most recent call last):
    ValueError: Unknown metric 'binary_acuracy'. Did you mean 'binary_accuracy'?
    """
    return deserialize(identifier)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the metric for what `serialize` returned, a name or a configuration; `custom_objects` are looked up first.

    Args:
        config: What `serialize` returned, or what `get` takes.
        custom_objects: Classes and functions by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.

    Returns:
        A `Metric` or None.

    >>> deserialize({"class_name": "BinaryAccuracy", "config": {"threshold": 0.25}}).threshold
    0.25
    """
    found = metrics.deserialize(config, custom_objects)
    return found if found is None or isinstance(found, Metric) else MeanMetricWrapper(found, name=_name_of(found))


def serialize(metric: Any, use_legacy_format: bool = True) -> Any:
    """Return a metric as plain data: a function's name, or the class name and configuration of an instance.

    Args:
        metric: A `Metric`, or a function with a name.
        use_legacy_format: False writes the module besides, as Keras 3 does.

    Returns:
        A string, or a dictionary of plain data.

    >>> serialize(mean_squared_error)
    'mean_squared_error'
    """
    return metrics.serialize(metric, use_legacy_format)


def resolve(spec: Any, output_shape: tuple[int, ...] | None = None, loss: Any = None) -> Metric:
    """Return the metric for an entry of `compile(metrics=[...])`.

    `"accuracy"` and `"crossentropy"` become binary, sparse categorical or categorical when the first batch comes, by
    the shapes of targets and predictions, as in Keras; the loss is not needed to choose.

    Args:
        spec: As for `get`; a metric made from a name has exactly that name.
        output_shape: The shape of the model's output: some metrics need the number of classes.
        loss: The loss of that output as given to `compile`; no metric depends on it.

    Returns:
        The metric, built for the output where its variables depend on it.

    Raises:
        ValueError: If the name is unknown, or `spec` is None.

    >>> resolve("acc").name, resolve("mse").name, resolve(lambda y_true, y_pred: y_pred).name
    ('acc', 'mse', 'lambda')
    """
    if spec is None:
        raise ValueError("Expected a metric: a name, a Metric, or a function f(y_true, y_pred); got None.")
    if isinstance(spec, str):
        function = _BY_SHAPE.get(spec.lower())
        metric: Any = get(spec) if function is None else MeanMetricWrapper(function)
        metric._explicit_name = spec
    else:
        metric = get(spec)
    if isinstance(metric, LazyMetric) and output_shape is not None:
        metric.build(output_shape)
    return metric


def _name_of(function: Any) -> str:
    """Return the name that the logs show for a function or another callable."""
    name = getattr(function, "name", None) or getattr(function, "__name__", None) or snake_case(type(function).__name__)
    return str(name).strip("<>")
