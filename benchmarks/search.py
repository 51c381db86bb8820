"""A search of scikit-learn over a model that a function builds: 24 candidates, three folds, through each wrapper.

The candidates are the ones of a tutorial's search: one or two hidden layers, three widths, four learning rates. Keras's
own wrapper is `keras.wrappers.SKLearnRegressor` (its learning rates and sizes go through `model_kwargs`), on JAX.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import time
from typing import Any

import numpy as np
from measuring import in_fresh_process
from peers import imported

ROWS, EPOCHS, FOLDS = 1_000, 2, 3
GRID: dict[str, list[Any]] = {
    "n_hidden": [1, 2],
    "n_neurons": [10, 20, 30],
    "learning_rate": [1e-3, 3e-3, 1e-2, 3e-2],
}
COMPILED = "/jax/core/compile/backend_compile_duration"


def builder(package: Any) -> Any:
    """Return the function that builds a model of a peer."""

    def build(n_hidden: int = 1, n_neurons: int = 30, learning_rate: float = 3e-3) -> Any:
        model = package.models.Sequential()
        model.add(package.layers.InputLayer(shape=(8,)))
        for _ in range(n_hidden):
            model.add(package.layers.Dense(n_neurons, activation="relu"))
        model.add(package.layers.Dense(1))
        model.compile(loss="mse", optimizer=package.optimizers.SGD(learning_rate=learning_rate))
        return model

    return build


def search_of(peer: str, package: Any, candidates: int) -> Any:
    """Return the search over the first candidates, through a peer's wrapper."""
    from sklearn.model_selection import GridSearchCV, ParameterGrid

    build = builder(package)
    grid = [{name: [value] for name, value in row.items()} for row in ParameterGrid(GRID)][:candidates]
    if peer == "jkeras":
        estimator = package.wrappers.scikit_learn.KerasRegressor(build)
    else:
        estimator = package.wrappers.SKLearnRegressor(lambda X, y, **given: build(**given))
        grid = [{"model_kwargs": [{k: v for k, (v,) in row.items()}]} for row in grid]
    return GridSearchCV(estimator, grid, cv=FOLDS, refit=False, scoring="neg_mean_squared_error")


def measure(peer: str, candidates: int) -> dict[str, Any]:
    """Return the seconds and the compilations of a search in this process."""
    package = imported(peer)
    import jax

    compilations: list[float] = []
    jax.devices()
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compilations.append(seconds) if event == COMPILED else None
    )
    rng = np.random.default_rng(0)
    x = rng.random((ROWS, 8), np.float32)
    y = x.sum(1)
    package.utils.set_random_seed(0)
    search = search_of(peer, package, candidates)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):  # Keras's wrapper shows the progress of its predictions
        search.fit(x, y, epochs=EPOCHS, verbose=0)  # not fit_kwargs, which its clones forget
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - begin_cpu,
        "models": candidates * FOLDS,
        "compilations": len(compilations),
        "best": float(np.max(search.cv_results_["mean_test_score"])),
    }


def main() -> None:
    """Measure both peers and print a table, or make one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "CANDIDATES"), help="one measurement, in this process")
    options = parser.parse_args()
    if options.measure:
        peer, candidates = options.measure
        print(json.dumps(measure(peer, int(candidates))))
        return
    runs: dict[str, list[dict[str, Any]]] = {"keras": [], "jkeras": []}
    for _ in range(options.turns):
        for peer, turns in runs.items():
            turns.append(in_fresh_process(__file__, peer, options.candidates))
    seconds = {peer: statistics.median(run["seconds"] for run in turns) for peer, turns in runs.items()}
    print(f"{options.candidates} candidates, {FOLDS} folds of {ROWS:,} rows, {EPOCHS} epochs\n")
    print(
        "| peer | models | seconds | times faster | CPU seconds | compilations | best score |\n| --- |" + " --: |" * 6
    )
    for peer, turns in runs.items():
        last = turns[-1]
        print(
            f"| {peer} | {last['models']} | {seconds[peer]:.2f} | {seconds['keras'] / seconds[peer]:.2f} | "
            f"{last['cpu_seconds']:.1f} | {last['compilations']} | {last['best']:.4f} |"
        )


if __name__ == "__main__":
    main()
