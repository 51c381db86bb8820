"""`import keras` and `from tensorflow import keras` answer with jkeras, for one process."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Longest first: `tensorflow.python.keras` was how some scripts of 2019 spelled it.
PREFIXES = ("tensorflow.python.keras", "tensorflow.keras", "tf_keras", "keras")


class KerasAlias(MetaPathFinder, Loader):
    """Finds `keras`, `tf_keras` and `tensorflow.keras`, and everything below them, in jkeras.

    Where TensorFlow is not installed, `tensorflow` itself is an empty module that has only `keras`.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if own_name(fullname) is not None or fullname in ("tensorflow", "tensorflow.python"):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        own = own_name(spec.name)
        if own is None:
            module = ModuleType(spec.name, "What is left of TensorFlow when its Keras runs on JAX.")
            module.__getattr__ = _missing  # type: ignore[attr-defined]
            return module
        return resolve(own)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to execute: the module was imported under its own name."""


def own_name(fullname: str) -> str | None:
    """Return jkeras's name for a module of Keras, or None if it is not one.

    >>> own_name("tensorflow.keras.layers"), own_name("keras"), own_name("keras_tuner")
    ('jkeras.layers', 'jkeras', None)
    """
    for prefix in PREFIXES:
        if fullname == prefix or fullname.startswith(f"{prefix}."):
            return "jkeras" + fullname.removeprefix(prefix)
    return None


def resolve(name: str) -> Any:
    """Return a module of jkeras by its dotted name; a class or table under that name will do as well."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        parent, _, last = name.rpartition(".")
        if not parent or not hasattr(resolve(parent), last):
            raise
        return getattr(resolve(parent), last)


def _missing(name: str) -> Any:
    if name == "keras":
        return importlib.import_module("jkeras")
    raise AttributeError(
        f"tensorflow.{name} is not available: only tensorflow.keras is, on JAX. Use jax.numpy, or install TensorFlow."
    )


def install() -> None:
    """Let the import names of Keras answer with jkeras from now on."""
    for module in [m for m in sys.modules if own_name(m) is not None or m.partition(".")[0] == "tensorflow"]:
        del sys.modules[module]
    sys.meta_path.insert(0, KerasAlias())
