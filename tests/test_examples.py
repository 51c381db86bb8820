"""Every example runs in a short form; slowly, as a script of its own, in its full form. The gallery shows them all."""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import PYTHON

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
ACCURACY, RATIO = r"test accuracy (?:by seed )?(\d\.\d+)", r"test error ratio (\d\.\d+)"
RECONSTRUCTION, DISTRIBUTION = r"reconstruction error (\d\.\d+)", r"largest error (\d+\.\d+)"
LEARNED, EXPLAINED = r"from the learned start: \d\.\d+, (\d\.\d+)", r"rents explained (-?\d\.\d+)"
CHARACTERS = r"of whole answers to 2000 unseen sums, (\d\.\d+) of characters"
DIFFERENCE = r"differ(?:ence| by) (\d\.\d+(?:e-\d+)?)"

# Arguments of the short form, what is measured, and the bounds between which a sound example leaves it. Guessing gives
# 0.1 where one of ten digits or cities is the answer, 0.2 where one of five, 0.5 on reviews, 0.15 on characters of
# text.
SHORT = {
    "addition_seq2seq.py": (["--epochs", "2", "--sums", "3000"], CHARACTERS, 0.25, 1.0),
    "character_model.py": (["--epochs", "5", "--length", "50"], ACCURACY, 0.28, 1.0),
    "custom_train_step.py": (["--epochs", "10"], ACCURACY, 0.3, 1.0),
    "data_parallel.py": (["--epochs", "1", "--devices", "2"], DIFFERENCE, -1.0, 1e-4),
    "digits_cnn.py": (["--epochs", "1", "--images", "300"], ACCURACY, 0.2, 1.0),
    "exact_resume.py": (["--epochs", "1", "--kills", "25"], DIFFERENCE, -1.0, 0.0),
    "export.py": (["--epochs", "1"], DIFFERENCE, -1.0, 1e-5),
    "gan.py": (["--epochs", "8"], DISTRIBUTION, 0.0, 0.8),
    "grid_search.py": (["--epochs", "1", "--rates", "0.0001", "0.01"], ACCURACY, 0.5, 1.0),
    "image_data_generator.py": (["--epochs", "4"], ACCURACY, 0.3, 1.0),
    "maml.py": (["--steps", "200"], LEARNED, 0.0, 2.8),  # a random start leaves 3.5
    "many_to_one_attention.py": (["--epochs", "1", "--pairs", "2"], ACCURACY, 0.4, 1.0),
    "population.py": (["--epochs", "2", "--seeds", "1"], ACCURACY, 0.5, 1.0),
    "pure_jax.py": (["--epochs", "4", "--images", "256"], ACCURACY, 0.2, 1.0),
    "sentiment.py": (["--epochs", "4", "--reviews", "1536", "--statements", "1"], ACCURACY, 0.6, 1.0),
    "stateful_forecaster.py": (["--epochs", "4"], RATIO, 0.5, 0.95),
    "subclassing.py": (["--epochs", "3", "--blocks", "1"], ACCURACY, 0.3, 1.0),
    "text_classification.py": (["--epochs", "4", "--requests", "1536"], ACCURACY, 0.25, 1.0),
    "transfer_learning.py": (["--epochs", "2", "--transfer-epochs", "6"], ACCURACY, 0.55, 1.0),
    "two_processes.py": (["--epochs", "1"], ACCURACY, 0.2, 1.0),
    "vae.py": (["--epochs", "4"], RECONSTRUCTION, 0.2, 0.9),
    "wide_and_deep.py": (["--epochs", "2", "--flats", "3840"], EXPLAINED, 0.3, 1.0),
}

# What the default form promises.
FULL = {
    "addition_seq2seq.py": (ACCURACY, 0.9, 1.0),
    "character_model.py": (ACCURACY, 0.5, 1.0),
    "custom_train_step.py": (ACCURACY, 0.5, 1.0),
    "data_parallel.py": (DIFFERENCE, -1.0, 1e-4),
    "digits_cnn.py": (ACCURACY, 0.97, 1.0),
    "exact_resume.py": (DIFFERENCE, -1.0, 0.0),
    "export.py": (DIFFERENCE, -1.0, 1e-5),
    "gan.py": (DISTRIBUTION, 0.0, 0.3),
    "grid_search.py": (ACCURACY, 0.88, 1.0),
    "image_data_generator.py": (ACCURACY, 0.82, 1.0),
    "maml.py": (LEARNED, 0.0, 1.5),
    "many_to_one_attention.py": (ACCURACY, 0.98, 1.0),
    "population.py": (ACCURACY, 0.88, 1.0),
    "pure_jax.py": (ACCURACY, 0.93, 1.0),
    "sentiment.py": (ACCURACY, 0.97, 1.0),
    "stateful_forecaster.py": (RATIO, 0.5, 0.85),
    "subclassing.py": (ACCURACY, 0.9, 1.0),
    "text_classification.py": (ACCURACY, 0.9, 1.0),
    "transfer_learning.py": (ACCURACY, 0.87, 1.0),
    "two_processes.py": (ACCURACY, 0.8, 1.0),
    "vae.py": (RECONSTRUCTION, 0.1, 0.45),
    "wide_and_deep.py": (EXPLAINED, 0.9, 1.0),
}

