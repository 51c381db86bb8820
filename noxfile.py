"""The checks, one session each: `nox -l` lists them, `nox -s tests` runs one."""

from __future__ import annotations

import os

import nox

nox.options.sessions = ["lint", "types", "tests", "examples"]
nox.options.error_on_missing_interpreters = False

# The oldest releases that the package promises to run on; the lower bounds of pyproject.toml say the same.
OLDEST = ["jax==0.10.0", "jaxlib==0.10.0", "optax==0.2.5", "numpy==2.0.2", "h5py==3.11.0", "pyyaml==6.0.1"]

# What a device session sets, and the platform that has to be there.
DEVICES = {
    "cpu": ("cpu", {"XLA_FLAGS": "--xla_force_host_platform_device_count=1"}),
    "cpu-8": ("cpu", {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}),
    "gpu": ("gpu", {}),
    "tpu": ("tpu", {}),
}


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
    session.run("pytest", "jkeras", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.install("ruff>=0.12")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types, with the packages the code is checked against."""
    install(session)
    session.install("pyright>=1.1.400")
    session.run("pyright", "--pythonpath", os.path.join(session.bin, "python"))


@nox.session
def examples(session: nox.Session) -> None:
    """Every example at its full length."""
    install(session)
    for name in sorted(os.listdir("examples")):
        if name.endswith(".py"):
            session.run("python", f"examples/{name}", env={"JAX_PLATFORMS": "cpu"})


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks against the peers that are installed; `nox -s bench -- --help` lists the options."""
    install(session, "test")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
@nox.parametrize("device", [nox.param(name, id=name) for name in DEVICES])
def devices(session: nox.Session, device: str) -> None:
    """The suite on one kind of device; skipped where there is none.

    `nox -s "devices(gpu)" --no-venv` uses the JAX that is already installed with its accelerator plugin.
    """
    platform, variables = DEVICES[device]
    if session.virtualenv.is_sandboxed:
        install(session, "test")
    environment = {"JAX_PLATFORMS": platform, **variables}
    found = session.run(
        "python",
        "-c",
        "import jax; print('devices:', jax.device_count())",
        env=environment,
        silent=True,
        success_codes=[0, 1],
    )
    if "devices:" not in str(found):
        session.skip(f"no {platform} here: JAX_PLATFORMS={platform} finds no device")
    session.log(f"{platform}: {str(found).strip().splitlines()[-1]}")
    session.run("pytest", *session.posargs, env=environment)


@nox.session
def oldest(session: nox.Session) -> None:
    """The suite on the oldest releases that are promised."""
    install(session, "test")
    session.install(*OLDEST)
    session.run("pytest", "-n", "2", *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """The suite on the newest JAX, release candidates too."""
    install(session, "test")
    session.install("--upgrade", "--pre", "jax", "jaxlib", "optax")
    session.run("pytest", "-n", "2", *session.posargs)
