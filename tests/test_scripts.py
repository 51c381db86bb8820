"""Scripts as people wrote them from 2016 to 2024, and the users' own cases, run unmodified by `python -m jkeras`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted((HERE / "scripts").glob("*.py"))
SEEDS = sorted((HERE / "seeds").glob("*.py"))

# One of each era and of each kind runs by default; each takes a process, and most of its time is compilation.
FAST = {"mnist_mlp", "siamese", "generator", "merge_keras1"}
FAST_SEEDS = {
    "00d_masking_embedding", "00e_adam_legacy_and_custom_schedule", "01a_input_and_repeat_vector", "02e_tensorboard",
    "02g_plot_model", "02h_activations", "03d_intermediate_outputs",
}  # fmt: skip


def chosen(paths, fast):
    return [pytest.param(p, id=p.stem, marks=() if p.stem in fast else pytest.mark.slow) for p in paths]


def run(path, timeout):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-m", "jkeras", str(path)], capture_output=True, text=True, timeout=timeout, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("path", chosen(SCRIPTS, FAST))
def test_a_script_of_its_time_runs_unmodified(path):
    run(path, 600)


NEEDS = {"02e": "tensorboard", "02f": "sklearn", "02g": "pydot"}


@pytest.mark.parametrize("path", chosen(SEEDS, FAST_SEEDS))
def test_a_case_of_the_users_specification_passes(path):
    if path.stem[:3] in NEEDS:
        pytest.importorskip(NEEDS[path.stem[:3]])
    run(path, 600)


def test_all_thirty_cases_are_there():
    assert len(SEEDS) == 30
