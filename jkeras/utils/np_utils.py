"""The name under which Keras 1 and 2 scripts find these two: `from keras.utils import np_utils`."""

from jkeras.utils.numerical import normalize as normalize
from jkeras.utils.numerical import to_categorical as to_categorical
