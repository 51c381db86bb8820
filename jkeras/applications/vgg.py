"""VGG: blocks of 3x3 convolutions, each block halving the image, and three dense layers."""

from __future__ import annotations

from typing import Any

from jkeras.applications.architecture import architecture
from jkeras.applications.imagenet_utils import modes
from jkeras.applications.network import Network
from jkeras.layers import Conv2D, Dense, Flatten, MaxPooling2D

_FILTERS = (64, 128, 256, 512, 512)


def _vgg(net: Network, x: Any, depths: tuple[int, ...]) -> Any:
    for block, (filters, depth) in enumerate(zip(_FILTERS, depths, strict=True), 1):
        for conv in range(1, depth + 1):
            x = net(Conv2D, x, filters, 3, activation="relu", padding="same", name=f"block{block}_conv{conv}")
        x = net(MaxPooling2D, x, 2, strides=2, name=f"block{block}_pool")
    if not net.include_top:
        return net.pooled(x)
    x = net(Flatten, x, name="flatten")
    for name in ("fc1", "fc2"):
        x = net(Dense, x, 4096, activation="relu", name=name)
    return net(Dense, x, net.classes, activation=net.classifier_activation, name="predictions")


_PAPER = "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014"

VGG16 = architecture("VGG16", _vgg, (2, 2, 3, 3, 3), size=224, name="vgg16", folder="vgg16", reference=_PAPER)
VGG19 = architecture("VGG19", _vgg, (2, 2, 4, 4, 4), size=224, name="vgg19", folder="vgg19", reference=_PAPER)
preprocess_input, decode_predictions = modes("caffe")
