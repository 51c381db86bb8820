"""What a compiled program costs each of its devices: operations, memory, and what goes over the wires."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jkeras.core.units import scaled
from jkeras.distribution.collectives import Collective, collectives, has_loops


class Estimate(NamedTuple):
    """What one run of a program, such as a training step, costs each of its devices. Nothing of it is a time.

    Attributes:
        name: What is estimated.
        mesh: The axes of the mesh and their sizes; empty for one device.
        flops: Floating-point operations of one device.
        arguments: Bytes of one device's part of the arguments: weights, what the optimizer keeps, a batch.
        outputs: Bytes of the results, but for those that take an argument's place.
        temporaries: Bytes of everything in between at the worst moment.
        collectives: What the devices send each other, one entry for each operation.
        loops: Whether there are loops, whose bodies `flops` counts once.

    >>> one = Estimate("A step", {"data": 4}, 2e9, 400, 0, 100, (Collective("all-reduce", 80, 4),))
    >>> one.devices, one.memory, one.sent
    (4, 500, 120.0)
    >>> print(one)
    A step on 4 devices (data=4). Each of them:
    computes 2 GFLOP
    keeps    500 B: 400 B of arguments, 0 B of results, 100 B in between
    sends    120 B:
      1 x all-reduce among 4: 80 B, of which it sends 120 B
    """

    name: str
    mesh: Mapping[str, int]
    flops: float
    arguments: int
    outputs: int
    temporaries: int
    collectives: tuple[Collective, ...] = ()
    loops: bool = False

    @property
    def devices(self) -> int:
        """How many devices run the program together."""
        return math.prod(self.mesh.values())

    @property
    def memory(self) -> int:
        """Bytes that one device needs for the program."""
        return self.arguments + self.outputs + self.temporaries

    @property
    def sent(self) -> float:
        """Bytes that one device sends; see `Collective.sent`."""
        return sum(one.sent for one in self.collectives)

    def size(self, kind: str) -> int:
        """Return the bytes, on one device, of all arrays that collectives of a kind work on.

        Args:
            kind: "all-reduce", "all-gather", ...; see `Collective`.
        """
        return sum(one.size * one.times for one in self.collectives if one.kind == kind)

    def count(self, kind: str) -> int:
        """Return how many collectives of a kind are run.

        Args:
            kind: "all-reduce", "all-gather", ...; see `Collective`.
        """
        return sum(one.times for one in self.collectives if one.kind == kind)

    def __str__(self) -> str:
        axes = f" ({', '.join(f'{axis}={size}' for axis, size in self.mesh.items())})" if self.mesh else ""
        among = f"{self.devices} devices{axes}. Each of them:" if self.devices > 1 else f"one device{axes}. It:"
        lines = [
            f"{self.name} on {among}",
            f"computes {scaled(self.flops)}FLOP" + (", the bodies of loops counted once" if self.loops else ""),
            f"keeps    {scaled(self.memory)}B: {scaled(self.arguments)}B of arguments, {scaled(self.outputs)}B of "
            f"results, {scaled(self.temporaries)}B in between",
            f"sends    {scaled(self.sent)}B" + (":" if self.collectives else ""),
        ]
        kinds = dict.fromkeys((one.kind, one.devices) for one in self.collectives)
        for kind, devices in sorted(kinds, key=lambda k: -self._sent_by(*k)):
            ours = [one for one in self.collectives if (one.kind, one.devices) == (kind, devices)]
            lines.append(
                f"  {sum(one.times for one in ours)} x {kind} among {devices}: "
                f"{scaled(sum(one.size * one.times for one in ours))}B, of which it sends "
                f"{scaled(self._sent_by(kind, devices))}B"
            )
        if not all(one.is_bound for one in self.collectives):
            lines.append(
                "Some of it is in loops whose length the compiler does not know: they are counted as one turn."
            )
        return "\n".join(lines)

    def _sent_by(self, kind: str, devices: int) -> float:
        return sum(one.sent for one in self.collectives if (one.kind, one.devices) == (kind, devices))


def estimate(program: Any, mesh: Any = None, name: str = "A run of the program") -> Estimate:
    """Return what a compiled program costs each of its devices, from what its compiler says.

    Nothing is run, and arguments may be abstract, so that a program can be larger than the machine:
    `Model.estimate` does this for a training step.

    Args:
        program: A compiled program: `jax.jit(f).lower(*arguments).compile()`.
        mesh: The mesh of its shardings, for the sizes of its axes.
        name: What to call it when printed.

    Returns:
        An `Estimate`; `compare` makes a table of several.

    Raises:
        TypeError: If the program is not compiled.

    >>> import jax
    >>> from jax.sharding import AxisType, NamedSharding, PartitionSpec
    >>> mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])
    >>> rows = jax.ShapeDtypeStruct((8, 4), "float32", sharding=NamedSharding(mesh, PartitionSpec("data")))
    >>> found = estimate(jax.jit(lambda x: x.sum(0)).lower(rows).compile(), mesh)
    >>> found.arguments, found.count("all-reduce"), found.size("all-reduce"), found.sent
    (64, 1, 16, 16.0)
    """
    if not hasattr(program, "memory_analysis"):
        raise TypeError(
            f"estimate expects a compiled program, jax.jit(f).lower(*arguments).compile(); got a "
            f"{type(program).__name__}. For a training step of a model: model.estimate(x, y, mesh=mesh)."
        )
    text, memory, counted = program.as_text(), program.memory_analysis(), program.cost_analysis()
    counted = counted[0] if isinstance(counted, list) else counted or {}
    return Estimate(
        name,
        dict(mesh.shape) if mesh is not None else {},
        float(counted.get("flops", 0.0)),
        memory.argument_size_in_bytes,
        memory.output_size_in_bytes - memory.alias_size_in_bytes,
        memory.temp_size_in_bytes,
        tuple(collectives(text)),
        has_loops(text),
    )


def compare(estimates: Iterable[Estimate]) -> str:
    """Return a Markdown table of several estimates, one a row: what each device computes, keeps and sends.

    Args:
        estimates: Of one program on growing meshes, say.

    Returns:
        The table as a text.

    >>> print(compare([Estimate("Step", {"data": n}, 8e9 / n, 400, 0, 100, (Collective("all-reduce", 80, n),))
    ...                for n in (2, 4)]))
    | devices | mesh   | FLOP | arguments | in between | all-reduce | sent  |
    | ------- | ------ | ---- | --------- | ---------- | ---------- | ----- |
    | 2       | data=2 | 4 G  | 400 B     | 100 B      | 1 x, 80 B  | 80 B  |
    | 4       | data=4 | 2 G  | 400 B     | 100 B      | 1 x, 80 B  | 120 B |
    """
    rows = list(estimates)
    kinds = list(dict.fromkeys(one.kind for row in rows for one in row.collectives))
    table: list[Sequence[str]] = [("devices", "mesh", "FLOP", "arguments", "in between", *kinds, "sent")]
    for row in rows:
        memory = [f"{scaled(part)}B" for part in (row.arguments, row.outputs + row.temporaries)]
        shown = [f"{row.count(kind)} x, {scaled(row.size(kind))}B" if row.count(kind) else "-" for kind in kinds]
        mesh = ", ".join(f"{axis}={size}" for axis, size in row.mesh.items())
        table.append((str(row.devices), mesh, scaled(row.flops).strip(), *memory, *shown, f"{scaled(row.sent)}B"))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in table)
