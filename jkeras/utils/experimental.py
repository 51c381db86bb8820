"""`keras.utils.experimental` of Keras 2."""

from jkeras.utils.unsupported import DatasetCreator as DatasetCreator
