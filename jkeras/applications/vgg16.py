"""`VGG16` under the module name that Keras gives it."""

from __future__ import annotations

from jkeras.applications.imagenet_utils import modes
from jkeras.applications.vgg import VGG16 as VGG16

preprocess_input, decode_predictions = modes("caffe")
