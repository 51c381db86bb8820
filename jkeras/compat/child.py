"""The main module of a process that a script spawned: the script itself, run after the stand-ins are installed."""

from __future__ import annotations

import json
import os
import runpy

from jkeras.compat.children import VARIABLE
from jkeras.compat.importing import install


def _run() -> None:
    settings = json.loads(os.environ.get(VARIABLE, "{}"))
    roots = settings.get("roots", ["keras", "tensorflow"])
    install(keras="keras" in roots, tensorflow="tensorflow" in roots, also=settings.get("also", ()))
    if "init_main_from_path" in settings:
        globals().update(runpy.run_path(settings["init_main_from_path"], run_name="__mp_main__"))
    elif "init_main_from_name" in settings:
        globals().update(runpy.run_module(settings["init_main_from_name"], run_name="__mp_main__", alter_sys=True))


# Only as the main module of a child: whoever merely imports this file runs nothing.
if __name__ == "__mp_main__":
    _run()
