"""Exact resume: a training that is killed, and killed again, ends with the same bits as one that nobody disturbed.

`BackupAndRestore` writes checkpoints while the loop goes on; started again, the same script finds the last one and goes
on in the middle of the epoch: weights, optimizer, order of the data, dropout, history. (`fit(..., resume="folder")` is
the short way to it, once an epoch.) Here the process kills itself, as a power cut would: no handler runs, nothing is
written in time. Expect a difference of exactly zero.

    python examples/exact_resume.py                    # all of it
    python examples/exact_resume.py --folder run       # one training; interrupt it as you like and start it again
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from jkeras import Input, Sequential, layers
from jkeras.callbacks import BackupAndRestore, Callback
from jkeras.datasets import digits
from jkeras.utils import set_random_seed

BATCH, EVERY = 32, 10  # a checkpoint every so many batches; an epoch has 45


class PowerCut(Callback):
    """Count the batches of this process, and kill it after so many of them."""

    def __init__(self, after: int):
        super().__init__()
        self.after, self.batches = after, 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.batches += 1
        if self.batches == self.after:
            os.kill(os.getpid(), signal.SIGKILL)


def train(
    folder: Path | None, epochs: int, kill_after: int = 0
) -> tuple[list[np.ndarray], dict[str, list[float]], int]:
    """Train, from the checkpoint in `folder` if there is one; return weights, history and how many batches it took."""
    set_random_seed(0)
    (x, y), test = ((x.reshape(len(x), -1) / np.float32(16), y) for x, y in digits.load_data())
    model = Sequential(
        [Input((64,)), layers.Dense(64, activation="relu"), layers.Dropout(0.3), layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    cut = PowerCut(kill_after)
    backup = [] if folder is None else [BackupAndRestore(folder / "backup", save_freq=EVERY)]
    history = model.fit(x, y, BATCH, epochs, verbose=2, validation_data=test, callbacks=[cut, *backup])
    return model.get_weights(), history.history, cut.batches


def main() -> float:
    """Kill a training twice, let it end, and return how far it is from the one that was never killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--kills", type=int, nargs="*", default=[75, 90], help="batches after which a run is killed")
    parser.add_argument("--folder", type=Path, help="train once, with the checkpoints of this folder")
    parser.add_argument("--kill-after", type=int, default=0, help="the process ends after so many batches")
    options = parser.parse_args()

    if options.folder is not None:
        train(options.folder, options.epochs, options.kill_after)
        return 0.0

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--folder", folder, "--epochs", str(options.epochs)]
        for batches in options.kills:
            print(f"-- a process that will be killed after {batches} batches:", flush=True)
            ended = subprocess.run([*command, "--kill-after", str(batches)]).returncode
            assert ended == -signal.SIGKILL, f"it ended with {ended}"
        print("-- one that goes on from there, and may end:", flush=True)
        interrupted, logs, left = train(Path(folder), options.epochs)

    print("-- the same, undisturbed:")
    weights, history, batches = train(None, options.epochs)
    assert logs == history, "the histories differ"
    difference = max(float(np.abs(a - b).max()) for a, b in zip(weights, interrupted))
    print(f"killed {len(options.kills)} times, {left} of {batches} batches were left to the last process;", end=" ")
    print(f"the histories are equal, the weights differ by {difference}")
    return difference


if __name__ == "__main__":
    main()
