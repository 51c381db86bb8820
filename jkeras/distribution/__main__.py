"""`python -m jkeras.distribution plan.py 8 16 32 64`: estimates of a training step on meshes of virtual devices."""

from __future__ import annotations

import argparse
import os
import re
import runpy
import subprocess
import sys
from typing import Any

_FLAG = "--xla_force_host_platform_device_count"

USAGE = """\
Estimate what a program costs on meshes of so many devices, none of which has to be there.

plan.py defines `estimate(devices)`, which returns what model.estimate(...) does, or a list, or a dict by names:

    import jax, jkeras

    def estimate(devices):
        model = jkeras.applications.ResNet50(weights=None)
        model.compile("adam", "categorical_crossentropy")
        mesh = jax.make_mesh((devices,), ("data",))
        return model.estimate((16 * devices, 224, 224, 3), (16 * devices, 1000), mesh=mesh)

It runs in a process of its own, where JAX has as many virtual CPU devices as the largest mesh wants.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for, and return the exit status."""
    parser = argparse.ArgumentParser(
        "python -m jkeras.distribution", description=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("plan", help="a Python file, or file.py:function")
    parser.add_argument("devices", type=int, nargs="+", help="how many devices; several numbers make tables")
    parser.add_argument("--details", action="store_true", help="also print every estimate by itself")
    options = parser.parse_args(arguments)
    path, _, function = (
        options.plan.rpartition(":") if re.search(r"\.py:\w+$", options.plan) else (options.plan, "", "")
    )
    if not os.path.isfile(path):
        parser.error(f"there is no file {path!r}")
    if min(options.devices) < 1:
        parser.error(f"there must be at least 1 device; got {min(options.devices)}")
    given = f"{path!r}, {function!r}, {options.devices}, {options.details}"
    code = f"from jkeras.distribution.__main__ import run; run({given})"
    flags = " ".join(flag for flag in os.environ.get("XLA_FLAGS", "").split() if not flag.startswith(_FLAG))
    environment = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"{flags} {_FLAG}={max(options.devices)}".strip()}
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}).returncode


def run(path: str, function: str, devices: list[int], details: bool) -> None:
    """Print the estimates of a plan; there are enough devices in this process."""
    from jkeras.distribution import compare

    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    namespace = runpy.run_path(path)
    plan = namespace.get(function or "estimate")
    if not callable(plan):
        defined = ", ".join(name for name, value in namespace.items() if callable(value) and not name.startswith("_"))
        sys.exit(
            f"{path} does not define a function {function or 'estimate'!r}: write def estimate(devices), which returns "
            f"model.estimate(...), or name another, {path}:function. It defines: {defined or 'none'}."
        )
    tables: dict[str, list[Any]] = {}
    for count in devices:
        for name, estimate in _named(plan(count), path):
            tables.setdefault(name, []).append(estimate)
            if details:
                print(f"{name}: {estimate}\n" if name else f"{estimate}\n", flush=True)
    for name, estimates in tables.items():
        print(f"{name}\n\n" * bool(name) + compare(estimates) + "\n")


def _named(found: Any, path: str) -> list[tuple[str, Any]]:
    from jkeras.distribution import Estimate

    if isinstance(found, Estimate):
        return [("", found)]
    rows = list(found.items()) if isinstance(found, dict) else []
    if isinstance(found, (list, tuple)):
        rows = [("", one) for one in found]
    if not rows or not all(isinstance(one, Estimate) for _, one in rows):
        sys.exit(
            f"The function in {path} must return what model.estimate(...) returns, or a list or a dict of that; got "
            f"{found!r}."
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
