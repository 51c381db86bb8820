"""The estimators of `jkeras.wrappers` among those of scikit-learn."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone, is_classifier, is_regressor  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from sklearn.model_selection import (  # noqa: E402
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from jkeras import Sequential, callbacks, layers, losses, optimizers, wrappers  # noqa: E402
from jkeras.utils import set_random_seed  # noqa: E402
from jkeras.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer  # noqa: E402
from jkeras.wrappers.scikit_learn import KerasClassifier, KerasRegressor  # noqa: E402

rng = np.random.default_rng(0)
X = rng.normal(size=(48, 4)).astype("float32")
Y = X.sum(1)
PLACES = np.digitize(X[:, 0], [-0.5, 0.5])
LABELS = np.array(["low", "middle", "high"])[PLACES]


def classify(units=8, classes=3, loss="sparse_categorical_crossentropy", rate=0.05):
    outputs = layers.Dense(classes, activation="softmax" if classes > 1 else "sigmoid")
    model = Sequential([layers.Dense(units, activation="relu"), outputs])
    model.compile(optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def regress(units=4, rate=0.05):
    model = Sequential([layers.Dense(units, input_shape=(4,)), layers.Dense(1)])
    model.compile(optimizers.SGD(rate), "mse")
    return model


class Builder:
    def __call__(self, units=4):
        return regress(units)


class Own(KerasRegressor):
    def __call__(self, units=4):
        return regress(units)


def test_labels_come_back_as_they_were_given():
    set_random_seed(0)
    classifier = KerasClassifier(classify, epochs=30, verbose=0)
    history = classifier.fit(X, LABELS)
    assert history is classifier.history_ and len(history.history["loss"]) == 30
    assert classifier.classes_.tolist() == ["high", "low", "middle"] and classifier.n_classes_ == 3
    predicted = classifier.predict(X)
    assert predicted.shape == (48,) and predicted.dtype == LABELS.dtype
    assert classifier.score(X, LABELS) == pytest.approx((predicted == LABELS).mean())
    assert classifier.score(X, LABELS) > 0.8
    np.testing.assert_array_equal(classifier.classes_[classifier.predict_proba(X).argmax(1)], predicted)
    assert classifier.model.count_params() == 8 * 5 + 3 * 9


def test_targets_of_categorical_crossentropy_and_of_one_output():
    classifier = KerasClassifier(classify, loss="categorical_crossentropy", epochs=2, verbose=0)
    classifier.fit(X, LABELS)
    assert 0 <= classifier.score(X, LABELS) <= 1
    classifier.set_params(loss=losses.CategoricalCrossentropy()).fit(X, LABELS)
    rows = np.eye(3)[PLACES]
    classifier.fit(X, rows)
    assert classifier.classes_.tolist() == [0, 1, 2] and 0 <= classifier.score(X, rows) <= 1
    two = KerasClassifier(classify, classes=1, loss="binary_crossentropy", epochs=2, verbose=0)
    two.fit(X, np.where(Y > 0, "yes", "no"))
    probabilities = two.predict_proba(X)
    assert probabilities.shape == (48, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1, 1e-6)
    np.testing.assert_array_equal(two.predict(X), two.classes_[(probabilities[:, 1] > 0.5).astype(int)])


def test_arguments_go_where_they_are_taken(capsys):
    regressor = KerasRegressor(regress, units=3, nb_epoch=2, batch_size=16, verbose=0)
    history = regressor.fit(X, Y, validation_data=(X, Y), callbacks=[callbacks.EarlyStopping(patience=9)])
    assert len(history.history["val_loss"]) == 2 and regressor.model.layers[0].units == 3
    assert len(regressor.fit(X, Y, epochs=3, nb_epoch=3).history["loss"]) == 3
    assert regressor.predict(X[:5], batch_size=2).shape == (5,) and regressor.predict(X[:1]).shape == (1,)
    assert regressor.score(X, Y) == pytest.approx(-regressor.model.evaluate(X, Y, verbose=0))
    assert regressor.score(X, Y, sample_weight=np.zeros(48)) == 0
    assert regressor.filter_sk_params(regress, {"rate": 1}) == {"units": 3, "rate": 1}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("made", [KerasRegressor(Builder(), units=3), Own(units=3), KerasRegressor(regress, units=3)])
def test_ways_to_say_how_the_model_is_built(made):
    copied = clone(made.set_params(epochs=1, verbose=0))
    assert type(copied) is type(made) and copied.sk_params == made.sk_params
    copied.fit(X, Y)
    assert copied.model.layers[0].units == 3


def test_misspelt_parameters_are_refused():
    with pytest.raises(ValueError, match="unitz is not a legal parameter.*units"):
        KerasRegressor(regress, unitz=3)
    regressor = KerasRegressor(regress, units=3)
    with pytest.raises(ValueError, match="epoks is not a legal parameter.*epochs"):
        regressor.set_params(epoks=3)
    with pytest.raises(ValueError, match="needs build_fn"):
        KerasRegressor(units=3)
    with pytest.raises(NotFittedError, match="call fit"):
        regressor.predict(X)
    without = KerasClassifier(lambda: regress(), verbose=0)
    without.fit(X, PLACES > 0)
    with pytest.raises(ValueError, match=r'metrics=\["accuracy"\]'):
        without.score(X, PLACES > 0)
    assert regressor.set_params(build_fn=Builder()).build_fn is not regress


def test_searches_and_folds():
    regressor = KerasRegressor(regress, epochs=2, verbose=0)
    grid = GridSearchCV(regressor, {"units": [2, 4], "rate": [0.01, 0.05]}, cv=2).fit(X, Y)
    assert set(grid.best_params_) == {"units", "rate"} and grid.predict(X).shape == (48,)
    chosen = RandomizedSearchCV(regressor, {"units": [2, 3], "batch_size": [8, 16]}, n_iter=2, cv=2, random_state=0)
    chosen.fit(X, Y, callbacks=[callbacks.EarlyStopping(monitor="loss", patience=9)])
    assert np.isfinite(chosen.best_score_)
    classifier = make_pipeline(StandardScaler(), KerasClassifier(classify, epochs=2, verbose=0))
    assert cross_val_score(classifier, X, LABELS, cv=2).shape == (2,)
    assert cross_val_predict(classifier, X, LABELS, cv=2, method="predict_proba").shape == (48, 3)
    classifier.fit(X, LABELS)
    assert classifier.predict(X[:3]).shape == (3,) and is_classifier(classifier) and is_regressor(regressor)


@pytest.mark.slow
def test_a_search_in_two_processes():
    regressor = KerasRegressor(regress, epochs=2, verbose=0)
    grid = GridSearchCV(regressor, {"units": [2, 4]}, cv=2, n_jobs=2).fit(X, Y)
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()
    grid = GridSearchCV(SKLearnRegressor(regress(), fit_kwargs={"verbose": 0}), {"fit_kwargs": [{"verbose": 0}]},
                        cv=2, n_jobs=2).fit(X, Y)  # fmt: skip
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()


def build_classifier(X, y, units=8):
    return classify(units, y.shape[1], "categorical_crossentropy")


def build_regressor(X, y, units=4):
    model = Sequential([layers.Dense(units), layers.Dense(y.shape[1])])
    model.compile("sgd", "mse")
    return model


QUIET = {"epochs": 2, "verbose": 0}


def test_classifier_of_keras_3():
    classifier = SKLearnClassifier(build_classifier, model_kwargs={"units": 3}, fit_kwargs=QUIET)
    assert classifier.fit(X, LABELS, epochs=20) is classifier
    assert len(classifier.history_.history["loss"]) == 20 and classifier.fit_kwargs == QUIET
    assert classifier.model_.layers[0].units == 3 and classifier.n_features_in_ == 4
    assert classifier.classes_.tolist() == ["high", "low", "middle"]
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[classifier.predict_proba(X).argmax(1)])
    assert classifier.decision_function(X).shape == (48, 3)
    two = clone(classifier).fit(X, PLACES > 0)
    assert two.decision_function(X).shape == (48,)
    np.testing.assert_array_equal(two.predict(X), two.decision_function(X) > 0)
    two.model_.compile("sgd", losses.CategoricalCrossentropy(from_logits=True))
    np.testing.assert_allclose(two.predict_proba(X).sum(1), 1, 1e-6)
    with pytest.raises(ValueError, match="[Uu]nknown label type: continuous"):
        classifier.fit(X, Y)
    with pytest.raises(ValueError, match="only one class"):
        classifier.fit(X, np.zeros(48))


def test_models_are_cloned_unless_they_start_warm():
    model = regress()
    first = [w.copy() for w in model.get_weights()]
    cold = SKLearnRegressor(model, fit_kwargs=QUIET).fit(X, Y)
    assert cold.model_ is not model and all(map(np.array_equal, first, model.get_weights()))
    assert int(cold.model_.optimizer.iterations) == 4
    assert cold.predict(X).shape == (48,) and isinstance(cold.score(X, Y), float)
    assert int(cold.fit(X, Y).model_.optimizer.iterations) == 4
    warm = SKLearnRegressor(model, warm_start=True, fit_kwargs=QUIET).fit(X, Y).fit(X, Y)
    assert warm.model_ is model and int(model.optimizer.iterations) == 8
    function = SKLearnRegressor(build_regressor, warm_start=True, fit_kwargs=QUIET).fit(X, Y)
    assert function.fit(X, Y).model_ is function.model_ and int(function.model_.optimizer.iterations) == 8
    warm = SKLearnClassifier(build_classifier, warm_start=True, fit_kwargs=QUIET).fit(X, LABELS)
    warm.fit(X[PLACES > 0], LABELS[PLACES > 0])
    assert warm.predict_proba(X).shape == (48, 3)
    with pytest.raises(ValueError, match="not trained for: .*new"):
        warm.fit(X, np.where(PLACES > 0, "new", "low"))


def test_regression_with_several_outputs_and_transformers_in_pipelines():
    several = SKLearnRegressor(build_regressor, fit_kwargs=QUIET).fit(X, X[:, :2])
    assert several.predict(X).shape == (48, 2)
    transformer = SKLearnTransformer(build_regressor, fit_kwargs=QUIET)
    assert transformer.fit_transform(X, X[:, :2]).shape == (48, 2)
    whole = make_pipeline(transformer, SKLearnClassifier(build_classifier, fit_kwargs=QUIET))
    assert whole.fit(X, PLACES).predict(X).shape == (48,)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    np.testing.assert_allclose(several.predict(sparse), several.predict(X), 1e-5)


@pytest.mark.parametrize(
    "made",
    [
        KerasClassifier(classify, **QUIET),
        SKLearnClassifier(build_classifier, fit_kwargs=QUIET),
        SKLearnClassifier(classify(loss="categorical_crossentropy"), fit_kwargs=QUIET),
    ],
    ids=["KerasClassifier", "function", "model"],
)
def test_fitted_estimators_survive_pickle_and_clone(made):
    made.fit(X, LABELS)
    expected = made.predict_proba(X)
    for copied in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), FrozenEstimator(made)):
        np.testing.assert_array_equal(copied.predict_proba(X), expected)
    with pytest.raises(NotFittedError):
        clone(made).predict(X)


def test_what_cannot_be_an_estimator_says_so():
    uncompiled = Sequential([layers.Dense(1)])
    with pytest.raises(RuntimeError, match="must be compiled"):
        SKLearnRegressor(uncompiled).fit(X, Y)
    with pytest.raises(TypeError, match="a compiled model, or a function"):
        SKLearnRegressor(3).fit(X, Y)
    with pytest.raises(TypeError, match="must return a model; got 1"):
        SKLearnRegressor(lambda X, y: 1).fit(X, Y)
    with pytest.raises(AttributeError, match="SKLearnClassifier"):
        _ = wrappers.SKLearnClasifier
    code = "import sys; sys.modules['sklearn'] = None; import jkeras; jkeras.wrappers.SKLearnRegressor"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: jkeras.wrappers needs scikit-learn" in done.stderr and "jkeras[sklearn]" in done.stderr


def test_agrees_with_keras():
    """The same answers as Keras 3's estimator for one model with the same weights."""
    keras = pytest.importorskip("keras")

    def build(package):
        def made(X, y):
            model = package.Sequential([package.layers.Input((4,)), package.layers.Dense(y.shape[1])])
            model.set_weights([np.full((4, y.shape[1]), 0.1) * np.arange(y.shape[1]), np.zeros(y.shape[1])])
            model.compile(package.optimizers.SGD(0.1), "mse")
            return model

        return made

    import jkeras

    given = {"fit_kwargs": {"epochs": 2, "shuffle": False, "verbose": 0}}
    pairs = [
        (
            keras.wrappers.SKLearnClassifier(build(keras), **given),
            SKLearnClassifier(build(jkeras), **given),
            LABELS,
        ),
        (keras.wrappers.SKLearnRegressor(build(keras), **given), SKLearnRegressor(build(jkeras), **given), Y),
    ]
    for theirs, ours, y in pairs:
        theirs.fit(X, y)
        ours.fit(X, y)
        assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-4)
        a, b = ours.predict(X), theirs.predict(X)
        np.testing.assert_array_equal(a, b) if a.dtype.kind == "U" else np.testing.assert_allclose(a, b, 1e-4, 1e-5)
        assert set(ours.get_params()) == set(theirs.get_params())
