"""Every example runs, in a short form, as a script of its own; slowly, the main one keeps README's promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SHORT = {"digits_cnn.py": ["--epochs", "1"], "pure_jax.py": ["--epochs", "1", "--seeds", "2"]}


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run an example in an empty folder and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run():
    assert set(SHORT) == {path.name for path in EXAMPLES.glob("*.py")}
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) < 100, f"{path.name} has grown past 100 lines"


@pytest.mark.parametrize("name", sorted(SHORT))
def test_example(name, tmp_path):
    accuracy = re.search(r"test accuracy (?:by seed )?(\d\.\d+)", run(name, tmp_path, *SHORT[name]))
    assert accuracy and float(accuracy[1]) > 0.2, "better than guessing after one epoch"


@pytest.mark.slow
def test_the_main_example_reads_97_percent(tmp_path):
    printed = run("digits_cnn.py", tmp_path)
    assert float(re.search(r"test accuracy (\d\.\d+)", printed)[1]) > 0.97
    assert (tmp_path / "digits.weights.h5").stat().st_size > 100_000
