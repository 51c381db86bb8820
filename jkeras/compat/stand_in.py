"""Modules that stand for those of Keras and TensorFlow: each looks its names up where jkeras keeps them today."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from jkeras.compat import former_modules
from jkeras.core.errors import missing_name, nearest

# The last version of the second era: what scripts compare `keras.__version__` and `tf.__version__` with.
VERSION = "2.15.0"

_made: dict[str, StandIn] = {}


class StandIn(ModuleType):
    """A module without names of its own: they are looked up in modules of jkeras, at each use.

    Args:
        name: The full name that a script imports it by.
        places: Full names of modules of jkeras, in the order in which they are asked.
        renamed: Names that are called otherwise: full names of modules and, behind the last dot, the name there.
        refuse: Makes the error for a name that is nowhere; by default it names the nearest one.
    """

    def __init__(
        self,
        name: str,
        places: tuple[str, ...],
        renamed: dict[str, str] | None = None,
        refuse: Callable[[str, str], AttributeError] | None = None,
    ):
        super().__init__(name, f"What a script finds as `{name}`: {', '.join(places)}.")
        vars(self).update(_places=places, _renamed=renamed or {}, _refuse=refuse, __path__=[])
        vars(self)["__spec__"] = ModuleSpec(name, None, is_package=True)
        vars(self)["__version__"] = VERSION

    def _targets(self) -> list[Any]:
        return [target for target in map(target_of, vars(self)["_places"]) if target is not None]

    def __getattr__(self, name: str) -> Any:
        found = self._find(name)
        if found is not None:
            return found[0]
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        refuse = vars(self)["_refuse"]
        raise refuse(self.__name__, name) if refuse else missing_name(self.__name__, name, self._public())

    def _find(self, name: str) -> tuple[Any] | None:
        if name == "__all__":
            return (self._public(),)
        if name.startswith("__"):
            return None
        if name in vars(self)["_renamed"]:
            module, _, last = vars(self)["_renamed"][name].rpartition(".")
            return (getattr(importlib.import_module(module), last),)
        for target in self._targets():
            try:
                value = getattr(target, name)
            except AttributeError:
                continue
            if isinstance(value, ModuleType) and value.__name__.partition(".")[0] == "jkeras":
                break  # below stands a module
            return (value,)
        below = find(f"{self.__name__}.{name}")
        return None if below is None else (below,)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):
            vars(self)[name] = value
        else:  # where the rest of jkeras sees it
            setattr(self._targets()[0], name, value)

    def __dir__(self) -> list[str]:
        own = {name for target in self._targets() for name in dir(target) if not name.startswith("_")}
        return sorted(own | set(vars(self)["_renamed"]))

    def _public(self) -> list[str]:
        """What `from module import *` takes: classes and functions; from Keras itself its modules too."""
        wanted = []
        for name in dir(self):
            found = self._find(name)
            if found is None:
                continue
            value = found[0]
            module = value.__name__ if isinstance(value, ModuleType) else getattr(type(value), "__module__", "")
            home = getattr(value, "__module__", None) or module
            if isinstance(value, ModuleType):
                keep = isinstance(value, StandIn) and self.__name__.rpartition(".")[2] in ("keras", "tf_keras")
            else:
                keep = str(home).partition(".")[0] in ("jkeras", "numpy", "jax") and name not in ("np", "jnp", "jax")
            wanted += [name] if keep else []
        return wanted

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (self.__name__,)


def target_of(place: str) -> Any:
    """Return what stands at a full name in jkeras: a module, or a class or object in one; None if nothing does."""
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name != place:  # something that the module needs is missing
            raise
    parent, _, last = place.rpartition(".")
    return getattr(target_of(parent), last, None) if parent else None


def find(name: str) -> StandIn | None:
    """Return the stand-in for a module of Keras or TensorFlow, or None if it has none of that name."""
    if name in _made:
        return _made[name]
    made = _of_keras(name) if former_modules.part_of(name) is not None else _of_tensorflow(name)
    if made is not None:
        _made[name] = made
    return made


def _of_keras(name: str) -> StandIn | None:
    path = former_modules.part_of(name)
    assert path is not None
    places = former_modules.places_of(path, stored=any(part in name.split(".") for part in ("src", "api", "python")))
    if places is None:
        return None
    full = tuple(f"jkeras.{place}" if place else "jkeras" for place in places)
    start = f"{path}." if path else ""
    renamed = {
        old.removeprefix(start): f"jkeras.{new}"
        for old, new in former_modules.RENAMED_NAMES.items()
        if old.startswith(start) and "." not in old.removeprefix(start)
    }
    return StandIn(name, full, renamed)


def _of_tensorflow(name: str) -> StandIn | None:
    from jkeras.compat.tf import namespace

    places = namespace.places_of(name)
    return None if places is None else StandIn(name, places, refuse=namespace.refuse)


def require(name: str) -> StandIn:
    """Return the stand-in for a module.

    Raises:
        ModuleNotFoundError: If there is none, with the nearest one that there is.
    """
    made = find(name)
    if made is not None:
        return made
    parent, _, last = name.rpartition(".")
    path = former_modules.part_of(parent)
    hint = ""
    if path is None and parent:
        from jkeras.compat.tf import namespace

        hint = f" {namespace.refuse(parent, last)}"
    elif path is not None:
        known = [*former_modules.known_below(path), *(dir(find(parent)) if find(parent) is not None else ())]
        near = nearest(last, known).removeprefix(" Did you mean '").removesuffix("'?")
        hint = f" Did you mean {f'{parent}.{near}'!r}?" if near else " jkeras has no such part."
    raise ModuleNotFoundError(f"No module named {name!r}.{hint}", name=name)


def restore(name: str) -> StandIn:
    """Return a stand-in that was pickled by its name, in a process whose own code shall see stand-ins too."""
    from jkeras.compat.importing import install

    install()
    return require(name)
