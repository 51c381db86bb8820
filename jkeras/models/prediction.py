"""The forward pass of a model over data: batch by batch, or many batches in one compiled loop."""

from __future__ import annotations

import functools
import itertools
import math
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core import seeds
from jkeras.core.compiling import SharedJit, convolves_on_cpu
from jkeras.core.template import kept, two_level, walk, weights_of
from jkeras.models.compiled import pure_functions
from jkeras.models.steps.custom import custom_forward, overrides
from jkeras.models.weight_rows import composition
from jkeras.training.arrays import canonical_dtype, on_host
from jkeras.training.data import ArrayData, Batch, StreamData
from jkeras.training.program import eager_program, fetch, send
from jkeras.training.stream import Ahead

# A compiled loop takes so many batches at once, or as many as have so many bytes.
LOOP_STEPS = 64
LOOP_BYTES = 1 << 26

# So many results are on their way from the device while the next are computed.
IN_FLIGHT = 4


class Outputs(NamedTuple):
    """Outputs on the device, of which the first `rows` count, and how many batches they come from."""

    arrays: Any
    rows: int
    batches: int


class Predictor:
    """The forward pass of a model as it is now: its compiled programs, its arrays, and the state as it goes along.

    Args:
        model: Its arrays are read once; `finish` stores the state that the batches left behind.
    """

    def __init__(self, model: Any):
        weights, key, keeps_rows = kept(model, _facts)
        if not all(w.is_drawn for _, w in weights):
            model._drawn_weights()
        self.model, self.placement = model, model._placement
        self.programs = _programs(model, key)
        place = self.placement.place
        rows = [(key, w.name, place(f"{key}/{w.name}", w.current()), w.trainable) for key, w in weights]
        self.params = two_level(row[:3] for row in rows if row[3])
        self.state = two_level(row[:3] for row in rows if not row[3])
        # The rows of a batch do not see each other, unless a layer keeps state for each of them, or the user's own step
        # does something with them all.
        self.may_pad = not (keeps_rows or _has_fixed_rows(model) or overrides(model, "predict_step"))
        self.placement.agree()
        self.seed = seeds.next_number()
        self.before = self.state
        self.count = 0

    def __call__(self, x: Any) -> Any:
        """Return the outputs for one batch, on the device."""
        seed = np.array([self.seed, self.count], np.uint32)
        self.count += 1
        batch = jax.tree.map(on_host, x)
        if self.placement.takes_parts:
            batch = self.placement.put(batch)
        outputs, changed = send(self.programs.step, self.params, self.state, batch, seed)
        self._go_on(changed)
        return self.placement.own_rows(outputs, jax.tree.leaves(x)[0].shape[0])

    def batch(self, x: Any, size: int) -> Outputs:
        """Return the outputs for a batch that may be smaller than `size`.

        The last row is repeated up to the next power of two: odd sizes compile no programs of their own.
        """
        rows = jax.tree.leaves(x)[0].shape[0]
        wanted = min(size, _power_of_two(rows))
        if not self.may_pad or wanted == rows:
            return Outputs(self(x), rows, 1)
        try:
            return Outputs(self(pad_rows(x, wanted)), rows, 1)
        except (TypeError, ValueError):
            self(x)  # says it of the shape that was given
            raise

    def batches(self, data: ArrayData, steps: int | None) -> Iterator[Outputs]:
        """Yield the outputs for arrays: many batches at a time if a compiled loop is as fast, else one by one."""
        size = data.batch_size
        samples = data.samples if steps is None else min(data.samples, steps * size)
        count = -(-samples // size)
        if data.samples <= size:
            yield self.batch(data.batch.x, size)
            return
        if count < 2 or not self.may_pad or self.placement.takes_parts or not self._loops(data):
            for batch in itertools.islice(Ahead(data.batches()), count):
                yield self.batch(batch.x, size)
            return
        row_bytes = sum(a.nbytes for a in jax.tree.leaves(data.batch.x)) / data.samples
        # Powers of two, so that few programs serve data of any size.
        loop = min(LOOP_STEPS, _power_of_two(count), _power_of_two(LOOP_BYTES / (row_bytes * size)))
        for start in range(0, samples, loop * size):
            stop = min(start + loop * size, samples)
            x = jax.tree.map(lambda a, start=start, stop=stop: a[start:stop], data.batch.x)
            steps_in = -(-(stop - start) // size)
            yield Outputs(self._loop(pad_rows(x, loop * size), steps_in, size), stop - start, steps_in)

    def told(self, batches: Iterable[Batch], data: ArrayData | StreamData, callbacks: Any) -> Iterator[Outputs]:
        """Yield the outputs of batches one by one, and tell callbacks of each."""
        for number, batch in enumerate(batches):
            callbacks.on_predict_batch_begin(number, {})
            if isinstance(data, ArrayData):
                outputs = self.batch(batch.x, data.batch_size)
            else:
                outputs = Outputs(self(batch.x), jax.tree.leaves(batch.x)[0].shape[0], 1)
            made = jax.tree.map(lambda a, rows=outputs.rows: a[:rows], outputs.arrays)
            callbacks.on_predict_batch_end(number, {"outputs": made})
            yield outputs

    def _loop(self, x: Any, count: int, size: int) -> Any:
        numbers = np.array([self.seed, self.count, count], np.uint32)
        self.count += count
        x = jax.tree.map(on_host, x)
        outputs, changed = send(self.programs.block, self.params, self.state, x, numbers, size=size)
        self._go_on(changed)
        return outputs

    def _loops(self, data: ArrayData) -> bool:
        """Whether batches may run in a compiled loop: not eagerly, not where outputs have no row for each sample."""
        if self.programs.eager:
            return False
        size = data.batch_size
        x = jax.tree.map(lambda a: jax.ShapeDtypeStruct((size, *a.shape[1:]), canonical_dtype(a)), data.batch.x)
        traced = self.programs.traced.trace(self.params, self.state, x, jax.ShapeDtypeStruct((2,), np.uint32))
        outputs = jax.tree.leaves(traced.out_info[0])
        if any(out.shape[:1] != (size,) for out in outputs):
            return False
        return not convolves_on_cpu(traced.jaxpr)

    def _go_on(self, changed: Any) -> None:
        if changed:
            self.state = {**self.state, **{key: {**self.state[key], **part} for key, part in changed.items()}}

    def finish(self) -> None:
        """Let the model hold the state as the last batch left it."""
        if self.state is not self.before:
            self.model._keep_state(self.before, self.state)


class _Programs(NamedTuple):
    """The compiled forms of a forward pass; `traced` is what both are made of."""

    traced: Callable[..., Any]
    step: Callable[..., Any]
    block: Callable[..., Any]
    eager: bool


def _facts(model: Any) -> tuple[list[tuple[str, Any]], Hashable, bool]:
    """The weights, what programs depend on, and whether a layer keeps state for each row from batch to batch."""
    keeps_rows = any(getattr(layer, "stateful", False) for _, layer in walk(model))
    return list(weights_of(model)), composition(model), keeps_rows


def _programs(model: Any, key: Hashable) -> _Programs:
    """Return the programs of a model, made for each choice of trained layers: a frozen layer may compute otherwise."""
    cache, placement = model.__dict__.setdefault("_compiled_predict", {}), model._placement
    eager = model._compiled is not None and model._compiled.eager
    variant = eager, key, placement.identity
    if variant in cache:
        return cache[variant]
    pure = pure_functions(model)
    forward = custom_forward(model) or pure.forward

    def predict(params: Any, state: Any, x: Any, seed: Any) -> Any:
        rng = jax.random.fold_in(jax.random.key(seed[0]), seed[1])
        result = forward(params, state, placement.split(x), False, rng)
        return placement.results(result.outputs), placement.keep_weights(_changed(state, result.state))

    traced: Any = predict if eager else jax.jit(predict)

    def predict_batch(params: Any, state: Any, x: Any, seed: Any) -> Any:
        return traced(params, state, x, seed)

    def predict_batches(params: Any, state: Any, x: Any, numbers: Any, size: int) -> Any:
        """The first `numbers[2]` batches of `x` in a loop."""
        first = jax.tree.map(lambda a: a[:size], x)
        shapes, changed = jax.eval_shape(traced, params, state, first, numbers[:2])
        rows = jax.tree.leaves(x)[0].shape[0]
        outputs = jax.tree.map(lambda out: jnp.zeros((rows, *out.shape[1:]), out.dtype), shapes)
        moving = {key: {name: state[key][name] for name in part} for key, part in changed.items()}

        def body(step: Any, carry: Any) -> Any:
            outputs, moving = carry
            now = {**state, **{key: {**state[key], **part} for key, part in moving.items()}}
            batch = jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, step * size, size), x)
            seed = jnp.stack([numbers[0], numbers[1] + step.astype(numbers.dtype)])
            made, moving = traced(params, now, batch, seed)
            place = lambda all, part: lax.dynamic_update_slice_in_dim(all, part, step * size, 0)  # noqa: E731
            return jax.tree.map(place, outputs, made), moving

        return lax.fori_loop(0, numbers[2].astype(jnp.int32), body, (outputs, moving))

    def structure() -> Hashable | None:
        own = pure.structure()
        return None if own is None else (own, placement.identity)

    program = eager_program if eager else functools.partial(SharedJit, structure=structure)
    compiled = program(predict_batch), program(predict_batches, static_argnames="size")
    return cache.setdefault(variant, _Programs(traced, *compiled, eager))


