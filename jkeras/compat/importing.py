"""Who imports decides what `keras` and `tensorflow` are: a user's modules get stand-ins, installed libraries never."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from jkeras.compat import array_methods, children, stand_in
from jkeras.core.errors import nearest

KERAS = ("keras", "tf_keras", "keras_preprocessing", "keras_applications")
TENSORFLOW = ("tensorflow",)

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(_HERE)


class _Settings(NamedTuple):
    """What is stood in for, and for whom beside the user's own modules."""

    roots: frozenset[str]
    also: frozenset[str]


class _Originals(NamedTuple):
    """What was there before `install`."""

    import_: Callable[..., Any]
    import_module: Callable[..., Any]
    find_spec: Callable[..., Any]


_settings: _Settings | None = None
_originals: _Originals | None = None


def install(keras: bool | None = None, tensorflow: bool | None = None, also: Iterable[str] = ()) -> None:
    """Let `import keras` and `import tensorflow` answer with jkeras, from now on and for the user's modules.

    The user's modules are all but installed ones: what lies in a `site-packages` folder, the standard library and
    jkeras itself import the real packages, or find none. Nothing is put into `sys.modules`. Called again, it replaces
    the settings of before.

    Args:
        keras: Whether to stand in for Keras; by default unless `JKERAS_REAL` names "keras".
        tensorflow: Whether to stand in for TensorFlow; by default unless `JKERAS_REAL` names "tensorflow".
        also: Installed packages that are to see the stand-ins too, such as collections of layers written for Keras;
            those that `JKERAS_ALSO` names (separated by commas) are added.

    >>> install()
    >>> importlib.import_module.__module__
    'jkeras.compat.importing'
    >>> uninstall()
    """
    global _settings, _originals
    real = _names("JKERAS_REAL")
    wanted = {
        **dict.fromkeys(KERAS, "keras" not in real if keras is None else keras),
        **dict.fromkeys(TENSORFLOW, "tensorflow" not in real if tensorflow is None else tensorflow),
    }
    roots = frozenset(name for name, stands in wanted.items() if stands)
    _settings = _Settings(roots, frozenset({*also, *_names("JKERAS_ALSO")}))
    if _originals is None:
        _originals = _Originals(builtins.__import__, importlib.import_module, importlib.util.find_spec)
        builtins.__import__ = _import
        importlib.import_module = _import_module
        importlib.util.find_spec = _find_spec
    array_methods.install()
    children.install(also=sorted(_settings.also), roots=sorted(roots))


def uninstall() -> None:
    """Undo `install`: modules imported from now on get the real packages."""
    global _settings, _originals
    if _originals is not None:
        builtins.__import__ = _originals.import_
        importlib.import_module = _originals.import_module
        importlib.util.find_spec = _originals.find_spec
    _settings = _originals = None
    children.uninstall()
    array_methods.uninstall()


def _names(variable: str) -> set[str]:
    return {name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()}


def _stood_in_for(name: str) -> bool:
    return _settings is not None and name.partition(".")[0] in _settings.roots


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """`__import__` that gives a user's module the stand-ins."""
    assert _originals is not None
    if level or not _stood_in_for(name) or not _is_users(globals, sys._getframe(1)):
        return _originals.import_(name, globals, locals, fromlist, level)
    module = stand_in.require(name)
    if not fromlist:
        return stand_in.require(name.partition(".")[0])
    for wanted in fromlist:
        if wanted != "*":
            _require_name(module, wanted)
    return module


def _require_name(module: Any, name: str) -> None:
    try:
        getattr(module, name)
    except AttributeError as error:
        of_tensorflow = module.__name__.startswith("tensorflow") and ".keras" not in module.__name__
        known = "" if of_tensorflow else nearest(name, getattr(module, "__all__", ()))
        known = known or f" {error}"
        where = module.__name__
        raise ImportError(f"cannot import name {name!r} from {where!r}.{known}", name=where) from None


def _import_module(name: str, package: str | None = None) -> ModuleType:
    """`importlib.import_module` that gives a user's module the stand-ins."""
    assert _originals is not None
    if _stood_in_for(name) and _is_users(None, sys._getframe(1)):
        return stand_in.require(name)
    return _originals.import_module(name, package)


def _find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
    """`importlib.util.find_spec` that tells a user's module that there are stand-ins."""
    assert _originals is not None
    if _stood_in_for(name) and _is_users(None, sys._getframe(1)):
        found = stand_in.find(name)
        return None if found is None else found.__spec__
    return _originals.find_spec(name, package)


def _is_users(globals: Mapping[str, Any] | None, frame: FrameType | None) -> bool:
    """Whether the code that imports is the user's: by its module's file, or by who runs it if that has none."""
    while True:
        known = globals if globals is not None else (frame.f_globals if frame is not None else {})
        name = known.get("__name__") or ""
        if _settings is not None and name.partition(".")[0] in _settings.also:
            return True
        file = known.get("__file__")
        if file is None and frame is not None and not frame.f_code.co_filename.startswith("<"):
            file = frame.f_code.co_filename
        if file is not None and not _is_cell(str(file)):
            return not _is_installed(str(file))
        if name in ("__main__", "__mp_main__"):
            return True
        if frame is None:
            return False
        globals, frame = None, frame.f_back


def _is_cell(file: str) -> bool:
    """Whether it is the file that IPython gives a notebook's cell."""
    return os.path.basename(os.path.dirname(file)).startswith("ipykernel_") or "<ipython-input" in file


def _installed_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib") if name in paths]
    folders += [*site.getsitepackages(), site.getusersitepackages(), _PACKAGE]
    return tuple({os.path.join(os.path.realpath(folder), "") for folder in folders})


_INSTALLED = _installed_folders()
_verdicts: dict[str, bool] = {}


def _is_installed(file: str) -> bool:
    """Whether a file belongs to an installed package, to the standard library or to jkeras."""
    if file not in _verdicts:
        if file.startswith("<frozen"):
            verdict = True
        else:
            path = os.path.realpath(file)
            inside = {"site-packages", "dist-packages"} & set(path.split(os.sep))
            verdict = bool(inside) or path.startswith(_INSTALLED)
        _verdicts[file] = verdict
    return _verdicts[file]
