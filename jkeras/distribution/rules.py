"""Rules that say how weights are split over a mesh, by their paths."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jkeras.core.errors import nearest

FULLY_SHARDED = "fully_sharded"  # a rule's way to say: along whichever axis divides, over the devices of the batch


class Rule(NamedTuple):
    """How the weights are split whose path a pattern is found in: a `PartitionSpec`, or "fully_sharded"."""

    pattern: str
    spec: Any


class Rules:
    """Rules for one mesh; see `MeshPlacement` for the arguments.

    >>> import jax
    >>> rules = Rules(jax.make_mesh((1, 2), ("data", "model")), [("kernel", (None, "model")), (".*", "fully_sharded")])
    >>> tuple(rules.spec("dense/kernel", (3, 4))), tuple(rules.spec("dense/bias", (4,)))
    ((None, 'model'), ('data',))
    """

    def __init__(self, mesh: Mesh, rows: Any = (), batch_axis: Any = None, is_strict: bool = False):
        self.mesh, self.is_strict = mesh, is_strict
        self.batch_axes = self._axes(batch_axis)
        self.splits = int(np.prod([mesh.shape[axis] for axis in self.batch_axes]))  # the parts of a batch
        self.rows = tuple(self._checked_rules(rows))
        self._specs: dict[tuple[str, tuple[int, ...]], PartitionSpec] = {}

    @property
    def identity(self) -> Hashable:
        """Equal for rules that say the same."""
        return self.mesh, self.batch_axes, self.rows, self.is_strict

    @property
    def are_about_outputs(self) -> bool:
        """Whether one of them may be about what a layer returns."""
        return any("output" in rule.pattern for rule in self.rows)

    def _axes(self, given: Any) -> tuple[str, ...]:
        names = tuple(self.mesh.axis_names)
        axes = names[:1] if given is None else (given,) if isinstance(given, str) else tuple(given)
        for axis in axes:
            if axis not in names:
                raise ValueError(f"The mesh has no axis {axis!r}, over which batches are to be spread. {_has(names)}")
        return axes

    def _checked_rules(self, rules: Any) -> Iterable[Rule]:
        rows = [(".*", rules)] if rules == FULLY_SHARDED else rules
        if isinstance(rows, str) or not isinstance(rows, Iterable):
            raise TypeError(
                f"rules must be rows (pattern, PartitionSpec), or {FULLY_SHARDED!r}; got {rules!r}."
                f"{nearest(str(rules), [FULLY_SHARDED])}"
            )
        for row in rows:
            if not (isinstance(row, (tuple, list)) and len(row) == 2 and isinstance(row[0], str)):
                raise TypeError(
                    f"A rule must be a pair (pattern, PartitionSpec), like ('kernel', P(None, 'model')); got {row!r}."
                )
            pattern, spec = row
            re.compile(pattern)
            if spec != FULLY_SHARDED:
                if isinstance(spec, str) or not isinstance(spec, (PartitionSpec, tuple, list, type(None))):
                    raise TypeError(
                        f"The rule for {pattern!r} must be a PartitionSpec, a tuple of axis names and None, or "
                        f"{FULLY_SHARDED!r}; got {spec!r}."
                    )
                spec = canonical(spec or ())
                for axis in axis_names(spec):
                    if axis not in self.mesh.axis_names:
                        raise ValueError(
                            f"The rule for {pattern!r} names the axis {axis!r}. {_has(self.mesh.axis_names)}"
                            f"{nearest(str(axis), list(self.mesh.axis_names))}"
                        )
            yield Rule(pattern, spec)

    def matching(self, path: str) -> Any:
        """Return what the rule for a path says, or None if there is none."""
        if self.is_strict:
            key = only_match([rule.pattern for rule in self.rows], path)
            return None if key is None else dict(self.rows)[key]
        return next((rule.spec for rule in self.rows if re.search(rule.pattern, path)), None)

    def spec(self, path: str, shape: tuple[int, ...]) -> PartitionSpec:
        """Return how the weight at a path is split.

        Raises:
            ValueError: If its shape does not divide as its rule wants it.
        """
        known = self._specs.get((path, shape))
        if known is None:
            known = self._specs[path, shape] = self._found(path, shape)
        return known

    def _found(self, path: str, shape: tuple[int, ...]) -> PartitionSpec:
        spec = self.matching(path)
        if spec is None:
            return PartitionSpec()
        if spec == FULLY_SHARDED:
            return self._fully_sharded(shape)
        if len(spec) > len(shape):
            raise ValueError(f"The weight {path!r} has shape {shape}; its rule has {len(spec)} entries: {spec}.")
        for size, axes in zip(shape, spec, strict=False):
            ways = int(np.prod([self.mesh.shape[axis] for axis in axis_names((axes,))]))
            if size % ways:
                raise ValueError(
                    f"The weight {path!r} of shape {shape} cannot be split as {spec}: {size} does not divide by the "
                    f"{ways} devices of {axes!r}. Choose another axis of the weight, or leave this one whole: a rule "
                    "before it that names the weight, with PartitionSpec()."
                )
        return spec

    def _fully_sharded(self, shape: tuple[int, ...]) -> PartitionSpec:
        dividing = [axis for axis, size in enumerate(shape) if size and size % self.splits == 0]
        if not dividing:
            return PartitionSpec()
        longest = max(dividing, key=lambda axis: shape[axis])
        return canonical(self.batch_axes if axis == longest else None for axis in range(longest + 1))


def only_match(patterns: Iterable[str], path: str) -> str | None:
    """Return the pattern that is the path, or else the only one that matches all of it; None if there is none.

    Raises:
        ValueError: If several match.

    >>> only_match(["dense.*kernel", "dense/kernel", "conv.*"], "dense/kernel")
    'dense/kernel'
    """
    found = [pattern for pattern in patterns if pattern == path or re.fullmatch(pattern, path)]
    if path in found:
        return path
    if len(found) > 1:
        raise ValueError(f"Path {path!r} is matched by several keys of the LayoutMap: {found}. Keep one of them.")
    return found[0] if found else None


def canonical(spec: Iterable[Any]) -> PartitionSpec:
    """Return a spec as JAX gives it back, or a program would be compiled again for the arrays that it returned."""
    entries = [entry[0] if isinstance(entry, (tuple, list)) and len(entry) == 1 else entry for entry in spec]
    while entries and entries[-1] is None:
        entries.pop()
    return PartitionSpec(*(tuple(entry) if isinstance(entry, list) else entry for entry in entries))


def axis_names(spec: Iterable[Any]) -> list[str]:
    """Return the names of the mesh's axes in a `PartitionSpec`."""
    names: list[str] = []
    for entry in spec:
        if entry is not None and entry is not PartitionSpec.UNCONSTRAINED:
            names += [entry] if isinstance(entry, str) else list(entry)
    return names


def _has(names: Sequence[str]) -> str:
    return f"It has {', '.join(map(repr, names))}."
