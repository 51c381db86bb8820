"""Borders and up-sampling."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import IMAGE, IMG, SEQ, SEQUENCE, VOL, VOLUME, Row, rows

CONTRACT = [
    Row("Cropping1D", lambda: layers.Cropping1D((1, 2)), SEQUENCE),
    Row("Cropping2D", lambda: layers.Cropping2D(((1, 2), (0, 1))), IMAGE),
    Row("Cropping3D", lambda: layers.Cropping3D((1, 1, 0)), VOLUME),
    Row("ZeroPadding1D", lambda: layers.ZeroPadding1D((1, 2)), SEQUENCE),
    Row("ZeroPadding2D", lambda: layers.ZeroPadding2D(((1, 2), (0, 1))), IMAGE),
    Row("ZeroPadding3D", lambda: layers.ZeroPadding3D((1, 1, 0)), VOLUME),
    Row("UpSampling1D", lambda: layers.UpSampling1D(3), SEQUENCE),
    Row("UpSampling2D", lambda: layers.UpSampling2D((3, 2), interpolation="bilinear"), IMAGE),
    Row("UpSampling3D", lambda: layers.UpSampling3D((1, 2, 3)), VOLUME),
]

FIRST = {"data_format": "channels_first"}
SMOOTH = ("bilinear", "bicubic", "lanczos3", "lanczos5")

ORACLE = [
    *rows("Cropping1D", SEQ, {}, {"cropping": (0, 3)}),
    *rows("Cropping2D", IMG, {"cropping": (1, 2)}, {"cropping": ((2, 0), (1, 0)), **FIRST}),
    *rows("Cropping3D", VOL, {}, {"cropping": ((2, 1), (1, 2), (0, 0)), **FIRST}),
    *rows("ZeroPadding1D", SEQ, {"padding": (0, 3)}, FIRST),
    *rows("ZeroPadding2D", IMG, {}, {"padding": ((2, 0), (1, 3)), **FIRST}),
    *rows("ZeroPadding3D", VOL, {"padding": ((0, 0), (1, 2), (2, 0)), **FIRST}),
    *rows("UpSampling1D", SEQ, {"size": 3}),
    *rows("UpSampling2D", IMG, {}, {"size": (3, 2), **FIRST}),
    *rows("UpSampling2D", IMG, *({"size": (2, 3), "interpolation": name, **FIRST} for name in SMOOTH)),
    *rows("UpSampling3D", VOL, {"size": (1, 2, 3), **FIRST}),
]
