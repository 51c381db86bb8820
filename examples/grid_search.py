"""A grid search with scikit-learn: a network is an estimator like any other, under `GridSearchCV` and in a `Pipeline`.

`KerasClassifier` wraps a function that makes the compiled model; the arguments of that function, and of `fit`, are what
the search varies. The same grid is then searched by `PopulationSearchCV`, which trains all networks of all folds as one
program. Expect the two to agree on what is good and what is not.

Needs scikit-learn: pip install 'jkeras[sklearn]'
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from jkeras import Input, Sequential, layers
from jkeras.datasets import digits
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

try:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from jkeras.population import PopulationSearchCV
    from jkeras.wrappers.scikit_learn import KerasClassifier
except ImportError:
    sys.exit("This example needs scikit-learn: pip install 'jkeras[sklearn]'")


def build(learning_rate: float = 1e-3, rate: float = 0.0, units: int = 64) -> Sequential:
    """Return a compiled network; its arguments are what can be searched over."""
    model = Sequential(
        [
            Input((64,)),
            layers.Dense(units, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def table(results: dict[str, np.ndarray]) -> str:
    """The settings with the mean and the deviation of their scores over the folds."""
    rows = zip(results["params"], results["mean_test_score"], results["std_test_score"])
    return "\n".join(f"{mean:8.3f} ± {deviation:.3f}  {params}" for params, mean, deviation in rows)


def main() -> float:
    """Search twice and return the accuracy of the best network on the test images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.0001, 0.001, 0.01, 0.1], help="learning rates")
    options = parser.parse_args()

    set_random_seed(0)
    (x, y), (x_test, y_test) = ((x.reshape(len(x), -1).astype("float32"), y) for x, y in digits.load_data())
    values = {"learning_rate": options.rates, "rate": [0.0, 0.3]}

    # A step of a pipeline is called by its class: its parameters begin with that name.
    network = make_pipeline(StandardScaler(), KerasClassifier(build, epochs=options.epochs, verbose=0))
    search = GridSearchCV(network, {f"kerasclassifier__{name}": v for name, v in values.items()}, cv=options.folds)
    search.fit(x, y)
    print(f"GridSearchCV, {len(search.cv_results_['params'])} settings, {options.folds} folds:")
    print(table(search.cv_results_))

    # One program for all settings and folds. The best network is trained again on all data, as above.
    scaler = StandardScaler().fit(x)
    together = PopulationSearchCV(build, values, cv=options.folds, scoring="accuracy", random_state=0)
    together.fit(scaler.transform(x), y, epochs=options.epochs)
    print(f"PopulationSearchCV, {len(together.groups_)} program:")
    print(table(together.cv_results_))

    agreement = np.corrcoef(*(found.cv_results_["mean_test_score"] for found in (search, together)))[0, 1]
    accuracies = search.score(x_test, y_test), together.score(scaler.transform(x_test), y_test)
    print(f"chosen: {search.best_params_} and {together.best_params_}")
    print("test accuracy {:.4f} and {:.4f} of what they chose;".format(*accuracies), end=" ")
    print(f"correlation of their scores {agreement:.4f}")
    return float(accuracies[0])


if __name__ == "__main__":
    main()
