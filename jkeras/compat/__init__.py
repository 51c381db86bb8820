"""Running what was written for Keras: `import keras` and `import tensorflow` of a user's modules answer with jkeras."""

from __future__ import annotations

from jkeras.compat.importing import install as install
from jkeras.compat.importing import uninstall as uninstall
