"""What the wrappers use of scikit-learn, an optional package."""

from __future__ import annotations

from jkeras.core.extras import missing_package

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise missing_package("sklearn", "jkeras.wrappers", "It has to be 1.6 or later.") from error

__all__ = [
    "BaseEstimator", "ClassifierMixin", "NotFittedError", "RegressorMixin", "TransformerMixin", "_check_sample_weight",
    "check_classification_targets", "check_is_fitted", "column_or_1d", "type_of_target", "validate_data",
]  # fmt: skip
