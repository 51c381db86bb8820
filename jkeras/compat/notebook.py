"""`%load_ext jkeras`: the stand-ins in a notebook or an IPython session."""

from __future__ import annotations

from typing import Any

from jkeras.compat.importing import install, uninstall


def load_ipython_extension(shell: Any) -> None:
    """Let `import keras` and `import tensorflow` in the cells answer with jkeras: `%load_ext jkeras`.

    Args:
        shell: The shell of IPython.

    >>> load_ipython_extension(None)
    >>> unload_ipython_extension(None)
    """
    install()


def unload_ipython_extension(shell: Any) -> None:
    """Let them be the real packages again: `%unload_ext jkeras`. What cells imported stays what it is.

    Args:
        shell: The shell of IPython.

    >>> unload_ipython_extension(None)
    """
    uninstall()
