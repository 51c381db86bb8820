"""One of two processes that train together; tests/test_processes.py starts them, and kills one."""

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__":
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"

import jax
import numpy as np

import jkeras
from jkeras import Sequential, callbacks, layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 8)).astype("float32")
Y = (X[:, :3].sum(1) > 0).astype("int32")


class Death(callbacks.Callback):
    """The end of the process, without a word, at the end of the third epoch: before its checkpoint."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)


def network():
    model = Sequential(
        [
            layers.Input((8,)),
            layers.Dense(8, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(address, process, folder, what):
    jkeras.distribution.initialize(address, 2, process)
    mesh = jax.make_mesh((4,), ("data",))
    x, y, given = X, Y, {}
    if what == "parts":  # each process has its own rows, and a batch of seven is one of fourteen
        x, y = X[process::2], Y[process::2]
        strategy = jkeras.distribution.DataParallel(auto_shard_dataset=False)
        given = {"shuffle": False, "batch_size": 7}
    else:
        given = {"mesh": mesh, "rules": "fully_sharded", "batch_size": 7, "validation_split": 0.2}
    if process == 0:  # the other takes its seed over
        jkeras.utils.set_random_seed(3)
    model = network()
    if what == "parts":
        model.distribute(strategy)
    if what == "uneven":
        x, y = X[: 20 + 2 * process], Y[: 20 + 2 * process]
    own = [callbacks.CSVLogger(f"{folder}/log.csv", append=True), callbacks.ModelCheckpoint(f"{folder}/best.keras")]
    if what == "killed" and process == 1:
        own.append(Death())
    elif what in ("killed", "unbroken"):  # the same number on each side
        own.append(callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None))
    if what == "budget" and process == 1:
        own.append(callbacks.TimeBudget(1e-3))
    if what in ("killed", "unbroken"):
        given["resume"] = f"{folder}/run"
    history = model.fit(x, y, epochs=5, verbose=2, callbacks=own, **given)
    kernel = model.layers[0].kernel.value
    results = {
        "loss": history.history["loss"],
        "evaluated": model.evaluate(*(x, y) if what == "parts" else (X, Y), 7, verbose=0),
        "predicted": model.predict(x if what == "parts" else X, 7, verbose=0),
        "part": kernel.sharding.shard_shape(kernel.shape),
    }
    weights = {str(i): w for i, w in enumerate(model.get_weights())}
    np.savez(f"{folder}/{process}.npz", **results, **weights)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
