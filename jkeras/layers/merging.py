"""Layers that make one array of several: elementwise, concatenation, dot products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class Merge(Layer):
    """Base of elementwise merging: a subclass says how a list of arrays of one rank is merged, `merge(arrays)`.

    Inputs are `(batch, ...)`; those of fewer dimensions get size 1 after the batch, then `merge` broadcasts them. The
    mask of the outputs is true where any input's is; None if an input has none.

    >>> class Largest(Merge):
    ...     merge = staticmethod(lambda arrays: jnp.maximum(*arrays))
    >>> Largest()([jnp.ones((2, 3)), jnp.zeros((2, 4, 3))]).shape
    (2, 4, 3)
    """

    supports_masking = True
    merge: ClassVar[Callable[[Sequence[Any]], Any]]
    number_of_inputs: ClassVar[int | None] = None

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        """Check that the inputs fit together."""
        _check_list(self, input_shape, self.number_of_inputs)

    def call(self, inputs: Sequence[Array]) -> Array:
        """Return the merged array."""
        _check_list(self, inputs, self.number_of_inputs)
        rank = max(x.ndim for x in inputs)
        expanded = [jnp.expand_dims(x, tuple(range(1, 1 + rank - x.ndim))) for x in inputs]
        try:
            jnp.broadcast_shapes(*(x.shape for x in expanded))
        except ValueError:
            shapes = ", ".join(str(x.shape) for x in inputs)
            raise ValueError(f"Layer {self.path!r} cannot merge inputs of shapes {shapes}.") from None
        return type(self).merge(expanded)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the union of the masks, or None if one is missing."""
        if mask is None or any(m is None for m in mask):
            return None
        return reduce(jnp.logical_or, mask)


class MaskedMerge(Merge):
    """Base of merging in which a masked step of an input does not count, so that padding decides nothing."""

    neutral: ClassVar[float]
    """What stands for a masked step: it does not change the others."""

    def call(self, inputs: Sequence[Array], mask: Any = None) -> Array:
        """Return the merged array."""
        merged = super().call(inputs if mask is None else [self._counted(x, m) for x, m in zip(inputs, mask)])
        counted = None if mask is None else self.compute_mask(inputs, mask)
        return merged if counted is None else jnp.where(_fit(counted, merged), merged, self._if_none_counts(inputs))

    def _counted(self, x: Array, mask: Array | None) -> Array:
        return x if mask is None else jnp.where(_fit(mask, x), x, jnp.asarray(self.neutral, x.dtype))

    def _if_none_counts(self, inputs: Sequence[Array]) -> Any:
        return inputs[0]


class Add(Merge):
    """`x_1 + x_2 + ...`, of the shape that the inputs `(batch, ...)` broadcast to.

    >>> Add()([jnp.ones(2), jnp.ones(2)]).tolist()
    [2.0, 2.0]
    """

    merge = staticmethod(lambda xs: reduce(jnp.add, xs))


class Subtract(Merge):
    """`x_1 - x_2`, of exactly two inputs, of the shape that they, `(batch, ...)`, broadcast to.

    >>> Subtract()([jnp.ones(2), jnp.ones(2)]).tolist()
    [0.0, 0.0]
    """

    merge = staticmethod(lambda xs: xs[0] - xs[1])
    number_of_inputs = 2


class Multiply(MaskedMerge):
    """`x_1 * x_2 * ...`, of the shape that the inputs `(batch, ...)` broadcast to.

    A masked step of a factor counts as one, so that padding does not wipe out the other inputs; a step that is masked
    in all of them is zero.

    >>> Multiply()([jnp.full(2, 3.0), jnp.full(2, 2.0)]).tolist()
    [6.0, 6.0]
    """

    merge = staticmethod(lambda xs: reduce(jnp.multiply, xs))
    neutral = 1.0

    def _if_none_counts(self, inputs: Sequence[Array]) -> Any:
        return 0


