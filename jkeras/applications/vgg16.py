"""`VGG16` under the module name that Keras gives it."""

from __future__ import annotations

from jkeras.applications.vgg import VGG16 as VGG16
from jkeras.applications.vgg import decode_predictions as decode_predictions
from jkeras.applications.vgg import preprocess_input as preprocess_input
