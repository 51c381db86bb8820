"""Every example runs, in a short form, as a script of its own; slowly, the main one keeps README's promise."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from processes import PYTHON

EXAMPLES = Path(__file__).parent.parent / "examples"
ACCURACY, RATIO = r"test accuracy (?:by seed )?(\d\.\d+)", r"test error ratio (\d\.\d+)"
RECONSTRUCTION, DISTRIBUTION = r"reconstruction error (\d\.\d+)", r"largest error (\d+\.\d+)"
LEARNED = r"from the learned start: \d\.\d+, (\d\.\d+)"
CHARACTERS = r"of whole answers to 2000 unseen sums, (\d\.\d+) of characters"

# Arguments of the short form, what is measured, and the bounds between which a sound example leaves it. Guessing gives
# 0.1 on the images and where one of ten digits is the answer, 0.5 on reviews, 0.15 on the characters of a text.
SHORT = {
    "addition_seq2seq.py": (["--epochs", "2", "--sums", "4000"], CHARACTERS, 0.25, 1.0),
    "character_model.py": (["--epochs", "6", "--length", "50"], ACCURACY, 0.28, 1.0),
    "digits_cnn.py": (["--epochs", "1"], ACCURACY, 0.2, 1.0),
    "gan.py": (["--epochs", "8"], DISTRIBUTION, 0.0, 0.8),
    "maml.py": (["--steps", "200"], LEARNED, 0.0, 2.8),  # a random start leaves 3.5
    "many_to_one_attention.py": (["--epochs", "1", "--pairs", "2"], ACCURACY, 0.4, 1.0),
    "population.py": (["--epochs", "2", "--seeds", "1"], ACCURACY, 0.5, 1.0),
    "pure_jax.py": (["--epochs", "1", "--seeds", "2"], ACCURACY, 0.2, 1.0),
    "sentiment.py": (["--epochs", "4", "--reviews", "2000", "--statements", "1"], ACCURACY, 0.6, 1.0),
    "stateful_forecaster.py": (["--epochs", "4"], RATIO, 0.5, 0.95),
    "two_processes.py": (["--epochs", "1"], ACCURACY, 0.2, 1.0),
    "vae.py": (["--epochs", "4"], RECONSTRUCTION, 0.2, 0.9),
}

# What the default form promises.
FULL = {
    "addition_seq2seq.py": (ACCURACY, 0.9, 1.0),
    "character_model.py": (ACCURACY, 0.5, 1.0),
    "digits_cnn.py": (ACCURACY, 0.97, 1.0),
    "gan.py": (DISTRIBUTION, 0.0, 0.3),
    "many_to_one_attention.py": (ACCURACY, 0.98, 1.0),
    "population.py": (ACCURACY, 0.88, 1.0),
    "sentiment.py": (ACCURACY, 0.97, 1.0),
    "stateful_forecaster.py": (RATIO, 0.5, 0.85),
    "vae.py": (RECONSTRUCTION, 0.1, 0.45),
}


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run an example in an empty folder and return what it printed; what trains long is worth optimising for."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    if not arguments:
        environment.pop("XLA_FLAGS", None)
    done = subprocess.run(
        [*PYTHON, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env=environment,
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


def measured(pattern: str, printed: str) -> float:
    """Return the number that the last line of an example states."""
    found = re.search(pattern, printed.splitlines()[-1])
    assert found, f"no {pattern!r} in the last line of:\n{printed}"
    return float(found[1])


# The others take some seconds to compile; `.ci/run` runs all of them whole.
USUAL = {"digits_cnn.py", "pure_jax.py"}


@pytest.mark.parametrize(
    "name", [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in sorted(SHORT)]
)
def test_example(name, tmp_path):
    arguments, pattern, least, most = SHORT[name]
    assert least < measured(pattern, run(name, tmp_path, *arguments)) <= most, "better than guessing"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FULL))
def test_example_keeps_its_promise(name, tmp_path):
    pattern, least, most = FULL[name]
    assert least < measured(pattern, run(name, tmp_path)) <= most
    if name == "digits_cnn.py":
        assert (tmp_path / "digits.weights.h5").stat().st_size > 100_000
