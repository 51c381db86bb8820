"""`python -m jkeras script.py` runs scripts that import Keras."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np
{imports}
from keras.layers import Dense
from keras.utils import np_utils
model = keras.models.Sequential([Dense(3, input_shape=(2,))])
assert type(model).__module__.startswith("jkeras.")
assert np_utils.to_categorical([1], 3).shape == (1, 3)
print(sys.argv[1], model.predict(np.ones((2, 2)), verbose=0).shape)
"""


@pytest.mark.parametrize(
    "imports", ["import keras", "import tensorflow as tf; keras = tf.keras", "from tensorflow import keras"]
)
def test_a_keras_script_runs_unmodified(imports, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(imports=imports))
    done = subprocess.run(
        [sys.executable, "-m", "jkeras", str(script), "argument"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "argument (2, 3)"


def test_a_missing_script_is_named():
    done = subprocess.run([sys.executable, "-m", "jkeras", "absent.py"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "'absent.py'" in done.stderr
