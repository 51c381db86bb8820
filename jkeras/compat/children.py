"""Processes that a script starts: they run the script's module again, and there too `import keras` is jkeras."""

from __future__ import annotations

import json
import multiprocessing.spawn
import os
from collections.abc import Sequence
from typing import Any

# What a child needs to know, in the environment that it inherits.
VARIABLE = "JKERAS_CHILD"

_original: Any = None


def install(also: Sequence[str], roots: Sequence[str]) -> None:
    """Let processes that are spawned from now on import as this one does."""
    global _original
    os.environ[VARIABLE] = json.dumps({"also": list(also), "roots": list(roots)})
    if _original is None:
        _original = multiprocessing.spawn.get_preparation_data
        multiprocessing.spawn.get_preparation_data = _preparation_data


def uninstall() -> None:
    """Undo `install`."""
    global _original
    os.environ.pop(VARIABLE, None)
    if _original is not None:
        multiprocessing.spawn.get_preparation_data = _original
        _original = None


def _preparation_data(name: str) -> dict[str, Any]:
    """Let the child import its main module through `jkeras.compat.child`, which installs the stand-ins first."""
    data = _original(name)
    main = {key: data.pop(key) for key in ("init_main_from_name", "init_main_from_path") if key in data}
    if main:
        settings = json.loads(os.environ.get(VARIABLE, "{}"))
        os.environ[VARIABLE] = json.dumps({**settings, **main})
        data["init_main_from_name"] = "jkeras.compat.child"
    return data