def _has_fixed_rows(model: Any) -> bool:
    plan = model._plan
    return plan is not None and any(tensor.shape and tensor.shape[0] is not None for tensor in plan.input_list)


def _power_of_two(number: float) -> int:
    """The power of two that is not below a number, at least 1."""
    return 1 << max(math.ceil(number) - 1, 0).bit_length()


def _changed(before: Any, after: Any) -> dict[str, dict[str, Any]]:
    """The part of the state that a forward pass replaced."""
    rows = ((key, name, value) for key, part in after.items() for name, value in part.items())
    return two_level((key, name, value) for key, name, value in rows if value is not before[key][name])


def gathered(results: Iterator[Outputs], shown: Callable[[Outputs], None] | None = None) -> list[Any]:
    """Return results as numpy arrays, fetched while the device computes the next."""
    fetched, waiting = [], deque[Outputs]()
    for outputs in results:
        waiting.append(outputs)
        if shown is not None:
            shown(outputs)
        if len(waiting) > IN_FLIGHT:
            fetched.append(_fetch(waiting.popleft()))
    return fetched + [_fetch(outputs) for outputs in waiting]


def _fetch(outputs: Outputs) -> Any:
    return jax.tree.map(lambda a: a[: outputs.rows], fetch(outputs.arrays))


def pad_rows(tree: Any, size: int) -> Any:
    """Repeat the last row up to `size` rows."""

    def pad(array: Any) -> Any:
        if array.shape[0] == size:
            return array
        rows = [(0, size - array.shape[0])] + [(0, 0)] * (array.ndim - 1)
        return jnp.pad(array, rows, mode="edge") if isinstance(array, jax.Array) else np.pad(array, rows, mode="edge")

    return jax.tree.map(pad, tree)
