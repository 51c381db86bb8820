"""Searches with populations against those of scikit-learn, fit by fit."""

from __future__ import annotations

import numpy as np
import pytest

import jkeras
from jkeras import PopulationSearchCV, Sequential, layers
from jkeras.callbacks import EarlyStopping

sklearn = pytest.importorskip("sklearn")
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = (X[:, 0] * 2 - X[:, 1]).astype("float32")


def build(units=8, learning_rate=0.01, rate=0.0):
    model = Sequential(
        [layers.Input((4,)), layers.Dense(units, activation="relu"), layers.Dropout(rate), layers.Dense(1)]
    )
    model.compile(jkeras.optimizers.SGD(learning_rate), "mse", metrics=["mae"])
    return model


GRID = {"units": [4, 8], "learning_rate": [0.1, 0.01], "batch_size": [10]}


@pytest.mark.parametrize(
    "folds",
    [pytest.param(2, id="equal folds"), pytest.param(3, marks=pytest.mark.slow, id="folds of 33 and 34")],
)
def test_every_score_is_that_of_scikit_learn(folds):
    def seeded(X, y, **arguments):
        jkeras.utils.set_random_seed(7)
        return build(**arguments)

    estimator = jkeras.wrappers.SKLearnRegressor(seeded, fit_kwargs={"epochs": 2, "verbose": 0, "batch_size": 10})
    kwargs = [{"units": u, "learning_rate": r} for r in GRID["learning_rate"] for u in GRID["units"]]
    cv = KFold(folds, shuffle=True, random_state=1)
    theirs = GridSearchCV(estimator, {"model_kwargs": kwargs}, cv=cv, scoring="neg_mean_squared_error").fit(X, Y)
    ours = PopulationSearchCV(build, GRID, cv=cv, scoring="neg_mean_squared_error", random_state=7).fit(X, Y, epochs=2)
    for fold in range(folds):
        key = f"split{fold}_test_score"
        np.testing.assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], rtol=1e-4)
    assert ours.cv_results_["rank_test_score"].tolist() == theirs.cv_results_["rank_test_score"].tolist()
    assert {k: v for k, v in ours.best_params_.items() if k != "batch_size"} == theirs.best_params_["model_kwargs"]
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-4)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-3, atol=1e-5)
    assert ours.score(X, Y) == pytest.approx(theirs.score(X, Y), rel=1e-3)
    # The two widths are two programs, for each size of a fold; the learning rates are numbers in both.
    assert sorted(map(len, ours.groups_)) == [2] * (2 if folds == 2 else 4)
    shared = set(theirs.cv_results_) - {"param_model_kwargs"}
    assert shared <= set(ours.cv_results_)


def test_numbers_by_name_and_metrics_of_the_model():
    search = PopulationSearchCV(
        build(), {"learning_rate": [0.1, 1e-4], "dropout/rate": [0.0, 0.3]}, cv=2, scoring="mae", random_state=0
    )
    search.fit(X, Y, epochs=8)
    assert len(search.groups_) == 1 and search.n_splits_ == 2
    assert search.best_params_["learning_rate"] == 0.1
    assert (search.cv_results_["mean_test_score"] < 0).all()
    assert float(search.best_estimator_.optimizer.learning_rate.numpy()) == pytest.approx(0.1)
    assert search.best_estimator_.layers[1].rate == search.best_params_["dropout/rate"]
    assert search.score(X, Y) < 0
    table = search.cv_results_["param_learning_rate"]
    assert table.tolist() == [p["learning_rate"] for p in search.cv_results_["params"]]


def test_settings_drawn_from_distributions():
    stats = pytest.importorskip("scipy.stats")
    search = PopulationSearchCV(
        build, param_distributions={"learning_rate": stats.loguniform(1e-3, 1e-1)}, n_iter=4, cv=2, random_state=1,
        refit=False,
    )  # fmt: skip
    search.fit(X, Y)
    assert len(search.cv_results_["params"]) == 4 and len(search.groups_) == 1
    with pytest.raises(AttributeError, match="refit=False"):
        search.predict(X)


@pytest.mark.slow
def test_labels_of_classes():
    labels = np.where(Y > 0, "yes", "no")

    def classifier(units=8):
        model = Sequential(
            [layers.Input((4,)), layers.Dense(units, activation="relu"), layers.Dense(2, activation="softmax")]
        )
        model.compile(jkeras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    for scoring in ("accuracy", "f1_macro"):
        search = PopulationSearchCV(
            classifier, {"learning_rate": [0.03, 1e-5]}, cv=StratifiedKFold(2), scoring=scoring, random_state=0
        )
        search.fit(X, labels, epochs=15)
        assert search.best_params_ == {"learning_rate": 0.03} and 0.6 < search.best_score_ <= 1
        assert set(search.predict(X)) == {"yes", "no"} and search.predict_proba(X).shape == (50, 2)
        assert search.score(X, labels) > 0.6
    assert search.classes_.tolist() == ["no", "yes"]


@pytest.mark.slow
def test_members_of_a_search_stop_early_and_the_best_is_trained_as_long():
    search = PopulationSearchCV(build, {"learning_rate": [0.1, 0.01]}, cv=2, random_state=0)
    stopping = EarlyStopping("val_loss", patience=1, min_delta=0.05, restore_best_weights=True)
    search.fit(X, Y, epochs=30, callbacks=[stopping])
    trained = search.histories_[0].epochs_trained
    assert trained.min() < 30
    assert 1 <= len(search.best_estimator_.history.epoch) <= trained.max()


def test_what_a_search_cannot_do_is_said():
    with pytest.raises(ValueError, match="one of the two"):
        PopulationSearchCV(build).fit(X, Y)
    with pytest.raises(ValueError, match="the folds of the search say"):
        PopulationSearchCV(build, GRID).fit(X, Y, validation_split=0.2)
    with pytest.raises(ValueError, match="neither a metric of the model.*Did you mean 'mae'"):
        PopulationSearchCV(build, {"learning_rate": [0.1]}, cv=2, scoring="maee").fit(X, Y)
    with pytest.raises(ValueError, match="Did you mean 'learning_rate'"):
        PopulationSearchCV(build(), {"learning_rat": [0.1]}, cv=2).fit(X, Y)
    with pytest.raises(TypeError, match="must return a compiled model"):
        PopulationSearchCV(lambda: None, {"learning_rate": [0.1]}, cv=2).fit(X, Y)
