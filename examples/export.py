"""Export: a trained network becomes a file that runs where there is no jkeras, with the weights inside.

`model.export("digits.stablehlo")` writes what `predict` computes as a StableHLO program, for any batch size and for
CPU, GPU and TPU. A second process, in which jkeras cannot be imported, reads it with JAX alone. Beside it: the whole
model (`.keras`), which jkeras and Keras 3 open, and the bare weights (`.safetensors`), which any library reads. Expect
the same answers from all of them.

Writing programs needs flatbuffers: pip install 'jkeras[export]'
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from jkeras import Input, Sequential, layers, models
from jkeras.datasets import digits
from jkeras.utils import set_random_seed

# What the other side needs: eight lines, JAX and the two files.
READER = """
import sys
sys.modules["jkeras"] = None  # an import of it would fail
import jax, numpy as np

program, images, answers = sys.argv[1:]
network = jax.export.deserialize(bytearray(open(program, "rb").read()))
print("in the file:", network.in_avals, "->", network.out_avals, "for", ", ".join(network.platforms))
np.save(answers, jax.jit(network.call)(np.load(images)))
"""


def build() -> Sequential:
    """A small convolutional network."""
    return Sequential(
        [
            Input((8, 8, 1)),
            layers.Rescaling(1 / 16),  # a part of the program: who runs it gives the pixels as they are
            layers.Conv2D(16, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main() -> float:
    """Train, write, let others read, and return the largest difference of their answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path("exported"), help="where the files are written")
    options = parser.parse_args()

    set_random_seed(0)
    (x, y), (x_test, y_test) = ((x[..., None].astype("float32"), y) for x, y in digits.load_data())
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=options.epochs, verbose=2)
    expected = model.predict(x_test, verbose=0)

    program, whole, weights = (options.folder / f"digits.{end}" for end in ("stablehlo", "keras", "safetensors"))
    try:
        model.export(program)
    except ImportError as error:
        sys.exit(f"This example writes a program of JAX. {error}")
    model.save(whole)
    model.save_weights(weights)
    for file in (program, whole, weights):
        print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")

    images, answers = options.folder / "images.npy", options.folder / "answers.npy"
    np.save(images, x_test)
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", READER, str(program), str(images), str(answers)], check=True)
    fresh = build()
    fresh.load_weights(weights)
    found = {
        "the program": np.load(answers),
        "the model": models.load_model(whole).predict(x_test, verbose=0),
        "the weights": fresh.predict(x_test, verbose=0),
    }
    differences = {name: float(np.abs(answer - expected).max()) for name, answer in found.items()}
    print("answers differ by " + ", ".join(f"{value:.1e} ({name})" for name, value in differences.items()))
    accuracy = (found["the program"].argmax(-1) == y_test).mean()
    print(f"test accuracy {accuracy:.4f} of the exported program; largest difference {max(differences.values()):.1e}")
    return max(differences.values())


if __name__ == "__main__":
    main()
