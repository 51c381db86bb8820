"""What the two Inception networks share: parallel branches of convolutions, each written as a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jkeras.applications.network import Network
from jkeras.core.layer import Layer
from jkeras.layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D


class Conv(NamedTuple):
    """A convolution, normalization and ReLU."""

    filters: int
    size: int | tuple[int, int] = 1
    strides: int = 1
    padding: str = "same"


class Halving(NamedTuple):
    """3x3 pooling with stride 2."""


class Mean(NamedTuple):
    """The mean of each 3x3 window."""


class Fork(NamedTuple):
    """Convolutions of one input side by side, and the name of the layer that joins them."""

    rows: tuple[Conv, ...]
    name: str | None = None


Step = Conv | Halving | Mean | Fork

# Batch normalization without scale, before ReLU, makes the bias and the scale superfluous.
DEFAULTS: dict[type[Layer], dict[str, Any]] = {Conv2D: {"use_bias": False}, BatchNormalization: {"scale": False}}

STEM: tuple[Step, ...] = (
    Conv(32, 3, 2, "valid"), Conv(32, 3, 1, "valid"), Conv(64, 3), Halving(),
    Conv(80, 1, 1, "valid"), Conv(192, 3, 1, "valid"), Halving(),
)  # fmt: skip


def run(
    net: Network, x: Any, steps: Sequence[Step], names: tuple[str | None, str | None, str | None] = (None, None, None)
) -> Any:
    """Apply one step after the other; `names` are those of convolution, normalization and activation."""
    for step in steps:
        if isinstance(step, Conv):
            x = net(Conv2D, x, step.filters, step.size, strides=step.strides, padding=step.padding, name=names[0])
            x = net(Activation, net(BatchNormalization, x, name=names[1]), "relu", name=names[2])
        elif isinstance(step, Halving):
            x = net(MaxPooling2D, x, 3, strides=2)
        elif isinstance(step, Mean):
            x = net(AveragePooling2D, x, 3, strides=1, padding="same")
        else:
            x = net(Concatenate, [run(net, x, (row,)) for row in step.rows], name=step.name)
    return x


def branches(net: Network, x: Any, rows: Sequence[Sequence[Step]], name: str | None = None) -> Any:
    """Apply each row to `x` and join what they give."""
    return net(Concatenate, [run(net, x, row) for row in rows], name=name)
