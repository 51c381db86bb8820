"""Every public name explains itself: what the reference shows has its parameters, its result and an example."""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from jkeras import constraints, layers
from jkeras.core.layer import Layer

_spec = importlib.util.spec_from_file_location("reference", Path(__file__).parent.parent / "docs" / "reference.py")
assert _spec is not None and _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

# What a function is annotated with that has nothing to return.
NOTHING = {None, "None", "NoReturn", "Iterator[None]"}
# How a layer says its shapes: `(batch, steps, features)`, `(..., units)`, or in words.
SHAPES = r"`\((batch|time, batch|\.\.\.)|(In|Out)put shape|[Aa]ny shape|shape of (its|the) (in|out)put"

LAYERS = {v for _, v in reference.public(layers) if inspect.isclass(v) and issubclass(v, Layer) and v is not Layer}


def described(doc: str) -> set[str]:
    """Return the names that `Args:` and `Attributes:` describe; several may share a text: `a, b: text`."""
    names: set[str] = set()
    indent = None
    for line in doc.splitlines():
        depth = len(line) - len(line.lstrip())
        if line.strip() in ("Args:", "Attributes:"):
            indent = depth
        elif indent is not None and line.strip() and depth <= indent:
            indent = None
        elif indent is not None and (found := re.match(r"\s+([\w*]+(?:, [\w*]+)*):", line)):
            names |= {name.strip("*") for name in found[1].split(", ")}
    return names


def parameters(value: Callable[..., Any]) -> list[str]:
    """Return the parameters that have to be described."""
    given = inspect.signature(value).parameters.values()
    # A class without a constructor of its own has the `*args, **kwargs` of `object`.
    passed_on = {"args"} if inspect.isclass(value) else set()
    named = [p.name for p in given if p.kind is not p.VAR_KEYWORD and not p.name.startswith("_")]
    return [name for name in named if name not in {"self", "cls", "mcs"} | passed_on]


def lacks(value: Any, docs: Iterable[str], of_class: bool = False) -> list[str]:
    """Return what the docstring of a class, a function or, with `of_class`, a method lacks.

    Parameters may be described in any of `docs`: its own docstring, and those of what it overrides or derives from.
    """
    doc = inspect.cleandoc(value.__doc__ or "")
    if not doc:
        return ["a docstring of its own"]
    more = doc.splitlines()[1:]
    found = ["a summary in one line"] if more and more[0] else []
    known: set[str] = set().union(*map(described, docs))
    found += [f"Args: {', '.join(missing)}"] if (missing := [p for p in parameters(value) if p not in known]) else []
    if inspect.isclass(value):
        ours = [doc, *(base.__doc__ or "" for base in value.__mro__ if base.__module__.startswith("jkeras.layers"))]
        if value in LAYERS and not any(re.search(SHAPES, text) for text in ours):
            found.append("shapes")
    elif inspect.signature(value).return_annotation not in NOTHING:
        if not re.search(r"^(Returns|Yields):", doc, re.MULTILINE) and not (of_class and doc.startswith("Return ")):
            found.append("Returns:")
    return found if of_class or ">>>" in doc else [*found, "an example"]


def report(name: str) -> list[str]:
    """Return a line for each name of a module that lacks something, but those that an earlier module offers."""
    before = reference.MODULES[: reference.MODULES.index(name)]
    seen = {id(value) for other in before for _, value in reference.public(reference.module_of(other))}
    lines: dict[str, list[str]] = {}
    for entry, value in reference.public(reference.module_of(name)):
        if id(value) in seen:
            continue
        seen.add(id(value))
        bases = value.__mro__ if inspect.isclass(value) else [value]
        lines[entry] = lacks(value, [inspect.getdoc(b) or "" for b in bases if b.__module__.startswith("jkeras")])
        for below, method in reference.methods(value).items() if inspect.isclass(value) else ():
            overridden = [inspect.getdoc(vars(base)[below]) or "" for base in bases if below in vars(base)]
            lines[f"{entry}.{below}"] = lacks(method, overridden, of_class=True)
    return [f"{name}.{entry}: {'; '.join(missing)}" for entry, missing in lines.items() if missing]


@pytest.mark.parametrize("name", reference.MODULES)
def test_public_names_explain_themselves(name):
    missing = report(name)
    assert not missing, f"{len(missing)} docstrings lack something:\n" + "\n".join(missing)


def test_what_a_docstring_lacks_is_seen():
    class Bare:
        pass

    def sloppy(x: int, y: int = 0, *rest: int, **options: int) -> int:
        """Return a sum that
        nobody asked for.

        Args:
            x: A number.
        """
        return x + y

    def sound(a: int, b: int) -> None:
        """Do nothing.

        Args:
            a, b: Numbers, of which one is not
                read: the other.

        >>> sound(1, 2)
        """

    assert lacks(Bare, []) == ["a docstring of its own"]
    assert lacks(sloppy, [sloppy.__doc__]) == ["a summary in one line", "Args: y, rest", "Returns:", "an example"]
    assert lacks(sound, [sound.__doc__]) == []


def test_what_a_module_imports_for_itself_is_not_offered():
    offered = dict(reference.public(layers))
    assert {"Dense", "Layer", "Input", "add", "serialize"} <= set(offered)
    assert not {"missing_name", "install_module_paths"} & set(offered)
    assert "Configurable" not in dict(reference.public(constraints))
