"""Inception-ResNet V2: branches whose scaled sum is added to their input, forty times."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.inception import DEFAULTS, STEM, Conv, Halving, Mean, Step, branches, run
from jkeras.applications.network import Network
from jkeras.applications.scaling import CustomScaleLayer as CustomScaleLayer
from jkeras.layers import Activation, Conv2D

_Rows = tuple[tuple[Step, ...], ...]


_MIXED_5B: _Rows = (
    (Conv(96),),
    (Conv(48), Conv(64, 5)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    (Mean(), Conv(64)),
)
_MIXED_6A: _Rows = (
    (Conv(384, 3, 2, "valid"),),
    (Conv(256), Conv(256, 3), Conv(384, 3, 2, "valid")),
    (Halving(),),
)
_MIXED_7A: _Rows = (
    (Conv(256), Conv(384, 3, 2, "valid")),
    (Conv(256), Conv(288, 3, 2, "valid")),
    (Conv(256), Conv(288, 3), Conv(320, 3, 2, "valid")),
    (Halving(),),
)
_BLOCK_35: _Rows = ((Conv(32),), (Conv(32), Conv(32, 3)), (Conv(32), Conv(48, 3), Conv(64, 3)))
_BLOCK_17: _Rows = ((Conv(192),), (Conv(128), Conv(160, (1, 7)), Conv(192, (7, 1))))
_BLOCK_8: _Rows = ((Conv(192),), (Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1))))

# What comes before the residual blocks of a stage, their name, branches, scale and number.
_STAGES = (
    ("mixed_5b", _MIXED_5B, "block35", _BLOCK_35, 0.17, 10),
    ("mixed_6a", _MIXED_6A, "block17", _BLOCK_17, 0.1, 20),
    ("mixed_7a", _MIXED_7A, "block8", _BLOCK_8, 0.2, 10),
)


def _inception_resnet_v2(net: Network, x: Any, _: None) -> Any:
    x = run(net, x, STEM)
    for mixed, mixed_rows, prefix, rows, scale, count in _STAGES:
        x = branches(net, x, mixed_rows, mixed)
        for number in range(1, count + 1):
            name = f"{prefix}_{number}"
            is_last = name == "block8_10"  # neither scaled nor cut at zero
            residual = branches(net, x, rows, f"{name}_mixed")
            residual = net(Conv2D, residual, net.channels(x), 1, padding="same", use_bias=True, name=f"{name}_conv")
            x = net(CustomScaleLayer, [x, residual], 1.0 if is_last else scale)
            x = x if is_last else net(Activation, x, "relu", name=f"{name}_ac")
    x = run(net, x, (Conv(1536),), ("conv_7b", "conv_7b_bn", "conv_7b_ac"))
    return net.head(x)


InceptionResNetV2 = architecture(
    "InceptionResNetV2",
    _inception_resnet_v2,
    size=299,
    smallest=75,
    name="inception_resnet_v2",
    folder="inception_resnet_v2",
    defaults=DEFAULTS,
    reference="Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, 2016",
)
preprocess_input, decode_predictions = modes("tf")
