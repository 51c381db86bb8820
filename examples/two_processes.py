"""Two processes train one model together, each with two devices; run again after a kill, they go on where they were.

    python examples/two_processes.py                 # starts both processes on this machine
    python examples/two_processes.py --process 0     # or start each by itself; 1 in another terminal

On a cluster the only line that changes is `initialize()`: without arguments it asks SLURM, Open MPI, Kubernetes or the
TPU runtime who takes part, and each process is started by the scheduler (`srun python train.py`). The processes of a
GPU machine see the GPUs that CUDA_VISIBLE_DEVICES leaves them. The folder of `resume` must be one that all of them
reach; its shards are written by Orbax (`pip install 'jkeras[orbax]'`).
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile

DEVICES = 2  # of each process, made of one CPU: a GPU or TPU machine has its own


def train(process: int, address: str, folder: str, epochs: int) -> None:
    import jax

    import jkeras
    from jkeras import Sequential, layers
    from jkeras.datasets import digits

    jkeras.distribution.initialize(address, 2, process)
    mesh = jax.make_mesh((jax.device_count(),), ("data",))
    (x, y), test = ((x.reshape(len(x), -1) / 16, y) for x, y in digits.load_data())

    jkeras.utils.set_random_seed(0)
    model = Sequential(
        [layers.Input((64,)), layers.Dense(64, "relu"), layers.Dropout(0.2), layers.Dense(10, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    # Weights and what Adam keeps for them are cut into four parts; every process is given all data, of which its
    # devices take their rows. 50 does not divide by 4, nor do the last 37 rows: no row is dropped or counted twice.
    model.fit(x, y, 50, epochs, verbose=2, mesh=mesh, rules="fully_sharded", validation_data=test, resume=folder)
    kernel = model.layers[0].kernel.value
    loss, accuracy = model.evaluate(*test, batch_size=50, verbose=0)
    part = kernel.sharding.shard_shape(kernel.shape)
    print(f"process {process}: kernel {kernel.shape}, {part} on each device; test accuracy {accuracy:.4f}", flush=True)


def free_address() -> str:
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return f"localhost:{taken.getsockname()[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--process", type=int, help="which one this is; both are started if left out")
    parser.add_argument("--address", default="localhost:12321", help="of process 0")
    parser.add_argument("--folder", help="for checkpoints")
    parser.add_argument("--epochs", type=int, default=4)
    given = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
    folder = given.folder or tempfile.mkdtemp()
    if given.process is not None:
        return train(given.process, given.address, folder, given.epochs)
    address = free_address()
    options = ["--address", address, "--folder", folder, "--epochs", str(given.epochs)]
    command = [sys.executable, __file__, *options]
    running = [subprocess.Popen([*command, "--process", str(process)]) for process in range(2)]
    sys.exit(max(process.wait() for process in running))


if __name__ == "__main__":
    main()