class Average(Merge):
    """`(x_1 + ... + x_n) / n`, of the shape that the inputs `(batch, ...)` broadcast to.

    >>> Average()([jnp.ones(2), jnp.zeros(2)]).tolist()
    [0.5, 0.5]
    """

    merge = staticmethod(lambda xs: reduce(jnp.add, xs) / len(xs))


class Maximum(MaskedMerge):
    """`max(x_1, x_2, ...)`, of the shape that the inputs `(batch, ...)` broadcast to.

    Where there are masks, it is that of the inputs whose mask is true; of the first where none is.

    >>> Maximum()([jnp.ones(2), jnp.zeros(2)]).tolist()
    [1.0, 1.0]
    """

    merge = staticmethod(lambda xs: reduce(jnp.maximum, xs))
    neutral = -jnp.inf


class Minimum(MaskedMerge):
    """`min(x_1, x_2, ...)`, of the shape that the inputs `(batch, ...)` broadcast to.

    Where there are masks, it is that of the inputs whose mask is true; of the first where none is.

    >>> Minimum()([jnp.ones(2), jnp.zeros(2)]).tolist()
    [0.0, 0.0]
    """

    merge = staticmethod(lambda xs: reduce(jnp.minimum, xs))
    neutral = jnp.inf


class Concatenate(Merge):
    """Join the inputs along `axis`: of `(batch, n)` and `(batch, m)` becomes `(batch, n + m)`.

    Args:
        axis: Axis whose sizes may differ; all others agree.

    Raises:
        ValueError: If the inputs do not fit together.

    >>> Concatenate()([jnp.ones((2, 3)), jnp.ones((2, 1))]).shape
    (2, 4)
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Sequence[Array]) -> Array:
        """Return the joined array."""
        _check_list(self, inputs, None)
        shapes = [list(x.shape) for x in inputs]
        rank = len(shapes[0])
        if not -rank <= self.axis < rank:
            raise ValueError(f"Layer {self.path!r}: axis {self.axis} does not exist in an input of shape {shapes[0]}.")
        rests = {tuple(n for i, n in enumerate(shape) if i != self.axis % rank) for shape in shapes}
        if len(rests) > 1:
            raise ValueError(
                f"Layer {self.path!r} joins along axis {self.axis}; all other sizes must agree. "
                f"Got inputs of shapes {', '.join(str(tuple(s)) for s in shapes)}."
            )
        return jnp.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Sequence[Array], mask: Any = None) -> Any:
        """Join the masks; an input without one counts in full. Along features, a step counts if any input's does."""
        if mask is None or all(m is None for m in mask):
            return None
        joined = []
        for x, m in zip(inputs, mask, strict=True):
            joined.append(jnp.broadcast_to(True if m is None else _fit(m, x), x.shape))
        return jnp.any(jnp.concatenate(joined, axis=self.axis), axis=-1)


