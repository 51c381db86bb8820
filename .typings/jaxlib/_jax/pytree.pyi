"""What describes the structure of a tree."""

from typing import Any

class PyTreeDef:
    def __getattr__(self, name: str) -> Any: ...

def __getattr__(name: str) -> Any: ...
