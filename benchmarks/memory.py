"""What memory a training step of LSTM(64) on long sequences needs beside its arguments, as XLA plans it."""

from __future__ import annotations

import argparse
from typing import Any

from training_step import STEPS

LENGTHS = (1_000, 10_000)
UNITS, BATCH, FEATURES = 64, 8, 8

CASES: list[tuple[str, dict[str, Any]]] = [("keras", {}), ("jkeras", {}), ("jkeras", {"remat_steps": 100})]


def temporary_bytes(peer: str, options: dict[str, Any], length: int) -> int:
    """Compile the step and return the peak size of what is neither argument nor result."""
    step, arguments = STEPS[peer](UNITS, (BATCH, length, FEATURES), **options)
    return step.lower(*arguments).compile().memory_analysis().temp_size_in_bytes


def main() -> None:
    """Print one row a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", nargs="+", type=int, default=LENGTHS)
    options = parser.parse_args()
    print(f"LSTM({UNITS}) and Dense(1), batches of {BATCH} sequences of {FEATURES} features; temporary memory, MB\n")
    print("| layer | " + " | ".join(f"{length:,} steps" for length in options.lengths) + " |")
    print("| --- |" + " --: |" * len(options.lengths))
    for peer, given in CASES:
        sizes = [temporary_bytes(peer, given, length) / 1e6 for length in options.lengths]
        name = ", ".join([peer, *(f"{key}={value}" for key, value in given.items())])
        print(f"| {name} | " + " | ".join(f"{size:.1f}" for size in sizes) + " |", flush=True)


if __name__ == "__main__":
    main()
