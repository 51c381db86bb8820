"""Find where a number that is not finite came from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.callbacks.base import Callback, Logs
from jkeras.core import blame
from jkeras.models.nan_search import Finding, search
from jkeras.training.data import ArrayData, Batch, on_host
from jkeras.training.program import Fixed, TrainState

ACTIONS = ("raise", "stop", "warn")


class Place(NamedTuple):
    """Where all was finite: the batch of the epoch that comes next, and copies of what it starts from."""

    batch: int
    ts: TrainState
    fixed: Fixed


class NaNFinder(Callback):
    """Names what made the first NaN or infinity of a training: data, a layer, the loss, a gradient, or the update.

    Every so many batches, and at the end of each epoch, it looks whether the loss and the weights are finite, and
    keeps a copy of the train state on the device. If they are not, the steps since the last look are done once more,
    one by one; the first bad one is taken apart, layer by layer. The model gets the weights back that it had before
    this step. Without a finding it costs a stop of the loop every so many batches.

    Args:
        every: Batches between two looks. Of data that come as a stream, so many batches are kept in memory.
        action: What happens then: "raise" a `FloatingPointError`, "stop" training after printing it, or "warn" once and
            go on as if it had not been looked for (the weights are not given back then).

    Attributes:
        finding: What was found: its `kind`, the `path` of the layer, and a `text`; None until then.
        epoch, batch: Where, counted from 0.

    Raises:
        ValueError: If `every` is not positive, or the action is unknown.
        FloatingPointError: In training, with `action="raise"`.

    >>> import jax.numpy as jnp, numpy as np
    >>> from jkeras import layers, models
    >>> logarithm = layers.Lambda(jnp.log, input_shape=(3,), name="logarithm")
    >>> model = models.Sequential([logarithm, layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> finder = NaNFinder(action="stop")
    >>> _ = model.fit(-np.ones((8, 3)), np.ones(8), verbose=0, callbacks=[finder])   # doctest: +ELLIPSIS
    NaNFinder: in epoch 1, batch 1, the output of the layer 'logarithm' (Lambda) holds NaN ...
    >>> finder.finding.kind, finder.finding.path
    ('output', 'logarithm')
    """

    runs_last = True  # what others change before a batch is part of what it starts from

    def __init__(self, every: int = 100, action: str = "raise"):
        if isinstance(every, bool) or int(every) < 1:
            raise ValueError(f"NaNFinder(every=...) needs a positive number of batches; got {every!r}.")
        if action not in ACTIONS:
            raise ValueError(f"NaNFinder(action=...) must be one of {', '.join(ACTIONS)}; got {action!r}.")
        self.every = self.batch_interval = int(every)
        self.action = action
        self.finding: Finding | None = None
        self.epoch = self.batch = 0
        self._place: Place | None = None

    @property
    def _training(self) -> Any:
        return self.model._compiled.training

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin anew."""
        self.finding = self._place = None
        if not isinstance(self._training.data, ArrayData):
            self._training.run.recent = deque(maxlen=self.every)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self.epoch, self._place = epoch, None

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Keep what the next batches start from."""
        if self.finding is None and (self._place is None or batch - self._place.batch >= self.every):
            run = self._training.run
            run.refresh()
            self._place = Place(batch, *jax.tree.map(jnp.array, (run.ts, run.fixed)))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look."""
        self._look(batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look at the last batches of the epoch."""
        self._look(self._training.run.done, logs or {})

    def on_train_end(self, logs: Logs = None) -> None:
        """Let go of the copies."""
        self._place = None

    def _look(self, done: int, logs: dict[str, Any]) -> None:
        run = self._training.run
        if self._place is None or self.finding is not None or done <= self._place.batch:
            return
        losses = [value for key, value in logs.items() if key == "loss" or key.endswith("_loss")]
        if all(map(_finite, losses)) and bool(_all_finite(run.ts.params)):
            return
        self.batch, ts, self.finding = self._search(done)
        message = f"in epoch {self.epoch + 1}, batch {self.batch + 1}, {self.finding.text}"
        if self.action == "warn":
            blame.warn(f"NaNFinder: {message}", RuntimeWarning)
            self._training.arrays.store(run.ts)
            return
        run.ts = jax.tree.map(jnp.array, ts)
        self._training.arrays.store(run.ts)
        if self.action == "raise":
            raise FloatingPointError(f"NaNFinder: {message} The model has the weights from before this batch.")
        print(f"NaNFinder: {message}")
        self.model.stop_training = True

    def _search(self, done: int) -> tuple[int, TrainState, Finding]:
        """Do the steps again; return the number of the first bad one, what it starts from, and what is found."""
        assert self._place is not None
        number, ts, fixed = self._place
        program = self._training.run.program
        for batch in self._batches(number, done):
            after, totals = program.step(ts, program.fresh_totals(), batch, fixed)
            loss = program.read(program.report(totals)).get("loss", 0.0)
            if not (_finite(loss) and bool(_all_finite(after.params))):
                return number, ts, search(self.model, program, ts, batch, fixed)
            number, ts = number + 1, after
        text = (
            "the loss or a weight is not finite, but doing the steps again does not show why: was something changed "
            "between them?"
        )
        return number, ts, Finding("nothing", "", text)

    def _batches(self, first: int, done: int) -> Iterator[Batch]:
        training = self._training
        if isinstance(training.data, ArrayData):
            facts = training.facts
            made = training.data.epoch(facts["shuffle"], (training.seed, self.epoch), facts["steps_per_epoch"], first)
        else:
            made = list(training.run.recent)[-(done - first) :]
        for _, batch in zip(range(first, done), made, strict=False):
            yield training.run.placement.put(jax.tree.map(on_host, batch))


@jax.jit
def _all_finite(tree: Any) -> Any:
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])) if leaves else jnp.bool_(True)


def _finite(value: Any) -> bool:
    return bool(jnp.all(jnp.isfinite(jnp.asarray(value, jnp.float32))))
