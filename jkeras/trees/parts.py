"""Parts of a tree of parameters, by the paths of its leaves.

A path is what the layer and the weight are called, `encoder/lstm/kernel`. A pattern is a regular expression, or a list
of them, that is found anywhere in it: `"^encoder/"`, `"kernel$"`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax

from jkeras.core.errors import nearest
from jkeras.core.trees import named_leaves

Patterns = str | Iterable[str]


def paths(tree: Any) -> list[str]:
    """Return the paths of the leaves of a tree.

    Args:
        tree: Any tree.

    Returns:
        A list of strings, in the order of `jax.tree.leaves`.

    >>> paths({"dense": {"kernel": 1, "bias": 2}})
    ['dense/bias', 'dense/kernel']
    """
    return list(named_leaves(tree))


def map_with_path(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Return the tree of `function(path, leaf, *leaves of rest)`; `jax.tree.map` with the path as a string.

    Args:
        function: It is called with the path and a leaf of each tree.
        tree: Any tree.
        rest: Further trees of its structure.

    Returns:
        A tree of the structure of `tree`.

    >>> map_with_path(lambda path, size: f"{path}: {size}", {"dense": {"kernel": 12, "bias": 3}})
    {'dense': {'bias': 'dense/bias: 3', 'kernel': 'dense/kernel: 12'}}
    """

    def named(path: Any, *leaves: Any) -> Any:
        return function(jax.tree_util.keystr(path, simple=True, separator="/"), *leaves)

    return jax.tree_util.tree_map_with_path(named, tree, *rest)


def split(tree: Mapping[str, Any], pattern: Patterns) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `(matched, rest)`: two trees that `merge` puts together again.

    Args:
        tree: Nested dicts, such as `params`.
        pattern: What is found in the path of a leaf that is wanted; or a list, any of which is.

    Returns:
        Two nested dicts, without folders in which nothing is left.

    Raises:
        ValueError: If a pattern is found in no path, so that a slip does not pass in silence.

    >>> params = {"encoder": {"kernel": 1, "bias": 2}, "head": {"kernel": 3}}
    >>> trained, frozen = split(params, "^head/|bias$")
    >>> trained, frozen
    ({'encoder': {'bias': 2}, 'head': {'kernel': 3}}, {'encoder': {'kernel': 1}})
    """
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    compiled = [re.compile(p) for p in patterns]
    known = paths(tree)
    for one in compiled:
        if not any(one.search(path) for path in known):
            raise nothing_found(one.pattern, known)

    def taken(inner: Mapping[str, Any], folder: str, wanted: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in inner.items():
            path = f"{folder}{name}"
            if isinstance(value, Mapping):
                below = taken(value, f"{path}/", wanted)
                if below:
                    found[name] = below
            elif any(one.search(path) for one in compiled) is wanted:
                found[name] = value
        return found

    return taken(tree, "", True), taken(tree, "", False)


def select(tree: Mapping[str, Any], pattern: Patterns) -> dict[str, Any]:
    """Return the part of a tree in whose paths a pattern is found.

    Args:
        tree: Nested dicts, such as `params`.
        pattern: What is found in the path of a leaf that is wanted; or a list, any of which is.

    Returns:
        Nested dicts: the first of the two that `split` returns.

    Raises:
        ValueError: If a pattern is found in no path.

    >>> select({"encoder": {"kernel": 1, "bias": 2}, "head": {"kernel": 3}}, "kernel$")
    {'encoder': {'kernel': 1}, 'head': {'kernel': 3}}
    """
    return split(tree, pattern)[0]


def merge(*trees: Mapping[str, Any]) -> dict[str, Any]:
    """Return one tree of all: nested dicts are joined, and of two leaves at the same path the later one counts.

    Args:
        trees: Nested dicts; none of them is changed.

    Returns:
        New nested dicts with the same leaves.

    >>> merge({"head": {"kernel": 3}}, {"head": {"bias": 0}, "encoder": {"kernel": 1}})
    {'head': {'kernel': 3, 'bias': 0}, 'encoder': {'kernel': 1}}
    """
    merged: dict[str, Any] = {}
    for tree in trees:
        for name, value in tree.items():
            before = merged.get(name)
            if isinstance(value, Mapping):
                value = merge(before, value) if isinstance(before, Mapping) else merge(value)
            merged[name] = value
    return merged


def labels(tree: Any, rules: Mapping[str, Any], default: Any) -> Any:
    """Return a tree with a label in the place of each leaf: that of the first rule whose pattern is in its path.

    `optax.multi_transform` takes such labels, and `optax.masked` a tree of booleans.

    Args:
        tree: Any tree.
        rules: Label by pattern.
        default: The label of a leaf that no pattern is found in.

    Returns:
        A tree of the structure of `tree`.

    Raises:
        ValueError: If a pattern is found in no path.

    >>> params = {"encoder": {"kernel": 1}, "head": {"kernel": 3}}
    >>> labels(params, {"^head/": "train"}, default="freeze")
    {'encoder': {'kernel': 'freeze'}, 'head': {'kernel': 'train'}}
    >>> import optax
    >>> optimizer = optax.multi_transform(
    ...     {"train": optax.adam(1e-3), "freeze": optax.set_to_zero()},
    ...     labels(params, {"^head/": "train"}, default="freeze"),
    ... )
    """
    known = paths(tree)
    for pattern in rules:
        if not any(re.search(pattern, path) for path in known):
            raise nothing_found(pattern, known)

    def label(path: str, _: Any) -> Any:
        return next((value for pattern, value in rules.items() if re.search(pattern, path)), default)

    return map_with_path(label, tree)


def nothing_found(pattern: str, known: list[str]) -> ValueError:
    """Return the error for a pattern that is in no path."""
    shown = ", ".join(known[:8]) + (f", ... ({len(known)} in all)" if len(known) > 8 else "")
    return ValueError(f"The pattern {pattern!r} is found in no path of {shown}.{nearest(pattern, known)}")
