"""Packages that are used where they are installed, and what to install where they are not."""

from __future__ import annotations

import importlib
from typing import Any

# By the name that is imported: what pip calls the package, and the extra of jkeras that brings it.
PACKAGES: dict[str, tuple[str, str]] = {
    "PIL": ("pillow", "image"),
    "flatbuffers": ("flatbuffers", "export"),
    "flax": ("flax", "flax"),
    "jax2onnx": ("jax2onnx", "onnx"),
    "matplotlib": ("matplotlib", "plot"),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "onnx": ("onnx", "onnx"),
    "orbax": ("orbax-checkpoint", "orbax"),
    "pandas": ("pandas", "pandas"),
    "pydot": ("pydot", "plot"),
    "scipy": ("scipy", "image"),
    "sklearn": ("scikit-learn", "sklearn"),
    "tensorboard": ("tensorboard", "tensorboard"),
    "wandb": ("wandb", "wandb"),
}


def optional(module: str, purpose: str, hint: str = "") -> Any:
    """Import a module of a package that may be missing.

    Args:
        module: Its full name; the package is one of `PACKAGES`.
        purpose: What needs it, with which the error begins.
        hint: What the error ends with.

    Returns:
        The module.

    Raises:
        ImportError: If it cannot be imported; says what to install.

    >>> optional("matplotlib.figure", "history.plot()").Figure.__name__
    'Figure'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing_package(module, purpose, hint) from error


def missing_package(module: str, purpose: str, hint: str = "") -> ImportError:
    """Return the error for a package that is not there.

    Args:
        module, purpose, hint: As for `optional`.

    Returns:
        The error, to be raised.

    >>> print(missing_package("matplotlib.figure", "history.plot()"))
    history.plot() needs matplotlib: pip install 'jkeras[plot]'.
    """
    package, extra = PACKAGES[module.partition(".")[0]]
    end = f" {hint}" if hint else ""
    return ImportError(f"{purpose} needs {package}: pip install 'jkeras[{extra}]'.{end}", name=module)
