"""What a call of `fit` did, as facts, and the paragraph that tells them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import jax

from jkeras.core.settings import settings
from jkeras.core.units import scaled
from jkeras.training.chunks import CHUNK_BYTES, batch_bytes
from jkeras.training.data import ArrayData, Batch
from jkeras.training.program import Decision

Item = TypeVar("Item")

_SENT = {
    "blocks": "many steps in one compiled loop",
    "chunks": "many steps in one compiled loop, over one chunk of the data after the other",
    "steps": "one dispatch a step",
    "stream": "one dispatch a step, on batches that come in",
}


class Compilation(NamedTuple):
    """A program that had to be traced and compiled (or read from the compilation cache) before it ran."""

    what: str
    seconds: float


class Record:
    """The facts of one call of `fit`, written down by the run as they happen.

    Args:
        decision: How its steps are run.
        data: What it trains on.
        sample: Abstract arrays of one batch.
        hooked: The callbacks that are told of each batch.
        mesh: The mesh of devices, if there is one.
    """

    def __init__(self, decision: Decision, data: Any, sample: Batch, hooked: list[str], mesh: Any = None):
        self.decision, self.hooked = decision, hooked
        self.sample = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), sample)
        self.device = str(jax.tree.leaves(jax.config.jax_default_device)[:1] or jax.local_devices()[0])  # type: ignore
        if mesh is not None:
            sizes = ", ".join(f"{axis}={size}" for axis, size in mesh.shape.items())
            self.device = f"each of the {mesh.size} devices of the mesh ({sizes})"
        self.place = self._place(data)
        self.epochs = self.steps = self.samples = self.blocks = self.threads = 0
        self.smallest = self.largest = 0
        self.seconds = 0.0  # of the steps: neither compilation nor validation
        # Where the time of the loop went: waiting for data, compiling, sending steps and waiting for them, batch hooks.
        self.spent: dict[str, float] = dict.fromkeys(("data", "compile", "device", "callbacks"), 0.0)
        self.compiled: list[Compilation] = []

    def _place(self, data: Any) -> str:
        if not isinstance(data, ArrayData):
            return f"come from a {type(data.source).__name__}, batch by batch"
        size = f"{scaled(batch_bytes(data.batch))}B"
        if self.decision.mode in ("blocks", "steps"):
            return f"({size}) live on {self.device}"
        held = {type(a).__name__ for a in jax.tree.leaves(data.batch)}
        where = f"({size}, {', '.join(sorted(held))}) live on the host"
        if self.decision.mode == "chunks":
            return f"{where} and come in chunks of at most {scaled(CHUNK_BYTES)}B"
        return f"{where} and come in batches of {scaled(batch_bytes(self.sample))}B"

    def block(self, steps: int, rows: int) -> None:
        """Take note of steps that were sent at once."""
        self.blocks += 1
        self.steps += steps
        self.samples += rows
        self.smallest = min(self.smallest or steps, steps)
        self.largest = max(self.largest, steps)

    def timed(self, what: str, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, and count the time in which they are waited for."""
        iterator = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.spent[what] += time.perf_counter() - began
            yield item

    def paragraph(self) -> str:
        """Return how the steps were run, why, and how fast, in words."""
        decision, epochs = self.decision, _count(self.epochs, "epoch")
        told = [
            f"fit ran {epochs}: {_count(self.steps, 'step')} over {_count(self.samples, 'sample')}, as "
            f"{_SENT[decision.mode]} (mode {decision.mode!r}), because {decision.reason}.",
            f"The data {self.place}{self._thread_text()}.",
        ]
        if self.blocks:
            size = f"{self.smallest:,}" if self.smallest == self.largest else f"{self.smallest:,} to {self.largest:,}"
            told.append(f"Steps were sent in {_count(self.blocks, 'block')} of {size}.")
        if self.hooked:
            told.append(
                f"{', '.join(self.hooked)} had to be told of every batch, so each block was waited for; the calls took "
                f"{_seconds(self.spent['callbacks'])}."
            )
        else:
            told.append("No callback had to be told of every batch.")
        if self.compiled:
            listing = ", ".join(f"{c.what} in {_seconds(c.seconds)}" for c in self.compiled)
            told.append(f"Compiled before they ran: {listing}.")
        else:
            told.append("Nothing had to be compiled: the programs of an earlier call fitted.")
        if self.seconds and self.steps:
            told.append(
                f"Without compilation and validation the steps took {_seconds(self.seconds)}: "
                f"{self.steps / self.seconds:,.0f} steps/s, {self.samples / self.seconds:,.0f} samples/s."
            )
        return " ".join(told)

    def _thread_text(self) -> str:
        if self.decision.mode not in ("stream", "chunks"):
            return ""
        if self.threads:
            return f", made at most {settings.prefetch} ahead by a thread"
        return ", made between the steps: too quickly made for a thread, or jkeras.config.set_prefetch(0) was called"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"
