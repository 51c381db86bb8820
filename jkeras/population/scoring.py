"""Scores of the members of a search: from metrics of the model, or by a scorer of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring, get_scorer_names

from jkeras.core.errors import nearest
from jkeras.metrics.direction import direction_of
from jkeras.wrappers.outputs import loss_name, numbers, places, probabilities


class Targets:
    """What targets are to the model and to scikit-learn.

    Args:
        model: A compiled model.
        y: The targets of `fit`.

    Attributes:
        classes: The labels, sorted, if the model tells classes apart; else None.
    """

    def __init__(self, model: Any, y: Any):
        name = loss_name(model)
        self.is_classifier = "crossentropy" in name or "hinge" in name
        self.is_sparse = self.is_classifier and not name.startswith("categorical")
        self.classes: np.ndarray | None = None
        if self.is_classifier:
            y = np.asarray(y)
            self.classes = np.unique(y) if y.ndim == 1 or y.shape[1] == 1 else np.arange(y.shape[1])

    def encoded(self, y: Any) -> Any:
        """Return targets as the model sees them: labels by their places."""
        if self.classes is None or not self.is_sparse:
            return y
        y = np.asarray(y)
        unknown = np.setdiff1d(y, self.classes)
        if len(unknown):
            raise ValueError(f"y has labels that were not among those of fit: {unknown.tolist()[:5]}.")
        return np.searchsorted(self.classes, y).astype("int32").reshape(y.shape)

    def labels(self, y: Any) -> np.ndarray:
        """Return targets as scikit-learn sees them: labels of shape (samples,), not rows of zeros and a one."""
        y = np.asarray(y)
        if self.classes is not None and y.ndim == 2 and y.shape[1] > 1:
            return self.classes[y.argmax(1)]
        return numbers(y)

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """Return what a model says: labels, or numbers of shape (samples,) if there is one output."""
        return numbers(outputs) if self.classes is None else self.classes[places(outputs)]


class _Answers(BaseEstimator):
    """An estimator that was asked already."""

    def __init__(self, outputs: Any = None, targets: Any = None):
        self.outputs, self.targets = outputs, targets
        self.classes_ = None if targets is None else targets.classes

    def fit(self, X: Any, y: Any) -> Any:
        """Nothing: it has answered."""
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels or numbers."""
        return self.targets.predicted(self.outputs)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _Regressor(RegressorMixin, _Answers):
    pass


class _Classifier(ClassifierMixin, _Answers):
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return a column for each class."""
        return probabilities(self.outputs)


class Scoring:
    """How members are scored.

    Args:
        scoring: None for the negative loss, a metric of the model ("mae", "accuracy"), or what scikit-learn takes: the
            name of a scorer ("r2", "neg_mean_squared_error"), or a function `f(estimator, X, y)`.

    Raises:
        ValueError: If the name is unknown.
    """

    def __init__(self, scoring: Any):
        if scoring is not None and not isinstance(scoring, str) and not callable(scoring):
            raise ValueError(f"scoring expected a name or a function f(estimator, X, y); got {scoring!r}.")
        self.scoring: Any = scoring
        self.scorer: Callable[..., float] | None = None
        if callable(scoring) or scoring in get_scorer_names() and scoring != "accuracy":
            self.scorer = check_scoring(_Regressor(), scoring=scoring)

    def scores(self, population: Any, x: Any, y: Any, targets: Targets, rows: np.ndarray, size: Any) -> np.ndarray:
        """Return the score of each member on its own samples.

        Args:
            population: Trained members.
            x: All inputs.
            y: All targets, as they were given to the search.
            targets: What they are.
            rows: The places of each member's samples, of shape (members, count).
            size: The batch size.
        """
        if self.scorer is None:
            values = population.evaluate(x, targets.encoded(y), batch_size=size, samples=rows)
            return self._signed(values, population)
        outputs = population.predict(x)
        labels, inputs = targets.labels(y), np.asarray(x)
        kind = _Classifier if targets.is_classifier else _Regressor
        return np.array(
            [self.scorer(kind(own[place], targets), inputs[place], labels[place]) for own, place in zip(outputs, rows)],
            np.float64,
        )

    def score(self, model: Any, x: Any, y: Any, targets: Targets) -> float:
        """Return the score of one trained model."""
        if self.scorer is None:
            values = model.evaluate(x, targets.encoded(y), verbose=0, return_dict=True)
            return float(self._signed({k: np.array([v]) for k, v in values.items()}, None, model)[0])
        kind = _Classifier if targets.is_classifier else _Regressor
        return float(self.scorer(kind(model.predict(x, verbose=0), targets), np.asarray(x), targets.labels(y)))

    def _signed(self, values: dict[str, np.ndarray], population: Any, model: Any = None) -> np.ndarray:
        name: str = "loss" if self.scoring is None else self.scoring
        if name not in values:
            known = sorted(values)
            raise ValueError(
                f"scoring={name!r} is neither a metric of the model ({', '.join(known)}) nor a scorer of "
                f"scikit-learn.{nearest(name, [*known, *get_scorer_names()])}"
            )
        model = model if population is None else population._engine.worker
        direction = "min" if name == "loss" else direction_of(name, model)
        if direction is None:
            raise ValueError(f"scoring={name!r}: more may be better or less. Give scoring=lambda model, X, y: ...")
        return values[name].astype(np.float64) * (1 if direction == "max" else -1)
