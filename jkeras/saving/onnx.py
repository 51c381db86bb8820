"""A model as an ONNX file, by the package jax2onnx."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from jkeras.core.extras import optional
from jkeras.saving.atomic import atomic_path


def write_onnx(function: Callable[[Any], Any], specs: Sequence[Any], path: str, names: list[str]) -> None:
    """Write a function of arrays; the file is checked before it is written.

    Args:
        function: What is computed, of a tree of arrays.
        specs: That tree, of abstract arrays; several of them, of which the first that can be computed is taken.
        path: Name of the file.
        names: A name for each array.

    Raises:
        ImportError: If jax2onnx is not installed.
        ValueError: If it has no counterpart for something that the function computes.
    """
    instead = "format='stablehlo' needs nothing but JAX and flatbuffers."
    to_onnx = optional("jax2onnx", "Writing ONNX files", instead).to_onnx
    check_model = optional("onnx.checker", "Writing ONNX files", instead).check_model
    structure = jax.tree.structure(specs[0])

    def flat(*arrays: Any) -> Any:
        return tuple(jax.tree.leaves(function(jax.tree.unflatten(structure, arrays))))

    failure: Exception | None = None
    for spec in specs:
        try:
            made = to_onnx(flat, jax.tree.leaves(spec), input_names=names)
            check_model(made, full_check=True)
        except Exception as error:
            failure = failure or error
            continue
        with atomic_path(path) as temporary:
            temporary.write_bytes(made.SerializeToString())
        return
    text = " ".join(str(failure).split())[:300]
    raise ValueError(
        f"jax2onnx cannot write this model: {text}. Sizes that are not left open may help: "
        "input_signature=jkeras.InputSpec(shape=(1, ...)). format='stablehlo' needs no such conversion."
    ) from failure
