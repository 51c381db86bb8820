"""The estimators of Keras 1 and 2: a function that builds a model, and arguments that find their way by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jkeras.core.errors import nearest
from jkeras.models import Model
from jkeras.models.legacy import OBSOLETE, RENAMED
from jkeras.utils import to_categorical
from jkeras.wrappers.outputs import loss_name, numbers, places, probabilities
from jkeras.wrappers.package import BaseEstimator, ClassifierMixin, NotFittedError, RegressorMixin, validate_data

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]


class BaseWrapper(BaseEstimator):
    """A model, built anew by each `fit`, as an estimator of scikit-learn.

    `sk_params` go where they are taken: to `build_fn`, to `fit`, `predict` and `evaluate` of the model. Arguments given
    to the methods here come before them.

    Args:
        build_fn: A function, or an object with `__call__`, that returns a compiled model; None in a subclass that has
            `__call__` itself.
        sk_params: Arguments of `build_fn`, and of `fit`, `predict` and `evaluate`: what a search varies.

    Raises:
        ValueError: If nothing takes one of `sk_params`.

    Attributes:
        model: The model, once `fit` has built it.
        history_: What its `fit` returned.

    Reference: `keras.wrappers.scikit_learn` of Keras 1 and 2.
    """

    model: Any

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any):
        self.build_fn = build_fn
        self.sk_params = sk_params
        self.check_params(sk_params)

    def check_params(self, params: Mapping[str, Any]) -> None:
        """Raise `ValueError` if nothing takes one of `params`."""
        known = {*self._build_parameters(), *_FIT, *_PREDICT, *_EVALUATE}
        for name in params:
            if name not in known:
                raise ValueError(f"{name} is not a legal parameter.{nearest(name, sorted(known))}")

    def _build_parameters(self) -> list[str]:
        build = self._builder()
        return [name for name in inspect.signature(build).parameters if name not in ("self", "args", "kwargs")]

    def _builder(self) -> Callable[..., Any]:
        if self.build_fn is not None:
            return self.build_fn
        if not callable(self):
            raise ValueError(
                f"{type(self).__name__} needs build_fn, a function that returns a compiled model; or write a subclass "
                "with __call__."
            )
        return self.__call__

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return `sk_params` and `build_fn`, as they were given."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> BaseWrapper:
        """Set some of `sk_params`, or `build_fn`."""
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.check_params(params)
        self.sk_params.update(params)
        return self

    def filter_sk_params(self, fn: Any, override: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return those of `sk_params` that a function takes, and what comes before them.

        Args:
            fn: A function, or the names of its parameters.
            override: Arguments that are added.
        """
        names = fn if isinstance(fn, (set, list)) else inspect.signature(fn).parameters
        return {**{k: v for k, v in self.sk_params.items() if k in names}, **(override or {})}

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build the model and train it.

        Args:
            x: Inputs, whatever the model's `fit` takes.
            y: Targets.
            kwargs: Arguments of the model's `fit`.

        Returns:
            The `History`, as Keras 2 does (and not the estimator).
        """
        if hasattr(x, "dtype") and np.ndim(x) == 2 or hasattr(x, "columns"):
            validate_data(self, x, skip_check_array=True)  # notes the number and the names of the features
        self.model = self._builder()(**self.filter_sk_params(self._build_parameters()))
        self.history_ = self.model.fit(x, self._targets(y), **self.filter_sk_params(_FIT, kwargs))
        return self.history_

    def _targets(self, y: Any) -> Any:
        """Return the targets as the model's loss takes them."""
        if loss_name(self.model) == "categorical_crossentropy" and np.ndim(y) != 2:
            return to_categorical(y)
        return y

    def _outputs(self, x: Any, kwargs: Mapping[str, Any]) -> Any:
        return self._fitted().predict(x, **{"verbose": 0, **self.filter_sk_params(_PREDICT, kwargs)})

    def _evaluated(self, x: Any, y: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        arguments = {"verbose": 0, **self.filter_sk_params(_EVALUATE, kwargs), "return_dict": True}
        return self._fitted().evaluate(x, self._targets(y), **arguments)

    def _fitted(self) -> Any:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet: call fit(x, y) first.")
        return self.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.input_tags.sparse = True
        return tags


class KerasClassifier(ClassifierMixin, BaseWrapper):
    """A classifier made of a function that builds a model.

    Labels are whatever numpy can sort; the model sees their places among `classes_`, or one column for each of them if
    its loss is categorical cross-entropy.

    Args:
        build_fn: A function, or an object with `__call__`, that returns a compiled model.
        sk_params: Arguments of `build_fn`, and of `fit`, `predict` and `evaluate`.

    >>> from jkeras import Sequential, layers
    >>> def build(units=4):
    ...     model = Sequential([layers.Dense(units, input_shape=(2,)), layers.Dense(1, activation="sigmoid")])
    ...     model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    ...     return model
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]] * 8), np.array(["no", "yes"] * 8)
    >>> classifier = KerasClassifier(build, units=8, epochs=60, verbose=0)
    >>> history = classifier.fit(x, y)
    >>> classifier.predict_proba(x).shape, classifier.classes_.tolist()
    ((16, 2), ['no', 'yes'])

    Reference: `keras.wrappers.scikit_learn.KerasClassifier` of Keras 1 and 2.
    """

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build the model and train it; return the `History`.

        Args:
            x: Inputs of shape (samples, ...).
            y: Labels of shape (samples,) or (samples, 1), or rows of zeros and a one.
            kwargs: Arguments of the model's `fit`.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim in (1, 2):
            self.classes_, inverse = np.unique(y, return_inverse=True)
            y = inverse.reshape(y.shape).astype("int32")
        else:
            raise ValueError(f"y must have shape (samples,) or (samples, classes); got {y.shape}.")
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Return the most probable label of each sample, of shape (samples,).

        Args:
            x: Inputs.
            kwargs: Arguments of the model's `predict`.
        """
        outputs = self._outputs(x, kwargs)
        return self.classes_[places(outputs)]

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Return the probability of each class, of shape (samples, classes).

        Args:
            x: Inputs.
            kwargs: Arguments of the model's `predict`.
        """
        return probabilities(self._outputs(x, kwargs))

    def score(self, x: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> float:
        """Return the accuracy.

        Args:
            x: Inputs.
            y: Labels.
            sample_weight: How much each sample counts.
            kwargs: Arguments of the model's `evaluate`.

        Raises:
            ValueError: If the model was not compiled with the metric.
        """
        self._fitted()
        y = np.asarray(y)
        if sample_weight is not None:
            return super().score(x, y, sample_weight)
        if not (y.ndim == 2 and y.shape[1] > 1):
            y = np.searchsorted(self.classes_, y)
        values = self._evaluated(x, y, kwargs)
        for name in ("accuracy", "acc"):
            if name in values:
                return float(values[name])
        raise ValueError('score needs the metric: write metrics=["accuracy"] where build_fn compiles the model.')


class KerasRegressor(RegressorMixin, BaseWrapper):
    """A regressor made of a function that builds a model.

    Args:
        build_fn: A function, or an object with `__call__`, that returns a compiled model.
        sk_params: Arguments of `build_fn`, and of `fit`, `predict` and `evaluate`.

    >>> from jkeras import Sequential, layers
    >>> def build(rate=0.1):
    ...     model = Sequential([layers.Dense(1, input_shape=(1,))])
    ...     model.compile("sgd", "mse")
    ...     model.optimizer.learning_rate = rate
    ...     return model
    >>> x = np.linspace(0, 1, 32)[:, None]
    >>> regressor = KerasRegressor(build, rate=0.2, epochs=50, verbose=0)
    >>> history = regressor.fit(x, 2 * x[:, 0])
    >>> regressor.predict(x).shape, regressor.score(x, 2 * x[:, 0]) > -0.2
    ((32,), True)

    Reference: `keras.wrappers.scikit_learn.KerasRegressor` of Keras 1 and 2.
    """

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Return predictions of shape (samples,), or (samples, outputs) if there are several.

        Args:
            x: Inputs.
            kwargs: Arguments of the model's `predict`.
        """
        return numbers(self._outputs(x, kwargs))

    def score(self, x: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> float:
        """Return the negative loss: the larger, the better.

        Args:
            x: Inputs.
            y: Targets.
            sample_weight: How much each sample counts.
            kwargs: Arguments of the model's `evaluate`.
        """
        given = kwargs if sample_weight is None else {**kwargs, "sample_weight": sample_weight}
        return -float(self._evaluated(x, y, given)["loss"])


def _parameters(method: Any, *old: str) -> set[str]:
    named = {p.name for p in inspect.signature(method).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD}
    return (named | {*old}) - {"self", "x", "y"}


_FIT = _parameters(Model.fit, *RENAMED, *OBSOLETE)
_PREDICT = _parameters(Model.predict)
_EVALUATE = _parameters(Model.evaluate)
