"""What `import jkeras` costs beyond `import jax`: each in a process of its own, in turns."""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time

STATEMENTS = {
    "jax": "import jax",
    "jkeras": "import jkeras",
    "jkeras, first layer": "from jkeras import layers; layers.Dense(1)",
    "keras": "import keras",
}


def seconds(statement: str) -> float:
    """Time one fresh process that runs a statement."""
    # An editable install is compiled to bytecode when it is first imported, as an installed package was long before.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env={**environment, "KERAS_BACKEND": "jax"})
    return time.perf_counter() - begin


def main() -> None:
    """Run all statements in turns and print medians and the difference to JAX alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    statements = {n: s for n, s in STATEMENTS.items() if importlib.util.find_spec(n.split(",")[0])}
    for statement in statements.values():
        seconds(statement)
    times: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(options.turns):
        for name, statement in statements.items():
            times[name].append(seconds(statement))
    print("| import | median, s | more than jax, s |\n| --- | --: | --: |")
    for name, measured in times.items():
        more = statistics.median(a - b for a, b in zip(measured, times["jax"]))
        print(f"| {name} | {statistics.median(measured):.2f} | {more:.2f} |")


if __name__ == "__main__":
    main()
