"""Running a script, a module or a piece of code as Python itself would, with the stand-ins in place."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
import traceback
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_RUNNER = (os.path.join(os.path.dirname(_HERE), "__main__.py"), os.path.join(_HERE, ""))
_PACKAGE = os.path.join(os.path.dirname(_HERE), "")


def run_script(path: str, arguments: list[str]) -> None:
    """Run a file, or the `__main__.py` of a folder.

    Raises:
        SystemExit: If there is no such file, or it cannot be read.
    """
    file = os.path.join(path, "__main__.py") if os.path.isdir(path) else path
    try:
        with open(file, "rb") as source:
            text = source.read()
    except OSError as error:
        print(f"python -m jkeras: can't open file {file!r}: {error.strerror}.", file=sys.stderr)
        raise SystemExit(2) from None
    folder = os.path.realpath(path) if os.path.isdir(path) else os.path.dirname(os.path.realpath(path))
    full = os.path.abspath(file)
    _run(text, full, [path, *arguments], folder, SourceFileLoader("__main__", full))


def run_code(code: str, arguments: list[str], name: str = "-c", filename: str = "<string>") -> None:
    """Run the text of a program that is in no file."""
    _run(code, filename, [name, *arguments], "", None)


def run_module(name: str, arguments: list[str]) -> None:
    """Run a module by its dotted name, or the `__main__` of a package.

    Raises:
        SystemExit: If there is no such module.
    """
    sys.argv, sys.path[0] = [name, *arguments], os.getcwd()
    try:
        known = importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        if not name.startswith(f"{error.name}.") and error.name != name:
            raise
        known = False
    if not known:
        print(f"python -m jkeras: there is no module named {name!r}.", file=sys.stderr)
        raise SystemExit(1)
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run(source: str | bytes, filename: str, argv: list[str], folder: str, loader: Any) -> None:
    """Execute a program as the module `__main__`, which stays in place until the process ends."""
    sys.argv, sys.path[0] = argv, folder
    main = ModuleType("__main__")
    if loader is not None:
        vars(main).update(__file__=filename, __loader__=loader, __cached__=None)
    sys.modules["__main__"] = main
    exec(compile(source, filename, "exec", dont_inherit=True), vars(main))


def show_exception(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook` that leaves out the lines of the runner, and those of jkeras and JAX unless they are asked for.

    They are asked for by `keras.config.disable_traceback_filtering()`.
    """
    shown = traceback.TracebackException(kind, value, trace)
    seen: set[int] = set()
    todo: list[Any] = [shown]
    while todo:
        part = todo.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack[:] = [frame for frame in part.stack if not _is_hidden(frame.filename)]
        todo += [part.__cause__, part.__context__, *(part.exceptions or ())]
    sys.stderr.write("".join(shown.format()) if shown.stack else "".join(shown.format_exception_only()))


def _is_hidden(file: str) -> bool:
    if file.startswith(("<frozen runpy", "<frozen importlib", *_RUNNER)):
        return True
    from jkeras.config import is_traceback_filtering_enabled

    if not is_traceback_filtering_enabled():
        return False
    parts = file.split(os.sep)
    return file.startswith(_PACKAGE) or ("site-packages" in parts and {"jax", "jaxlib"} & set(parts))  # type: ignore[return-value]
