"""Where it happened: notes on errors that name the layer, the shapes and the user's own line; warnings at that line."""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import sysconfig
import textwrap
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, NamedTuple

from jkeras.core.errors import shortened
from jkeras.core.tracer_errors import advice_on
from jkeras.core.types import is_dict, is_listing

# Packages whose lines tell a user nothing; so do those of Python itself.
_LIBRARIES = ("jkeras", "jax", "jaxlib", "optax", "numpy", "flax", "ml_dtypes", "rich")
_LONGEST = 60  # characters of an argument that is no array
_WIDTH = 110  # characters of a line of advice
_LEAVES = 12  # arrays of an argument that are listed


class Line(NamedTuple):
    """A line of code: its file, its number, and the function it is in."""

    file: str
    number: int
    function: str

    def __str__(self) -> str:
        source = linecache.getline(self.file, self.number).strip()
        return f'  File "{self.file}", line {self.number}, in {self.function}' + (f"\n    {source}" if source else "")


def of_layer(
    error: Exception, layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], method: Any = None
) -> None:
    """Note on `error` which bound layer raised it, and what it was called on; the innermost layer is told of only.

    Args:
        error: The error.
        layer: The bound layer.
        args, kwargs: What it was called on.
        method: The function that ran in the place of `call`; one of the library's own is no news.
    """
    code = getattr(method, "__code__", None)
    if "layer" in _told(error) or (code is not None and not is_user_file(code.co_filename)):
        return
    what = f"`{code.co_name}` of " if code is not None else ""
    unknown = layer._frame.unknown if layer._frame is not None else None
    kind = "model" if hasattr(layer, "compile") else "layer"
    add(
        error, "layer",
        lambda: f"In {what}{kind} {layer.path!r} ({type(layer).__name__}), called on "
        f"{described_call(args, kwargs, unknown)}:",
    )  # fmt: skip


@contextmanager
def noted(kind: str, text: Callable[[], str]) -> Generator[None]:
    """Note `text()` on an error that is raised inside."""
    try:
        yield
    except Exception as error:
        add(error, kind, text)
        raise


def add(error: Exception, kind: str, text: Callable[[], str]) -> None:
    """Add a note to an error: `text()`, and if it is the first note the user's line and what to write instead.

    Args:
        error: The error; it keeps its type and its text.
        kind: What the note tells of. There is one of each kind, the innermost.
        text: Makes the note.
    """
    told = _told(error)
    if kind in told:
        return
    try:
        parts = [text()]
        if not told:
            line = user_line(error)
            advice = advice_on(error)
            parts += [str(line)] if line is not None else []
            parts += [textwrap.fill(advice, _WIDTH)] if advice is not None else []
        told.add(kind)
        error.add_note("\n".join(parts))
    except Exception:  # the error that is on its way matters more than a note which cannot be made
        return


def _told(error: Exception) -> set[str]:
    return error.__dict__.setdefault("_jkeras_told", set())


def user_line(error: BaseException | None = None) -> Line | None:
    """Return the innermost line that is not the library's: of the code that raised `error`, or else of what called it.

    >>> user_line().function
    '<module>'
    """
    found = None
    traceback = error.__traceback__ if error is not None else None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_user_file(code.co_filename):
            found = Line(code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    if found is None:
        frame = _user_frame()
        found = Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name) if frame is not None else None
    return found


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's line, however many calls of the library lie between."""
    frame = _user_frame()
    if frame is None:
        warnings.warn(message, category, stacklevel=2)
        return
    known = frame.f_globals
    registry = known.setdefault("__warningregistry__", {})
    module = known.get("__name__", "<unknown>")
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, module, registry)


def _user_frame() -> FrameType | None:
    frame = inspect.currentframe()
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


@cache
def is_user_file(name: str) -> bool:
    """Whether a file is neither of this library, nor of those below it, nor of Python.

    >>> is_user_file(__file__), is_user_file("train.py")
    (False, True)
    """
    if name.startswith(("<frozen ", "<__array_function__")):
        return False
    standard = sysconfig.get_paths()["stdlib"]
    if name.startswith(standard + os.sep) and not name.startswith(os.path.join(standard, "site-packages")):
        return False
    return not any(name.startswith(folder) for folder in map(_folder, _LIBRARIES) if folder)


def _folder(package: str) -> str | None:
    file = getattr(sys.modules.get(package), "__file__", None)
    return os.path.dirname(file) + os.sep if file else None


def described_call(args: tuple[Any, ...], kwargs: Mapping[str, Any], unknown: int | None = None) -> str:
    """Return the arguments of a call, arrays by dtype and shape.

    >>> import numpy as np
    >>> described_call((np.zeros((5040, 3), "float32"),), {"training": True}, unknown=5040)
    'float32[None, 3], training=True'
    """
    parts = [described(value, unknown) for value in args]
    parts += [f"{name}={described(value, unknown)}" for name, value in kwargs.items()]
    return ", ".join(parts) or "nothing"


def described(value: Any, unknown: int | None = None) -> str:
    """Return arrays, and lists, tuples and dicts of them, by dtype and shape; what else there is as it prints.

    >>> import numpy as np
    >>> described([np.zeros(2), {"a": np.zeros((), "int32")}, None])
    "[float64[2], {'a': int32[]}, None]"
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if is_listing(shape) and dtype is not None:
        # Products of unknown sizes are unknown too, such as batch and time as one axis.
        sizes = ("None" if n is None or (unknown and n and n % unknown == 0) else str(n) for n in shape)
        return f"{dtype}[{', '.join(sizes)}]"
    if is_dict(value):
        return f"{{{', '.join(f'{k!r}: {described(v, unknown)}' for k, v in [*value.items()][:_LEAVES])}}}"
    if is_listing(value):
        inside = ", ".join(described(item, unknown) for item in value[:_LEAVES])
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    return shortened(repr(value), _LONGEST)
