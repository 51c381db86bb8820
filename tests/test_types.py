"""What type checkers and editors see of the public names: their types, also of those that are imported on first use."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import jkeras

ROOT = Path(__file__).parent.parent
PROGRAM = Path(__file__).parent / "typed_program.py"

# What a name is for an editor that found nothing about it.
NOTHING = re.compile(r"^(Any|ModuleType|type)$|\bUnknown\b")

# Names of old backends that only raise an error, which an editor may as well say.
REFUSED = {"backend.get_graph", "backend.get_session", "backend.set_session", "backend.sparse_placeholder"}

# Modules whose names are modules. Those of the others are there as soon as something has imported them.
OF_MODULES = {"datasets", "functional"}


def test_the_typed_program_runs():
    sys.path.insert(0, str(PROGRAM.parent))
    try:
        importlib.import_module("typed_program").main()
    finally:
        sys.path.remove(str(PROGRAM.parent))


def check_types(*files: Path) -> list[dict[str, Any]]:
    """Return what pyright says of files, with the settings of the project."""
    pyright = shutil.which("pyright")
    if pyright is None:
        pytest.skip("pyright is not installed: it is in the extra `lint`")
    command = [pyright, "--project", str(ROOT), "--pythonpath", sys.executable, "--outputjson", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    return json.loads(done.stdout)["generalDiagnostics"]


def public_names() -> list[str]:
    """Return the dotted names that users reach from `jkeras`, one level down."""
    found: list[str] = []
    for name in dir(jkeras):
        value = getattr(jkeras, name)
        if not _is_public(name, value) or isinstance(value, ModuleType) and name not in jkeras._MODULES:
            continue
        found.append(name)
        if isinstance(value, ModuleType) and name != "core":
            inside = {inner: _attribute(value, inner) for inner in dir(value)}
            found += [
                f"{name}.{inner}"
                for inner, held in inside.items()
                if _is_public(inner, held) and (name in OF_MODULES or not isinstance(held, ModuleType))
            ]
    return [name for name in found if name not in REFUSED]


def _attribute(module: ModuleType, name: str) -> Any:
    try:
        return getattr(module, name)
    except ImportError:  # an extra is not installed
        return None


def _is_public(name: str, value: Any) -> bool:
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    return not name.startswith("_") and home.partition(".")[0] == "jkeras"


@pytest.mark.slow
def test_editors_see_every_public_name(tmp_path):
    names = public_names()
    assert {"Sequential", "layers.Dense", "ops.mean", "utils.to_categorical", "datasets.digits"} <= set(names)
    program = tmp_path / "names.py"
    program.write_text("".join(["import jkeras\n", *(f"reveal_type(jkeras.{name})\n" for name in names)]))
    said = check_types(program, PROGRAM)
    errors = [
        f"{row['file']}:{row['range']['start']['line'] + 1}: {row['message']}"
        for row in said
        if row["severity"] == "error"
    ]
    assert not errors, "\n".join(errors)
    seen = dict(re.findall(r'^Type of "jkeras\.([\w.]+)" is "(.*)"$', "\n".join(row["message"] for row in said), re.M))
    unseen = [f"jkeras.{name}: {seen.get(name, 'nothing')}" for name in names if NOTHING.search(seen.get(name, "Any"))]
    assert not unseen, "\n".join(unseen)
