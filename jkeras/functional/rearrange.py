"""Transposing, splitting and merging axes by their names, as in einops."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import math
import re
from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

Groups = list[list[str]]

# Any number of axes that stay apart; in a parenthesis, `...`, they become one.
APART = ["*"]


def rearrange(x: Array, pattern: str, lengths: Mapping[str, int] | None = None) -> Array:
    """Rearrange axes: `"batch (height h) c -> (batch h) height c"` splits the second axis and merges a part of it.

    Args:
        x: Array with one axis for each name or parenthesis left of the arrow.
        pattern: Names of the axes before and after `->`. A parenthesis is one axis made of several, the last of which
            varies fastest; `...` is any number of axes, which `(...)` right of the arrow makes one; `1` and `()` are
            an axis of size 1.
        lengths: Sizes of names that stand with others in a parenthesis on the left; one of each may be left out.

    Returns:
        The rearranged array.

    Raises:
        ValueError: If the pattern is malformed or does not fit the array.

    >>> rearrange(jnp.arange(6), "(a b) -> b a", {"a": 2}).tolist()
    [[0, 3], [1, 4], [2, 5]]

    Reference: Rogozhnikov, "Einops: Clear and Reliable Tensor Manipulations with Einstein-like Notation", 2022.
    """
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"rearrange: a pattern has one arrow, as in 'a b -> b a'; got {pattern!r}.")
    before, after = (_spread(_parse(side, pattern), x.ndim, pattern) for side in sides)
    sizes = _sizes(x.shape, before, dict(lengths or {}), pattern)
    names, wanted = _names(before), _names(after)
    if sorted(names) != sorted(wanted) or len(set(names)) != len(names):
        raise ValueError(f"rearrange: both sides of {pattern!r} must have the same names, each once.")
    split = jnp.reshape(x, [sizes[name] for name in names])
    return jnp.transpose(split, [names.index(name) for name in wanted]).reshape(
        [math.prod(sizes[name] for name in group) for group in after]
    )


def _parse(side: str, pattern: str) -> Groups:
    """Return the groups of names on one side: `a (b c) 1` is [[a], [b, c], []].

    >>> _parse("a (b c) 1", "")
    [['a'], ['b', 'c'], []]
    """
    groups: Groups = []
    for inner, name in re.findall(r"\(([^()]*)\)|(\S+)", side):
        group = [word for word in (inner or name).split() if word != "1"]
        if not all(word.isidentifier() or word == "..." for word in group):
            raise ValueError(f"rearrange: cannot read {' '.join(group)!r} in {pattern!r}.")
        groups.append(APART if name == "..." else group)
    return groups


def _spread(groups: Groups, rank: int, pattern: str) -> Groups:
    """Replace `...` by a name for each axis that it stands for."""
    arrow = _parse(pattern.split("->")[0], pattern)
    rest = [f"...{i}" for i in range(rank - sum(group != APART for group in arrow))]
    spread: Groups = []
    for group in groups:
        if group == APART:
            spread += [[name] for name in rest]
        else:
            spread.append([name for word in group for name in (rest if word == "..." else [word])])
    return spread


def _sizes(shape: tuple[int, ...], groups: Groups, sizes: dict[str, int], pattern: str) -> dict[str, int]:
    if len(groups) != len(shape):
        raise ValueError(f"rearrange: {pattern!r} expects {len(groups)} axes; got an array of shape {shape}.")
    for size, group in zip(shape, groups, strict=True):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1 or size % known or (not unknown and size != known):
            raise ValueError(
                f"rearrange: ({' '.join(group)}) in {pattern!r} does not split an axis of size {size} "
                f"with lengths {sizes}: give all but one length, such that they divide it."
            )
        if unknown:
            sizes[unknown[0]] = size // known
    return sizes


def _names(groups: Groups) -> list[str]:
    return [name for group in groups for name in group]
