"""A layer of weights with an einsum for its product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.spec import InputSpec
from jkeras.initializers import VarianceScaling
from jkeras.layers.arguments import arguments_of, declare, keep, refuse

__all__ = ["EinsumDense"]

_FORM = re.compile(r"(\.\.\.)?([A-Za-z]+)(\.\.\.)?,([A-Za-z]+)->(\.\.\.)?([A-Za-z]+)(\.\.\.)?")


class EinsumDense(Layer):
    """`activation(einsum(equation, x, kernel) + bias)`.

    The letters of the equation say the shapes: with "...ab,bc->...ac", `(batch, ..., a, b)` becomes
    `(batch, ..., a, c)`. As in Keras, the mask of the inputs is not passed on: the equation may move the axis of the
    steps.

    Args:
        equation: `"ab,bc->ac"`, or with an ellipsis for any number of axes on one side: `"...ab,bc->...ac"`,
            `"ab...,bc->ac..."`. The kernel has no ellipsis.
        output_shape: Sizes of the axes of the outputs without the batch and without those an ellipsis stands for; None
            where the inputs give the size. An integer is one size.
        activation: Name or function; None is the identity.
        bias_axes: Letters of the outputs along which `bias` varies, e.g. "c"; None is no bias.
        kernel_initializer: First values of `kernel`. Initializers that scale by fan-in and fan-out count the axes of
            the kernel that the product sums over as in, the others as out.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        kernel_constraint: Projection of `kernel` after each update.
        bias_constraint: Projection of `bias` after each update.
        lora_rank: Not supported: low-rank adaptation transforms `params`.
        lora_alpha: Not supported.
        gptq_unpacked_column_size: Not supported.
        quantization_config: Not supported.
        activity_regularizer: Penalty on the outputs, per sample.

    Raises:
        ValueError: If the equation has none of the three forms, an axis of the kernel has no size, or `output_shape`
            does not fit.

    >>> layer = EinsumDense("btd,dhk->bthk", output_shape=(None, 2, 5), bias_axes="hk")
    >>> layer(jnp.ones((3, 4, 6))).shape
    (3, 4, 2, 5)
    >>> [w.shape for w in layer.weights]
    [(6, 2, 5), (2, 5)]
    """

    equation: str
    activation: Any
    bias_axes: str | None
    kernel_initializer: Any

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        del arguments["output_shape"]  # of a layer, that is the shape of its symbolic outputs
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse(
            self,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            gptq_unpacked_column_size=gptq_unpacked_column_size,
            quantization_config=quantization_config,
        )
        keep(self, **{**arguments, "equation": equation.replace(" ", "")})
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self._letters = read_equation(self.equation)

    def build(self, input_shape: Any) -> None:
        """Declare `kernel` and `bias`, of the sizes that the inputs and `output_shape` give."""
        letters = self._letters
        sizes = letters.sizes(tuple(input_shape), self.partial_output_shape)
        self.kernel = declare(
            self, "kernel", [sizes[c] for c in letters.kernel], initializer=self._initializer_for(letters)
        )
        self.bias = None
        if self.bias_axes:
            self.bias = declare(self, "bias", letters.bias_shape(self.bias_axes, sizes, len(input_shape)))
        summed = {axis: sizes[c] for axis, c in letters.positions() if c in letters.kernel}
        rank = len(letters.inputs)
        self.input_spec = InputSpec(ndim=rank if letters.elided is None else None, min_ndim=rank, axes=summed)

    def _initializer_for(self, letters: Letters) -> Any:
        given = self.kernel_initializer
        if not isinstance(given, VarianceScaling) or given.input_axes is not None or given.output_axes is not None:
            return given
        into = tuple(i for i, c in enumerate(letters.kernel) if c not in letters.outputs)
        out_of = tuple(i for i, c in enumerate(letters.kernel) if c in letters.outputs)
        return type(given).from_config({**given.get_config(), "input_axes": into, "output_axes": out_of})

    def call(self, inputs: Array) -> Array:
        """Return `activation(einsum(equation, inputs, kernel) + bias)`."""
        outputs = jnp.einsum(self.equation, inputs, self.kernel)
        return self.activation(outputs if self.bias is None else outputs + self.bias)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().get_config(), "output_shape": list(self.partial_output_shape)}


class Letters(NamedTuple):
    """The letters of an equation, and on which side of them the ellipsis is: "left", "right" or None."""

    equation: str
    inputs: str
    kernel: str
    outputs: str
    elided: str | None

    def positions(self) -> list[tuple[int, str]]:
        """Return the axis of the inputs of each letter; from the end if an ellipsis comes first."""
        offset = len(self.inputs) if self.elided == "left" else 0
        return [(i - offset, c) for i, c in enumerate(self.inputs)]

    def sizes(self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]) -> dict[str, Any]:
        """Return the size of each letter, None where it is not known.

        Raises:
            ValueError: If the shapes do not fit the equation, or an axis of the kernel has no size.
        """
        rank = len(self.inputs)
        if len(input_shape) < rank or (self.elided is None and len(input_shape) != rank):
            raise ValueError(f"EinsumDense: equation {self.equation!r} does not fit inputs of shape {input_shape}.")
        given = {c: input_shape[axis] for axis, c in self.positions()}
        named = self.outputs if self.elided == "left" else self.outputs[1:]
        if len(named) != len(output_shape):
            raise ValueError(
                f"EinsumDense: output_shape of equation {self.equation!r} needs {len(named)} sizes, of the axes "
                f"{named!r} (None where the inputs give it); got {output_shape}."
            )
        sizes: dict[str, Any] = dict(given)
        for c, size in zip(named, output_shape, strict=True):
            if given.get(c) is not None and size is not None and size != given[c]:
                raise ValueError(f"EinsumDense: axis {c!r} has size {given[c]} in the inputs, {size} in output_shape.")
            sizes[c] = size if given.get(c) is None else given[c]
        unknown = [c for c in self.kernel if sizes.get(c) is None]
        if unknown:
            raise ValueError(
                f"EinsumDense: the size of axis {unknown[0]!r} of the kernel in {self.equation!r} is not known: "
                f"neither inputs of shape {input_shape} nor output_shape {output_shape} give it."
            )
        return sizes

    def bias_shape(self, axes: str, sizes: dict[str, Any], input_rank: int) -> list[Any]:
        """Return the shape of a bias along `axes` that broadcasts to the outputs."""
        strange = [c for c in axes if c not in self.outputs]
        if strange:
            raise ValueError(f"EinsumDense: bias_axes has {strange[0]!r}, but the outputs are {self.outputs!r}.")
        first = min(self.outputs.index(c) for c in axes)
        shape = [sizes[c] if c in axes else 1 for c in self.outputs[first:]]
        elided = input_rank - len(self.inputs) if self.elided == "right" else 0
        return shape + [1] * elided


def read_equation(equation: str) -> Letters:
    """Take an equation apart.

    Raises:
        ValueError: If it has none of the three forms, or a letter comes from nowhere.

    >>> read_equation("...ab,bc->...ac")[1:]
    ('ab', 'bc', 'ac', 'left')
    """
    match = _FORM.fullmatch(equation)
    dots = [match[i] is not None for i in (1, 3, 5, 7)] if match else []
    if match is None or dots not in ([False] * 4, [True, False] * 2, [False, True] * 2):
        raise ValueError(
            f"EinsumDense: equation {equation!r} has none of the forms 'ab,bc->ac', '...ab,bc->...ac' and "
            "'ab...,bc->ac...', with any letters."
        )
    inputs, kernel, outputs = match[2], match[4], match[6]
    strange = [c for c in outputs if c not in inputs + kernel]
    if strange:
        raise ValueError(f"EinsumDense: {strange[0]!r} in the outputs of {equation!r} is in neither operand.")
    return Letters(equation, inputs, kernel, outputs, "left" if dots[0] else "right" if dots[1] else None)
