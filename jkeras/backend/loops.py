"""`K` functions that run a function along an axis: over time, or over the elements of the first axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.backend.shapes import _under
from jkeras.core.operation import operate
from jkeras.functional import recurrence

__all__ = ["foldl", "foldr", "map_fn", "rnn"]


def rnn(
    step_function: Callable[[Any, list[Any]], tuple[Any, Sequence[Any]]],
    inputs: Any,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: Any = None,
    constants: Sequence[Any] | None = None,
    unroll: bool = False,
    input_length: int | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, list[Any]]:
    """Run `step_function(x_t, states) -> (output, new_states)` over time, as one compiled loop.

    Args:
        step_function: `states` are those of the step before, followed by the `constants`.
        inputs: `(batch, time, ...)`, or any tree of such arrays.
        initial_states: A list of arrays `(batch, ...)`.
        go_backwards: Go from the last step to the first; outputs stay in the order in which they were computed.
        mask: `(batch, time)` or `(batch, time, 1)`: where it is false, states stay and the output is repeated.
        constants: Passed to every step.
        unroll: Write the steps out instead of looping.
        input_length: The number of steps, if one wants it checked: arrays know their length.
        time_major: Inputs, mask and outputs have time before batch.
        zero_output_for_mask: Zeros where a step is masked, instead of the output before it.
        return_all_outputs: Whether the outputs of all steps are returned, or only the last one (as a single step).

    Returns:
        The last output, the outputs `(batch, time, ...)`, and the list of last states.

    Raises:
        ValueError: If `input_length` is not the number of steps.

    >>> last, sums, _ = rnn(lambda x, s: (s[0] + x, [s[0] + x]), jnp.ones((1, 3, 1)), [jnp.zeros((1, 1))])
    >>> sums.ravel().tolist(), last.item()
    ([1.0, 2.0, 3.0], 3.0)
    """
    fixed = list(constants or ())
    count = jax.tree.leaves(inputs)[0].shape[0 if time_major else 1]
    if input_length is not None and count is not None and input_length != count:
        raise ValueError(f"K.rnn: inputs have {count} steps, but input_length is {input_length}.")

    def run(inputs: Any, states: Any, mask: Any, fixed: Any) -> Any:
        def step(x: Any, states: Any) -> tuple[Any, list[Any]]:
            output, new_states = step_function(x, [*states, *fixed])
            return output, list(new_states)

        if mask is not None and mask.ndim == 3:
            mask = mask[..., 0]
        last, outputs, states = recurrence.rnn(
            step, inputs, states, mask=mask, go_backwards=go_backwards, unroll=unroll, time_major=time_major,
            zero_output_for_mask=zero_output_for_mask,
        )  # fmt: skip
        if not return_all_outputs:
            outputs = jax.tree.map(lambda y: jnp.expand_dims(y, 0 if time_major else 1), last)
        return last, outputs, states

    return operate(run, inputs, list(initial_states), mask, fixed)


def map_fn(fn: Callable[[Any], Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """Apply `fn` to each element of the first axis, one after the other, and stack the results.

    `jax.vmap(fn)(elems)` computes them all at once.

    Args:
        fn: Takes one element, returns an array or a tree of arrays.
        elems: An array, or a tree of arrays.
        name: Shown by profiles.
        dtype: Dtype that the results are converted to, or None.

    Returns:
        What `fn` returns, with a new first axis of the size of that of `elems`.

    >>> map_fn(lambda x: x + 1, jnp.arange(3)).tolist()
    [1, 2, 3]
    """

    def run(elems: Any) -> Any:
        with _under(name):
            results = jax.lax.map(fn, elems)
        return results if dtype is None else jax.tree.map(lambda y: y.astype(dtype), results)

    return operate(run, elems)


def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """Return `fn(... fn(fn(initializer, e0), e1) ..., en)` over the first axis.

    Args:
        fn: Takes what was found so far and one element, returns the next.
        elems: An array, or a tree of arrays.
        initializer: What to begin with; None is the first element.
        name: Shown by profiles.

    Returns:
        What the last call of `fn` returns.

    >>> foldl(lambda total, x: 2 * total + x, jnp.arange(4)).item()
    11
    """
    return _fold(fn, elems, initializer, name, reverse=False)


def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """Return the same as `foldl` from the last element to the first.

    Args:
        fn: Takes what was found so far and one element, returns the next.
        elems: An array, or a tree of arrays.
        initializer: What to begin with; None is the last element.
        name: Shown by profiles.

    Returns:
        What the last call of `fn` returns.

    >>> foldr(lambda total, x: 2 * total + x, jnp.arange(4)).item()
    34
    """
    return _fold(fn, elems, initializer, name, reverse=True)


def _fold(fn: Callable[..., Any], elems: Any, initializer: Any, name: str | None, reverse: bool) -> Any:
    def run(elems: Any, initializer: Any) -> Any:
        if initializer is None:
            end = -1 if reverse else 0
            initializer = jax.tree.map(lambda e: e[end], elems)
            elems = jax.tree.map(lambda e: e[:-1] if reverse else e[1:], elems)
        # A loop insists on one dtype from beginning to end.
        like = jax.eval_shape(fn, initializer, jax.tree.map(lambda e: e[0], elems)) if _length(elems) else initializer
        begin = jax.tree.map(lambda a, b: jnp.asarray(a, b.dtype), initializer, like)
        with _under(name):
            return jax.lax.scan(lambda total, e: (fn(total, e), None), begin, elems, reverse=reverse)[0]

    return operate(run, elems, initializer)


def _length(elems: Any) -> int:
    return jax.tree.leaves(elems)[0].shape[0]
