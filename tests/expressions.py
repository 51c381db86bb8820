"""Expressions that are evaluated twice, with the functions of Keras and with ours, on arrays and symbolic tensors."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import Model, ops
from jkeras.core.graph import SymbolicTensor, has_symbolic
from jkeras.core.weight import Weight
from jkeras.layers import Input

# How well the programs are optimised is not tested, and takes most of the time.
compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
)


class Expressions:
    """A table of expressions and the arrays they use.

    Args:
        table: Expressions, separated by semicolons and line breaks.
        arrays: What their names stand for; the names in capitals are batches.
        others: Whatever else they use: functions, windows.
    """

    def __init__(self, table: str, arrays: Mapping[str, np.ndarray], others: Mapping[str, Any] | None = None):
        self.cases = [case.strip() for case in re.split(r"[;\n]+", table) if case.strip()]
        self.arrays = dict(arrays)
        self.others = dict(others or {})

    def evaluate(self, case: str, module: Any, arrays: Mapping[str, Any]) -> Any:
        """Return what the functions of `module` make of one expression."""
        return eval(case, {**vars(module), **arrays, **self.others, "jnp": jnp})

    def used(self, case: str) -> set[str]:
        """Return the names of the arrays in one expression."""
        return set(re.findall(r"(?<![\w.'\"])[A-Za-z]\w*(?![\w'\"=(])", case)) & set(self.arrays)

    def uses(self, name: str) -> bool:
        """Whether an expression calls the function `name`."""
        return any(re.search(rf"(?<!\w){name}\(", case) for case in self.cases)

    def compute(self, module: Any, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return what every expression makes of the arrays, in one program: compiling each apart takes far longer."""
        return compiled(lambda given: {case: self.evaluate(case, module, given) for case in self.cases})(arrays)

    @functools.cached_property
    def expected(self) -> dict[str, Any]:
        """What Keras makes of every expression."""
        import keras

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.compute(keras.ops, self.arrays)

    def check_arrays(self, lists: bool = True) -> None:
        """Values and dtypes are those of Keras; weights and, where they are no trees of arrays, lists are taken too."""
        for case, result in self.compute(ops, self.arrays).items():
            assert_same(case, result, self.expected[case])
        kinds: dict[str, Callable[[np.ndarray], Any]] = {
            "list or numpy": lambda x: x.tolist() if lists and x.dtype in ("float32", "int32", "bool") else x,
            "weight": lambda x: Weight("w", x.shape, lambda *_: None, x.dtype.name).assign(x),
        }
        for kind, make in kinds.items():
            made = {name: make(x) for name, x in self.arrays.items()}
            for case in self.cases:
                shapes = jax.eval_shape(functools.partial(self.evaluate, case, ops, made))
                assert_alike(f"{kind}: {case}", shapes, self.expected[case])

    def check_symbolic(self, known_batch: Iterable[str] = ()) -> None:
        """Symbolic tensors have the shapes and dtypes, and so have the outputs of a model that is made of them.

        The batch is unknown but in expressions that begin as those in `known_batch`.
        """
        known_batch = tuple(known_batch)
        for unknown in (True, False):
            inputs = {
                name: Input(
                    batch_shape=(None, *x.shape[1:]) if unknown and name[0].isupper() else x.shape,
                    dtype=x.dtype.name,
                    name=name,
                )
                for name, x in self.arrays.items()
            }
            outputs = {}
            for case in self.cases:
                if case.startswith(known_batch) != unknown:
                    outputs[case] = self.evaluate(case, ops, inputs)
            outputs = {case: result for case, result in outputs.items() if has_symbolic(result)}
            for case, result in outputs.items():
                for tensor, array in zip(jax.tree.leaves(result), jax.tree.leaves(self.expected[case]), strict=True):
                    assert isinstance(tensor, SymbolicTensor) and tensor.dtype == jnp.result_type(array).name, case
                    assert len(tensor.shape) == np.ndim(array), case
                    assert all(n in (None, m) for n, m in zip(tensor.shape, np.shape(array), strict=True)), case
                    assert unknown or None not in tensor.shape, case
            # A model computes in its own float dtype.
            halves = {name for name, x in self.arrays.items() if x.dtype == "float16"}
            outputs = {case: result for case, result in outputs.items() if not self.used(case) & halves}
            names = {name for case in outputs for name in self.used(case)}
            if outputs:
                model = Model({name: inputs[name] for name in names}, list(outputs.values()))
                used = {name: self.arrays[name] for name in names}
                shapes = jax.eval_shape(lambda given, model=model: model.apply({}, {}, given)[0], used)
                for case, result in zip(outputs, shapes, strict=True):
                    assert_alike(case, result, self.expected[case])


def assert_alike(case: str, ours: Any, theirs: Any) -> None:
    """Compare shapes and dtypes."""
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype), case


def assert_same(case: str, ours: Any, theirs: Any) -> None:
    """Compare values, shapes and dtypes."""
    assert_alike(case, ours, theirs)
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        one, other = (np.asarray(x).astype("complex128") for x in (one, other))
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6, err_msg=case)
