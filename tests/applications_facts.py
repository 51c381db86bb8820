"""What real Keras says about each architecture: written to `applications_facts.json` by running this file.

A model is told by its number of parameters, its number of layers, the shape of its outputs, and a SHA-256 of every
layer's name with the names and shapes of its weights, in order. Nothing is drawn, so that no memory is taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_suffix(".json")

# The whole classifier; and the part of it that is used for images of other sizes.
VARIANTS: dict[str, dict[str, Any]] = {
    "top": {},
    "features": {"include_top": False, "pooling": "max", "input_shape": (96, 96, 3)},
}


def facts_of(layers: dict[str, Any], parameters: int, output_shape: Any) -> list[Any]:
    """Return the facts of a model of Keras or jkeras; `layers` by name are in order, operations among them."""
    digest = hashlib.sha256()
    for name, layer in layers.items():
        # Keras leaves the weight of LayerScale without a name, and numbers it through the process.
        weights = [(re.sub(r"^variable(_\d+)?$", "gamma", w.name), w.shape) for w in getattr(layer, "weights", [])]
        digest.update(json.dumps([name, weights]).encode())
    return [parameters, len(layers), list(output_shape), digest.hexdigest()]


def keras_facts() -> dict[str, dict[str, list[Any]]]:
    """Return the facts of every architecture of Keras, which this process is of no use for any more afterwards."""
    import inspect

    import keras

    keras.StatelessScope().__enter__()  # in it, variables are declared, not made
    found: dict[str, dict[str, list[Any]]] = {}
    for name, make in sorted(vars(keras.applications).items()):
        if not inspect.isfunction(make):
            continue
        found[name] = {}
        for variant, arguments in VARIANTS.items():
            keras.src.backend.common.global_state.set_global_attribute("object_name_uids", None)
            model = make(weights=None, **arguments)
            found[name][variant] = facts_of(
                {op.name: op for op in model.operations}, model.count_params(), model.output_shape
            )
    return found


def as_text(facts: dict[str, Any]) -> str:
    """Return the facts, one model a line."""
    rows = [
        f'"{name}": {{\n' + ",\n".join(f'  "{v}": {json.dumps(row)}' for v, row in variants.items()) + "\n}"
        for name, variants in facts.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    text = as_text(keras_facts())
    if "--print" in sys.argv:
        print(text, flush=True)
    else:
        FACTS.write_text(text, encoding="utf-8")
    os._exit(0)  # leaving the scope would make every variable
