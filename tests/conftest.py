"""What every test starts from: eight CPU devices unless told otherwise, Keras (the oracle) on JAX, quiet imports."""

from __future__ import annotations

import atexit
import gc
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.register_assert_rewrite("oracle")

# Scripts that tests run in processes of their own.
collect_ignore = ["scripts", "seeds"]

# On CPU unless another platform is asked for, as by `JAX_PLATFORMS=cuda,cpu pytest`.
os.environ["JAX_PLATFORMS"] = os.environ.get("JAX_PLATFORMS") or "cpu"
os.environ["KERAS_BACKEND"] = "jax"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("MPLBACKEND", "Agg")

# Eight devices; and programs that run once on small arrays are not worth optimising: tests wait for compilation.
_FLAGS = {
    "--xla_force_host_platform_device_count": "8",
    "--xla_backend_optimization_level": "0",
    "--xla_llvm_disable_expensive_passes": "true",
}
if version("jaxlib").startswith("0.10."):  # a flag that a release does not know ends the process
    _FLAGS["--xla_cpu_use_fusion_emitters"] = "false"  # the older code generator compiles small programs faster
if os.environ["JAX_PLATFORMS"] == "cpu":
    _given = os.environ.get("XLA_FLAGS", "")
    _flags = [_given, *(f"{name}={value}" for name, value in _FLAGS.items() if name not in _given)]
    os.environ["XLA_FLAGS"] = " ".join(_flags).strip()

# What one worker compiled, the others need not compile again. The folder is emptied when the run ends.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _cache = tempfile.mkdtemp(prefix="jkeras-tests-")
    atexit.register(shutil.rmtree, _cache, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _cache
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import jax  # noqa: E402, after its environment is set

# The markers that name a platform, which are registered in pyproject.toml with `needs_devices(n)`.
_PLATFORMS = {"cpu_only": "cpu", "gpu": "gpu", "tpu": "tpu"}
# An example in a docstring has no markers; this one makes a mesh of two devices.
_ON_A_MESH = re.compile(r"make_mesh\(|DeviceMesh\(|DataParallel\(")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a device that is not here; this hook sees the examples in docstrings too."""
    for item in items:
        if isinstance(item, pytest.DoctestItem) and _ON_A_MESH.search(item.dtest.docstring or ""):
            item.add_marker(pytest.mark.needs_devices(2))
        for marker in item.iter_markers():
            if marker.name == "needs_devices" and jax.device_count() < marker.args[0]:
                item.add_marker(pytest.mark.skip(f"needs {marker.args[0]} devices; here: {jax.device_count()}"))
            if marker.name in _PLATFORMS and jax.default_backend() != _PLATFORMS[marker.name]:
                item.add_marker(pytest.mark.skip(f"{marker.name}; here: {jax.default_backend()}"))


@pytest.fixture(autouse=True, scope="module")
def _bounded_memory() -> Iterator[None]:
    """Forget compiled programs now and then: thousands of them take gigabytes."""
    yield
    memory = Path("/proc/self/statm")  # on Linux only
    if memory.exists() and int(memory.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > 2**31:
        jax.clear_caches()
        gc.collect()
