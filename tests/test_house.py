"""The house law: which part may import which, held to by reading the imports of every module."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "jkeras"
MODULES = sorted(PACKAGE.rglob("*.py"))

TABLES = {"activations", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers"}
BASE = {"core", "functional"} | TABLES

# What a part may import besides itself. A part that is not named here sits on top and may import every other.
MAY_IMPORT = {
    "core": set(),
    "functional": set(),
    **dict.fromkeys(TABLES, BASE),
    "ops": BASE,
    "random": BASE,
    "layers": BASE | {"ops", "random"},
    "training": BASE | {"ops", "random", "distribution", "utils"},
    "models": BASE | {"ops", "random", "layers", "training", "distribution", "utils"},
    "datasets": {"core", "utils", "backend"},
    "utils": {"core", "functional"},
    "distribution": {"core"},
}
# Imports inside a function, which run when the user calls it: `Model.save` reaches the files that way.
MAY_DEFER = {
    "core": {"display"},
    "models": {"callbacks", "saving", "display", "compat"},
    "training": {"callbacks", "display"},
    "layers": {"models"},
    "utils": {"display", "preprocessing", "saving", "layers", "models"},
}

THIRD_PARTY = {
    "core": {"jax", "numpy"},
    "functional": {"jax", "numpy"},
    "optimizers": {"jax", "numpy", "optax"},
    "losses": {"jax", "numpy", "optax"},
    "__init__": {"h5py"},
    "population": {"jax", "numpy", "sklearn"},
    "wrappers": {"jax", "numpy", "sklearn"},
    "training": {"jax", "numpy", "optax"},
    "models": {"jax", "numpy", "optax"},
    "saving": {"jax", "numpy", "h5py"},
}
ANYWHERE = {"jax", "numpy"}


class Import(NamedTuple):
    """One imported module: where it stands, and whether it runs when the file is imported."""

    path: Path
    line: int
    module: str
    deferred: bool

    @property
    def where(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def imports_of(path: Path) -> list[Import]:
    """Return every import of a file but those for the type checker only."""
    found: list[Import] = []

    def visit(node: ast.AST, deferred: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                visit(child, deferred)
            return
        if isinstance(node, ast.Import):
            found.extend(Import(path, node.lineno, alias.name, deferred) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively: write the full name"
            if node.module == "jkeras":
                found.extend(Import(path, node.lineno, f"jkeras.{alias.name}", deferred) for alias in node.names)
            else:
                found.append(Import(path, node.lineno, node.module or "", deferred))
        inside = deferred or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(path.read_text()), False)
    return found


def part_of(path: Path) -> str:
    """Return the part of the house that a file belongs to: the folder or file name below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_reader_sees_imports(tmp_path):
    text = "import a.b\nfrom jkeras import x\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hidden\n"
    (tmp_path / "m.py").write_text(text + "def f():\n    from c import d\n")
    assert [(i.module, i.deferred) for i in imports_of(tmp_path / "m.py")] == [
        ("a.b", False),
        ("jkeras.x", False),
        ("typing", False),
        ("c", True),
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    part, wrong = part_of(path), []
    for found in imports_of(path):
        top, _, rest = found.module.partition(".")
        if top == "jkeras":
            other = rest.partition(".")[0]
            if not other and part not in ("__init__", "__main__"):
                wrong.append(f"{found.where} imports the package itself")
            allowed = MAY_IMPORT.get(part)
            if allowed is None or other == part or other in allowed:
                continue
            if found.deferred and other in MAY_DEFER.get(part, set()):
                continue
            wrong.append(f"{found.where}: {part} must not import {found.module}")
        elif top not in sys.stdlib_module_names and not found.deferred:
            if top not in THIRD_PARTY.get(part, ANYWHERE):
                wrong.append(f"{found.where}: {part} must not import {top} when it is itself imported")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_one_idea(path):
    assert len(path.read_text().splitlines()) <= 500
    assert ast.get_docstring(ast.parse(path.read_text())), "the first line says what the file is"


def test_importing_the_package_imports_no_optional_package():
    optional = "yaml optax pandas rich matplotlib sklearn scipy PIL keras torch tensorflow".split()
    code = f"import sys, jkeras; print([m for m in {optional} if m in sys.modules])"
    # What JAX itself imports is no business of ours.
    base = "import sys, jax, jax.numpy; " + code.split("; ", 1)[1]
    ours, jax_alone = (subprocess.check_output([sys.executable, "-c", c], text=True) for c in (code, base))
    assert ast.literal_eval(ours) == ast.literal_eval(jax_alone)


def tracked_text() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    names = [name for name in listing.stdout.splitlines() if not name.endswith((".npz", ".h5", ".keras", ".png"))]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


# Split so that this file does not match itself.
PRIVATE = [
    r"(?<![\w.])/wor" + r"k/",
    r"(?<![\w./])/tm" + r"p/",
    r"\bpypi\.or" + "g",
    "files.pythonhoste" + r"d",
    r"/opt/ven" + "v",
]


def test_no_machine_path_and_no_registry_host():
    pattern = re.compile("|".join(PRIVATE))
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked_text()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not wrong, "\n".join(wrong)
