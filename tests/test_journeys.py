"""Two newcomers with the README alone: what it tells them to type is typed, and they arrive."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from processes import PYTHON

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    """Return the text below a heading."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def follow(title: str, folder: Path, look: str) -> str:
    """Run the Python of a section as it stands, in an empty folder, and then what looks at the result."""
    (folder / "script.py").write_text("".join(blocks(section(title), "python")) + look)
    done = subprocess.run(
        [*PYTHON, "script.py"], cwd=folder, env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_typed_in_the_shell_exists():
    commands = [line for block in blocks(README, "sh") for line in block.splitlines()]
    assert "pip install -e ." in commands and "python examples/digits_cnn.py" in commands
    for script in re.findall(r"(\S+\.py)\b", "\n".join(commands)):
        assert (ROOT / script).exists(), script
    extras = re.search(r"\[project\.optional-dependencies\]\n(.*?)\n\[", (ROOT / "pyproject.toml").read_text(), re.S)
    assert extras
    known = set(re.findall(r"^(\w+) = \[", extras[1], re.MULTILINE))
    named = re.findall(r"\.\[(\w+)\]", README) + re.findall(r"`(\w+)` \(", section("Install"))
    assert {"test", "plot", "sklearn"} <= set(named) <= known


def test_who_knows_keras_arrives_at_a_trained_saved_and_plotted_model(tmp_path):
    pytest.importorskip("matplotlib")
    printed = follow("From Keras: trained, saved, plotted", tmp_path, "import numpy\nnumpy.save('x', x_test[:9])\n"
                     "numpy.save('y', model.predict(x_test[:9], verbose=0))\n")  # fmt: skip
    assert "Total params: 4,810" in printed and "Epoch 15/15" in printed and "val_accuracy" in printed
    accuracy = re.search(r"'accuracy': (0\.\d+)", printed)
    assert accuracy and float(accuracy[1]) > 0.8
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
    keras = pytest.importorskip("keras")
    theirs = keras.models.load_model(tmp_path / "digits.keras").predict(np.load(tmp_path / "x.npy"), verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), theirs, rtol=1e-5, atol=1e-6)


def test_who_knows_jax_arrives_at_an_ensemble_of_which_each_member_is_itself(tmp_path):
    look = """
import json
alone = [jax.jit(train)(key) for key in jax.random.split(jax.random.key(0), 4)]
gaps = [float(abs(one[1] - many).max()) for one, many in zip(alone, losses)]
print(json.dumps({"gaps": gaps, "last": losses[:, -1].tolist(), "kernel": params["dense"]["kernel"].shape}))
"""
    found = json.loads(follow("From JAX: an ensemble", tmp_path, look).splitlines()[-1])
    assert found["kernel"] == [4, 1, 32]
    assert max(found["gaps"]) < 1e-4 and len(set(found["last"])) == 4 and max(found["last"]) < 0.1
