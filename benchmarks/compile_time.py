"""What it takes to trace and to compile a training step of LSTM(100), by the length of the sequences.

Each measurement is a process of its own with an empty cache, jkeras and Keras in turns. The first step of a process, of
another size, is not measured: it brings up JAX and what is imported late.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

from measuring import in_fresh_process, times_faster
from training_step import STEPS

LENGTHS = (10, 100, 1000)
UNITS, BATCH, FEATURES = 100, 32, 8


def measure(peer: str, length: int) -> dict[str, float]:
    """Trace and compile in this process."""
    for units, shape in ((3, (2, 4, 5)), (UNITS, (BATCH, length, FEATURES))):
        step, arguments = STEPS[peer](units, shape)
        begin = time.perf_counter()
        lowered = step.lower(*arguments)
        traced = time.perf_counter()
        compiled = lowered.compile()
        done = time.perf_counter()
    return {"trace": traced - begin, "compile": done - traced, "size": len(compiled.as_text() or "")}


def table(runs: dict[tuple[str, int], list[dict[str, float]]]) -> str:
    """Medians over the turns, and how they relate to Keras's and to those of the shortest sequence."""
    lines = [
        "| steps | peer | trace, s | compile, s | both | both, Keras's / its own | program, 1,000 characters | "
        f"program, times that of {LENGTHS[0]} steps |",
        "| --: | --- | --: | --: | --: | --: | --: | --: |",
    ]
    both = {case: [run["trace"] + run["compile"] for run in turns] for case, turns in runs.items()}
    for (peer, length), turns in runs.items():
        trace, compile_ = (statistics.median(run[name] for run in turns) for name in ("trace", "compile"))
        total = statistics.median(both[peer, length])
        ratio = times_faster(both["keras", length], both[peer, length])
        size = turns[-1]["size"]
        growth = size / runs[peer, LENGTHS[0]][-1]["size"]
        lines.append(
            f"| {length:,} | {peer} | {trace:.2f} | {compile_:.2f} | {total:.2f} | {ratio:.2f} | "
            f"{size / 1000:.0f} | {growth:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all measurements in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "STEPS"), help="one measurement, in this process")
    options = parser.parse_args()
    if options.measure:
        peer, length = options.measure
        print(json.dumps(measure(peer, int(length))))
        return
    runs: dict[tuple[str, int], list[dict[str, float]]] = {(peer, n): [] for n in LENGTHS for peer in STEPS}
    for turn in range(options.turns):
        cases = list(runs)
        for case in cases if turn % 2 == 0 else cases[::-1]:
            runs[case].append(in_fresh_process(__file__, *case))
    print(f"LSTM({UNITS}) and Dense(1), batches of {BATCH} sequences of {FEATURES} features\n\n{table(runs)}")


if __name__ == "__main__":
    main()
