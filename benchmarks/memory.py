"""What training needs of memory: whole processes on Linux, and a step of LSTM(64) on long sequences as XLA plans it."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from measuring import in_fresh_process
from peers import PEERS, compiled, imported
from training_step import STEPS
from workloads import WORKLOADS

LENGTHS = (1_000, 10_000)
UNITS, BATCH, FEATURES = 64, 8, 8

CASES: list[tuple[str, dict[str, Any]]] = [("keras", {}), ("jkeras", {}), ("jkeras", {"remat_steps": 100})]

TRAINED = ("mlp", "cnn")
TRAINERS = ("keras", "jkeras", "jax and optax by hand")
FITS = 300


def temporary_bytes(peer: str, options: dict[str, Any], length: int) -> int:
    """Compile the step and return the peak size of what is neither argument nor result."""
    step, arguments = STEPS[peer](UNITS, (BATCH, length, FEATURES), **options)
    return step.lower(*arguments).compile().memory_analysis().temp_size_in_bytes


def peak_megabytes() -> float:
    """The largest resident size of this process so far; `ru_maxrss` would count the process that started it too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e3


def resident_megabytes() -> float:
    """The resident size of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def training_peak(trainer: str, name: str) -> float:
    """What two epochs add to the peak of this process, which has imported all it needs and made an array."""
    import jax
    import optax  # noqa: F401, it counts as imported for all

    if trainer in ("keras", "jkeras"):
        imported(trainer)
    jax.block_until_ready(jax.numpy.zeros(1))
    workload = next(workload for workload in WORKLOADS if workload.name == name)
    before = peak_megabytes()
    train = next(peer for peer in PEERS if peer.name == trainer).prepare(workload)
    train(2)
    return peak_megabytes() - before


def growth(trainer: str, fits: int) -> float:
    """What the resident size of this process grows by over many fits and predicts of one model."""
    workload = next(workload for workload in WORKLOADS if workload.name == "regression")
    model = compiled(imported(trainer), workload)
    x, y = workload.data(320)

    def repeat(times: int) -> float:
        for _ in range(times):
            model.fit(x, y, batch_size=32, verbose=0)
            model.predict(x, verbose=0)
        return resident_megabytes()

    before = repeat(50)
    return repeat(fits) - before


MEASURES = {"peak": training_peak, "growth": growth}


def processes(turns: int) -> None:
    """Print what whole processes need."""
    sizes = []
    for name in TRAINED:
        workload = next(workload for workload in WORKLOADS if workload.name == name)
        x, y = workload.data(workload.rows)
        sizes.append(f"{name} ({(x.nbytes + y.nbytes) / 1e6:.0f} MB of data)")
    print("Peak resident memory of two epochs of training beyond that of the imports, compiling included, MB\n")
    print(f"| peer | {' | '.join(sizes)} |\n| --- |" + " --: |" * len(sizes))
    for trainer in TRAINERS:
        peaks = [
            statistics.median(in_fresh_process(__file__, "peak", trainer, name)["megabytes"] for _ in range(turns))
            for name in TRAINED
        ]
        print(f"| {trainer} | " + " | ".join(f"{peak:.0f}" for peak in peaks) + " |", flush=True)
    print(f"\nGrowth of the resident memory over {FITS} fits and predicts of one model, after 50 of them, MB\n")
    print("| peer | growth |\n| --- | --: |")
    for trainer in ("keras", "jkeras"):
        print(f"| {trainer} | {in_fresh_process(__file__, 'growth', trainer, FITS)['megabytes']:.1f} |", flush=True)


def steps(lengths: list[int]) -> None:
    """Print what XLA plans for a training step."""
    print(f"LSTM({UNITS}) and Dense(1), batches of {BATCH} sequences of {FEATURES} features; temporary memory, MB\n")
    print("| layer | " + " | ".join(f"{length:,} steps" for length in lengths) + " |")
    print("| --- |" + " --: |" * len(lengths))
    for peer, given in CASES:
        sizes = [temporary_bytes(peer, given, length) / 1e6 for length in lengths]
        name = ", ".join([peer, *(f"{key}={value}" for key, value in given.items())])
        print(f"| {name} | " + " | ".join(f"{size:.1f}" for size in sizes) + " |", flush=True)


def main() -> None:
    """Print all tables, or make one measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", nargs="+", type=int, default=LENGTHS)
    parser.add_argument("--turns", type=int, default=3, help="processes for each peak")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "PEER", "OF"), help="one, in this process")
    options = parser.parse_args()
    if options.measure:
        what, trainer, of = options.measure
        megabytes = MEASURES[what](trainer, int(of) if of.isdigit() else of)
        print(json.dumps({"megabytes": megabytes}))
        return
    if sys.platform == "linux":
        processes(options.turns)
        print()
    else:
        print("skipped: the memory of whole processes (it is read from /proc, which Linux has)\n")
    steps(options.lengths)


if __name__ == "__main__":
    main()
