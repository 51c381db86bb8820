"""Scans over time: one for the step function of any cell, and a fast one for cells made of matrix products."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

from jkeras.functional.transforms import checkpoint

Product = Callable[[Any, Any, Any, Any], Array]


def rnn(
    step: Callable[..., tuple[Any, Any]],
    inputs: Any,
    initial_state: Any,
    *,
    mask: Array | None = None,
    go_backwards: bool = False,
    unroll: bool | int = False,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    constants: Any = None,
    remat_steps: int | None = None,
) -> tuple[Any, Any, Any]:
    """Run `step(x_t, state) -> (output, new_state)` over time.

    A masked step keeps the state and repeats the output before it. Before the first valid step that output is the
    first array of the initial state if it has the shape of an output (as in Keras on JAX), else zeros.

    Args:
        step: the cell; it gets `constants` as a third argument if they are given.
        inputs: `(batch, time, ...)`, or any tree of such arrays.
        initial_state: any tree of arrays `(batch, ...)`.
        mask: `(batch, time)` booleans, true where a step is valid.
        go_backwards: go from the last step to the first; the outputs stay in the order in which they were computed.
        unroll: unroll the loop, wholly or by a number of steps.
        time_major: inputs, mask and outputs are `(time, batch, ...)`.
        zero_output_for_mask: put zeros where a step is masked, instead of the output before it.
        constants: passed on to every step.
        remat_steps: for long sequences: the gradient keeps the state of every so many steps only, and computes the
            steps between them again. The least memory is needed near the square root of the number of steps.

    Returns:
        The last output, all outputs `(batch, time, ...)`, and the last state.

    >>> def add(x, total):
    ...     return total + x, total + x
    >>> last, sums, _ = rnn(add, jnp.ones((1, 3, 1)), jnp.zeros((1, 1)), mask=jnp.asarray([[True, False, True]]))
    >>> sums.ravel().tolist(), last.item()
    ([1.0, 1.0, 2.0], 2.0)
    """
    extra = () if constants is None else (constants,)
    inputs = jax.tree.map(partial(_time_first, time_major=time_major, flip=go_backwards), inputs)

    def scan(body: Any, carry: Any, xs: Any) -> tuple[Any, Any]:
        return _in_segments(partial(lax.scan, body, unroll=unroll), carry, xs, remat_steps)

    if mask is None:

        def plain(state: Any, x: Any) -> tuple[Any, Any]:
            output, new_state = step(x, state, *extra)
            return _like(new_state, state), output

        state, outputs = scan(plain, initial_state, inputs)
    else:
        mask = _time_first(mask.astype(bool), time_major, go_backwards)
        state, outputs = _masked_scan(step, inputs, mask, initial_state, extra, scan, zero_output_for_mask)
    last = jax.tree.map(itemgetter(-1), outputs)
    return last, jax.tree.map(partial(_time_first, time_major=time_major, flip=False), outputs), state


def _masked_scan(
    step: Callable[..., tuple[Any, Any]],
    inputs: Any,
    mask: Array,
    initial_state: Any,
    extra: tuple[Any, ...],
    scan: Callable[..., tuple[Any, Any]],
    zero_output: bool,
) -> tuple[Any, Any]:
    first_inputs = jax.tree.map(itemgetter(0), inputs)

    def first_step(x: Any, state: Any) -> Any:
        return step(x, state, *extra)

    shapes, _ = jax.eval_shape(first_step, first_inputs, initial_state)
    before = jax.tree.map(jnp.zeros_like, shapes)
    states = jax.tree.leaves(initial_state)
    if states and isinstance(before, Array) and states[0].shape == before.shape and not zero_output:
        before = states[0].astype(before.dtype)

    def body(carry: Any, step_inputs: Any) -> tuple[Any, Any]:
        state, before = carry
        x, valid = step_inputs
        output, new_state = step(x, state, *extra)
        output = _select(valid, output, before)
        new_state = _select(valid, _like(new_state, state), state)
        return (new_state, before if zero_output else output), output

    (state, _), outputs = scan(body, (initial_state, before), (inputs, mask))
    return state, outputs


def _in_segments(
    scan: Callable[[Any, Any], tuple[Any, Any]], state: Any, xs: Any, steps: int | None
) -> tuple[Any, Any]:
    """Scan `steps` steps at a time, and keep for the gradient what each segment begins with, nothing from inside it."""
    length = jax.tree.leaves(xs)[0].shape[0]
    if steps is None or not _is_number(length) or steps >= length:  # a symbolic length has no segments
        return scan(state, xs)
    if steps < 1:
        raise ValueError(f"remat_steps must be a positive number of steps; got {steps}.")
    segment = checkpoint(prevent_cse=False)(scan)
    whole = length - length % steps

    def cut(x: Array) -> Array:
        return x[:whole].reshape(-1, steps, *x.shape[1:])

    def joined(y: Array) -> Array:
        return y.reshape(whole, *y.shape[2:])

    state, outputs = lax.scan(segment, state, jax.tree.map(cut, xs))
    outputs = jax.tree.map(joined, outputs)
    if whole < length:
        state, rest = segment(state, jax.tree.map(itemgetter(slice(whole, None)), xs))
        outputs = jax.tree.map(lambda *parts: jnp.concatenate(parts), outputs, rest)
    return state, outputs


class Gates(NamedTuple):
    """What a gated cell computes its gates from: two matrix products and their biases."""

    kernel: Array
    recurrent_kernel: Array
    bias: Array | None = None
    recurrent_bias: Array | None = None
    weights: Any = ()
    """Further weights, which the cell itself gets."""


class Cell(NamedTuple):
    """One step of a gated recurrence, and its derivative."""

    step: Callable[..., tuple[tuple[Array, ...], Any]]
    """`step(gates, state, weights) -> (new_state, saved)`; the first array of the state is the output."""

    tangent: Callable[..., tuple[Array, ...]]
    """`tangent(saved, state, new_state, weights, gates_dot, state_dot, weights_dot) -> new_state_dot`."""


def cell_of(function: Callable[..., tuple[Array, ...]]) -> Cell:
    """Return the cell of `function(gates, state, weights) -> new_state`; its derivative computes the step again.

    Args:
        function: A pure function of arrays.

    Returns:
        A `Cell`.
    """

    def step(*arguments: Any) -> tuple[tuple[Array, ...], Any]:
        *gates, state, weights = arguments
        return function(*gates, state, weights), tuple(gates)

    def tangent(saved: Any, state: Any, new_state: Any, weights: Any, *dots: Any) -> tuple[Array, ...]:
        return jax.jvp(function, (*saved, state, weights), dots)[1]

    return Cell(step, tangent)


def gated_rnn(
    cell: Cell,
    x: Array,
    gates: Gates,
    initial_state: tuple[Array, ...] | None,
    *,
    state_count: int = 1,
    merge: bool = True,
    mask: Array | None = None,
    go_backwards: bool = False,
    unroll: bool | int = False,
    time_major: bool = False,
    input_dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    return_all: bool = True,
    products: tuple[Product, Product] | None = None,
    remat_steps: int | None = None,
) -> tuple[Array, Array | None, tuple[Array, ...]]:
    """Run a cell whose gates are `x_t @ kernel + bias` and `h_{t-1} @ recurrent_kernel + recurrent_bias`.

    The products with `x` are taken for all steps at once where that is faster, and the gradient of both kernels always
    is: it does not depend on the order of the steps, so it is one large product after the loop instead of a sum
    inside it.

    Args:
        cell: one step; with `merge=False` its functions get two terms for `gates`, of inputs and of the state. Must be
            pure functions of their arguments.
        x: `(batch, time, features)`.
        gates: the weights.
        initial_state: arrays `(batch, units)`; `None` is zeros.
        state_count: number of arrays of the state.
        merge: whether the two products are added before the cell sees them.
        mask: `(batch, time)` booleans; see `rnn`.
        go_backwards: as for `rnn`.
        unroll: as for `rnn`.
        time_major: as for `rnn`.
        input_dropout_mask: what `x` is multiplied by, `(batch, features)` or, one for each gate,
            `(gates, batch, features)`. Taken as a constant, like the next.
        recurrent_dropout_mask: what `h` is multiplied by, `(batch, units)` or `(gates, batch, units)`.
        return_all: whether the outputs of all steps are returned.
        products: what takes the place of the matrix products with `x` and with `h`, such as convolutions: functions
            `f(x, kernel, dropout_mask, bias)` that are linear in `x` and in `kernel`, of one step `(batch, ...)` or of
            all `(time, batch, ...)`. The initial state must then be given.
        remat_steps: as for `rnn`.

    Returns:
        The last output, all outputs or `None`, and the last state.
    """
    if products is None and x.ndim != 3:
        raise ValueError(f"A recurrent layer expects (batch, time, features), got an input of shape {x.shape}.")
    dtype = jnp.result_type(x, gates.kernel, gates.recurrent_kernel)
    dtype = dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.dtype(jnp.float32)
    x, gates = jax.tree.map(partial(jnp.asarray, dtype=dtype), (x, gates))
    units = gates.recurrent_kernel.shape[0]
    batch = x.shape[1 if time_major else 0]
    from_zeros = initial_state is None
    if initial_state is None:
        initial_state = tuple(jnp.zeros((batch, units), dtype) for _ in range(state_count))
    state = tuple(jnp.asarray(s, dtype) for s in initial_state)
    x = _time_first(x, time_major, go_backwards)
    mask = None if mask is None else _time_first(mask.astype(bool), time_major, go_backwards)

    def constant(mask: Array) -> Array:
        return lax.stop_gradient(mask).astype(dtype)

    masks = jax.tree.map(constant, (input_dropout_mask, recurrent_dropout_mask))
    # On CPU the loop is bound by memory: gates of all steps are only worth writing down if they are not much wider
    # than the inputs they are made from.
    at_once = products is not None or jax.default_backend() != "cpu" or x.shape[-1] >= units
    products = products or (_product, _product)
    scan = partial(_gated_scan, cell, products, merge, at_once, unroll, gates, masks)
    xs, first = (x, mask), None
    if from_zeros and _is_number(x.shape[0]) and x.shape[0] > 1:  # a symbolic number of steps has no first one
        # The product of zeros with the recurrent kernel is not computed, forwards or backwards.
        state = _first_step(cell, products, merge, gates, masks, state, *jax.tree.map(itemgetter(0), xs))
        first, xs = state[0], jax.tree.map(itemgetter(slice(1, None)), xs)
    state, outputs = _in_segments(scan, state, xs, remat_steps)
    if first is not None and return_all:
        outputs = jnp.concatenate([first[None], outputs])
    return state[0], _time_first(outputs, time_major, False) if return_all else None, state


def _first_step(
    cell: Cell,
    products: tuple[Product, Product],
    merge: bool,
    gates: Gates,
    masks: tuple[Array | None, Array | None],
    zeros: tuple[Array, ...],
    x: Array,
    valid: Array | None,
) -> tuple[Array, ...]:
    """Take the first step, from a state of zeros."""
    input_gates = products[0](x, gates.kernel, masks[0], gates.bias)
    shape = jax.eval_shape(products[1], zeros[0], gates.recurrent_kernel, None, None).shape
    recurrent_gates = jnp.zeros(shape, x.dtype)
    if gates.recurrent_bias is not None:
        recurrent_gates += gates.recurrent_bias
    terms = (input_gates + recurrent_gates,) if merge else (input_gates, recurrent_gates)
    state, _ = cell.step(*terms, zeros, gates.weights)
    return state if valid is None else _select(valid, state, zeros)


def _gated_scan(
    cell: Cell,
    products: tuple[Product, Product],
    merge: bool,
    at_once: bool,
    unroll: bool | int,
    gates: Gates,
    masks: tuple[Array | None, Array | None],
    state: tuple[Array, ...],
    xs: tuple[Array, Array | None],
) -> tuple[tuple[Array, ...], Array]:
    """Scan a gated cell over time-major `x`; a custom derivative takes the kernels out of the differentiated loop."""
    input_product, recurrent_product = products
    x, mask = xs

    def run(input_gates: Any, x: Any, gates: Gates, state: Any, mask: Any, masks: Any, keep: bool = False) -> Any:
        """Scan; if `keep`, return the states after all steps instead of the outputs, and what the cell saves."""

        def body(state: tuple[Array, ...], inputs: Any) -> Any:
            x, input_gates, valid = inputs
            if not at_once:
                input_gates = input_product(x, gates.kernel, masks[0], gates.bias)
            recurrent_gates = recurrent_product(state[0], gates.recurrent_kernel, masks[1], gates.recurrent_bias)
            products = (input_gates + recurrent_gates,) if merge else (input_gates, recurrent_gates)
            new_state, saved = cell.step(*products, state, gates.weights)
            new_state = new_state if valid is None else _select(valid, new_state, state)
            return new_state, (new_state, saved) if keep else new_state[0]

        return lax.scan(body, state, (None if at_once else x, input_gates, mask), unroll=unroll)

    @jax.custom_jvp
    def scan(input_gates: Any, x: Any, gates: Any, state: Any, mask: Any, masks: Any) -> Any:
        return run(input_gates, x, gates, state, mask, masks)

    def scan_jvp(primals: Any, tangents: Any) -> Any:
        _, x, gates, state, mask, masks = primals
        input_gates_dot, x_dot, gates_dot, state_dot, _, _ = tangents
        last, (after, saved) = run(*primals, keep=True)
        before = tuple(jnp.concatenate([first[None], states[:-1]]) for first, states in zip(state, after, strict=True))
        input_terms = (
            [input_gates_dot]
            if at_once
            else [
                _tangent(input_product, x_dot, gates.kernel, masks[0]),
                _tangent(input_product, x, gates_dot.kernel, masks[0]),
                gates_dot.bias,
            ]
        )
        recurrent_terms = [
            _tangent(recurrent_product, before[0], gates_dot.recurrent_kernel, masks[1]),
            gates_dot.recurrent_bias,
        ]
        shape = jax.eval_shape(input_product, x, gates.kernel, None, None).shape
        if merge:
            moved = (_total(input_terms + recurrent_terms, shape, x.dtype),)
        else:
            recurrent_shape = jax.eval_shape(recurrent_product, before[0], gates.recurrent_kernel, None, None).shape
            moved = (_total(input_terms, shape, x.dtype), _total(recurrent_terms, recurrent_shape, x.dtype))
        weights_dot = _filled(gates_dot.weights, gates.weights)

        # What is computed from the saved values is computed again for the transpose, rather than kept for all steps.
        @checkpoint(prevent_cse=False)
        def tangent(kept: Any, moved: Any, product_dot: Array, state_dot: Any, weights_dot: Any) -> Any:
            saved, state, new_state = kept
            if merge:
                gates_dot = (moved[0] + product_dot,)
            else:
                gates_dot = (moved[0], moved[1] + product_dot)
            return cell.tangent(saved, state, new_state, gates.weights, *gates_dot, state_dot, weights_dot)

        def body(state_dot: Any, inputs: Any) -> Any:
            *kept, moved, valid = inputs
            product_dot = recurrent_product(state_dot[0], gates.recurrent_kernel, masks[1], None)
            new_dot = tangent(kept, moved, product_dot, state_dot, weights_dot)
            new_dot = new_dot if valid is None else _select(valid, new_dot, state_dot)
            return new_dot, new_dot[0]

        dots = lax.scan(body, _filled(state_dot, state), (saved, before, after, moved, mask), unroll=unroll)
        return (last, after[0]), dots

    scan.defjvp(scan_jvp, symbolic_zeros=True)
    input_gates = input_product(x, gates.kernel, masks[0], gates.bias) if at_once else None
    return scan(input_gates, x, gates, state, mask, masks)


def _product(x: Array, kernel: Array, mask: Array | None = None, bias: Array | None = None) -> Array:
    """`(x * mask) @ kernel + bias`, with one mask for all gates or `(gates, batch, features)`, one for each."""
    if mask is None or mask.ndim == 2:
        y = _matmul(x if mask is None else x * mask, kernel)
    else:
        blocks = jnp.split(kernel, mask.shape[0], axis=-1)
        y = jnp.concatenate([_matmul(x * m, block) for m, block in zip(mask, blocks, strict=True)], axis=-1)
    return y if bias is None else y + bias


def _matmul(x: Array, kernel: Array) -> Array:
    # With steps and rows as one axis, the kernel's gradient contracts one axis; for two, XLA copies both operands.
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def _tangent(product: Product, x: Any, kernel: Any, mask: Array | None) -> Array | None:
    zero = isinstance(x, SymbolicZero) or isinstance(kernel, SymbolicZero)
    return None if zero else product(x, kernel, mask, None)


def _total(terms: list[Any], shape: tuple[int, ...], dtype: Any) -> Array:
    """The sum of tangents that are there."""
    total = jnp.zeros(shape, dtype)
    for term in terms:
        if term is not None and not isinstance(term, SymbolicZero):
            total = total + term
    return total


def _filled(tangents: Any, primals: Any) -> Any:

    def filled(primal: Array, tangent: Any) -> Any:
        return jnp.zeros_like(primal) if isinstance(tangent, SymbolicZero) else tangent

    return jax.tree.map(filled, primals, tangents)


def _is_number(size: object) -> bool:
    return isinstance(size, int)


def _time_first(x: Array, time_major: bool, flip: bool) -> Array:
    """Swap batch and time unless time is first already (its own inverse), and reverse time if asked."""
    x = x if time_major else jnp.swapaxes(x, 0, 1)
    return jnp.flip(x, 0) if flip else x


def _select(valid: Array, new: Any, old: Any) -> Any:
    """Take `new` where a row is valid, else `old`."""

    def select(new: Array, old: Array) -> Array:
        return jnp.where(valid.reshape(valid.shape + (1,) * (new.ndim - valid.ndim)), new, old)

    return jax.tree.map(select, new, old)


def _like(new: Any, old: Any) -> Any:
    """Give new states the tree type and dtypes of the old ones, which a scan insists on."""
    leaves, tree = jax.tree.flatten(old)
    return tree.unflatten([n.astype(jnp.asarray(o).dtype) for n, o in zip(jax.tree.leaves(new), leaves, strict=True)])
