"""Trees of arrays."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from typing import Any, cast

import jax


def named_leaves(tree: Any) -> dict[str, Any]:
    """Return the leaves of a tree by their paths.

    >>> named_leaves({"dense": {"kernel": 1}, "count": (2,)})
    {'count/0': 2, 'dense/kernel': 1}
    """
    found: dict[str, Any] = {}
    for path, leaf in cast(list[tuple[Any, Any]], jax.tree.leaves_with_path(tree)):
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "value"
        while name in found:
            name += "_"
        found[name] = leaf
    return found
