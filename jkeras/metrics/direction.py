"""Which direction of a metric is better, by its name or its own word."""

from __future__ import annotations

from typing import Any

# Metric names, in snake_case without `val_` and the name of an output, for which more is better.
_MORE_IS_BETTER = frozenset(
    """accuracy acc binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy
    sparse_top_k_categorical_accuracy auc precision recall f1_score fbeta_score r2_score mean_io_u io_u binary_io_u
    one_hot_io_u one_hot_mean_io_u iou true_positives true_negatives sensitivity_at_specificity
    specificity_at_sensitivity precision_at_recall recall_at_precision cosine_similarity pearson_correlation
    concordance_correlation fmeasure""".split()
)
_LESS_IS_BETTER = frozenset(
    """loss mse mae mape msle mean_squared_error mean_absolute_error mean_absolute_percentage_error
    mean_squared_logarithmic_error root_mean_squared_error rmse log_cosh logcosh log_cosh_error kl_divergence kld
    kullback_leibler_divergence poisson binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy
    crossentropy bce hinge squared_hinge categorical_hinge huber false_positives false_negatives error perplexity
    """.split()
)


def direction_of(monitor: str, model: Any = None) -> str | None:
    """Return "max" or "min", whichever is better for the metric named `monitor`, or None if that is not known.

    A metric of the model that declares a direction decides; otherwise the name does, with `val_`, the name of an
    output in front and a number behind left out.

    >>> direction_of("val_accuracy"), direction_of("main_output_loss"), direction_of("auc_1")
    ('max', 'min', 'max')
    >>> direction_of("surprise") is None
    True
    """
    name = monitor.removeprefix("val_")
    for metric in getattr(model, "metrics", None) or ():
        declared = getattr(metric, "_direction", None)
        if getattr(metric, "name", None) == name and declared in ("up", "down"):
            return "max" if declared == "up" else "min"
    base = name.rstrip("0123456789").rstrip("_") if name[-1:].isdigit() else name
    for candidate in (name, base):
        words = candidate.lower().split("_")
        # The longest known ending wins: `out_false_positives` is not `positives` of something.
        for start in range(len(words)):
            ending = "_".join(words[start:])
            if ending in _MORE_IS_BETTER:
                return "max"
            if ending in _LESS_IS_BETTER:
                return "min"
    return None
