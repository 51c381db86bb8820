"""EfficientNet: one network of seven stages, scaled in width, depth and size of the images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.efficientnet_blocks import DEFAULTS, Stage, end, inverted_residual, normalized, scaled
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.mobilenet_v2 import divisible
from jkeras.applications.network import Network
from jkeras.layers import Conv2D, Normalization, Rescaling

_STAGES = (
    Stage(3, 1, 32, 16, 1, 1),
    Stage(3, 2, 16, 24, 6, 2),
    Stage(5, 2, 24, 40, 6, 2),
    Stage(3, 3, 40, 80, 6, 2),
    Stage(5, 3, 80, 112, 6, 1),
    Stage(5, 4, 112, 192, 6, 2),
    Stage(3, 1, 192, 320, 6, 1),
)
_DEVIATION = (0.229, 0.224, 0.225)


def _efficientnet(net: Network, x: Any, scale: tuple[float, float, float]) -> Any:
    width, depth, dropout = scale
    x = net(Normalization, net(Rescaling, x, 1.0 / 255.0), axis=net.axis)
    if net.weights == "imagenet":  # their normalization divides by the deviation where it should by its root
        x = net(Rescaling, x, [1.0 / math.sqrt(deviation) for deviation in _DEVIATION])
    x = net.pad(x, 3, name="stem_conv_pad")
    x = net(Conv2D, x, divisible(32 * width), 3, strides=2, padding="valid", name="stem_conv")
    x = normalized(net, x, "stem_")
    for _, block in scaled(_STAGES, width, depth):
        x = inverted_residual(net, x, block, "dwconv", pads=True)
    return end(net, x, width, dropout)


def _row(number: int, width: float, depth: float, size: int, dropout: float) -> Callable[..., Any]:
    return architecture(
        f"EfficientNetB{number}",
        _efficientnet,
        (width, depth, dropout),
        size=size,
        name=f"efficientnetb{number}",
        defaults=DEFAULTS,
        reference="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019",
    )


EfficientNetB0 = _row(0, 1.0, 1.0, 224, 0.2)
EfficientNetB1 = _row(1, 1.0, 1.1, 240, 0.2)
EfficientNetB2 = _row(2, 1.1, 1.2, 260, 0.3)
EfficientNetB3 = _row(3, 1.2, 1.4, 300, 0.3)
EfficientNetB4 = _row(4, 1.4, 1.8, 380, 0.4)
EfficientNetB5 = _row(5, 1.6, 2.2, 456, 0.4)
EfficientNetB6 = _row(6, 1.8, 2.6, 528, 0.5)
EfficientNetB7 = _row(7, 2.0, 3.1, 600, 0.5)
preprocess_input, decode_predictions = modes(None)
