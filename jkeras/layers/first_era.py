"""Convolutions under the names and with the positional window sizes of Keras 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras.core.legacy import former_name
from jkeras.layers.convolution import Conv1D, Conv2D, Conv3D
from jkeras.layers.convolution_transpose import Conv2DTranspose, Conv3DTranspose
from jkeras.layers.separable import SeparableConv1D, SeparableConv2D

__all__ = [
    "AtrousConv1D",
    "AtrousConv2D",
    "AtrousConvolution1D",
    "AtrousConvolution2D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Deconv2D",
    "Deconv3D",
    "Deconvolution2D",
    "Deconvolution3D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]

# What followed the window sizes by position.
_SEQUENCE = ("init", "activation", "weights", "border_mode", "subsample")
_IMAGE = (*_SEQUENCE, "dim_ordering")


def _first_era(name: str, cls: type, rank: int, positions: Sequence[str]) -> type[Any]:
    """Return `cls` under its first name: window sizes are positional, `Convolution2D(64, 3, 3)`."""

    def make(*args: Any, **kwargs: Any) -> Any:
        sizes, rest = args[1 : 1 + rank], args[1 + rank :]
        promised = kwargs.pop("output_shape", None) if "output_shape" in positions else None
        first = rank > 1 and len(sizes) == rank and all(isinstance(size, int) for size in sizes)
        if first or (rank == 1 and rest and isinstance(rest[0], str)):
            if len(rest) > len(positions):
                raise TypeError(f"{name}: give arguments after {positions[-1]!r} by name; got {rest}.")
            given = dict(zip(positions, rest))
            promised = given.pop("output_shape", promised)
            args, kwargs = (args[0], tuple(sizes)), {**given, **kwargs}
        layer = cls(*args, **kwargs)
        if promised is not None:
            layer.__dict__["promised_shape"] = tuple(promised)
        return layer

    window = ", ".join("3" * rank)
    documentation = f"""`{cls.__name__}` as Keras 1 spelt it, with the sizes of the window by position.

    Args:
        args: `filters`, {rank} number{"s"[: rank > 1]} for the size of the window, and then
            {", ".join(f"`{name}`" for name in positions)}; or what `{cls.__name__}` takes by position.
        kwargs: Arguments of `{cls.__name__}`, in their names of any era.

    >>> {name}(64, {window}).kernel_size
    {(3,) * rank}
    """
    return former_name(name, cls, make, documentation, __module__=__name__)


Convolution1D = _first_era("Convolution1D", Conv1D, 1, _SEQUENCE)
Convolution2D = _first_era("Convolution2D", Conv2D, 2, _IMAGE)
Convolution3D = _first_era("Convolution3D", Conv3D, 3, _IMAGE)
AtrousConv1D = AtrousConvolution1D = _first_era("AtrousConvolution1D", Conv1D, 1, (*_SEQUENCE, "atrous_rate"))
AtrousConv2D = AtrousConvolution2D = _first_era(
    "AtrousConvolution2D", Conv2D, 2, (*_SEQUENCE, "atrous_rate", "dim_ordering")
)
SeparableConvolution1D = _first_era("SeparableConvolution1D", SeparableConv1D, 1, (*_SEQUENCE, "depth_multiplier"))
SeparableConvolution2D = _first_era(
    "SeparableConvolution2D", SeparableConv2D, 2, (*_SEQUENCE, "depth_multiplier", "dim_ordering")
)
Deconv2D = Deconvolution2D = _first_era("Deconvolution2D", Conv2DTranspose, 2, ("output_shape", *_IMAGE))
Deconv3D = Deconvolution3D = _first_era("Deconvolution3D", Conv3DTranspose, 3, ("output_shape", *_IMAGE))