class Dot(Merge):
    """`sum_k x_1[..., k, ...] x_2[..., k, ...]` for each sample: the product of two arrays along an axis of each.

    The outputs are `(batch, rest of x_1, rest of x_2)`; `(batch, 1)` for two vectors.

    Args:
        axes: The axis of both, or a pair of axes; the batch is axis 0.
        normalize: Whether to divide by the norms along these axes, which gives the cosine of the angle.

    Raises:
        ValueError: If the axes do not have the same size.

    >>> Dot(axes=1)([jnp.ones((2, 3)), jnp.ones((2, 3))]).tolist()
    [[3.0], [3.0]]
    """

    number_of_inputs = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
        if len(pair) != 2 or not all(isinstance(a, int) for a in pair) or 0 in pair:
            raise ValueError(f"Dot: axes must be an integer or two, and not the batch (0); got {axes!r}.")
        self.axes = axes if isinstance(axes, int) else pair
        self.normalize = normalize

    def call(self, inputs: Sequence[Array]) -> Array:
        """Return `(batch, rest of x_1, rest of x_2)`; `(batch, 1)` for two vectors."""
        _check_list(self, inputs, 2)
        x, y = inputs
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        left, right = (axis % array.ndim for axis, array in zip(pair, (x, y), strict=True))
        if x.shape[left] != y.shape[right]:
            raise ValueError(
                f"Layer {self.path!r}: size {x.shape[left]} of axis {left} and size {y.shape[right]} of axis {right} "
                f"must agree; got inputs of shapes {x.shape} and {y.shape}."
            )
        if self.normalize:
            x, y = _unit(x, left), _unit(y, right)
        product = jnp.matmul(_matrix(x, left), jnp.swapaxes(_matrix(y, right), 1, 2))
        rest = [n for i, n in enumerate(x.shape) if i not in (0, left)]
        rest += [n for i, n in enumerate(y.shape) if i not in (0, right)]
        return product.reshape(x.shape[0], *(rest or [1]))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: what a step is, is lost in the product."""
        return None


def _matrix(x: Array, axis: int) -> Array:
    """Return `(batch, rest, size of axis)`."""
    x = jnp.moveaxis(x, axis, -1)
    return x.reshape(x.shape[0], -1, x.shape[-1])


def _unit(x: Array, axis: int) -> Array:
    square = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x / jnp.sqrt(jnp.maximum(square, 1e-12))


def _fit(mask: Array, x: Array) -> Array:
    """Give a mask of the first axes of `x` as many dimensions as `x` has."""
    return mask.astype(bool).reshape(mask.shape + (1,) * (x.ndim - mask.ndim))


def _check_list(layer: Layer, inputs: Any, count: int | None) -> None:
    if not isinstance(inputs, (list, tuple)) or not inputs or isinstance(inputs[0], (int, type(None))):
        raise ValueError(f"Layer {layer.path!r} merges a list of inputs; got one input. Write layer([x, y]).")
    if count is not None and len(inputs) != count:
        raise ValueError(f"Layer {layer.path!r} merges exactly {count} inputs; got {len(inputs)}.")


def _function(name: str, cls: type[Merge]) -> Callable[..., Any]:
    """Return the function that makes a layer and calls it, as Keras has one beside each class."""

    def merge(inputs: Sequence[Any], **kwargs: Any) -> Any:
        return cls(**kwargs)(inputs)

    formula, _, example = (cls.__doc__ or "").partition("\n\n")
    merge.__name__ = merge.__qualname__ = name
    merge.__doc__ = f"""Merge arrays by a layer: `{cls.__name__}(**kwargs)(inputs)`.

    Args:
        inputs: Arrays `(batch, ...)`, or symbolic tensors.
        kwargs: Arguments of the layer, such as its name.

    Returns:
        {formula}

    >>>{example.rpartition(">>>")[2].replace(f"{cls.__name__}()", name)}"""
    return merge


add = _function("add", Add)
subtract = _function("subtract", Subtract)
multiply = _function("multiply", Multiply)
average = _function("average", Average)
maximum = _function("maximum", Maximum)
minimum = _function("minimum", Minimum)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Arrays joined along an axis: `Concatenate(axis, **kwargs)(inputs)`.

    Args:
        inputs: Arrays `(batch, ...)`, or symbolic tensors.
        axis: Axis whose sizes may differ; all others agree.
        kwargs: Arguments of the layer, such as its name.

    Returns:
        An array whose size in `axis` is the sum of theirs.

    >>> concatenate([jnp.ones((2, 3)), jnp.ones((2, 1))]).shape
    (2, 4)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, normalize: bool = False, **kwargs: Any) -> Any:
    """The product of two arrays along an axis of each: `Dot(axes, normalize, **kwargs)(inputs)`.

    Args:
        inputs: Two arrays `(batch, ...)`, or symbolic tensors.
        axes: The axis of both, or a pair of axes; the batch is axis 0.
        normalize: Whether to divide by the norms along these axes, which gives the cosine of the angle.
        kwargs: Arguments of the layer, such as its name.

    Returns:
        `(batch, rest of x_1, rest of x_2)`; `(batch, 1)` for two vectors.

    >>> dot([jnp.ones((2, 3)), jnp.ones((2, 3))]).tolist()
    [[3.0], [3.0]]
    """
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)
