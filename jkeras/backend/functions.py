"""`K` functions over the symbolic graph: placeholders, functions of it, gradients in it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import seeds
from jkeras.core.function import Function, Operation
from jkeras.core.graph import Plan, SymbolicTensor
from jkeras.core.input import Input, InputLayer
from jkeras.core.remat import isolated

__all__ = ["function", "gradients", "is_placeholder", "placeholder"]


def placeholder(
    shape: Any = None,
    ndim: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    name: str | None = None,
    ragged: bool = False,
) -> SymbolicTensor:
    """Return a symbolic tensor: `Input` with the batch in the shape.

    Args:
        shape: The shape, batch included, None where unknown.
        ndim: The number of dimensions, all unknown, instead of a shape.
        dtype: Its dtype; `floatx()` if left out.
        sparse, ragged: Not supported.
        name: Its name.

    Returns:
        A symbolic tensor.

    Raises:
        ValueError: If neither shape nor ndim is given, or a sparse or ragged tensor is asked for.

    >>> placeholder(shape=(None, 3)).shape
    (None, 3)
    """
    if shape is None:
        if ndim is None:
            raise ValueError("placeholder needs a shape, batch included, or ndim.")
        shape = (None,) * ndim
    return Input(batch_shape=tuple(shape), dtype=dtype, sparse=sparse, ragged=ragged, name=name)


def is_placeholder(x: Any) -> bool:
    """Whether `x` is a symbolic tensor where a graph begins.

    Args:
        x: Anything.

    Returns:
        A boolean.

    >>> is_placeholder(placeholder(ndim=2))
    True
    """
    return isinstance(x, SymbolicTensor) and (x.node is None or isinstance(x.node.layer, InputLayer))


def function(inputs: Any, outputs: Any, updates: Any = None, name: str | None = None) -> Callable[..., Any]:
    """Return a compiled function from the arrays of `inputs` to those of `outputs`, as numpy.

    It reads the weights as they are when it is called, and leaves the state (moving statistics and the like) alone.

    Args:
        inputs: Symbolic tensors, of an `Input` or inside a model: one or a list. Where `K.learning_phase()` stands in
            the list, the function takes 1 for training or 0.
        outputs: One symbolic tensor or a list.
        updates: Not supported: there is no graph in which assignments could wait.
        name: Its name.

    Returns:
        A function that takes a list of arrays, or one array if `inputs` is no list, and returns as many arrays of numpy
        as `outputs` names.

    Raises:
        ValueError: If updates are given, or the outputs depend on something that is not among the inputs.

    >>> from jkeras.layers import Dense
    >>> x = Input(shape=(3,))
    >>> f = function([x], [Dense(2)(x)])
    >>> f([np.ones((4, 3))])[0].shape
    (4, 2)
    """
    if updates:
        raise ValueError("K.function(updates=...) is not supported. Use model.apply, which returns the new state.")
    is_list = isinstance(inputs, (list, tuple))
    given = list(inputs) if is_list else [inputs]
    symbolic = [x for x in given if isinstance(x, SymbolicTensor)]
    graph = Function(symbolic, outputs, name=name)

    @functools.partial(jax.jit, static_argnames="training")
    def compute(params: Any, state: Any, arguments: Any, key: Any, training: bool) -> Any:
        return graph.apply(params, state, arguments, training=training, rng=key)[0]

    def run(arrays: Any, *more: Any) -> Any:
        values = [arrays, *more] if more or not (is_list and isinstance(arrays, (list, tuple))) else list(arrays)
        if len(values) != len(given):
            raise ValueError(f"This K.function takes {len(given)} arrays in a list; got {len(values)}.")
        pairs = list(zip(given, values, strict=True))
        training = any(bool(value) for x, value in pairs if not isinstance(x, SymbolicTensor))
        arguments = [jnp.asarray(value) for x, value in pairs if isinstance(x, SymbolicTensor)]
        params, state = graph._tree(trainable=True), graph._tree(trainable=False)
        return jax.tree.map(np.asarray, compute(params, state, arguments, seeds.next_key(), training))

    return run


class Gradient(Operation):
    """The gradient of the sum of a symbolic loss by one symbolic tensor that it is computed from.

    Args:
        plan: From the tensor to differentiate by, and then what else the loss needs, to the loss.
    """

    def __init__(self, plan: Plan):
        super().__init__()
        self.__dict__["_plan"] = plan
        self._layers = dict(plan.layers)

    def call(self, values: Any) -> Any:
        """Return the gradient by the first value."""
        plan, frame = self.__dict__["_plan"], self._frame
        assert frame is not None

        def total(chosen: Any) -> Any:
            # The layers run for a second time here: what they do to the frame is that of the first.
            return jnp.sum(isolated(frame, lambda: plan.run(self._layers, [chosen, *values[1:]], self.path))[0])

        return jax.grad(total)(values[0])


def gradients(loss: Any, variables: Any) -> list[Any]:
    """Return the gradients of the sum of `loss` by `variables` as symbolic tensors, for `K.function`.

    Args:
        loss: A symbolic tensor.
        variables: Symbolic tensors that `loss` is computed from: one or a list.

    Returns:
        A list: a symbolic tensor in the shape of each variable, or None where `loss` does not depend on it.

    Raises:
        TypeError: For arrays and weights. `jax.grad` differentiates functions:
            `jax.grad(lambda params: loss(model.apply(params, state, x)[0]))(model.params)`.

    >>> x = Input(shape=(2,))
    >>> gradient = gradients(x**2, x)[0]
    >>> function([x], [gradient])([np.array([[1.0, 3.0]])])[0].tolist()
    [[2.0, 6.0]]
    """
    wanted = list(variables) if isinstance(variables, (list, tuple)) else [variables]
    for tensor in (loss, *wanted):
        if not isinstance(tensor, SymbolicTensor):
            raise TypeError(
                f"K.gradients differentiates symbolic tensors by symbolic tensors; got a {type(tensor).__name__}. "
                "For weights and arrays write a function and use jax.grad: "
                "jax.grad(lambda params: loss(y, model.apply(params, state, x)[0]))(model.params)."
            )
    return [_gradient(loss, tensor) for tensor in wanted]


def _gradient(loss: SymbolicTensor, variable: SymbolicTensor) -> SymbolicTensor | None:
    roots: dict[int, SymbolicTensor] = {}
    seen: set[int] = set()
    todo = [loss]
    while todo:
        tensor = todo.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if tensor is variable:
            continue
        if tensor.node is None or not tensor.node.parents:
            roots[id(tensor)] = tensor
        else:
            todo.extend(tensor.node.parents)
    if id(variable) not in seen:
        return None
    inputs = [variable, *roots.values()]
    return Gradient(Plan(inputs, loss))(inputs)