# What else a sound example prints, whatever its form.
ALSO = {
    "data_parallel.py": r"of [28] devices",
    "exact_resume.py": r"killed (\d) times?, (?!(\d+) of \2 )\d+ of \d+ batches were left to the last process",
    "subclassing.py": r"answers differ by 0\.0$",
}
NEEDS = {"export.py": "flatbuffers", "grid_search.py": "sklearn", "image_data_generator.py": "scipy"}


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run an example in an empty folder and return what it printed; what trains long is worth optimising for."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
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


# What starts processes, or says how many devices there are, before JAX looks.
APART = {"data_parallel.py", "exact_resume.py", "export.py", "two_processes.py"}


@pytest.fixture
def run_short(tmp_path, monkeypatch, capsys):
    """Return a function that runs the short form of an example and returns what it printed.

    As `python example.py` would, but without starting Python and JAX for each of them, if the example allows it.
    """

    def run_short(name: str, *arguments: str) -> str:
        if name in APART:
            return run(name, tmp_path, *arguments)
        if name in NEEDS:
            pytest.importorskip(NEEDS[name])
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        monkeypatch.syspath_prepend(EXAMPLES)  # as Python does for a script
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run_short


def check(printed: str, name: str, pattern: str, least: float, most: float) -> None:
    """Hold the last line of an example to what it measures."""
    last = printed.splitlines()[-1]
    found = re.search(pattern, last)
    assert found, f"no {pattern!r} in the last line of:\n{printed}"
    assert least < float(found[1]) <= most, last
    assert re.search(ALSO.get(name, ""), last), last


def test_every_example_is_run():
    assert set(SHORT) == set(FULL) == {path.name for path in EXAMPLES.glob("*.py")}
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) < 100, f"{path.name} has grown past 100 lines"


@pytest.mark.parametrize("name", sorted(SHORT))
def test_example(name, run_short):
    arguments, pattern, least, most = SHORT[name]
    check(run_short(name, *arguments), name, pattern, least, most)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FULL))
def test_example_keeps_its_promise(name, tmp_path):
    check(run(name, tmp_path), name, *FULL[name])
    if name == "digits_cnn.py":
        assert (tmp_path / "digits.weights.h5").stat().st_size > 100_000


@pytest.fixture(scope="module")
def gallery() -> Any:
    """The script that writes the page."""
    specification = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(FULL))
def test_the_gallery_shows_every_example_and_what_it_promises(gallery, name):
    outputs = gallery.stored(gallery.PAGE.read_text())
    assert name in outputs, f"python docs/gallery.py {name}"
    check(outputs[name], name, *FULL[name])


def test_the_gallery_says_what_the_examples_say(gallery):
    text = gallery.PAGE.read_text()
    assert text == gallery.page(gallery.stored(text)), "python docs/gallery.py --no-run writes the words anew"
    assert set(gallery.stored(text)) == set(gallery.TITLES) == set(FULL)


def test_the_gallery_keeps_no_times(gallery):
    lines = [
        "Epoch 1/2 - 5/5 - 80s - 2ms/step - loss: 0.5 - compiled in 1:20",
        "epoch 1: loss 0.1 (2.5 s)",
        "4 in 2.0 s",
    ]
    assert gallery.tidied("\n".join(lines)) == "Epoch 1/2 - 5/5 - loss: 0.5\nepoch 1: loss 0.1\n4"
    assert gallery.TIMES.search(gallery.PAGE.read_text()) is None
    epochs = "\n".join(f"Epoch {i}/9" for i in range(1, 10))
    assert gallery.tidied(f"{epochs}\n0.5") == "Epoch 1/9\nEpoch 2/9\n...\nEpoch 9/9\n0.5"
