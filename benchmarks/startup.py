"""What the first epoch takes: to build the model, to compile and to train once. Importing is not in it.

Each measurement is a process of its own, jkeras and Keras in turns: cold without a compilation cache, warm with what a
process before has left in one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time

from measuring import compilation_cache, in_fresh_process, times_faster
from peers import compiled, imported
from workloads import WORKLOADS

PEERS = ("keras", "jkeras")


def measure(peer: str, name: str) -> dict[str, float]:
    """Build, compile and train for an epoch in this process."""
    workload = next(workload for workload in WORKLOADS if workload.name == name)
    package = imported(peer)
    import jax

    jax.devices()
    x, y = workload.data(workload.rows)
    begin = time.perf_counter()
    model = compiled(package, workload)
    model.fit(x, y, batch_size=workload.batch_size, epochs=1, verbose=0)
    first = time.perf_counter()
    model.fit(x, y, batch_size=workload.batch_size, epochs=1, verbose=0)
    return {"first": first - begin, "second": time.perf_counter() - first}


def row(name: str, turns: int) -> str:
    """Measure a workload and return its line of the table."""
    seconds: dict[tuple[str, str], list[float]] = {(peer, kind): [] for kind in ("cold", "warm") for peer in PEERS}
    second: dict[str, list[float]] = {peer: [] for peer in PEERS}
    with tempfile.TemporaryDirectory() as folder:
        environments = {peer: compilation_cache(f"{folder}/{peer}") for peer in PEERS}
        for peer in PEERS:
            in_fresh_process(__file__, peer, name, **environments[peer])
        for turn in range(turns):
            for peer in PEERS if turn % 2 == 0 else PEERS[::-1]:
                cold = in_fresh_process(__file__, peer, name)
                warm = in_fresh_process(__file__, peer, name, **environments[peer])
                seconds[peer, "cold"].append(cold["first"])
                seconds[peer, "warm"].append(warm["first"])
                second[peer].append(cold["second"])
    cells = []
    for kind in ("cold", "warm"):
        cells += [f"{statistics.median(seconds[peer, kind]):.2f}" for peer in PEERS]
        cells.append(f"{times_faster(seconds['keras', kind], seconds['jkeras', kind]):.2f}")
    cells += [f"{statistics.median(second[peer]):.2f}" for peer in PEERS]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print a row for each workload, or make one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[w.name for w in WORKLOADS], help="workloads")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "WORKLOAD"), help="one measurement, in this process")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    print("Seconds of the first epoch, from the first layer on; the last columns are the epoch after it\n")
    print(
        "| workload | Keras, cold | jkeras, cold | times faster | Keras, warm | jkeras, warm | times faster | ", end=""
    )
    print("Keras, second epoch | jkeras, second epoch |\n| --- |" + " --: |" * 8)
    for workload in WORKLOADS:
        if options.only is None or workload.name in options.only:
            print(row(workload.name, options.turns), flush=True)


if __name__ == "__main__":
    main()
