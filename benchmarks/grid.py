"""A search over learning rates: many models of equal shape, built, compiled and fitted in one process.

Keras is measured on fewer models and scaled: the first model as it is, the others by the mean of what was measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from measuring import in_fresh_process
from peers import compiled, imported
from workloads import WORKLOADS

WORKLOAD = next(workload for workload in WORKLOADS if workload.name == "regression")
ROWS, EPOCHS = 1_000, 2
COMPILED = "/jax/core/compile/backend_compile_duration"


def measure(peer: str, models: int) -> dict[str, list[float]]:
    """Return the seconds and the compilations of each model, in this process."""
    package = imported(peer)
    import jax

    compilations = 0

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        nonlocal compilations
        compilations += event == COMPILED

    jax.devices()
    jax.monitoring.register_event_duration_secs_listener(listen)
    x, y = WORKLOAD.data(ROWS)
    seconds: list[float] = []
    counts: list[float] = []
    for seed in range(models):
        compilations = 0
        begin = time.perf_counter()
        package.utils.set_random_seed(seed)
        rate = 1e-3 * 100 ** (seed / max(models - 1, 1))
        model = compiled(package, WORKLOAD._replace(learning_rate=rate))
        model.fit(x, y, batch_size=WORKLOAD.batch_size, epochs=EPOCHS, verbose=0)
        seconds.append(time.perf_counter() - begin)
        counts.append(compilations)
    return {"seconds": seconds, "compilations": counts}


def scaled(measured: list[float], models: int) -> float:
    """The sum for all models, from the first and the mean of the others."""
    first, *others = measured
    return first + (models - 1) * statistics.mean(others or measured)


def main() -> None:
    """Measure both peers and print a table, or make one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--keras-models", type=int, default=10, help="how many of them Keras makes")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "MODELS"), help="one measurement, in this process")
    options = parser.parse_args()
    if options.measure:
        peer, models = options.measure
        print(json.dumps(measure(peer, int(models))))
        return
    counts = {"keras": min(options.keras_models, options.models), "jkeras": options.models}
    runs: dict[str, list[dict[str, list[float]]]] = {peer: [] for peer in counts}
    for _ in range(options.turns):
        for peer, count in counts.items():
            runs[peer].append(in_fresh_process(__file__, peer, count))
    print(f"{options.models} models 8-30-1, {EPOCHS} epochs of {ROWS:,} rows each, batches of {WORKLOAD.batch_size}\n")
    print("| peer | models measured | seconds for all | times faster | first model, s | each other, s | ", end="")
    print("compilations, first model | compilations, all others measured |\n| --- |" + " --: |" * 7)
    totals = {p: statistics.median(scaled(r["seconds"], options.models) for r in turns) for p, turns in runs.items()}
    for peer, turns in runs.items():
        last = turns[-1]
        first, *others = last["seconds"]
        print(
            f"| {peer} | {counts[peer]} | {totals[peer]:.2f}{'' if counts[peer] == options.models else ' (scaled)'} | "
            f"{totals['keras'] / totals[peer]:.2f} | {first:.2f} | {statistics.mean(others or [first]):.3f} | "
            f"{last['compilations'][0]:.0f} | {sum(last['compilations'][1:]):.0f} |"
        )


if __name__ == "__main__":
    main()
