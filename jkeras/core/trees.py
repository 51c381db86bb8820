"""Trees of arrays."""

from __future__ import annotations

from typing import Any

import jax


def named_leaves(tree: Any) -> dict[str, Any]:
    """Return the leaves of a tree by their paths.

    >>> named_leaves({"dense": {"kernel": 1}, "count": (2,)})
    {'count/0': 2, 'dense/kernel': 1}
    """
    found: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "value"
        while name in found:
            name += "_"
        found[name] = leaf
    return found
