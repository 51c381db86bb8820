"""A search with cross-validation whose settings and folds are members of populations."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jkeras.core.extras import missing_package

try:
    from sklearn.base import BaseEstimator
    from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise missing_package("sklearn", "PopulationSearchCV", "It has to be 1.6 or later.") from error

from jkeras.core import seeds
from jkeras.models import Model
from jkeras.population.candidates import Candidate, Group, candidate, grouped, maker
from jkeras.population.hyperparameters import Hyperparameters
from jkeras.population.members import Builder
from jkeras.population.population import Population
from jkeras.population.scoring import Scoring, Targets
from jkeras.wrappers.outputs import probabilities


class PopulationSearchCV(BaseEstimator):
    """Try settings by cross-validation, all of them (and all folds) trained at once; then train the best on all data.

    It answers as `GridSearchCV` of scikit-learn does. Each setting and fold is a member of a `Population`, trained on
    the samples of its fold alone, as its model would be trained with them alone. Settings that change the program, such
    as the number of units or the batch size, are a population each; so are folds of unequal sizes.

    Args:
        model: A compiled model, or a function that builds one from arguments.
        param_grid: Name to the values to try, or a list of such dictionaries. A name is an argument of the function,
            an argument of `fit` (`batch_size`, `epochs`), or a hyperparameter as `Population` takes it
            (`"learning_rate"`, `"dropout/rate"`).
        param_distributions: Instead of a grid: name to a list, or to a distribution with a method `rvs`.
        n_iter: How many settings are drawn from the distributions.
        cv: The number of folds, or what scikit-learn takes.
        scoring: None for the negative loss, a metric of the model, or what scikit-learn takes.
        refit: Whether to train the best setting on all data.
        random_state: The seed of all members (and of the draw of settings); drawn if left out.
        devices: As in `Population`.
        verbose: 0, or 1 or 2 to show how each population trains.

    Attributes:
        cv_results_: As that of `GridSearchCV`; a member's time is its share of the population's.
        best_params_, best_score_, best_index_: The setting with the best mean score.
        best_estimator_: A model trained with it on all data, if `refit`.
        refit_time_: What that took, in seconds.
        n_splits_: The number of folds.
        histories_: The history of each population.
        groups_: For each population the places of its settings.

    >>> from jkeras import Sequential, layers
    >>> def build(units=4):
    ...     model = Sequential([layers.Input((2,)), layers.Dense(units), layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 64).reshape(32, 2)
    >>> search = PopulationSearchCV(build, {"learning_rate": [0.1, 0.001], "units": [4]}, cv=2, random_state=0)
    >>> search.fit(x, x.sum(1), epochs=5).best_params_
    {'learning_rate': 0.1, 'units': 4}
    """

    def __init__(
        self,
        model: Any,
        param_grid: Any = None,
        param_distributions: Any = None,
        n_iter: int = 10,
        cv: Any = None,
        scoring: Any = None,
        refit: bool = True,
        random_state: int | None = None,
        devices: Sequence[Any] | None = None,
        verbose: int = 0,
    ):
        self.model = model
        self.param_grid = param_grid
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.random_state = random_state
        self.devices = devices
        self.verbose = verbose

    def fit(self, X: Any, y: Any, groups: Any = None, **fit_arguments: Any) -> PopulationSearchCV:
        """Try all settings and return the search.

        Args:
            X: Inputs: an array whose first axis counts the samples.
            y: Targets; labels of any kind for a model with a crossentropy loss.
            groups: Labels of samples that belong together, for what `cv` splits by them.
            fit_arguments: Arguments of `Population.fit`, such as `epochs`, `batch_size` and `callbacks`. With callbacks
                each member is validated on the samples that it is not trained on.

        Returns:
            The search itself.

        Raises:
            ValueError: If there is no setting, or an argument is none of `fit`.
        """
        X, y = np.asarray(X), np.asarray(y)
        settings = self._settings()
        self._check(fit_arguments)
        seed = seeds.next_number() if self.random_state is None else int(self.random_state)
        rows = [candidate(self.model, i, params) for i, params in enumerate(settings)]
        with seeds.seeded(seed):
            first = Builder(maker(self.model, rows[0].build)).make()
        self._targets = targets = Targets(first, y)
        labels = targets.labels(y)
        cv: Any = check_cv(self.cv, labels, classifier=targets.is_classifier)
        splits = list(cv.split(X, labels, groups))
        self.n_splits_ = len(splits)
        scoring = Scoring(self.scoring)
        scores = np.full((len(settings), len(splits)), np.nan)
        times = np.zeros((2, len(settings), len(splits)))
        epochs = np.zeros((len(settings), len(splits)), np.int64)
        self.histories_, self.groups_ = [], []
        for group in grouped(self.model, rows):
            for folds in _equal_sizes(splits):
                self._run(group, folds, splits, X, y, seed, scoring, fit_arguments, scores, times, epochs)
        self.cv_results_ = _results(settings, scores, times)
        self.best_index_ = int(self.cv_results_["rank_test_score"].argmin())
        self.best_params_ = settings[self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])
        self.scorer_ = scoring
        if self.refit:
            began = time.perf_counter()
            best = rows[self.best_index_]
            stopped = int(round(float(np.median(epochs[self.best_index_])))) if fit_arguments.get("callbacks") else None
            self.best_estimator_ = self._refitted(best, X, targets.encoded(y), seed, dict(fit_arguments), stopped)
            self.refit_time_ = time.perf_counter() - began
        return self

    def _settings(self) -> list[dict[str, Any]]:
        if (self.param_grid is None) == (self.param_distributions is None):
            raise ValueError(
                "PopulationSearchCV expected param_grid={'learning_rate': [0.1, 0.01], ...} or param_distributions, "
                "one of the two."
            )
        if self.param_grid is not None:
            return list(ParameterGrid(self.param_grid))
        return list(ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state))

    def _check(self, arguments: Mapping[str, Any]) -> None:
        taken = {"validation_data", "validation_split", "validation_samples", "samples", "sample_weight"} & {*arguments}
        if taken:
            raise ValueError(
                f"{', '.join(sorted(taken))}: the folds of the search say what is trained and validated on. "
                "Leave it out."
            )

    def _run(
        self, group: Group, folds: list[int], splits: list[Any], x: Any, y: Any, seed: int, scoring: Scoring,
        arguments: Mapping[str, Any], scores: np.ndarray, times: np.ndarray, epochs: np.ndarray,
    ) -> None:  # fmt: skip
        """Train the settings of a group on some folds as one population, and write down what comes out."""
        places = [(setting, fold) for setting in range(len(group.members)) for fold in folds]
        train = np.stack([splits[fold][0] for _, fold in places])
        test = np.stack([splits[fold][1] for _, fold in places])
        numbers = {name: [values[setting] for setting, _ in places] for name, values in group.numbers.items()}
        began = time.perf_counter()
        population = Population(
            group.make, members=len(places), seeds=seed, hyperparameters=numbers, devices=self.devices
        )
        given = {"verbose": self.verbose, **arguments, **group.fit}
        if given.get("callbacks"):
            given["validation_samples"] = test
        history = population.fit(x, self._targets.encoded(y), samples=train, **given)
        trained = time.perf_counter()
        found = scoring.scores(population, x, y, self._targets, test, given.get("batch_size"))
        spent = np.array([trained - began, time.perf_counter() - trained]) / len(places)
        self.histories_.append(history)
        self.groups_.append(group.members)
        for place, (setting, fold) in enumerate(places):
            index = group.members[setting]
            scores[index, fold], times[:, index, fold] = found[place], spent
            epochs[index, fold] = population._kept_epoch[place] + 1

    def _refitted(
        self, best: Candidate, x: Any, y: Any, seed: int, arguments: dict[str, Any], epochs: int | None
    ) -> Any:
        """Return a model trained with a setting on all data; if members were stopped, for the epochs they needed."""
        arguments = {"verbose": self.verbose, **arguments, **best.fit}
        if epochs is not None:
            arguments["callbacks"], arguments["epochs"] = None, max(epochs, 1)
        arguments.pop("monitor", None)
        model = Builder(maker(self.model, best.build)).make() if isinstance(self.model, Model) else None
        with seeds.seeded(seed):
            model = self.model(**best.build) if model is None else model
            Hyperparameters(best.numbers, members=1).set_on(model, 0)
            model.fit(x, y, **arguments)
        return model

    def predict(self, X: Any) -> np.ndarray:
        """Return what the best model says: labels, or numbers of shape (samples,) if it has one output.

        Args:
            X: Inputs, as in `fit`.
        """
        return self._targets.predicted(self._outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the best model's probability of each class, of shape (samples, classes).

        Args:
            X: Inputs, as in `fit`.

        Raises:
            AttributeError: If the model does not tell classes apart.
        """
        if not self._fitted()._targets.is_classifier:
            raise AttributeError("predict_proba is for models with a crossentropy loss.")
        return probabilities(self._outputs(X))

    def score(self, X: Any, y: Any) -> float:
        """Return the score of the best model on other data, by `scoring`.

        Args:
            X: Inputs, as in `fit`.
            y: Targets, as in `fit`.
        """
        return self.scorer_.score(self._fitted().best_estimator_, X, y, self._targets)

    def _outputs(self, x: Any) -> np.ndarray:
        return self._fitted().best_estimator_.predict(x, verbose=0)

    def _fitted(self) -> PopulationSearchCV:
        check_is_fitted(self, "cv_results_")
        if not self.refit:
            raise AttributeError("The search was made with refit=False, so there is no best_estimator_.")
        return self

    @property
    def classes_(self) -> np.ndarray | None:
        """The labels, sorted, if the model tells classes apart."""
        return self._targets.classes


def _equal_sizes(splits: Sequence[Any]) -> list[list[int]]:
    """Return the folds by the sizes of their parts: batches of one program have one size."""
    found: dict[tuple[int, int], list[int]] = {}
    for fold, (train, test) in enumerate(splits):
        found.setdefault((len(train), len(test)), []).append(fold)
    return list(found.values())


def _results(settings: list[dict[str, Any]], scores: np.ndarray, times: np.ndarray) -> dict[str, Any]:
    """Return what `GridSearchCV` calls `cv_results_`."""
    results: dict[str, Any] = {}
    for name, seconds in zip(("fit", "score"), times, strict=True):
        results[f"mean_{name}_time"], results[f"std_{name}_time"] = seconds.mean(1), seconds.std(1)
    for name in sorted({name for setting in settings for name in setting}):
        column = np.ma.MaskedArray(np.empty(len(settings), object), mask=True)
        for i, setting in enumerate(settings):
            if name in setting:
                column[i] = setting[name]
        results[f"param_{name}"] = column
    results["params"] = settings
    for fold in range(scores.shape[1]):
        results[f"split{fold}_test_score"] = scores[:, fold]
    mean = scores.mean(1)
    results["mean_test_score"], results["std_test_score"] = mean, scores.std(1)
    # A setting that diverged comes last; equal ones share a rank.
    order = np.where(np.isnan(mean), -np.inf, mean)
    results["rank_test_score"] = np.array([1 + int((order > value).sum()) for value in order], np.int32)
    return results
