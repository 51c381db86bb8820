"""What it costs to watch: `fit` with `verbose=1` in a terminal against `verbose=0`, in turns, for jkeras and Keras."""

from __future__ import annotations

import argparse
import json
import os
import pty
import statistics
import subprocess
import sys
from functools import partial
from typing import Any

from measuring import in_turns, machine, times_faster
from peers import compiled, imported
from workloads import WORKLOADS


def measure(package: str, workload: Any, epochs: int, turns: int) -> dict[str, Any]:
    """Train in turns with and without the display, which goes to standard output; return times and their ratio."""
    model = compiled(imported(package), workload)
    x, y = workload.data(workload.rows)
    train = partial(model.fit, x, y, batch_size=workload.batch_size, epochs=epochs)
    cases = {str(verbose): partial(train, verbose=verbose) for verbose in (0, 1)}
    for case in cases.values():
        case()
    seconds, _ = in_turns(cases, turns)
    epoch = {verbose: 1e3 * statistics.median(times) / epochs for verbose, times in seconds.items()}
    return {
        "silent_ms": epoch["0"],
        "shown_ms": epoch["1"],
        "ratio": times_faster(seconds["1"], seconds["0"]),
        "best": min(seconds["1"]) / min(seconds["0"]),
    }


def in_terminal(arguments: list[str]) -> dict[str, Any]:
    """Run this script with `arguments` in a terminal of its own; return what its last line says."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    child = subprocess.Popen([sys.executable, __file__, *arguments], stdout=theirs, env=environment)
    os.close(theirs)
    last = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not read:
            break
        last = (last + read)[-65536:]
    os.close(ours)
    if child.wait():
        raise SystemExit(f"{arguments} failed.")
    return json.loads(last.splitlines()[-1])


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", default="regression", choices=[w.name for w in WORKLOADS])
    parser.add_argument("--peers", nargs="+", default=["jkeras", "keras"], choices=["jkeras", "keras"])
    parser.add_argument("--epochs", type=int, default=20, help="epochs in one turn")
    parser.add_argument("--turns", type=int, default=21)
    parser.add_argument("--measure", metavar="PEER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    workload = next(w for w in WORKLOADS if w.name == options.workload)
    if options.measure:
        print(json.dumps(measure(options.measure, workload, options.epochs, options.turns)))
        return
    print(machine())
    print(f"{workload.name}: {workload.summary}; ms per epoch, median of {options.turns} turns\n")
    print("| peer | verbose=0 | verbose=1 | ratio | of the fastest turns |\n| --- | --: | --: | --: | --: |")
    for peer in options.peers:
        settings = ["--workload", workload.name, "--epochs", str(options.epochs), "--turns", str(options.turns)]
        row = in_terminal(["--measure", peer, *settings])
        figures = f"{row['silent_ms']:.2f} | {row['shown_ms']:.2f} | {row['ratio']:.3f} | {row['best']:.3f}"
        print(f"| {peer} | {figures} |")


if __name__ == "__main__":
    main()
