"""`ResNet50` under the module name that Keras gives it."""

from __future__ import annotations

from jkeras.applications.resnet import ResNet50 as ResNet50
from jkeras.applications.resnet import decode_predictions as decode_predictions
from jkeras.applications.resnet import preprocess_input as preprocess_input
