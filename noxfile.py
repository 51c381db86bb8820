"""The checks, one session each: `nox -l` lists them, `nox -s tests` runs one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import nox

sys.path.insert(0, str(Path(__file__).parent / "tests"))
import matrix as rows

nox.options.sessions = ["lint", "types", "tests", "examples", "docs", "package"]
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"  # unless it is asked for: nox --download-python auto

RESULTS = Path(".nox") / "matrix"


def install(session: nox.Session, *extras: str) -> None:
    """Install the package in place, with extras."""
    session.install("-e", f".[{','.join(extras)}]" if extras else ".")


@nox.session
def tests(session: nox.Session) -> None:
    """The suite with its doctests, without the slow part."""
    install(session, "test")
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Only the tests that take long."""
    install(session, "test")
    session.install("nbclient", "nbformat", "ipykernel", "mlflow-skinny", "wandb")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def doctest(session: nox.Session) -> None:
    """Only the examples in docstrings."""
    install(session, "test")
    session.run("pytest", "jkeras", "tests/conftest.py", *session.posargs)  # the latter says how many devices


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.install("ruff>=0.12")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types of the code, and what editors see of the public names."""
    install(session, "test")
    session.install("pyright>=1.1.400")
    session.run("pyright", "--pythonpath", os.path.join(session.bin, "python"))
    session.run("pytest", "-m", "slow", "tests/test_types.py")


@nox.session
def examples(session: nox.Session) -> None:
    """Every example at its full length."""
    install(session, "sklearn", "image", "export", "orbax")
    for name in sorted(os.listdir("examples")):
        if name.endswith(".py"):
            session.run("python", f"examples/{name}", env={"JAX_PLATFORMS": "cpu"})


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, into .nox/site; warnings are errors. `-- serve` shows it while it is written."""
    install(session, "docs", "sklearn", "image")
    environment = {"JAX_PLATFORMS": "cpu", "NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", *(session.posargs or ["build"]), "-f", ".mkdocs.yml", env=environment)


@nox.session
def gallery(session: nox.Session) -> None:
    """Run every example and write what it prints into docs/gallery.md."""
    install(session, "sklearn", "image", "export", "orbax")
    session.run("python", "docs/gallery.py", *session.posargs, env={"JAX_PLATFORMS": "cpu"})


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist, the wheel from it, and train from that wheel, away from the checkout, with the core alone."""
    session.install("build")
    folder = Path(session.create_tmp()).absolute()
    session.run("python", "-m", "build", "--outdir", str(folder), silent=True)
    (wheel,), digits = folder.glob("*.whl"), Path("examples", "digits_cnn.py").absolute()
    session.run("pip", "uninstall", "--yes", "--quiet", "build", "pyproject_hooks", silent=True)
    session.install(str(wheel))
    session.chdir(folder)
    session.run("python", "-W", "error", "-m", "jkeras", "doctor", env={"JAX_PLATFORMS": "cpu"})
    session.run("python", "-W", "error", str(digits), env={"JAX_PLATFORMS": "cpu"})
    wheel.unlink()


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks against the peers that are installed; `nox -s bench -- --help` lists the options."""
    install(session, "test")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
@nox.parametrize("python,row", [(row.python, row) for row in rows.ROWS], ids=[row.name for row in rows.ROWS])
def matrix(session: nox.Session, row: rows.Row) -> None:
    """The suite on every device, Python and JAX that is here, and one table of it.

    `nox -s matrix` runs all rows, `nox -s matrix -k "cpu8 and oldest"` some; `-- tests/test_rnn.py` are pytest's
    arguments, `-- --results FOLDER` says where the table goes. `--no-venv` uses the JAX that is installed.
    """
    folder, arguments = rows.split_arguments(session.posargs, RESULTS)
    session.notify("table", ["--results", str(folder)])
    device, chosen = rows.DEVICES[row.device], session.virtualenv.is_sandboxed

    def skip(reason: str, found: dict[str, Any]) -> None:
        rows.record(folder, row, found, reason)
        session.skip(reason)

    if chosen:
        reason = rows.absent(row)
        if reason is not None:  # before JAX is installed for it
            skip(reason, {})
        session.install("-e", ".[test]", *row.requirements())
    printed = session.run("python", "-c", rows.PROBE, env=device.variables, silent=True, log=False, stderr=None)
    if printed is None:  # --install-only
        return
    found = json.loads(str(printed).splitlines()[-1])
    reason = rows.mismatch(row, found, chosen)
    if reason is not None:
        skip(reason, found)
    session.log(f"JAX {found['jax']} on {found['count']} x {found['kind']}")
    report = folder / f"{row.name}.xml"
    report.unlink(missing_ok=True)
    options = ["-n", str(device.workers), "-p", "no:cacheprovider", f"--junitxml={report}"]
    try:
        session.run("pytest", *options, *arguments, env=device.variables)
    finally:  # tests that fail fail the session, after they are counted
        rows.record(folder, row, found, rows.outcome(report) if report.exists() else "pytest wrote no report")


@nox.session(python=False)
def table(session: nox.Session) -> None:
    """The table of what the rows of the matrix came to so far."""
    folder, _ = rows.split_arguments(session.posargs, RESULTS)
    print(rows.write(folder))
    session.log(f"Written to {folder / 'matrix.md'} and matrix.json.")
