"""`%load_ext jkeras`: the stand-ins in a notebook or an IPython session."""

from __future__ import annotations

from typing import Any

from jkeras.compat.importing import install, uninstall


def load_ipython_extension(shell: Any) -> None:
    """Let `import keras` and `import tensorflow` in the cells answer with jkeras."""
    install()


def unload_ipython_extension(shell: Any) -> None:
    """Let them be the real packages again; what cells imported stays what it is."""
    uninstall()
