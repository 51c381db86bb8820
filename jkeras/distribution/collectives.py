"""What the devices of a compiled program send each other, read from its HLO text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

# The share of `size` that each of n devices sends, by the algorithm that moves least: rings, or one message to each.
# Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009.
WIRE = {
    "all-reduce": lambda n: 2 * (n - 1) / n,
    "all-gather": lambda n: (n - 1) / n,
    "reduce-scatter": lambda n: (n - 1) / n,
    "all-to-all": lambda n: (n - 1) / n,
    "ragged-all-to-all": lambda n: (n - 1) / n,
    "collective-permute": lambda n: 1.0,
    "collective-broadcast": lambda n: 1.0,
}


class Collective(NamedTuple):
    """One collective operation of a program.

    Attributes:
        kind: "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", ...
        size: Bytes of the whole arrays on one device: what is summed, what is gathered, what is scattered.
        devices: How many devices take part in it together: the size of a group.
        times: How often a step runs it: more than once in a loop.
        is_bound: False in a loop whose length the compiler does not know, which is counted as one turn.

    >>> Collective("all-reduce", 1000, 4).sent
    1500.0
    """

    kind: str
    size: int
    devices: int
    times: int = 1
    is_bound: bool = True

    @property
    def sent(self) -> float:
        """Bytes that each device sends in a step.

        With n devices in a group: `2 (n - 1) / n` of the size for an all-reduce; `(n - 1) / n` for an all-gather, a
        reduce-scatter and an all-to-all; the size itself for a permutation.
        """
        return self.times * self.size * WIRE[self.kind](self.devices) if self.devices > 1 else 0.0


_KINDS = "|".join(sorted(WIRE, key=len, reverse=True))
_HEADER = re.compile(r"^(ENTRY\s+)?%?([\w.\-]+)\s.*\{\s*$")
_OPERATION = re.compile(rf"^\s*(?:ROOT\s+)?%?[\w.\-]+ = (.*?)\s({_KINDS})(-start)?\(")
_WHILE = re.compile(r"\swhile\(.*\bbody=%?([\w.\-]+)")
_TRIPS = re.compile(r'"known_trip_count":\s*\{"n":\s*"?(\d+)')
_CALLED = re.compile(r"\b(?:to_apply|calls|true_computation|false_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"\bbranch_computations=\{([^}]*)\}")
_ARRAY = re.compile(r"\b([a-z][a-z0-9]*)\[([\d,<= ]*)\]")
_BITS = re.compile(r"^[a-z]+?(\d+)")


def collectives(text: str) -> list[Collective]:
    """Return the collective operations that one run of a compiled program performs.

    Those in loops are counted as often as the loop runs, where the compiler knows how often. Of a conditional, all
    branches count.

    Args:
        text: The HLO of a compiled program: `jax.jit(f).lower(...).compile().as_text()`.

    Returns:
        A list of `Collective`s, in the order of the program.

    Raises:
        ValueError: If the text is not that of an HLO module.

    >>> collectives('''HloModule jit_f, num_partitions=4
    ... ENTRY %main (p: f32[8]) -> f32[32] {
    ...   %p = f32[8]{0} parameter(0)
    ...   ROOT %g = f32[32]{0} all-gather(%p), replica_groups=[1,4]<=[4], dimensions={0}
    ... }''')
    [Collective(kind='all-gather', size=128, devices=4, times=1, is_bound=True)]

    Reference: XLA, "Operation semantics".
    """
    entry, bodies = _computations(text)
    partitions = re.search(r"\bnum_partitions=(\d+)", text)
    replicas = re.search(r"\breplica_count=(\d+)", text)
    total = int(partitions[1] if partitions else 1) * int(replicas[1] if replicas else 1)
    return list(_found(entry, bodies, total, 1, True))


def has_loops(text: str) -> bool:
    """Whether a program has loops, whose bodies the compiler's own count of operations takes once.

    >>> has_loops("%w = (s32[]) while(%t), condition=%c, body=%b")
    True
    """
    return _WHILE.search(text) is not None


def _computations(text: str) -> tuple[str, dict[str, list[str]]]:
    """Return the name of the entry, and the lines of every computation."""
    entry, name, bodies = "", "", {}
    for line in text.splitlines():
        header = None if line.startswith((" ", "HloModule")) else _HEADER.match(line)
        if header:
            name = header[2]
            bodies[name] = []
            entry = name if header[1] else entry
        elif name:
            bodies[name].append(line)
    if not entry:
        raise ValueError(
            "This is not the text of a compiled HLO module: it has no ENTRY. Pass jax.jit(f).lower(...).compile()"
            f".as_text(); got {text[:60]!r}."
        )
    return entry, bodies


def _found(name: str, bodies: dict[str, list[str]], total: int, times: int, is_bound: bool) -> Iterator[Collective]:
    for line in bodies.get(name, ()):
        operation = _OPERATION.match(line)
        if operation:
            kind, size = operation[2], _size(operation[1], bool(operation[3]), operation[2])
            devices = _group_size(line, kind, total)
            # A reduce-scatter shows what is left of the sum; like the others it is measured by the whole.
            yield Collective(kind, size * (devices if kind == "reduce-scatter" else 1), devices, times, is_bound)
            continue
        loop = _WHILE.search(line)
        if loop:
            trips = _TRIPS.search(line)
            turns = int(trips[1]) if trips else 1
            yield from _found(loop[1], bodies, total, times * turns, is_bound and trips is not None)
            continue
        called = _CALLED.findall(line)
        for branches in _BRANCHES.findall(line):
            called += [branch.strip().lstrip("%") for branch in branches.split(",")]
        for other in called:
            yield from _found(other, bodies, total, times, is_bound)


def _size(written: str, is_start: bool, kind: str) -> int:
    """Return the bytes of a type; of what an operation that was only started returns, those of its results."""
    if is_start and kind != "all-reduce" and written.startswith("("):
        written = _parts(written)[1]  # (operands, results, and for permutations two counters)
    return sum(_bytes(dtype, shape) for dtype, shape in _ARRAY.findall(written))


def _parts(written: str) -> list[str]:
    """Return the elements of a tuple type as they are written."""
    parts, depth = [""], 0
    for character in re.sub(r"/\*.*?\*/", "", written)[1:-1]:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _bytes(dtype: str, shape: str) -> int:
    bits = 8 if dtype == "pred" else int(found[1]) if (found := _BITS.match(dtype)) else 0
    return math.ceil(math.prod(int(n.strip("<= ")) for n in shape.split(",") if n.strip()) * bits / 8)


def _group_size(line: str, kind: str, total: int) -> int:
    """Return how many devices take part together, in any of the ways in which HLO writes groups."""
    if kind == "collective-permute":
        pairs = re.search(r"source_target_pairs=\{(.*?)\}\}", line)
        moves = [pair for pair in re.findall(r"(\d+),(\d+)", pairs[0] if pairs else "") if pair[0] != pair[1]]
        return len({device for pair in moves for device in pair})
    listed = re.search(r"replica_groups=\{\{([\d,]*)\}", line)
    if listed:
        return listed[1].count(",") + 1
    counted = re.search(r"replica_groups=\[(?:\d+,)*(\d+)\]<=", line)
    if counted:
        return int(counted[1])
    named = re.search(r"replica_groups=mesh\[(.*?)\].*?\{(.*?)\}", line)
    if named:
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", named[1]))
        # An axis may be split: 'x':(2)4 is the part of size 4 after one of size 2.
        axes = re.findall(r"'([^']+)'(?::\(\d+\)(\d+))?", named[2])
        return math.prod(int(part or sizes[axis]) for axis, part in axes)
    return total
