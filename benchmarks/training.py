"""Train the same networks with every peer that is installed, in turns, and print times in relation to Keras."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

from measuring import in_turns, machine, times_faster
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
    """Return one row a peer."""
    trainers, first = prepared(workload, peers)
    cases = {name: partial(train, workload.epochs) for name, train in trainers.items()}
    seconds, losses = in_turns(cases, turns)
    return [
        {
            "workload": workload.name,
            "peer": name,
            "best_s": min(times),
            "median_s": statistics.median(times),
            "us_per_step": 1e6 * statistics.median(times) / workload.steps,
            "first_s": first[name],
            "loss": losses[name],
            "times_faster": times_faster(seconds[REFERENCE], times) if REFERENCE in seconds else None,
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


def main() -> None:
    """Parse the command line, run, print, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
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
