"""The device matrix: what `nox -s matrix` runs, as rows, and the table of what came out of it.

Standard library only, so that noxfile.py can use it before anything is installed.
"""

from __future__ import annotations

import argparse
import glob
import json
import shutil
import subprocess
import textwrap
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Device(NamedTuple):
    """One kind of device: the variables that choose it, and what a machine that has it shows.

    Attributes:
        platform: The platform that JAX must report.
        variables: Environment of the tests.
        signs: File patterns, one of which exists where there is such a device; none: it is everywhere.
        extra: What of JAX has to be installed for it.
        workers: Processes of pytest-xdist.
    """

    platform: str
    variables: Mapping[str, str]
    signs: tuple[str, ...] = ()
    extra: str = ""
    workers: int = 2


# Accelerators round float32 products unless told otherwise, and JAX takes a GPU's whole memory for one process.
_ACCELERATED = {"JAX_DEFAULT_MATMUL_PRECISION": "highest", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}

DEVICES = {
    "cpu": Device("cpu", {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=1"}),
    "cpu8": Device("cpu", {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}),
    "gpu": Device("gpu", {"JAX_PLATFORMS": "cuda,cpu", **_ACCELERATED}, ("/dev/nvidia[0-9]*",), "cuda13", workers=0),
    "tpu": Device("tpu", {"JAX_PLATFORMS": "tpu,cpu", **_ACCELERATED}, ("/dev/accel*", "/dev/vfio/[0-9]*"), "tpu",
                  workers=0),
}  # fmt: skip

# The supported Pythons; the newest is the newest for which JAX and h5py have wheels.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OLDEST_PYTHON, NEWEST_PYTHON = PYTHONS[0], PYTHONS[-1]

# The oldest releases that the package promises to run on; the lower bounds of pyproject.toml say the same.
OLDEST = ("jax==0.10.0", "jaxlib==0.10.0", "optax==0.2.5", "numpy==2.0.2", "h5py==3.11.0", "pyyaml==6.0.1")


class Row(NamedTuple):
    """One run of the suite: a device, a Python, and the oldest or the newest JAX."""

    device: str
    python: str
    jax: str

    @property
    def name(self) -> str:
        """The name, as in `nox -s "matrix(cpu-py311-oldest)"`, of words that `nox -k` understands.

        >>> Row("cpu", "3.11", "oldest").name
        'cpu-py311-oldest'
        """
        return f"{self.device}-py{self.python.replace('.', '')}-{self.jax}"

    def requirements(self) -> list[str]:
        """Return what pip installs besides the package and its test extra.

        A newer Python has no wheels of the oldest numpy, so that only JAX itself is the oldest there.
        """
        extra = DEVICES[self.device].extra
        if self.jax == "newest":
            return ["--upgrade", "--pre", f"jax[{extra}]" if extra else "jax", "jaxlib", "optax"]
        pins = [pin for pin in OLDEST if self.python == OLDEST_PYTHON or pin.startswith("jax")]
        return [pin.replace("jax==", f"jax[{extra}]==") if extra else pin for pin in pins]


ROWS = tuple(
    Row(device, python, jax)
    for device in DEVICES
    for python in PYTHONS
    for jax in ("oldest", "newest")
    # The corners on every device; between them, CPU with the newest JAX.
    if python in (OLDEST_PYTHON, NEWEST_PYTHON) or (device == "cpu" and jax == "newest")
)

# Run by the Python of a row, prints what is there.
PROBE = """
import json, sys
found = {"python": "%d.%d" % sys.version_info[:2]}
try:
    import jax, jaxlib
    found |= {"jax": jax.__version__, "platform": jax.default_backend(), "count": jax.device_count()}
    found["kind"] = jax.devices()[0].device_kind
except Exception as error:
    found["error"] = str(error).splitlines()[0].partition(" (set JAX_PLATFORMS")[0]
print(json.dumps(found))
"""


def absent(row: Row) -> str | None:
    """Return why a machine cannot have the row's device at all, None if it may."""
    signs = DEVICES[row.device].signs
    if not signs or any(glob.glob(sign) for sign in signs):
        return None
    return f"no {row.device} here: there is no {' and no '.join(signs)}"


def mismatch(row: Row, found: Mapping[str, Any], chosen: bool) -> str | None:
    """Return why the row cannot run on what was found, None if it can.

    Args:
        row: The row.
        found: What `PROBE` printed.
        chosen: Whether Python and JAX were installed for the row; otherwise they are what the machine has.
    """
    if not chosen and found["python"] != row.python:
        return f"--no-venv runs Python {found['python']}"
    if "error" in found:
        return f"no {row.device} here: {found['error']}"
    if found["platform"] != DEVICES[row.device].platform:
        return f"no {row.device} here: JAX finds {found['count']} x {found['platform']}"
    if not chosen and (f"jax=={found['jax']}" in OLDEST) != (row.jax == "oldest"):
        return f"--no-venv runs JAX {found['jax']}"
    return None


class Outcome(NamedTuple):
    """What came out of one row; `why` counts the reasons of what was skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    why: Mapping[str, int] = {}


def outcome(path: Path) -> Outcome:
    """Read the JUnit XML that `pytest --junitxml` wrote.

    Errors in fixtures and files that cannot be collected count as failed, expected failures as passed.

    Raises:
        ValueError: If the file is not one of pytest's.
    """
    try:
        suites = list(ElementTree.parse(path).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(
            f"{path} is not the JUnit XML of a run of pytest: {error}. It is written by --junitxml."
        ) from None
    failed = skipped = passed = 0
    why: Counter[str] = Counter()
    for case in (case for suite in suites for case in suite.iter("testcase")):
        results = {child.tag: child for child in case}
        if "failure" in results or "error" in results:
            failed += 1
        elif "skipped" in results and results["skipped"].get("type") != "pytest.xfail":
            skipped += 1
            why[results["skipped"].get("message") or "no reason given"] += 1
        else:
            passed += 1
    seconds = sum(float(suite.get("time", 0)) for suite in suites)
    return Outcome(passed, failed, skipped, round(seconds, 1), dict(why.most_common()))


def record(folder: Path, row: Row, found: Mapping[str, Any], result: Outcome | str) -> None:
    """Keep what came out of a row, or the reason why it was not run, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    came_out = {"not_run": result} if isinstance(result, str) else result._asdict()
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    kept = {**row._asdict(), "when": when, "found": dict(found), **came_out}
    (folder / f"{row.name}.json").write_text(json.dumps(kept, indent=1))


def records(folder: Path, rows: Iterable[Row] = ROWS) -> list[dict[str, Any]]:
    """Return what is known of every row; of those that left no record, why."""
    known = []
    for row in rows:
        path = folder / f"{row.name}.json"
        missing = {**row._asdict(), "found": {}, "not_run": "" if installed(row.python) else _no_python(row.python)}
        known.append(json.loads(path.read_text()) if path.exists() else missing)
    return known


def installed(python: str) -> bool:
    """Whether there is such a Python; a name on the path may be a shim that leads nowhere."""
    path = shutil.which(f"python{python}")
    return path is not None and subprocess.run([path, "--version"], capture_output=True).returncode == 0


def _no_python(python: str) -> str:
    return f"Python {python} is not installed; nox --download-python auto fetches it"


_HEADINGS = ("device", "Python", "JAX", "passed", "failed", "skipped", "seconds", "run at", "why skipped")


def table(known: Iterable[Mapping[str, Any]], reasons: int = 3) -> str:
    """Return the records, of whichever run, as one Markdown table with the most frequent `reasons` of each row.

    >>> row = {**Row("cpu", "3.11", "oldest")._asdict(), "when": "2030-01-01 12:00", "found": {"jax": "0.10.0"}}
    >>> print(table([{**row, **Outcome(9, 0, 2, 1.5, {"needs a GPU": 2})._asdict()}]))
    | device | Python | JAX             | passed | failed | skipped | seconds | run at           | why skipped     |
    | ------ | ------ | --------------- | ------ | ------ | ------- | ------- | ---------------- | --------------- |
    | cpu    | 3.11   | oldest (0.10.0) | 9      | 0      | 2       | 1.5     | 2030-01-01 12:00 | 2 x needs a GPU |
    """
    lines = [_HEADINGS, tuple("" for _ in _HEADINGS)]
    for one in known:
        jax = one["jax"]
        if "not_run" in one:
            results = ("-", "-", "all", "-", "-", one["not_run"] or "not chosen in any run so far")
        else:
            jax = f"{jax} ({one['found']['jax']})"
            why = [f"{count} x {textwrap.shorten(reason, 80)}" for reason, count in one["why"].items()]
            if len(why) > reasons:
                why[reasons:] = [f"{len(why) - reasons} more reasons"]
            results = (*(one[key] for key in ("passed", "failed", "skipped", "seconds", "when")), "; ".join(why))
        lines.append((one["device"], one["python"], jax, *(str(r).replace("|", "/") for r in results)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines[1] = tuple("-" * width for width in widths)
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


def write(folder: Path) -> str:
    """Write `matrix.md` and `matrix.json` into `folder` from its records, and return the table."""
    known = records(folder)
    text = table(known)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "matrix.md").write_text(text + "\n")
    (folder / "matrix.json").write_text(json.dumps(known, indent=1) + "\n")
    return text


def split_arguments(arguments: list[str], default: Path) -> tuple[Path, list[str]]:
    """Return the folder that `--results FOLDER` names, and the arguments that are for pytest.

    >>> split_arguments(["--results", "out", "tests/test_rnn.py", "-x"], Path("."))[1]
    ['tests/test_rnn.py', '-x']
    """
    parser = argparse.ArgumentParser(prog="nox -s matrix --", allow_abbrev=False, add_help=False)
    parser.add_argument("--results", type=Path, default=default)
    known, rest = parser.parse_known_args(arguments)
    return known.results.absolute(), rest
