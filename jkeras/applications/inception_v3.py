"""Inception V3: eleven blocks of parallel branches."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.inception import DEFAULTS, STEM, Conv, Fork, Halving, Mean, Step, branches, run
from jkeras.applications.network import Network

_Rows = tuple[tuple[Step, ...], ...]


def _square(pooled: int) -> _Rows:
    return (
        (Conv(64),),
        (Conv(48), Conv(64, 5)),
        (Conv(64), Conv(96, 3), Conv(96, 3)),
        (Mean(), Conv(pooled)),
    )


def _factored(width: int) -> _Rows:
    """7x7 convolutions as products of 1x7 and 7x1."""
    return (
        (Conv(192),),
        (Conv(width), Conv(width, (1, 7)), Conv(192, (7, 1))),
        (Conv(width), Conv(width, (7, 1)), Conv(width, (1, 7)), Conv(width, (7, 1)), Conv(192, (1, 7))),
        (Mean(), Conv(192)),
    )


def _wide(number: int) -> _Rows:
    pair = (Conv(384, (1, 3)), Conv(384, (3, 1)))
    return (
        (Conv(320),),
        (Conv(384), Fork(pair, f"mixed9_{number}")),
        (Conv(448), Conv(384, 3), Fork(pair)),
        (Mean(), Conv(192)),
    )


_BLOCKS: tuple[_Rows, ...] = (
    _square(32),
    _square(64),
    _square(64),
    ((Conv(384, 3, 2, "valid"),), (Conv(64), Conv(96, 3), Conv(96, 3, 2, "valid")), (Halving(),)),
    _factored(128),
    _factored(160),
    _factored(160),
    _factored(192),
    (
        (Conv(192), Conv(320, 3, 2, "valid")),
        (Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, 3, 2, "valid")),
        (Halving(),),
    ),
    _wide(0),
    _wide(1),
)


def _inception_v3(net: Network, x: Any, _: None) -> Any:
    x = run(net, x, STEM)
    for number, rows in enumerate(_BLOCKS):
        x = branches(net, x, rows, f"mixed{number}")
    return net.head(x)


InceptionV3 = architecture(
    "InceptionV3",
    _inception_v3,
    size=299,
    smallest=75,
    name="inception_v3",
    folder="inception_v3",
    defaults=DEFAULTS,
    reference="Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015",
)
preprocess_input, decode_predictions = modes("tf")
