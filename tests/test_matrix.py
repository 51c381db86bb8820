"""The device matrix: its rows agree with pyproject.toml, its table with what pytest reported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import matrix
import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CPU = matrix.Row("cpu", "3.11", "newest")


def test_the_oldest_releases_are_the_lower_bounds():
    bounds = dict(requirement.split(">=") for requirement in PROJECT["project"]["dependencies"])
    pins = dict(pin.split("==") for pin in matrix.OLDEST)
    assert set(pins) == set(bounds)
    for name, bound in bounds.items():
        parts = bound.split(".")
        assert pins[name].split(".")[: len(parts)] == parts, f"{name}: {pins[name]} is not the first of >={bound}"


def test_the_pythons_are_those_of_the_classifiers():
    classifiers = [c.rpartition(" ")[2] for c in PROJECT["project"]["classifiers"] if "Python :: 3." in c]
    assert tuple(classifiers) == matrix.PYTHONS
    assert PROJECT["project"]["requires-python"] == f">={matrix.OLDEST_PYTHON}"


def test_every_device_has_the_corners():
    for device in matrix.DEVICES:
        found = {(row.python, row.jax) for row in matrix.ROWS if row.device == device}
        pythons = (matrix.OLDEST_PYTHON, matrix.NEWEST_PYTHON)
        assert found >= {(python, jax) for python in pythons for jax in ("oldest", "newest")}
    assert {row.python for row in matrix.ROWS if row.device == "cpu"} == set(matrix.PYTHONS)
    assert len({row.name for row in matrix.ROWS}) == len(matrix.ROWS)


def test_what_is_installed_for_a_row():
    assert matrix.Row("cpu", "3.11", "oldest").requirements() == list(matrix.OLDEST)
    assert matrix.Row("gpu", "3.14", "oldest").requirements() == ["jax[cuda13]==0.10.0", "jaxlib==0.10.0"]
    assert "jax[tpu]" in matrix.Row("tpu", "3.14", "newest").requirements()


FOUND = {"python": "3.11", "jax": "0.12.0", "platform": "cpu", "count": 1, "kind": "cpu"}


@pytest.mark.parametrize(
    ("row", "changes", "chosen", "reason"),
    [
        (CPU, {}, True, None),
        (CPU, {}, False, None),
        (CPU, {"python": "3.13"}, False, "--no-venv runs Python 3.13"),
        (CPU, {"jax": "0.10.0"}, False, "--no-venv runs JAX 0.10.0"),
        (CPU, {"jax": "0.10.0"}, True, None),
        (CPU._replace(jax="oldest"), {}, False, "--no-venv runs JAX 0.12.0"),
        (CPU._replace(device="gpu"), {}, True, "no gpu here: JAX finds 1 x cpu"),
        (CPU._replace(device="gpu"), {"platform": "gpu"}, False, None),
        (CPU._replace(device="tpu"), {"error": "no libtpu"}, True, "no tpu here: no libtpu"),
    ],
)
def test_why_a_row_cannot_run(row, changes, chosen, reason):
    assert matrix.mismatch(row, FOUND | changes, chosen) == reason


def test_a_device_without_a_sign_of_it_is_absent(monkeypatch, tmp_path):
    assert matrix.absent(CPU) is None
    present = matrix.DEVICES["gpu"]._replace(signs=(str(tmp_path / "nvidia*"),))
    monkeypatch.setitem(matrix.DEVICES, "gpu", present)
    row = CPU._replace(device="gpu")
    assert "no gpu here" in (matrix.absent(row) or "")
    (tmp_path / "nvidia0").touch()
    assert matrix.absent(row) is None


SUITE = """
import pytest

def test_passes(): pass
def test_fails(): assert False
@pytest.mark.xfail
def test_fails_as_expected(): assert False
@pytest.fixture
def broken(): raise OSError
def test_has_no_fixture(broken): pass
@pytest.mark.needs_devices(2)
def test_two(): pass
@pytest.mark.needs_devices(3)
def test_three(): pass
@pytest.mark.needs_devices(4)
class TestFour:
    def test_one(self): pass
    def test_other(self): pass
@pytest.mark.cpu_only
def test_cpu(): pass
@pytest.mark.gpu
def test_gpu(): pass
@pytest.mark.tpu
def test_tpu(): pass
"""


def test_a_row_from_pytest_to_the_table(tmp_path):
    """What a row leaves behind: markers skip with a reason, the report is counted, the table shows it."""
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_suite.py").write_text(SUITE)
    flags = "--xla_force_host_platform_device_count=3"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"),
         "--rootdir", str(tmp_path), f"--junitxml={tmp_path / 'junit.xml'}", str(tmp_path)],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    result = matrix.outcome(tmp_path / "junit.xml")
    assert (result.passed, result.failed, result.skipped) == (5, 2, 4), done.stdout
    why = {"needs 4 devices; here: 3": 2, "gpu; here: cpu": 1, "tpu; here: cpu": 1}
    assert result.why == why and list(result.why)[0] == "needs 4 devices; here: 3" and result.seconds > 0

    folder = tmp_path / "results"
    matrix.record(folder, CPU, FOUND, result)
    matrix.record(folder, CPU._replace(device="gpu"), {}, "no gpu here: there is no device | of that kind")
    lines = matrix.write(folder).splitlines()
    assert (folder / "matrix.md").read_text().splitlines() == lines
    assert len({len(line) for line in lines}) == 1 and len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + len(matrix.ROWS) == 2 + len(json.loads((folder / "matrix.json").read_text()))
    row = next(line for line in lines if line.startswith("| cpu ") and "0.12.0" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:6] == ["cpu", "3.11", "newest (0.12.0)", "5", "2", "4"]
    assert cells[8] == "2 x needs 4 devices; here: 3; 1 x gpu; here: cpu; 1 x tpu; here: cpu"
    assert any("no gpu here: there is no device / of that kind" in line for line in lines)
    assert any(re.search(r"Python 3\.\d+ is not installed|not chosen in any run so far", line) for line in lines)


def test_a_report_that_is_none_is_named(tmp_path):
    (tmp_path / "junit.xml").write_text("<testsuite>")
    for name in ("junit.xml", "absent.xml"):
        with pytest.raises(ValueError, match=rf"{name} is not the JUnit XML of a run of pytest"):
            matrix.outcome(tmp_path / name)


def test_the_noxfile_has_the_rows():
    pytest.importorskip("nox")
    if not (ROOT / "noxfile.py").exists():
        pytest.skip("noxfile.py is not part of the source distribution")
    command = [sys.executable, "-m", "nox", "-f", str(ROOT / "noxfile.py"), "-l"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = set(re.findall(r"^[*-] (\S+)", done.stdout, re.MULTILINE))
    assert names >= {f"matrix({row.name})" for row in matrix.ROWS} | {"table", "tests", "lint", "types"}
