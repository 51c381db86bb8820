"""Train the same networks with every peer that is installed, in turns, and print times in relation to Keras.

python benchmarks/run.py                                   all of it
python benchmarks/run.py --only mlp lstm --turns 3         some of it
python benchmarks/run.py --peers jkeras keras --json out.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

from peers import PEERS, REFERENCE, Peer, Train
from workloads import WORKLOADS, Workload


def prepared(workload: Workload, peers: list[Peer]) -> tuple[dict[str, Train], dict[str, float]]:
    """Build every peer's model and train it once, which is when it compiles; say how long that took."""
    trainers: dict[str, Train] = {}
    first: dict[str, float] = {}
    for peer in peers:
        begin = time.perf_counter()
        trainers[peer.name] = peer.prepare(workload)
        trainers[peer.name](workload.epochs)
        first[peer.name] = time.perf_counter() - begin
        # Once more: some paths are compiled at the second call only.
        trainers[peer.name](workload.epochs)
    return trainers, first


def measure(workload: Workload, peers: list[Peer], turns: int) -> list[dict[str, Any]]:
    """Return one row a peer. All peers train once in every turn, so what else the machine does falls on all."""
    trainers, first = prepared(workload, peers)
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    losses: dict[str, float] = {}
    for turn in range(turns):
        names = list(trainers)
        # Another one begins each turn, so nobody always runs after the same peer.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            begin = time.perf_counter()
            losses[name] = trainers[name](workload.epochs)
            seconds[name].append(time.perf_counter() - begin)
    return [
        {
            "workload": workload.name,
            "peer": name,
            "best_s": min(times),
            "median_s": statistics.median(times),
            "us_per_step": 1e6 * statistics.median(times) / workload.steps,
            "first_s": first[name],
            "loss": losses[name],
            # Turn by turn, so that a slow spell of the machine cancels.
            "times_faster": statistics.median(r / t for r, t in zip(seconds.get(REFERENCE, times), times))
            if REFERENCE in seconds
            else None,
        }
        for name, times in seconds.items()
    ]


def table(workload: Workload, rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        f"**{workload.name}**: {workload.summary}",
        "",
        f"| peer | times faster than {REFERENCE} | us per step | first run, s | loss at the end |",
        "| --- | --: | --: | --: | --: |",
    ]
    for row in rows:
        ratio = "" if row["times_faster"] is None else f"{row['times_faster']:.2f}"
        lines.append(
            f"| {row['peer']} | {ratio} | {row['us_per_step']:.0f} | {row['first_s']:.1f} | {row['loss']:.4f} |"
        )
    return "\n".join(lines) + "\n"


def machine() -> str:
    """What it ran on, in one line."""
    import jax

    device = jax.devices()[0]
    versions = f"Python {platform.python_version()}, JAX {jax.__version__}"
    return f"{os.cpu_count()} cores ({platform.machine()}), {jax.device_count()} x {device.device_kind}, {versions}"


def main() -> None:
    """Parse the command line, run, print, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[w.name for w in WORKLOADS], help="workloads")
    parser.add_argument("--peers", nargs="+", choices=[p.name for p in PEERS], help="peers")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()

    peers = [p for p in PEERS if options.peers is None or p.name in options.peers]
    for peer in peers:
        if not peer.present:
            print(f"skipped: {peer.name} ({peer.needs} is not installed)")
    peers = [p for p in peers if p.present]
    print(machine() + "\n")
    rows: list[dict[str, Any]] = []
    for workload in WORKLOADS:
        if options.only is None or workload.name in options.only:
            measured = measure(workload, peers, options.turns)
            print(table(workload, measured), flush=True)
            rows += measured
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
