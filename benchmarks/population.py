"""Regression networks as one population, beside as many fits of Keras and of jkeras in a row, in one process.

Every model has its own seed. Keras's models are made, compiled and fitted one after the other, as a script does that
wants them all; the population is made and fitted at once. Both begin before the first layer is made and end with the
last history, so compilation is in the seconds. "Then" is an epoch of what is compiled already.

python benchmarks/population.py                      32 members against 32 fits
python benchmarks/population.py --members 256 --alone 4
python benchmarks/population.py --workload cnn --members 8
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any, NamedTuple

from measuring import machine
from peers import compiled, imported
from workloads import WORKLOADS, Workload


class Timing(NamedTuple):
    """Seconds of all models from nothing to their histories, of one more epoch, and the mean loss at the end."""

    total: float
    epoch: float
    loss: float


def in_a_row(name: str, workload: Workload, models: int, measured: int, epochs: int) -> Timing:
    """Fit models of a peer one after the other; of more than `measured`, the others are taken to be like the last."""
    package = imported(name)
    x, y = workload.data(workload.rows)
    seconds, losses, model = [], [], None
    for seed in range(min(models, measured)):
        began = time.perf_counter()
        package.utils.set_random_seed(seed)
        model = compiled(package, workload)
        history = model.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
        losses.append(float(history.history["loss"][-1]))
        seconds.append(time.perf_counter() - began)
    epoch = _epoch(model, x, y, workload) * models
    others = sum(seconds[1:]) / max(len(seconds) - 1, 1) if len(seconds) > 1 else seconds[0]
    return Timing(seconds[0] + others * (models - 1), epoch, sum(losses) / len(losses))


def as_population(workload: Workload, members: int, epochs: int) -> Timing:
    """Fit a population of jkeras."""
    package: Any = imported("jkeras")
    x, y = workload.data(workload.rows)
    began = time.perf_counter()
    population = package.Population(compiled(package, workload), seeds=range(members))
    history = population.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
    total = time.perf_counter() - began
    return Timing(total, _epoch(population, x, y, workload), float(history.history["loss"][-1].mean()))


def _epoch(model: Any, x: Any, y: Any, workload: Workload) -> float:
    """The seconds of an epoch of what is compiled, the median of five."""
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        model.fit(x, y, batch_size=workload.batch_size, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--workload", default="regression", choices=[workload.name for workload in WORKLOADS])
    parser.add_argument("--alone", type=int, help="fit so many models in a row, and scale their time; all if left out")
    parser.add_argument("--no-keras", action="store_true", help="compare with jkeras only")
    options = parser.parse_args()
    workload = next(workload for workload in WORKLOADS if workload.name == options.workload)
    members, epochs, measured = options.members, options.epochs, options.alone or options.members
    print(f"{machine()}\n\n{members} models: {workload.summary}; {epochs} epochs\n")
    for _ in range(options.turns):
        import jax

        imported("jkeras").Population  # noqa: B018  what Keras imports at once, jkeras does on first use
        jax.devices()
        rows: dict[str, Timing] = {"jkeras, a population": as_population(workload, members, epochs)}
        rows["jkeras, one model"] = in_a_row("jkeras", workload, 1, 1, epochs)
        rows["jkeras, in a row"] = in_a_row("jkeras", workload, members, measured, epochs)
        if not options.no_keras:
            rows["Keras, in a row"] = in_a_row("keras", workload, members, measured, epochs)
        own = rows["jkeras, a population"]
        print("| models | seconds | population is faster | then an epoch | population is faster | mean loss |")
        print("| --- |" + " --: |" * 5)
        for name, row in rows.items():
            print(
                f"| {name} | {row.total:.2f} | {row.total / own.total:.1f} | {row.epoch:.4f} | "
                f"{row.epoch / own.epoch:.1f} | {row.loss:.4f} |",
                flush=True,
            )
        one = rows["jkeras, one model"]
        print(
            f"\nThe population costs {own.total / one.total:.1f} times one model with compilation, "
            f"{own.epoch / one.epoch:.1f} times without.\n"
        )


if __name__ == "__main__":
    main()
