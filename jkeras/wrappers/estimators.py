"""The estimators of Keras 3: a compiled model, or a function of the data that makes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras.models import Model
from jkeras.models.cloning import clone_compiled
from jkeras.utils import to_categorical
from jkeras.wrappers.outputs import numbers
from jkeras.wrappers.package import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    TransformerMixin,
    _check_sample_weight,
    check_classification_targets,
    check_is_fitted,
    column_or_1d,
    type_of_target,
    validate_data,
)

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

# What is accepted of X: features of any shape, and sparse matrices, which become dense batch by batch.
_INPUTS: dict[str, Any] = {"allow_nd": True, "accept_sparse": "csr"}


class SKLearnEstimator(BaseEstimator):
    """What the estimators have in common.

    Attributes:
        model_: The trained model.
        history_: The `History` of its training.
        n_features_in_: The number of features.
    """

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ):
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Any:
        """Train a model and return the estimator.

        Args:
            X: Features of shape (samples, features, ...); a sparse matrix stays sparse.
            y: Targets of shape (samples,).
            sample_weight: How much each sample counts.
            kwargs: Arguments of the model's `fit`; they come before `fit_kwargs`.

        Returns:
            The estimator itself.

        Raises:
            RuntimeError: If the model is not compiled.
            TypeError: If `model` is neither a model nor a function that returns one.
        """
        X, y = validate_data(self, X, y, **_INPUTS, multi_output=True)
        type_of_target(y, raise_unknown=True)  # says what is wrong with labels that are no data
        y = self._targets(y)
        arguments = {**(self.fit_kwargs or {}), **kwargs}
        if sample_weight is not None:
            arguments["sample_weight"] = _check_sample_weight(sample_weight, X, dtype=np.float32)
        model = self._model(X, y)
        self.history_ = model.fit(X, y, **arguments)
        self.model_ = model
        return self

    def _targets(self, y: Any) -> Any:
        """Return the targets as the model sees them, two-dimensional; what is learned of them is kept."""
        return y.reshape(len(y), -1)

    def _model(self, X: Any, y: Any) -> Any:
        """Return the model to train."""
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            _check_compiled(self.model)
            return self.model if self.warm_start else clone_compiled(self.model)
        if not callable(self.model):
            raise TypeError(
                f"{type(self).__name__}: model must be a compiled model, or a function f(X, y) that returns one; "
                f"got {self.model!r}."
            )
        made = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if not isinstance(made, Model):
            raise TypeError(f"{type(self).__name__}: the function given as model must return a model; got {made!r}.")
        _check_compiled(made)
        return made

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **_INPUTS)
        return self.model_.predict(X, verbose=0)

    def predict(self, X: Any) -> np.ndarray:
        """Return the model's outputs, of shape (samples,) if there is one.

        Args:
            X: Features, as in `fit`.
        """
        return numbers(self._outputs(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags


class SKLearnClassifier(ClassifierMixin, SKLearnEstimator):
    """A model as a classifier; it sees one column of targets for each class.

    Its loss is categorical cross-entropy, or another one that compares such rows, and it has an output for each class.

    Args:
        model: A compiled model, or a function `f(X, y, **model_kwargs)` that returns one; `y` is as the model sees it.
        warm_start: Whether `fit` goes on with the model that is given, or with the one of the last `fit`. Otherwise
            each `fit` trains a new one, whose weights are drawn afresh.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's `fit`.

    Attributes:
        classes_: The labels, sorted.

    >>> from jkeras import Sequential, layers
    >>> def build(X, y, units):
    ...     model = Sequential([layers.Dense(units), layers.Dense(y.shape[1], activation="softmax")])
    ...     model.compile("adam", "categorical_crossentropy")
    ...     return model
    >>> x, labels = np.eye(3), ["a", "b", "c"]
    >>> classifier = SKLearnClassifier(build, model_kwargs={"units": 8}, fit_kwargs={"epochs": 2, "verbose": 0})
    >>> classifier.fit(x, labels).predict(x).shape, classifier.predict_proba(x).shape
    ((3,), (3, 3))

    Reference: `keras.wrappers.SKLearnClassifier` of Keras 3.
    """

    classes_: np.ndarray

    def _targets(self, y: Any) -> Any:
        check_classification_targets(y)
        if type_of_target(y) not in ("binary", "multiclass"):
            raise ValueError(
                f"Only binary and multiclass targets are supported: one label a sample. These are {type_of_target(y)}."
            )
        labels = column_or_1d(y, warn=True)
        if self.warm_start and hasattr(self, "model_"):
            unknown = np.setdiff1d(labels, self.classes_)
            if len(unknown):
                raise ValueError(f"y has labels that the model was not trained for: {unknown.tolist()[:5]}.")
        else:
            self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        return to_categorical(np.searchsorted(self.classes_, labels), len(self.classes_))

    def predict(self, X: Any) -> np.ndarray:
        """Return the label with the largest output for each sample, of shape (samples,).

        Args:
            X: Features, as in `fit`.
        """
        places = self._outputs(X).argmax(-1)
        return self.classes_[places]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the model's outputs of shape (samples, classes): probabilities if its last activation is softmax.

        Outputs that the loss takes for logits are led through softmax.

        Args:
            X: Features, as in `fit`.
        """
        outputs = self._outputs(X)
        if not getattr(self.model_.loss, "from_logits", False):
            return outputs
        powers = np.exp(outputs - outputs.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the model's outputs of shape (samples, classes); for two classes the second's less the first's.

        Args:
            X: Features, as in `fit`.
        """
        outputs = self._outputs(X)
        return outputs if len(self.classes_) > 2 else outputs[:, 1] - outputs[:, 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, SKLearnEstimator):
    """A model as a regressor; it sees targets of shape (samples, outputs).

    Args:
        model: A compiled model, or a function `f(X, y, **model_kwargs)` that returns one; `y` is as the model sees it.
        warm_start: Whether `fit` goes on with the model that is given, or with the one of the last `fit`. Otherwise
            each `fit` trains a new one, whose weights are drawn afresh.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's `fit`.

    >>> from jkeras import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).random((32, 2))
    >>> regressor = SKLearnRegressor(model, fit_kwargs={"epochs": 2, "verbose": 0}).fit(x, x.sum(1))
    >>> regressor.predict(x).shape, regressor.model_ is model
    ((32,), False)

    Reference: `keras.wrappers.SKLearnRegressor` of Keras 3.
    """

    def _targets(self, y: Any) -> Any:
        return super()._targets(np.asarray(y, "float32" if np.asarray(y).dtype.kind in "OUS" else None))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLearnEstimator):
    """A model whose outputs are features for what follows in a pipeline.

    Args:
        model: A compiled model, or a function `f(X, y, **model_kwargs)` that returns one; `y` is as the model sees it.
        warm_start: Whether `fit` goes on with the model that is given, or with the one of the last `fit`. Otherwise
            each `fit` trains a new one, whose weights are drawn afresh.
        model_kwargs: Arguments of the function.
        fit_kwargs: Arguments of the model's `fit`.

    >>> from jkeras import Sequential, layers
    >>> model = Sequential([layers.Dense(2, input_shape=(3,)), layers.Dense(3)])
    >>> model.compile("sgd", "mse")
    >>> x = np.ones((4, 3))
    >>> SKLearnTransformer(model, fit_kwargs={"verbose": 0}).fit(x, x).transform(x).shape
    (4, 3)

    Reference: `keras.wrappers.SKLearnTransformer` of Keras 3.
    """

    def transform(self, X: Any) -> np.ndarray:
        """Return the model's outputs.

        Args:
            X: Features, as in `fit`.
        """
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _check_compiled(model: Any) -> None:
    if model.optimizer is None or model.loss is None:
        raise RuntimeError(
            "The model must be compiled with an optimizer and a loss: model.compile(optimizer='adam', loss='mse')."
        )
