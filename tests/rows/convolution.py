"""Convolutions: plain, transposed, depthwise, separable, unshared."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import IMAGE, IMG, SEQ, SEQUENCE, VOL, VOLUME, Row, rows

CONTRACT = [
    Row("Conv1D", lambda: layers.Conv1D(4, 3, padding="causal", activation="relu"), SEQUENCE),
    Row("Conv2D", lambda: layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", groups=2), IMAGE),
    Row("Conv3D", lambda: layers.Conv3D(2, 2), VOLUME),
    Row("Conv1DTranspose", lambda: layers.Conv1DTranspose(2, 3, strides=2, padding="same"), SEQUENCE),
    Row("Conv2DTranspose", lambda: layers.Conv2DTranspose(2, 3, strides=(2, 1), output_padding=(1, 0)), IMAGE),
    Row("Conv3DTranspose", lambda: layers.Conv3DTranspose(2, 2), VOLUME),
    Row("DepthwiseConv1D", lambda: layers.DepthwiseConv1D(3, padding="causal", depth_multiplier=2), SEQUENCE),
    Row("DepthwiseConv2D", lambda: layers.DepthwiseConv2D((3, 2), strides=2, activation="relu"), IMAGE),
    Row("SeparableConv1D", lambda: layers.SeparableConv1D(3, 2, padding="causal", depth_multiplier=2), SEQUENCE),
    Row("SeparableConv2D", lambda: layers.SeparableConv2D(3, 2, strides=(2, 1), padding="same"), IMAGE),
    Row("LocallyConnected1D", lambda: layers.LocallyConnected1D(2, 3, implementation=3), SEQUENCE),
    Row("LocallyConnected2D", lambda: layers.LocallyConnected2D(2, (3, 2), strides=2, padding="same"), IMAGE),
]

FIRST = {"data_format": "channels_first"}
ENLARGED = {"strides": 2, "padding": "same", "output_padding": 1}
REGULARIZED = {"depthwise_regularizer": "l2", "depthwise_initializer": "ones"}

ORACLE = [
    *rows("Conv1D", SEQ, {}, {"strides": 2}, {"padding": "same"}, args=(4, 3)),
    *rows("Conv1D", SEQ, {"padding": "causal", "dilation_rate": 2}, args=(4, 3)),
    *rows("Conv1D", SEQ, {"data_format": "channels_first"}, {"groups": 2, "use_bias": False}, args=(4, 2)),
    *rows("Conv2D", IMG, {}, {"strides": (2, 1), "padding": "same"}, {"dilation_rate": (1, 2)}, args=(4, (3, 2))),
    *rows("Conv2D", IMG, {"data_format": "channels_first"}, {"groups": 2, "activation": "relu"}, args=(4, 2)),
    *rows("Conv2D", IMG, {"strides": (2, 1), "padding": "same"}, args=(4, 1)),
    *rows("Conv3D", VOL, {}, {"padding": "same", "strides": 2}, args=(3, 2)),
    *rows("Conv1DTranspose", SEQ, {**FIRST, "dilation_rate": 2, "padding": "same"}, args=(5, 2)),
    *rows("Conv2DTranspose", IMG, {**FIRST, **ENLARGED}, {"strides": (2, 1), "activation": "relu"}, args=(5, (3, 2))),
    *rows("Conv3DTranspose", VOL, {**ENLARGED, "use_bias": False}, args=(3, 2)),
    *rows("DepthwiseConv1D", SEQ, {"strides": 2, "padding": "same", "depth_multiplier": 2}, args=(3,)),
    *rows("DepthwiseConv2D", IMG, {**FIRST, **REGULARIZED}, {"dilation_rate": 2, "padding": "same"}, args=((3, 2),)),
    *rows("SeparableConv1D", SEQ, {"strides": 2, "activation": "relu"}, args=(3, 2)),
    *rows("SeparableConv2D", IMG, {**FIRST, "depth_multiplier": 2, "padding": "same"}, args=(3, 3)),
]
