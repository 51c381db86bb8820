"""What members predict: each for itself, their mean, or what most of them say."""

from __future__ import annotations

from collections import deque
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.compiling import SharedJit
from jkeras.core.errors import nearest
from jkeras.models.compiled import pure_functions
from jkeras.models.prediction import IN_FLIGHT, pad_rows
from jkeras.models.steps.custom import custom_forward
from jkeras.population.program import AXES, Common, joined_params
from jkeras.training.arrays import on_host
from jkeras.training.data import ArrayData
from jkeras.training.program import fetch, send

COMBINE = (None, "mean", "vote")


class Forward:
    """The forward pass of all members, compiled.

    Args:
        engine: The members.
    """

    def __init__(self, engine: Any):
        self.engine = engine
        forward = custom_forward(engine.worker) or pure_functions(engine.worker).forward

        def predict(params: Any, state: Any, x: Any, key: Any, number: Any, common: Common) -> Any:
            def one(params: Any, state: Any, key: Any, common: Common) -> Any:
                with engine.slots.bound(common.numbers, common.member):
                    params = joined_params(params, common)
                    return forward(params, state, x, False, jax.random.fold_in(key, number)).outputs

            return engine.placement.kept(jax.vmap(one, in_axes=(0, 0, 0, AXES))(params, state, key, common))

        self.program = SharedJit(predict)

    def __call__(self, data: ArrayData, key: Any, common: Common, steps: int | None) -> Any:
        """Return the outputs as numpy arrays of shape (members, samples, ...)."""
        size, members = data.batch_size, self.engine.settings.members
        samples = data.samples if steps is None else min(data.samples, steps * size)
        params, state = self.engine.trees()
        fetched, waiting = [], deque[tuple[Any, int]]()
        for number, first in enumerate(range(0, samples, size)):
            last = min(first + size, samples)
            x = jax.tree.map(lambda a, first=first, last=last: on_host(a[first:last]), data.batch.x)
            wanted = min(size, 1 << (last - first - 1).bit_length())
            outputs = send(self.program, params, state, pad_rows(x, wanted), key, np.uint32(number), common)
            waiting.append((outputs, last - first))
            if len(waiting) > IN_FLIGHT:
                fetched.append(_cut(*waiting.popleft(), members))
        fetched += [_cut(*one, members) for one in waiting]
        return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *fetched)


def _cut(outputs: Any, rows: int, members: int) -> Any:
    return jax.tree.map(lambda a: a[:members, :rows], fetch(outputs))


def combined(outputs: Any, combine: str | None) -> Any:
    """Return the members' outputs, of shape (members, samples, ...), or what they say together.

    Args:
        outputs: Arrays with a member axis in front.
        combine: None for each member's own; "mean"; "vote" for the class that most members choose, of shape (samples,):
            the one with the largest output, or for a single output whether it is above 0.5. Ties go to the class whose
            mean output is larger.

    >>> outputs = np.array([[[0.9, 0.1]], [[0.4, 0.6]], [[0.45, 0.55]]])
    >>> combined(outputs, "mean").round(3).tolist(), combined(outputs, "vote").tolist()
    ([[0.583, 0.417]], [1])
    """
    if combine not in COMBINE:
        raise ValueError(
            f"combine must be None, 'mean' or 'vote'; got {combine!r}.{nearest(str(combine), ['mean', 'vote'])}"
        )
    if combine is None:
        return outputs
    if combine == "mean":
        return jax.tree.map(lambda a: a.mean(0), outputs)
    return jax.tree.map(_voted, outputs)


def _voted(outputs: np.ndarray) -> np.ndarray:
    if outputs.ndim < 3:
        raise ValueError(f"combine='vote' needs outputs of shape (samples, classes); got {outputs.shape[1:]}.")
    if outputs.shape[-1] == 1:
        share, mean = (outputs[..., 0] > 0.5).mean(0), outputs[..., 0].mean(0)
        return np.where(share == 0.5, mean > 0.5, share > 0.5).astype(np.int64)
    votes = jax.nn.one_hot(jnp.asarray(outputs.argmax(-1)), outputs.shape[-1]).sum(0)
    spread = np.ptp(outputs.mean(0), axis=-1, keepdims=True)
    tie = (outputs.mean(0) - outputs.mean(0).min(-1, keepdims=True)) / np.where(spread > 0, spread, 1)
    return (np.asarray(votes) + 0.5 * tie).argmax(-1)
