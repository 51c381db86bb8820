"""A model as a program for those who have JAX but not jkeras: StableHLO, with the weights inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import nearest
from jkeras.core.extras import optional
from jkeras.core.spec import InputSpec
from jkeras.models.compiled import pure_functions
from jkeras.models.steps.custom import custom_forward
from jkeras.saving.atomic import atomic_path

FORMATS = ("stablehlo", "onnx")
PLATFORMS = ("cpu", "cuda", "tpu")
# Formats of Keras that are made of other frameworks' programs.
_ELSEWHERE = {
    "tf_saved_model": "a program of TensorFlow",
    "litert": "a program of TensorFlow Lite",
    "openvino": "a program of OpenVINO",
    "torch": "a program of PyTorch",
}


def export_model(
    model: Any,
    filepath: Any,
    format: str | None = None,
    verbose: Any = None,
    input_signature: Any = None,
    platforms: Sequence[str] = PLATFORMS,
) -> None:
    """Write what a model computes in inference, weights included, to a file that needs no jkeras to run.

    A "stablehlo" file is run with JAX alone:

        exported = jax.export.deserialize(bytearray(open("m.stablehlo", "rb").read()))
        y = exported.call(x)

    `x` and `y` are arrays, lists or dicts as the model takes and returns them. The batch size, and whatever else is
    None in the shapes of the inputs, is left open. The state of stateful layers is that of now, at each call.

    Args:
        model: A built model.
        filepath: Name of the file; folders are made when they are missing.
        format: "stablehlo" or "onnx" (which needs `pip install 'jkeras[onnx]'`). By the name if left out, else
            "stablehlo".
        verbose: True to print what was written.
        input_signature: Shapes and dtypes of the inputs, if they are not known or not to be left open: a tree like the
            inputs of `InputSpec`, of `jax.ShapeDtypeStruct`, or of arrays.
        platforms: Where the program is to run; one file serves all of them.

    Raises:
        ValueError: If the format is unknown or made by other frameworks, the model is not built, its inputs are not
            known, or it runs in part on the host; if it cannot be computed with shapes that are left open.

    Reference: https://docs.jax.dev/en/latest/export/export.html
    """
    name = os.fspath(filepath)
    chosen = _checked_format(name, format)
    if chosen == "onnx":
        from jkeras.saving.onnx import write_onnx

        signature = _signature(model, input_signature)
        count = len(jax.tree.leaves(signature))
        names = [f"input_{i}" for i in range(count)] if model._plan is None else model._plan.input_names
        write_onnx(inference(model), [_abstract(signature, shared) for shared in (False, True)], name, names)
    else:
        optional("flatbuffers", "Writing a program of JAX")
        program = exported(model, input_signature, platforms)
        with atomic_path(name) as temporary:
            temporary.write_bytes(program.serialize())
    if verbose:
        print(f"Saved {model.name!r} to {name!r} as {chosen}.")


def exported(model: Any, input_signature: Any = None, platforms: Sequence[str] = PLATFORMS) -> Any:
    """Return the program that `export_model` writes, as `jax.export.Exported`.

    Args:
        model, input_signature, platforms: As for `export_model`.

    >>> import numpy as np
    >>> from jkeras.layers import Dense
    >>> from jkeras.models import Sequential
    >>> model = Sequential([Dense(2, input_shape=(3,))])
    >>> program = exported(model)
    >>> program.in_avals, program.platforms
    ((ShapedArray(float32[b,3]),), ('cpu', 'cuda', 'tpu'))
    >>> x = np.ones((5, 3), "float32")
    >>> bool(np.allclose(program.call(x), model.predict(x, verbose=0)))
    True
    """
    return _lowered(inference(model), _signature(model, input_signature), tuple(platforms), model.name)


def inference(model: Any) -> Callable[[Any], Any]:
    """Return what a model computes in `predict` as a function of its inputs, with the weights of now inside."""
    plan = model._plan
    if plan is not None and plan.host is not None:
        layers = ", ".join(sorted({node.layer.name for node in plan.host.nodes}))
        raise ValueError(
            f"The model {model.name!r} has layers of strings ({layers}), which run on the host and cannot be exported. "
            "Export the part behind them: Model(x, y) from what they return, and apply them before it."
        )
    if not model._is_declared():
        raise ValueError(
            f"The model {model.name!r} cannot be exported: it is not built. Call it on data, or model.build(shape)."
        )
    model._drawn_weights()
    params, state = model._tree(trainable=True), model._tree(trainable=False)
    forward = custom_forward(model) or pure_functions(model).forward

    def function(x: Any) -> Any:
        return forward(params, state, x, False, jax.random.key(0)).outputs

    return function


def _checked_format(name: str, format: str | None) -> str:
    if format is None:
        format = "onnx" if name.endswith(".onnx") else "stablehlo"
    if format in _ELSEWHERE:
        raise ValueError(
            f"format={format!r} is {_ELSEWHERE[format]}, which jkeras does not make. format='stablehlo' runs with JAX "
            "alone; format='onnx' in the other runtimes. TensorFlow users: jax.experimental.jax2tf.convert(f) takes "
            "f = jkeras.saving.export.inference(model)."
        )
    if format not in FORMATS:
        raise ValueError(f"format must be 'stablehlo' or 'onnx'; got {format!r}.{nearest(format, FORMATS)}")
    return format


def _signature(model: Any, given: Any) -> Any:
    """Return the inputs as a tree of abstract arrays, whose unknown dimensions are None."""
    if given is None and model._plan is None:
        raise ValueError(
            f"The inputs of the model {model.name!r} are not known, since it was not made from an Input. Give their "
            "shapes: model.export(path, input_signature=jkeras.InputSpec(shape=(None, 28, 28), dtype='float32'))."
        )
    tree = model._plan.inputs if given is None else given
    leaves = jax.tree.leaves(tree, is_leaf=_is_spec)
    wanted = None if model._plan is None else len(model._plan.input_list)
    if wanted is not None and len(leaves) != wanted:
        raise ValueError(f"input_signature has {len(leaves)} parts; the model {model.name!r} has {wanted} inputs.")
    if isinstance(tree, (list, tuple)) and len(leaves) == 1 and len(tree) == 1:
        tree = tree[0]  # Keras lists the inputs, also if there is one
    return jax.tree.map(_spec, tree, is_leaf=_is_spec)


def _is_spec(value: Any) -> bool:
    return isinstance(value, InputSpec) or hasattr(value, "shape")


class _Open:
    """A shape with unknown dimensions, and a dtype."""

    def __init__(self, shape: tuple[int | None, ...], dtype: Any):
        self.shape, self.dtype = shape, dtype


def _spec(value: Any) -> _Open:
    shape = getattr(value, "shape", None)
    if shape is None:
        raise ValueError(f"input_signature must hold things with a shape, such as InputSpec(shape=...); got {value!r}.")
    return _Open(tuple(shape), jax.dtypes.canonicalize_dtype(jnp.dtype(getattr(value, "dtype", None) or "float32")))


def _lowered(function: Callable[[Any], Any], specs: Any, platforms: tuple[str, ...], name: str) -> Any:
    unknown = [n for spec in jax.tree.leaves(specs) for n in spec.shape if n is None]
    first: Exception | None = None
    # Dimensions that are unknown may have to be equal, such as the steps of two sequences that are added.
    for shared in (False, True) if len(unknown) > 1 else (False,):
        try:
            return jax.export.export(jax.jit(function), platforms=platforms)(_abstract(specs, shared))
        except Exception as error:
            first = first or error
    assert first is not None
    if not unknown:
        raise ValueError(
            f"The model {name!r} cannot be exported for {', '.join(platforms)}: {_short(first)} "
            "If only one of them cannot do what it computes, name the others: platforms=('cpu',)."
        ) from first
    shapes = ", ".join(str(spec.shape) for spec in jax.tree.leaves(specs))
    raise ValueError(
        f"The model {name!r} cannot be exported with inputs of shape {shapes}, where None is left open: "
        f"{_short(first)} Give all sizes: model.export(path, input_signature=jkeras.InputSpec(shape=(32, ...), "
        "dtype='float32'))."
    ) from first


def _abstract(specs: Any, shared: bool) -> Any:
    """Return abstract arrays: the batch size is `b`, other unknown dimensions have names of their own.

    Those at the same place of several inputs are equal if `shared`.
    """
    scope, number = jax.export.SymbolicScope(), iter(range(1000))

    def abstract(spec: _Open) -> Any:
        serial = next(number)
        names = ["b" if axis == 0 else f"d{axis}" if shared else f"d{axis}_{serial}" for axis in range(len(spec.shape))]
        text = ", ".join(label if n is None else str(n) for label, n in zip(names, spec.shape, strict=True))
        return jax.ShapeDtypeStruct(jax.export.symbolic_shape(text, scope=scope), spec.dtype)

    return jax.tree.map(abstract, specs)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{text[:300]}{'...' if len(text) > 300 else ''}" + ("" if text.endswith(".") else ".")
