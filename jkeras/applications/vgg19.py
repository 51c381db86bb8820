"""`VGG19` under the module name that Keras gives it."""

from __future__ import annotations

from jkeras.applications.vgg import VGG19 as VGG19
from jkeras.applications.vgg import decode_predictions as decode_predictions
from jkeras.applications.vgg import preprocess_input as preprocess_input
