"""Keras 3: ops, a compute_loss of one's own, a PyDataset in processes, serialization."""
import os
os.environ["KERAS_BACKEND"] = "jax"
import tempfile
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="mine")
class Gate(layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x):
        return ops.sigmoid(self.dense(x)) * ops.mean(x, axis=-1, keepdims=True)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Rows(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        return rng.random((8, 5), np.float32), rng.random((8, 4), np.float32)


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,))
    model = keras.Model(inputs, Gate(4)(inputs))
    model.compile(optimizer=keras.optimizers.AdamW(1e-3, weight_decay=1e-4), loss="mse", metrics=["mae"])
    history = model.fit(Rows(workers=2, use_multiprocessing=True), epochs=2, verbose=0)
    assert len(history.history["mae"]) == 2
    path = os.path.join(tempfile.mkdtemp(), "model.keras")
    model.save(path)
    x = np.ones((2, 5), "float32")
    np.testing.assert_allclose(keras.models.load_model(path).predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)
