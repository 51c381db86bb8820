"""A hook of MkDocs that draws the pictures of pages: it runs the code of each page that shows what its code writes."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\(([\w.-]+\.(?:png|svg))\)")  # beside the page: in no folder


def on_files(files: Any, config: Any) -> Any:
    """Add the pictures that pages show and no folder has, as the code of each page writes them."""
    for page in list(files.documentation_pages()):
        if page.generated_by:  # the reference
            continue
        text = Path(page.abs_src_path).read_text()
        folder = Path(page.src_uri).parent
        missing = tuple(name for name in PICTURE.findall(text) if files.get_file_from_path(str(folder / name)) is None)
        if not missing:
            continue
        for name, content in drawn(page.src_uri, "\n".join(BLOCK.findall(text)), missing).items():
            files.append(File.generated(config, str(folder / name), content=content))
    return files


@functools.cache  # `mkdocs serve` asks again whenever any page changes
def drawn(page: str, code: str, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return the pictures that the code of a page writes.

    Args:
        page: What the page is called in errors.
        code: Its blocks of Python, in their order.
        names: The pictures that it shows.

    Raises:
        PluginError: If the code fails, or does not write one of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "page.py").write_text(code)
        environment = {**os.environ, "MPLBACKEND": "Agg"}
        done = subprocess.run([sys.executable, "page.py"], cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise PluginError(f"The code of {page} failed:\n{done.stderr}")
        absent = [name for name in names if not Path(folder, name).is_file()]
        if absent:
            raise PluginError(f"{page} shows {', '.join(absent)}, which its code does not write.")
        return {name: Path(folder, name).read_bytes() for name in names}
