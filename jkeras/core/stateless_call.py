"""A layer as Keras 3 on JAX runs it purely: lists of variables go in, the outputs and changed variables come out."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core import seeds, stateless
from jkeras.core.template import two_level, weights_of
from jkeras.core.weight import plain


class Watcher(Protocol):
    """Somebody who gives the random keys of the calls in a training step and keeps what they leave behind."""

    def next_key(self) -> Any: ...
    def called(self, layer: Any, params: Any, forward: Any) -> None: ...


watcher: ContextVar[Watcher | None] = ContextVar("jkeras_watcher", default=None)


def stateless_call(
    self: Any,
    trainable_variables: Sequence[Any],
    non_trainable_variables: Sequence[Any],
    *args: Any,
    return_losses: bool = False,
    rng: Any = None,
    **kwargs: Any,
) -> Any:
    """Compute the outputs from lists of arrays; a pure function of its arguments. `apply` does it on trees.

    Args:
        trainable_variables: Arrays in the order of `self.trainable_variables`.
        non_trainable_variables: Arrays in the order of `self.non_trainable_variables`.
        args: What `call` takes.
        return_losses: Also return the list of scalars added by `add_loss` and by regularizers.
        rng: A key or an integer seed. Without it, a step of `fit` gives its own; elsewhere it is made from the bits of
            the trainable variables, so that it differs from step to step.
        kwargs: Further arguments of `call`, `training` and `mask` among them.

    Returns:
        `(outputs, non_trainable_variables)`, or `(outputs, non_trainable_variables, losses)`.

    Raises:
        ValueError: If the layer is not built, or a list does not have as many arrays as there are variables.

    Reference: Keras 3, `Layer.stateless_call`.
    """
    if not self._is_declared() and next(weights_of(self), None) is None and self.children():
        raise ValueError(f"stateless_call: {self.name!r} is not built. Call it once on arrays first: layer(x).")
    values: dict[int, Any] = {}
    for what, given in (("trainable", trainable_variables), ("non_trainable", non_trainable_variables)):
        own = getattr(self, f"{what}_variables")
        if len(own) != len(given):
            raise ValueError(
                f"stateless_call: {self.name!r} has {len(own)} {what}_variables; got {len(given)} arrays. It takes "
                "(trainable_variables, non_trainable_variables, x), the lists in the order of the layer's own."
            )
        values.update((id(w), plain(array)) for w, array in zip(own, given, strict=True))
    rows = list(weights_of(self))
    arrays = {id(w): values[id(w)] if id(w) in values else w.current() for _, w in rows}
    params = two_level((key, w.name, arrays[id(w)]) for key, w in rows if w.trainable)
    state = two_level((key, w.name, arrays[id(w)]) for key, w in rows if not w.trainable)
    watching = watcher.get()
    if rng is None:
        rng = watching.next_key if watching is not None else lambda: _key_of(trainable_variables)
    training, mask = kwargs.pop("training", None), kwargs.pop("mask", None)
    result = self._forward(params, state, args, kwargs, training, seeds.as_key(rng), mask)
    if watching is not None:
        watching.called(self, params, result)
    after = {id(w): result.state[key][w.name] for key, w in rows if not w.trainable}
    if stateless.active() is not None:  # recurrent states and metrics are no part of the lists
        for _, w in rows:
            if id(w) in after and id(w) not in values and after[id(w)] is not arrays[id(w)]:
                w.store(after[id(w)])
    changed = [after.get(id(w), arrays[id(w)]) for w in self.non_trainable_variables]
    if not return_losses:
        return result.outputs, changed
    return result.outputs, changed, result.losses + self._penalties(params)


def _key_of(arrays: Sequence[Any]) -> Any:
    bits = jnp.zeros((), jnp.uint32)
    for array in arrays:
        values = lax.stop_gradient(jnp.asarray(plain(array), jnp.float32))
        bits = bits * 31 + jnp.sum(lax.bitcast_convert_type(values, jnp.uint32), dtype=jnp.uint32)
    return jax.random.key(bits)
