"""A hook of MkDocs that makes the reference: a page for each public module, from the docstrings of its names."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

MODULES = [
    "models", "layers", "activations", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers",
    "optimizers.schedules", "callbacks", "ops", "random", "distribution", "population", "trees", "testing", "saving",
    "datasets", "preprocessing", "preprocessing.image", "preprocessing.sequence", "preprocessing.text", "wrappers",
    "applications", "utils", "display", "config", "dtype_policies", "mixed_precision", "backend", "jkeras",
]  # fmt: skip


# Of a docstring: what follows them is a list.
SECTIONS = (
    "Args", "Attributes", "Call arguments", "Input shape", "Output shape", "Raises", "Reference", "References",
    "Returns", "Yields",
)  # fmt: skip


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the reference, and their entries in the navigation."""
    from mkdocs.structure.files import File  # the tests list names with this file, and have no MkDocs

    pages: list[dict[str, str]] = []
    for name in MODULES:
        uri = f"api/{name}.md"
        files.append(File.generated(config, uri, content=page(name)))
        pages.append({name: uri})
    listing = "\n".join(f"- [{name}]({name}.md): {summary(name)}" for name in MODULES)
    files.append(File.generated(config, "api/index.md", content=f"# Reference\n\n{listing}\n"))
    if config["nav"]:
        config["nav"] = [*config["nav"], {"Reference": [{"All modules": "api/index.md"}, *pages]}]
    return files


def module_of(name: str) -> Any:
    """Return the module of an entry of `MODULES`; the package itself is the last one."""
    return importlib.import_module("jkeras" if name == "jkeras" else f"jkeras.{name}")


def summary(name: str) -> str:
    """Return the first line of a module's docstring."""
    return (module_of(name).__doc__ or "").strip().splitlines()[0]


def page(name: str) -> str:
    """Return the page of a module: what it is, and each of its public classes and functions, by name."""
    module = module_of(name)
    shown = (
        {id(value) for other in MODULES[:-1] for _, value in public(module_of(other))} if name == "jkeras" else set()
    )
    found = [entry for entry in public(module) if id(entry[1]) not in shown]  # of the package, what no module has
    entries = dict(sorted(found, key=lambda entry: entry[0].lower()))

    def entry(name: str, value: Any) -> str:
        own = value.__name__
        is_alias = own != name and entries.get(own) is value
        return f"## {name}\n\nAnother name of `{own}`." if is_alias else described(name, value)

    return f"# {module.__name__}\n\n{markdown(module)}\n\n" + "\n\n".join(entry(*row) for row in entries.items())


def public(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield `(name, object)` of the classes and functions of ours that a module offers."""
    for name in getattr(module, "__all__", None) or offered(module):
        value = getattr(module, name)
        is_ours = (getattr(value, "__module__", "") or "").startswith("jkeras.")
        if not name.startswith("_") and callable(value) and is_ours:
            yield name, value


def offered(module: Any) -> list[str]:
    """Return the names of a module without `__all__` but what it imports for its own use, by the rule of type checkers.

    Names that it offers are imported by `from m import name as name` or `from m import *`.
    """
    statements = ast.parse(inspect.getsource(module)).body
    imports = [line for line in statements if isinstance(line, ast.ImportFrom)]
    used = {alias.asname or alias.name for line in imports for alias in line.names if alias.name != alias.asname}
    return [name for name in dir(module) if name not in used]


def described(name: str, value: Any, level: int = 2) -> str:
    """Return the signature and the docstring of an object, and below them those of the methods that a class adds."""
    parts = [f"{'#' * level} {name}", f"```python\n{name}{signature(value)}\n```", markdown(value)]
    for below, method in methods(value).items() if inspect.isclass(value) else ():
        parts.append(described(f"{name}.{below}", method, level + 1))
    return "\n\n".join(parts)


def methods(value: type) -> dict[str, Any]:
    """Return the public methods of a class, but those that a base class with an entry of its own has."""
    bases = [base for base in value.__mro__[1:] if base in classes()]
    found: dict[str, Any] = {}
    for part in value.__mro__:
        for name, member in vars(part).items() if part.__module__.startswith("jkeras.") else ():
            inner = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            is_said = name in found or any(hasattr(base, name) for base in bases)
            if not name.startswith("_") and not is_said and inspect.isfunction(inner) and inner.__doc__:
                found[name] = inner
    return found


@functools.cache
def classes() -> set[Any]:
    """Return the classes that have an entry somewhere."""
    return {value for module in map(module_of, MODULES) for _, value in public(module) if inspect.isclass(value)}


def signature(value: Any) -> str:
    """Return the parameters with their defaults, one a line if they are many; annotations are left to editors."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name not in ("self", "cls")]
    text = str(found.replace(parameters=bare, return_annotation=found.empty))
    text = re.sub(r"<(?:function|class|object)? ?'?([\w.]+)[^>]*>", r"\1", text)
    if len(text) < 90:
        return text
    lines = [str(parameter) for parameter in bare]
    return "(\n    " + ",\n    ".join(re.sub(r" at 0x[0-9a-f]+", "", line) for line in lines) + ",\n)"


def markdown(value: Any) -> str:
    """Return a docstring as Markdown: sections as headings with lists, examples as code."""
    lines: list[str] = []
    in_code = in_section = False
    margin = ""
    for line in (inspect.getdoc(value) or "").splitlines():
        stripped = line.strip()
        if in_code and not stripped:
            lines += ["```", ""]
            in_code = False
        elif in_code:
            lines.append(line.removeprefix(margin))
        elif stripped.startswith(">>>"):
            margin = line[: len(line) - len(line.lstrip())]
            lines += ["", "```pycon", stripped]
            in_code, in_section = True, False
        elif re.fullmatch(
            r"(Args|Call arguments|Returns|Raises|Attributes|Yields|Input shape|Output shape|References?):", line
        ):
            lines += ["", f"**{line[:-1]}**", ""]
            in_section = True
        elif in_section and re.match(r" {4}\S", line):
            described = re.fullmatch(r"([\w*.]+(?:, [\w*.]+)*): (.*)", stripped)
            lines.append(f"- `{described[1]}`: {described[2]}" if described else f"- {stripped}")
        elif in_section and line.startswith("     "):
            lines.append(f"  {stripped}")
        else:
            in_section = in_section and not stripped
            lines.append(line)
    return "\n".join([*lines, "```"] if in_code else lines)
