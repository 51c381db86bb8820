"""What Keras keeps for files and code of its own past."""

from jkeras.legacy import saving as saving
