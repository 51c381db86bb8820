"""Every error for a package that is missing says what needs it, and which extra of jkeras to install."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from jkeras import Sequential, callbacks, layers, preprocessing, utils
from jkeras.core.extras import PACKAGES
from jkeras.population.history import PopulationHistory

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FOR_DEVELOPERS = {"test", "docs", "lint", "dev"}
# Nothing fails without them: tables lose their lines, a notebook is not there, what needs it is missing too.
DECORATION = {"rich", "IPython", "google"}

image = preprocessing.image


def network():
    model = Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def imported_anew(module, monkeypatch):
    monkeypatch.delitem(sys.modules, module, raising=False)
    importlib.import_module(module)


def resampled(folder):
    from jkeras.preprocessing.audio_dataset import _resample

    _resample(np.ones((4, 1)), 4, 2)


# The package that is hidden, what begins the error, what asks for it: a function of a folder.
ROWS = [
    ("PIL", "Reading and writing images", lambda folder: image.array_to_img(np.ones((2, 2, 3)))),
    ("PIL", "Reading and writing images", lambda folder: image.load_img(folder / "a.png")),
    ("PIL", "Reading and writing images", lambda folder: image.random_brightness(np.ones((2, 2, 3)), (1, 2))),
    ("flatbuffers", "Writing a program", lambda folder: network().export(folder / "m.stablehlo", verbose=False)),
    ("flax", "FlaxLayer", lambda folder: layers.FlaxLayer(object())),
    ("jax2onnx", "Writing ONNX files", lambda folder: network().export(folder / "m.onnx", verbose=False)),
    ("matplotlib", "history.plot()", lambda folder: callbacks.History().plot()),
    ("mlflow", "MLflowLogger", lambda folder: callbacks.MLflowLogger()),
    ("orbax", "A checkpoint", lambda folder: network().save_checkpoint(folder / "c", format="orbax")),
    ("orbax", "A checkpoint", lambda folder: callbacks.OrbaxCheckpoint(folder)),
    ("pandas", "history.to_frame()", lambda folder: callbacks.History().to_frame()),
    ("pandas", "history.to_frame()", lambda folder: PopulationHistory(2).to_frame()),
    ("pydot", "Drawing models", lambda folder: utils.plot_model(network(), folder / "m.dot")),
    ("scipy", "Transforming images", lambda folder: image.apply_affine_transform(np.ones((2, 2, 1)), theta=9)),
    ("scipy", "Resampling sounds", resampled),
    ("sklearn", "jkeras.wrappers", "jkeras.wrappers.package"),
    ("sklearn", "PopulationSearchCV", "jkeras.population.search"),
    ("tensorboard", "The TensorBoard callback", lambda folder: callbacks.TensorBoard(folder)),
    ("wandb", "WandbLogger", lambda folder: callbacks.WandbLogger()),
]


@pytest.mark.parametrize("package, purpose, provoke", ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS])
def test_a_missing_package_is_asked_for(package, purpose, provoke, tmp_path, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as caught:
        imported_anew(provoke, monkeypatch) if isinstance(provoke, str) else provoke(tmp_path)
    name, extra = PACKAGES[package]
    message = str(caught.value)
    assert message.startswith(purpose) and f" needs {name}: pip install 'jkeras[{extra}]'." in message
    assert caught.value.__cause__ is not None
    assert not list(tmp_path.iterdir())


def test_every_package_is_provoked():
    assert {row[0] for row in ROWS} == {*PACKAGES} - {"onnx"}  # which comes with jax2onnx


def test_extras_are_those_of_the_project():
    declared = {
        (re.match(r"[\w-]+", requirement)[0], extra)
        for extra, requirements in PROJECT["optional-dependencies"].items()
        if extra not in FOR_DEVELOPERS
        for requirement in requirements
    }
    known = {*PACKAGES.values()}
    assert known - declared == {("onnx", "onnx")}
    assert declared - known == {("rich", "rich")}


def test_no_other_package_is_imported():
    own = {re.match(r"[\w-]+", line)[0] for line in PROJECT["dependencies"]} - {"pyyaml"} | {"yaml", "jkeras"}
    allowed = {*sys.stdlib_module_names, *own, *PACKAGES, *DECORATION}
    for path in (ROOT / "jkeras").rglob("*.py"):
        found = re.findall(r"^ *(?:import|from) (\w+)[\w.]*(?: as \w+| import .+)?$", path.read_text(), re.MULTILINE)
        assert {*found} <= allowed, path


@pytest.mark.parametrize("folder", ["jkeras", "docs", "examples"])
def test_extras_are_named_in_one_form(folder):
    for path in [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.md")]:
        for before, extra in re.findall(r"pip install (\S*?)jkeras\[(\w+)", path.read_text()):
            assert before == "'" and extra in PROJECT["optional-dependencies"], path
