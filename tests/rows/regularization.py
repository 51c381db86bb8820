"""Dropout and other noise."""

from __future__ import annotations

from jkeras import layers
from rows.kinds import IMAGE, SEQUENCE, STEPS, VOLUME, Row

CONTRACT = [
    Row("Dropout", lambda: layers.Dropout(0.4, noise_shape=(None, 1, None), seed=3), SEQUENCE, uses_rng=True),
    Row("SpatialDropout1D", lambda: layers.SpatialDropout1D(0.4), SEQUENCE, uses_rng=True),
    Row("SpatialDropout2D", lambda: layers.SpatialDropout2D(0.4, "channels_first"), IMAGE, uses_rng=True),
    Row("SpatialDropout3D", lambda: layers.SpatialDropout3D(0.4), VOLUME, uses_rng=True),
    Row("AlphaDropout", lambda: layers.AlphaDropout(0.4, noise_shape=(None, 1, None)), SEQUENCE, uses_rng=True),
    Row("GaussianDropout", lambda: layers.GaussianDropout(0.4, seed=3), SEQUENCE, uses_rng=True, mask=STEPS),
    Row("GaussianNoise", lambda: layers.GaussianNoise(0.4), SEQUENCE, uses_rng=True, mask=STEPS),
    Row("ActivityRegularization", lambda: layers.ActivityRegularization(0.1, 0.2), (3, 4)),
]

# In inference all of them return their inputs; what they draw in training is compared by distribution.
ORACLE = []
