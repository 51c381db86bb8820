"""`VGG19` under the module name that Keras gives it."""

from __future__ import annotations

from jkeras.applications.imagenet_utils import modes
from jkeras.applications.vgg import VGG19 as VGG19

preprocess_input, decode_predictions = modes("caffe")
