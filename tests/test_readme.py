"""The Python of every page runs, in a process of its own and an empty folder.

In README.md and CONTRIBUTING.md each block stands for itself; those of a page in docs/ run one after the other.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from processes import PYTHON

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\(([\w.-]+)\)")
BLOCKS = [
    pytest.param(block, [], id=f"{name}-{number}")
    for name in ("README.md", "CONTRIBUTING.md")
    for number, block in enumerate(BLOCK.findall((ROOT / name).read_text()), 1)
]
PAGES = sorted((ROOT / "docs").glob("*.md"))
# Pictures that are in no folder: the code of the page draws them (docs/figures.py).
DRAWN = {
    page.name: [name for name in PICTURE.findall(page.read_text()) if not (page.parent / name).exists()]
    for page in PAGES
}
BLOCKS += [pytest.param("\n".join(BLOCK.findall(page.read_text())), DRAWN[page.name], id=page.name) for page in PAGES]


def test_the_readme_shows_both_sides():
    text = "".join(BLOCK.findall((ROOT / "README.md").read_text()))
    assert "model.fit(" in text and ".apply(" in text


@pytest.mark.parametrize(("code", "pictures"), BLOCKS)
def test_block_runs(code, pictures, tmp_path):
    (tmp_path / "block.py").write_text(code)
    done = subprocess.run(
        [*PYTHON, "block.py"],
        cwd=tmp_path,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for picture in pictures:
        assert (tmp_path / picture).is_file(), picture


@pytest.mark.parametrize(
    "name",
    ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", *(f"docs/{page.name}" for page in PAGES)],
)
def test_links_lead_somewhere(name):
    text = (ROOT / name).read_text()
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target and target not in DRAWN.get(Path(name).name, []):
            assert ((ROOT / name).parent / target.split("#")[0]).exists(), target


def test_commands_of_the_readme_name_files_that_exist():
    commands = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    for path in re.findall(r"\b(?:python|bash) ([\w./]+\.py|\.ci/run)", "\n".join(commands)):
        assert (ROOT / path).is_file(), path
