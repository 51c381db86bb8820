"""scikit-learn's own checks of estimators, and the list of those that cannot pass, each with its reason."""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import check_estimator

from jkeras import Sequential, layers
from jkeras.utils import set_random_seed
from jkeras.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer
from jkeras.wrappers.scikit_learn import KerasClassifier, KerasRegressor


def network(outputs, loss, activation=None, **arguments):
    set_random_seed(0)  # fits are compared with each other
    model = Sequential([layers.Dense(8, activation="relu"), layers.Dense(outputs, activation=activation)])
    model.compile("adam", loss, **arguments)
    return model


def classify(X, y):
    return network(y.shape[1], "categorical_crossentropy", "softmax")


def regress(X, y):
    return network(y.shape[1], "mse")


class Classifier(KerasClassifier):
    def __call__(self):
        return network(self.n_classes_, "sparse_categorical_crossentropy", "softmax", metrics=["accuracy"])


class Regressor(KerasRegressor):
    def __call__(self):
        return network(1, "mse")


_BATCHES = "Samples that are left out or repeated make other batches."
_HISTORY = "fit returns the History, as in Keras 2."
_UNCHECKED = "Inputs go to the model as they are, of whatever shape and kind, as in Keras 2."
_FREE = "Its parameters are those of build_fn and fit, kept in one dictionary, as in Keras 2."

_KERAS_3 = {
    "check_sample_weight_equivalence_on_dense_data": _BATCHES,
    "check_sample_weight_equivalence_on_sparse_data": _BATCHES,
}
_KERAS_2 = {
    "check_no_attributes_set_in_init": _FREE,
    "check_parameters_default_constructible": _FREE,
    "check_do_not_raise_errors_in_init_or_set_params": "What is no parameter of anything is refused at once.",
    "check_dont_overwrite_parameters": "The model is kept as `model`, as in Keras 2.",
    "check_estimators_fit_returns_self": _HISTORY,
    "check_readonly_memmap_input": _HISTORY,
    "check_positive_only_tag_during_fit": _HISTORY,
    "check_n_features_in_after_fitting": _UNCHECKED,
    "check_complex_data": _UNCHECKED,
    "check_dtype_object": _UNCHECKED,
    "check_estimators_empty_data_messages": _UNCHECKED,
    "check_estimators_nan_inf": _UNCHECKED,
    "check_supervised_y_no_nan": _UNCHECKED,
    "check_supervised_y_2d": _UNCHECKED,
    "check_fit2d_predict1d": _UNCHECKED,
    "check_requires_y_none": _UNCHECKED,
    "check_classifiers_one_label": _UNCHECKED,
    "check_classifiers_one_label_sample_weights": "Three epochs do not learn what samples of weight 0 leave over.",
    "check_classifiers_regression_target": _UNCHECKED,
    "check_classifiers_train": _UNCHECKED,
    "check_regressors_train": _UNCHECKED,
}
_QUIET = {"fit_kwargs": {"epochs": 3, "verbose": 0}}
ESTIMATORS = [
    (SKLearnClassifier(classify, **_QUIET), _KERAS_3),
    (
        SKLearnRegressor(regress, **_QUIET),
        {**_KERAS_3, "check_regressor_multioutput": "Predictions are float32, which is what the model computes in."},
    ),
    (SKLearnTransformer(regress, **_QUIET), _KERAS_3),
    (Classifier(epochs=3, verbose=0), _KERAS_2),
    (Regressor(epochs=3, verbose=0), _KERAS_2),
]


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "expected"), ESTIMATORS, ids=lambda value: type(value).__name__)
def test_checks_of_scikit_learn(estimator, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks count those they want themselves
        results = check_estimator(estimator, expected_failed_checks=expected, on_fail=None, on_skip=None)
    failed = {row["check_name"]: row["exception"] for row in results if row["status"] == "failed"}
    assert not failed
    known = {row["check_name"] for row in results}
    assert {name for name in expected if name in known} and sum(row["status"] == "passed" for row in results) >= 25
