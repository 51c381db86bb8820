"""`ResNet50` under the module name that Keras gives it."""

from __future__ import annotations

from jkeras.applications.imagenet_utils import modes
from jkeras.applications.resnet import ResNet50 as ResNet50

preprocess_input, decode_predictions = modes("caffe")
