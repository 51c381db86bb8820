"""Branches, loops, and what is a gradient: functions of functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from jkeras.core.graph import has_symbolic
from jkeras.core.operation import operate, operation, publish
from jkeras.core.weight import ArrayHolder, plain


def _plain(tree: Any) -> Any:
    """Return a tree with arrays in place of weights."""
    return jax.tree.map(plain, tree, is_leaf=lambda leaf: isinstance(leaf, ArrayHolder))


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return `true_fn()` if `pred` holds, else `false_fn()`.

    For a symbolic `pred`, where the functions may use symbolic tensors, both are computed and one is chosen.

    Args:
        pred: A boolean, or a number that is true unless it is zero; it may be computed.
        true_fn, false_fn: Functions without arguments, whose results have the same shapes and dtypes.

    Returns:
        What the function returned: an array or a tree of arrays.

    >>> cond(jnp.asarray(2) > 1, lambda: 1.0, lambda: 2.0).item()
    1.0
    """
    if has_symbolic(pred):
        return operate(_select, pred, true_fn(), false_fn())
    return lax.cond(_truth(plain(pred)), true_fn, false_fn)


def _select(pred: Any, yes: Any, no: Any) -> Any:
    return lax.cond(_truth(pred), lambda yes, no: yes, lambda yes, no: no, yes, no)


def _truth(pred: Any) -> Array:
    return jnp.asarray(pred).astype(bool)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return `branches[index](*operands)`; an index out of bounds is the nearest one within.

    Args:
        index: An integer, which may be computed.
        branches: Functions whose results have the same shapes and dtypes.
        operands: Their arguments: arrays or trees of arrays.

    Returns:
        What the function returned: an array or a tree of arrays.

    >>> switch(1, [jnp.add, jnp.subtract], 2.0, 0.5).item()
    1.5
    """
    return operate(lambda i, given: lax.switch(i, branches, *given), plain(index), _plain(operands))


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Compute `loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)` holds.

    Args:
        cond: Takes the loop variables, returns a boolean.
        body: Takes the loop variables, returns their next values, of the same shapes and dtypes.
        loop_vars: A tuple or list, whose elements become arguments, or any other tree, which becomes the only one.
        maximum_iterations: How often `body` runs at most.

    Returns:
        The last loop variables, a tuple if they came as a tuple or list.

    >>> [int(x) for x in while_loop(lambda x, y: x < 10, lambda x, y: (x + 1, y * 2), (0, 1))]
    [10, 1024]
    """

    def run(variables: Any) -> Any:
        several = isinstance(variables, (tuple, list))

        def goes_on(state: Any) -> Any:
            count, held = state
            more = _truth(cond(*held))
            return more if maximum_iterations is None else jnp.logical_and(more, count < maximum_iterations)

        def step(state: Any) -> Any:
            count, held = state
            updated = body(*held)
            return count + 1, tuple(updated) if several and isinstance(updated, (tuple, list)) else (updated,)

        held = lax.while_loop(goes_on, step, (0, tuple(variables) if several else (variables,)))[1]
        return held if several else held[0]

    return operate(run, _plain(loop_vars))


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Compute `value = body_fun(i, value)` for `i` from `lower` up to, and without, `upper`.

    Args:
        lower, upper: Integers, which may be computed.
        body_fun: Takes the number and the value, returns the next value, of the same shapes and dtypes.
        init_val: The first value, an array or a tree of arrays.

    Returns:
        The last value.

    >>> fori_loop(0, 5, lambda i, total: total + i, 0).item()
    10
    """

    def run(lower: Any, upper: Any, value: Any) -> Any:
        return lax.fori_loop(lower, upper, body_fun, value)

    return operate(run, *_plain((lower, upper, init_val)))


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Compute `carry, y = f(carry, x)` for each `x` along the first axis of `xs`.

    Args:
        f: Takes the carry and a slice of `xs`, returns the next carry and a slice of the outputs.
        init: The first carry, a tree of arrays.
        xs: A tree of arrays, or None.
        length: Number of steps; needed without `xs`.
        reverse: Whether to go from the last slice to the first.
        unroll: How many steps are compiled as one.

    Returns:
        The last carry, and the outputs stacked along a new first axis.

    >>> carry, ys = scan(lambda c, x: (c + x, c + x), 0, jnp.asarray([1, 2, 3]))
    >>> carry.item(), ys.tolist()
    (6, [1, 3, 6])
    """

    def run(init: Any, xs: Any) -> Any:
        return lax.scan(f, init, xs, length=length, reverse=reverse, unroll=unroll)

    return operate(run, _plain(init), _plain(xs))


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return `[a, f(a, b), f(f(a, b), c), ...]` along `axis`, in parallel.

    Args:
        f: An associative function of two slices, arrays or trees as `elems` is, with the axis in it.
        elems: An array or a tree of arrays.
        reverse: Whether to begin at the end.
        axis: The axis of the elements.

    Returns:
        Arrays of the shapes and dtypes of `elems`.

    >>> associative_scan(jnp.add, jnp.arange(5)).tolist()
    [0, 1, 3, 6, 10]
    """
    return operate(lambda tree: lax.associative_scan(f, tree, reverse=reverse, axis=axis), _plain(elems))


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Return `f(x)` stacked for each `x` along the first axis of `xs`, one after the other.

    Args:
        f: Takes one element, returns an array or a tree of arrays.
        xs: An array or a tree of arrays.

    Returns:
        What `f` returns, with a new first axis of the size of that of `xs`.

    >>> map(lambda x: x * 10, jnp.arange(3)).tolist()
    [0, 10, 20]
    """
    return operate(functools.partial(lax.map, f), _plain(xs))


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Return `function(x)` stacked for each `x` along the first axis of `elements`, all at once.

    Args:
        function: Takes one element, returns an array or a tree of arrays.
        elements: An array or a tree of arrays.

    Returns:
        What `function` returns, with a new first axis of the size of that of `elements`.

    >>> vectorized_map(lambda pair: pair[0] + pair[1], [jnp.arange(3), jnp.ones(3)]).tolist()
    [1.0, 2.0, 3.0]
    """
    return operate(jax.vmap(function), _plain(elements))


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Let `f` say what its gradient is: it returns `(outputs, gradient)`.

    Args:
        f: Takes arrays. `gradient(upstream)` takes the gradients by the outputs, and returns those by the arguments.

    Returns:
        A function of the same arguments that returns the outputs only.

    >>> clipped = custom_gradient(lambda x: (x * x, lambda upstream: jnp.clip(upstream * 2 * x, -1, 1)))
    >>> jax.grad(clipped)(3.0).item()
    1.0
    """
    compute = jax.custom_gradient(f)

    @functools.wraps(f)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        return operate(compute, *_plain(args), **kwargs)

    return with_gradient


def _stop_gradient(variable: Any) -> Any:
    return lax.stop_gradient(jax.tree.map(jnp.asarray, variable))


stop_gradient = operation(
    _stop_gradient, "variable", "Return the values as constants to a gradient.",
    ">>> jax.grad(lambda x: x * stop_gradient(x))(3.0).item()\n3.0", elementwise=True,
    variable="An array or a tree of arrays.", returns="The same values.",
)  # fmt: skip


__all__ = publish(globals())
