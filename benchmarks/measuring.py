"""How things are measured: in turns in one process, or each in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Result = TypeVar("Result")


def in_turns(cases: dict[str, Callable[[], Result]], turns: int) -> tuple[dict[str, list[float]], dict[str, Result]]:
    """Call each case once in every turn, so what else the machine does falls on all; return seconds and results."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    results: dict[str, Result] = {}
    names = list(cases)
    for turn in range(turns):
        # Another one begins each turn, so nobody always runs after the same peer.
        begins = turn % len(names)
        for name in names[begins:] + names[:begins]:
            begin = time.perf_counter()
            results[name] = cases[name]()
            seconds[name].append(time.perf_counter() - begin)
    return seconds, results


def times_faster(reference: Sequence[float], own: Sequence[float]) -> float:
    """The median over turns of the reference's time divided by its own: a slow spell of the machine cancels."""
    return statistics.median(theirs / mine for theirs, mine in zip(reference, own))


def in_fresh_process(script: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """Run `script --measure arguments` in a new process, without a compilation cache if none is given."""
    command = [sys.executable, script, "--measure", *map(str, arguments)]
    variables = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false", **environment}
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=variables)
    return json.loads(ran.stdout.splitlines()[-1])


def compilation_cache(folder: str) -> dict[str, str]:
    """The environment in which JAX keeps every compiled program in a folder."""
    return {
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def machine() -> str:
    """What it runs on, in one line."""
    import jax

    device = jax.devices()[0]
    versions = f"Python {platform.python_version()}, JAX {jax.__version__}"
    return f"{os.cpu_count()} cores ({platform.machine()}), {jax.device_count()} x {device.device_kind}, {versions}"


if __name__ == "__main__":
    print(machine())
