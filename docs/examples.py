"""A hook of MkDocs that gives each program of examples/ a page, to which links of the guides lead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

LINK = re.compile(r"\]\(\.\./examples/(\w+)\.py\)")


def on_files(files: Any, config: Any) -> Any:
    """Add a page for each program, with its text."""
    for program in sorted(Path(config["docs_dir"]).parent.glob("examples/*.py")):
        # Without headings there is nothing to list beside the page: its place is for long lines.
        content = f"---\nhide: [toc]\n---\n\n# {program.name}\n\n```python\n{program.read_text()}```\n"
        files.append(File.generated(config, f"examples/{program.stem}.md", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links to programs, which in the repository lead to files, lead to their pages."""
    return LINK.sub(r"](examples/\1.md)", markdown)
