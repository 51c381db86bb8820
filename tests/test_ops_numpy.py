"""`ops.numpy` and `ops.linalg` against Keras: names, parameters, values, dtypes, symbolic shapes, masks."""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Model, ops
from jkeras.core.dtypes import set_floatx
from jkeras.core.graph import SymbolicTensor
from jkeras.core.weight import Weight
from jkeras.layers import Embedding, Input, Layer
from jkeras.ops.numpy import elementwise

keras = pytest.importorskip("keras")

rng = np.random.default_rng(0)
ARRAYS = {
    "f": rng.normal(size=(2, 3)).astype("float32"),
    "g": rng.normal(size=(2, 3)).astype("float32"),
    "p": rng.uniform(0.1, 0.9, size=(2, 3)).astype("float32"),
    "n": np.array([[1.0, np.nan, 3.0], [-np.inf, 0.0, np.nan]], "float32"),
    "i": np.array([[5, 0, 7], [2, 9, 4]], "int32"),
    "j": np.array([[1, 2, 3], [2, 2, 1]], "int32"),
    "t": np.array([[-3, 2, 7], [0, 1, 4]], "int8"),
    "h": rng.normal(size=(2, 3)).astype("float16"),
    "b": np.array([[True, False, True], [False, False, True]]),
    "c": (rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))).astype("complex64"),
    "z": rng.normal(size=(2, 1, 3, 4)).astype("float32"),
    "v": np.array([0.5, -1.0, 2.0, 3.5], "float32"),
    "w": np.array([1, 3, 3, 0], "int32"),
    "u": np.array([1.0, 2.0, 4.0], "float32"),
    "m": np.array([[4.0, 1.0], [1.0, 3.0]], "float32"),
    "k": np.array([[[2.0, 1.0], [0.0, 3.0]], [[1.0, -1.0], [2.0, 0.5]]], "float32"),
    "a": rng.normal(size=(3, 2)).astype("float32"),
}
ON_DEVICE = {name: jnp.asarray(x) for name, x in ARRAYS.items()}
# Those whose first axis is a batch of unknown size where symbolic tensors stand in for them.
BATCHED = "f g p n i j t h b c z k"

# Each expression is evaluated with the functions of Keras and with ours, on arrays, lists, weights, symbolic tensors.
CREATION = """
array([1, 2]); array([1.5, 2], dtype="float16"); array(f); array(2.5); array([f, f]); array(i, dtype="bool"); view(f)
view(f, dtype="int16"); view(i, dtype="uint8"); zeros((2, 3)); zeros(2, dtype="int64"); zeros([2], dtype="bool")
ones((2,)); ones((2,), dtype="bfloat16"); empty((2, 1)); full((2,), 3); full((2, 2), array([1, 2]), dtype="int32")
full((2,), True); zeros_like(i); zeros_like(i, dtype="float32"); ones_like(h); empty_like(f); full_like(i, 2.5)
full_like(f, 1, dtype="int8"); eye(2); eye(2, 3, k=1, dtype="int32"); identity(2); identity(2, dtype="bool"); tri(3)
tri(2, 3, k=-1, dtype="int32"); arange(3); arange(3.0); arange(1, 7, 2); arange(5, 2, -1); arange(0, 1, 0.25)
arange(3, dtype="float16"); linspace(0, 1, 5); linspace(0, 10, 5, dtype="int32"); linspace(f, g, 3, axis=-1)
linspace(0, 1, 4, endpoint=False, retstep=True); logspace(0, 3, 4); logspace(0, 2, 3, base=2, dtype="int32")
logspace(f, 2, num=3, endpoint=False, axis=1); geomspace(1, 1000, 4); geomspace(p, 8, num=3, axis=-1)
geomspace(1, 8, num=3, endpoint=False, dtype="float16"); bartlett(5); blackman(6); hamming(5); hanning(4)
kaiser(5, 3.0)
"""
REDUCTIONS = """
sum(f); sum(b); sum(t, axis=[0, 1]); sum(f, axis=-1, keepdims=True); prod(t, axis=1)
prod(f, axis=[0, 1], dtype="float16"); prod(b, keepdims=True); mean(i); mean(h, axis=[0, 1])
mean(f, axis=1, keepdims=True); average(i); average(f, axis=1, weights=u); average(f, weights=p)
average(h, axis=[0, 1]); average(b); var(i); var(h); var(f, axis=[1], keepdims=True); std(b); std(f, axis=(0, 1))
cumsum(b); cumsum(f, axis=1); cumsum(f, axis=0, dtype="int32"); cumprod(t); cumprod(f, axis=-1, dtype="float16")
trapezoid(f); trapezoid(i, dx=2, axis=-1); trapezoid(f, x=u); max(f, axis=[0, 1]); max(i, initial=6)
max(f, axis=1, keepdims=True, initial=0.3); min(f); min(t, axis=-1, initial=0); min(b, keepdims=True)
amax(f, axis=(0, 1)); amax(i, axis=1, keepdims=True); amin(h); amin(f, axis=[1], keepdims=True); ptp(f, axis=[0, 1])
ptp(i, axis=1, keepdims=True); argmax(f); argmax(i, axis=1); argmin(f, keepdims=True)
argmin(b, axis=-1, keepdims=True); all(f, axis=[0, 1]); all(b, axis=1, keepdims=True); any(b); any(f, axis=-1)
any(b, axis=[1], keepdims=True); allclose(f, f); allclose(n, n, equal_nan=True); allclose(i, j, rtol=0.5, atol=3)
sort(f); sort(i, axis=0); sort(b); sort(f, axis=None); argsort(f); argsort(b, axis=1); argsort(i, axis=None)
argpartition(v, 2); argpartition(f, 1, axis=1); argpartition(w, -2); median(f, axis=[0, 1])
median(i, axis=1, keepdims=True); median(n); median(h); median(b); quantile(f, 0.3); quantile(i, [0.2, 0.5], axis=1)
quantile(h, 0.3, axis=(0, 1)); quantile(f, 0.3, method="nearest", keepdims=True); quantile(b, 0.4)
percentile(f, [25, 50], axis=1, method="lower"); percentile(i, 30); percentile(f, 30.0, axis=(0, 1), keepdims=True)
count_nonzero(i); count_nonzero(b, axis=1); bincount(w); bincount(w, minlength=6); bincount(w, weights=v)
bincount(w, weights=array([1, 2, 3, 4])); histogram(v, bins=3); histogram(w); histogram(v, bins=2, range=(0, 3))
histogram(v, 3, (0, 0)); nansum(n); nansum(t, axis=1, keepdims=True); nanprod(n, axis=1); nanprod(t)
nanmean(n, axis=1); nanmean(i, keepdims=True); nanvar(n, axis=0); nanstd(f, axis=1); nancumsum(n, axis=1)
nancumsum(n); nancumsum(i, dtype="float32"); nancumprod(n, axis=1); nancumprod(f, dtype="float16"); nanmax(n)
nanmax(n, axis=1, keepdims=True); nanmin(n, axis=1); nanmin(i); nanargmax(n, axis=1); nanargmax(n, keepdims=True)
nanargmin(n); nanargmin(n, axis=1, keepdims=True); nanmedian(n, axis=1); nanmedian(f, keepdims=True)
nanquantile(n, [0.3, 0.5], axis=1); nanquantile(f, 0.3, keepdims=True, method="higher"); nanpercentile(n, 30)
nanpercentile(f, [20, 40], axis=1, method="midpoint")
"""
PRODUCTS = """
matmul(f, a); matmul(t, [[1, 2], [3, 4], [5, 6]]); matmul(i, u); matmul(k, m); einsum("ij,jk->ik", f, a)
einsum("ij,ij", t, t); einsum("ij->ji", h); einsum("bij,jk->b", k, m, optimize="optimal"); einsum("ij,ij->i", i, f)
dot(f, a); dot(v, v); dot(i, 2); inner(f, u); inner(i, 2.5); outer(v, u); outer(t, u); vdot(f, g); vdot(c, c)
tensordot(f, g); tensordot(f, a, axes=1); tensordot(f, g, axes=[[0, 1], [0, 1]]); tensordot(v, u, axes=0); kron(m, m)
kron(v, u); cross(f, g); cross(f, u, axis=-1); cross(z, u, axisa=2, axisb=0, axisc=0); cross(a, a); correlate(v, u)
correlate(v, [1.0, 2.0], mode="same"); correlate(w, w, mode="full"); corrcoef(f); corrcoef(a); trace(m); trace(t)
trace(z, offset=1, axis1=2, axis2=-1); slogdet(m); slogdet(k); vander(v); vander(w, N=2, increasing=True)
"""
MANIPULATION = """
reshape(f, (-1,)); reshape(f, 6); reshape(z, [-1, 12]); reshape(f, (3, -1)); ravel(f); expand_dims(f, -1)
expand_dims(f, [0, -1]); expand_dims(f, axis=1); squeeze(z); squeeze(z, axis=1); squeeze(z, axis=[1]); transpose(f)
transpose(z, [0, 2, 1, 3]); transpose(z, axes=(3, 0, 1, 2)); moveaxis(z, 1, -1); moveaxis(z, [0, 1], [1, 0])
swapaxes(z, 1, -1); broadcast_to(f, (2, 2, 3)); broadcast_to(u, [4, 3]); tile(f, 2); tile(f, [2, 1]); tile(v, (2, 2))
repeat(f, 2); repeat(f, 3, axis=-1); repeat(v, array([1, 0, 2, 1])); pad(f, 1); pad(f, ((0, 1), (2, 0)))
pad(f, [[1, 1], [0, 0]], constant_values=5); pad(i, (1, 2), constant_values=2)
pad(f, ((0, 0), (1, 1)), mode="reflect"); pad(f, 1, "edge"); pad(b, 1, constant_values=True); flip(f)
flip(f, axis=[0, 1]); flip(f, axis=-1); fliplr(f); flipud(f); roll(f, 1); roll(f, [1, 1], axis=[0, 1])
roll(f, -2, axis=1); rot90(f); rot90(z, k=3, axes=(2, 3)); rot90(f, k=-1); diag(v, k=1); diag(m); diagflat(m, k=-1)
diagflat(v); diagonal(m); diagonal(z, offset=1, axis1=2, axis2=3); tril(f); tril(z, k=-1); triu(i); triu(b, k=1)
diff(f); diff(f, n=2); diff(i, axis=1); diff(z, n=1, axis=2); ndim(f); ndim(3.0); size(f); size([1, 2])
concatenate([f, i]); concatenate([f, g], axis=-1); concatenate((b, t), axis=1); concatenate([[[1, 2]], [[3, 4]]])
stack([f, i]); stack([f, g], axis=-1); stack([1, 2.5]); stack(f); hstack([f, g]); hstack([v, u]); vstack([f, i])
vstack([v, w]); dstack([f, g]); dstack([v, w]); append(f, i); append(f, g, axis=1); append(f, 1); meshgrid(v, u)
meshgrid(u, w, indexing="ij"); split(f, 3, axis=1); split(z, [1, 1], axis=-1); split(v, 2); split(v, array([1, 3]))
split(f, (1, 2), axis=-1); array_split(f, 2, axis=1); array_split(v, 3); hsplit(f, 3); hsplit(f, [1]); vsplit(m, 2)
vsplit(a, [1]); dsplit(z, 3); dsplit(k, [1]); take(v, [5, -1, -7, 0]); take(f, [1, -3, 3], axis=1); take(w, [0, 9])
take(f, [[0], [1]], axis=-1); take(f, 0, axis=1); take(v, w); take_along_axis(v, w)
take_along_axis(f, [[0], [-1]], axis=1); take_along_axis(f, j, axis=1); take_along_axis(v, array([1, 7]), axis=0)
get_item(f, 1); get_item(z, (Ellipsis, 0, None, cut)); get_item(f, (0, array([2, 0]))); nonzero(b); nonzero(w)
unique(w); unique(w, return_index=True, return_inverse=True, return_counts=True, sorted=False)
unique(w, size=5, fill_value=-1); unique(i, size=3)
unique(array([[1, 2], [1, 2], [0, 2]]), axis=0, return_counts=True); unique(i, return_inverse=True)
searchsorted(u, v); searchsorted([1, 2, 3], j, side="right"); searchsorted(u, 2.0); digitize(f, u)
digitize(i, [1, 4, 6]); digitize(v, [0.0, 1.0]); isin(f, [1.0, 2.0]); isin(i, j, invert=True)
isin(w, [3], assume_unique=True); unravel_index(array([5, 1]), (2, 3)); unravel_index([7, -1], [2, 3])
unravel_index(3, (2, 2)); unravel_index(j, (2, 4)); select([b, greater(f, 0)], [f, g]); select([b], [i], default=2.5)
select((b,), (h,)); select([b], [1]); where(b, f, g); where(b, h, 1); where(b, i, 2.5); where(i, 1, 0)
where(True, f, 0); where(b); where(w); vectorize(lambda x, y: x + y)(v, 2)
vectorize(lambda x: x.sum(), signature="(n)->()")(v); vectorize(lambda x, y: x * y, excluded={1})(v, 3.0)
"""
ELEMENTWISE = """
clip(f, -0.5, 0.5); clip(i, 1, 4.5); clip(b, 0, 1); clip(h, x_min=0, x_max=1); clip(f, None, g); clip(t, 0, 3)
round(f, decimals=1); round(i, -1); nan_to_num(n); nan_to_num(n, nan=5, posinf=1, neginf=-1.5); nan_to_num(i)
isclose(f, g, rtol=1, atol=0.1); isclose(n, n, equal_nan=True); divide_no_nan(f, [0.0, 1.0, 2.0]); divide_no_nan(i, 0)
divide_no_nan(t, t); divide_no_nan(h, 2.5); divide_no_nan(b, b); ldexp(f, j); ldexp(i, 2); ldexp(h, j)
floor_divide(-5, 3); floor_divide(f, 0); mod(-5, 3); fmod(-5, 3); power(2, j); power(b, 2); gcd(i, 4); lcm(t, i)
add(1, 2); add(1.5, 2); sign(c); abs(c); absolute(c); square(c); angle(c); conj(c); conjugate(c); real(c); imag(c)
isreal(c); heaviside(n, 0.5)
"""
LINALG = """
cholesky(m); cholesky(m, upper=True); cholesky([[4, 2], [2, 3]]); cholesky_inverse(m); cholesky_inverse(m, upper=True)
det(m); det(k); det([[1, 2], [3, 4]]); eig(m); eig(k); eigh(m); inv(m); inv(k); inv([[1, 2], [3, 4]]); lstsq(a, u)
lstsq(a, a, rcond=0.5); lu_factor(m); lu_factor(k); matrix_rank(a); matrix_rank(k); matrix_rank(z, tol=1.0); norm(f)
norm(i); norm(v, ord=3); norm(v, ord=1, keepdims=True); norm(f, ord="fro"); norm(f, ord="nuc")
norm(f, ord=2, axis=(-2, -1)); norm(f, axis=1, keepdims=True); norm(v, ord=float("inf")); norm(v, ord=0); norm(z)
norm(h, axis=-1); norm(c); pinv(a); pinv(f, rcond=0.5); pinv(i); qr(a); qr(k, mode="complete"); qr(f)
solve(m, [1.0, 2.0]); solve(k, k); solve(k, [1.0, 2.0]); solve([[2, 1], [1, 3]], m); solve_triangular(m, [1.0, 2.0])
solve_triangular(k, k, lower=True); svd(a); svd(k, compute_uv=False); svd(z, full_matrices=False)
jvp(lambda x: x * x, (v,), (v,)); jvp(lambda x, y: (x * y, [x]), [f, g], [g, f], has_aux=True)
"""

INTEGERS = {"gcd", "lcm", "ldexp"} | {
    name for name in dir(ops) if name.startswith("bitwise_") or name.endswith("_shift")
}


def plain_elementwise() -> dict[str, int]:
    """Return the elementwise functions that take nothing but one or two operands, and how many they take."""
    known = {("x",): 1, ("x1", "x2"): 2, ("x", "y"): 2}
    given = {name: tuple(inspect.signature(getattr(ops, name)).parameters) for name in elementwise.__all__}
    return {name: known[parameters] for name, parameters in given.items() if parameters in known}


def elementwise_cases() -> list[str]:
    operands = {1: ("f", "i"), 2: ("f, p", "i, j")}
    return [f"{name}({operands[count][name in INTEGERS]})" for name, count in plain_elementwise().items()]


TABLES = [CREATION, REDUCTIONS, PRODUCTS, MANIPULATION, ELEMENTWISE, LINALG]
CASES = [case.strip() for table in TABLES for case in table.strip().replace("\n", ";").split(";")] + elementwise_cases()
# What depends on values, what looks at them, and what needs to know the batch or knows less without it.
NEEDS_VALUES = ("bincount(", "nonzero(", "where(b)", "where(w)", "unique(w", "unique(array", "unique(i, return")
WINDOWS = ("bartlett(", "blackman(", "hamming(", "hanning(", "kaiser(")
CONCRETE = (*NEEDS_VALUES, *WINDOWS, "cholesky(", "size(", "ndim(", "repeat(v, array", "split(v, array")
NEEDS_BATCH = ("reshape(f, 6)", "reshape(f, (3", "broadcast_to(f, (2", "take_along_axis(f, [[0]", "qr(f)")


def evaluate(case: str, module: Any, arrays: Mapping[str, Any]) -> Any:
    """Return what the functions of `module` make of the expression."""
    return eval(case, {**vars(module), **arrays, "cut": slice(1, None, 2)})


def arrays_in(case: str) -> set[str]:
    """Return the arrays that an expression uses."""
    return set(re.findall(r"(?<![\w'\"])[a-z](?![\w'\"=(])", case)) & set(ARRAYS)


def compare(case: str, ours: Callable[[Any], Any], theirs: Callable[[Any], Any], traced: bool = True) -> None:
    """Compare what two functions make of the arrays: types, shapes, dtypes, values.

    If JAX sees one and the same program in both, the values are the same too, and nothing needs compiling.
    """
    if traced:
        (one, kind), (other, wanted) = (jax.make_jaxpr(f, return_shape=True)(ON_DEVICE) for f in (ours, theirs))
        constants = [[np.asarray(x).tolist() for x in program.consts] for program in (one, other)]
        if str(one) == str(other) and constants[0] == constants[1]:
            return assert_alike(case, kind, wanted)
        ours, theirs = jax.jit(ours), jax.jit(theirs)
    return assert_same(case, ours(ON_DEVICE), theirs(ON_DEVICE))


def assert_same(case: str, ours: Any, theirs: Any) -> None:
    """Compare values, shapes, dtypes, and whether it is a list or a tuple."""
    assert_alike(case, ours, theirs)
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        one, other = (np.asarray(x).astype("complex128") for x in (one, other))
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6, err_msg=case)


def assert_alike(case: str, ours: Any, theirs: Any) -> None:
    """Compare shapes, dtypes, and whether it is a list or a tuple."""
    for kind in (list, tuple):
        assert isinstance(ours, kind) == isinstance(theirs, kind), f"{case}: {type(ours)}, not {type(theirs)}"
    found, wanted = ([(np.shape(x), jnp.result_type(x)) for x in jax.tree.leaves(tree)] for tree in (ours, theirs))
    assert found == wanted, case


def inputs_of(unknown: bool) -> dict[str, Any]:
    """Return a symbolic tensor for each array."""
    batched = BATCHED.split() if unknown else []
    return {
        name: Input(batch_shape=(None, *x.shape[1:]) if name in batched else x.shape, dtype=x.dtype.name, name=name)
        for name, x in ARRAYS.items()
    }


def test_every_function_has_a_case_and_the_parameters_of_keras():
    for module, named in ((keras.ops.numpy, ops.numpy), (keras.ops.linalg, ops.linalg)):
        for name in [name for name in dir(module) if not name.startswith("_")]:
            ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (named, module))
            assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs], name
            assert getattr(ops, name) is getattr(named, name)
            assert getattr(ops, name).__name__ == name and getattr(ops, name).__doc__
            assert any(re.search(rf"(?<!\w){name}\(", case) for case in CASES), f"no case uses {name}"


def test_arrays_give_what_keras_gives():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras asks for 64 bits
        for case in CASES:
            ours, theirs = (functools.partial(evaluate, case, module) for module in (ops, keras.ops))
            compare(case, ours, theirs, traced=not case.startswith(CONCRETE))


def test_models_have_the_right_shapes_and_compute_the_same():
    for unknown in (True, False):
        inputs = inputs_of(unknown)
        for case in CASES:
            used = arrays_in(case)
            if not used or case.startswith(CONCRETE) or case.startswith(NEEDS_BATCH) == unknown:
                continue
            outputs = evaluate(case, ops, inputs)
            wanted = jax.tree.leaves(jax.eval_shape(functools.partial(evaluate, case, ops), ARRAYS))
            for tensor, array in zip(jax.tree.leaves(outputs), wanted, strict=True):
                assert isinstance(tensor, SymbolicTensor) and tensor.dtype == array.dtype.name, case
                assert len(tensor.shape) == array.ndim, case
                assert all(n in (None, m) for n, m in zip(tensor.shape, array.shape, strict=True)), case
            model = Model({name: inputs[name] for name in used}, outputs, autocast=False)
            compare(
                case, lambda arrays, model=model: model.apply({}, {}, arrays)[0], functools.partial(evaluate, case, ops)
            )


def test_lists_weights_and_numpy_are_arrays():
    lists = {name: x.tolist() for name, x in ARRAYS.items() if x.dtype in ("float32", "int32", "bool")}
    weights = {name: Weight(name, x.shape, None, x.dtype.name).assign(x) for name, x in ARRAYS.items()}
    for case in [case for case in CASES if arrays_in(case) and not case.startswith(CONCRETE)]:
        wanted = jax.eval_shape(lambda case=case: evaluate(case, ops, ON_DEVICE))
        for given in (lists, weights, ARRAYS):
            if arrays_in(case) <= set(given):
                assert_alike(case, jax.eval_shape(lambda case=case, given=given: evaluate(case, ops, given)), wanted)
    for case in (
        "add(f, i)",
        "where(b, f, 0)",
        "concatenate([f, g], axis=1)",
        "average(f, axis=1, weights=u)",
        "max(i)",
    ):
        for given in (lists, weights):
            assert_same(case, evaluate(case, ops, given), evaluate(case, ops, ON_DEVICE))


DTYPES = ["bool", "uint8", "int8", "int32", "float16", "bfloat16"]
PAIRS = [
    "uint8 int8",
    "int32 float16",
    "bfloat16 float16",
    "bool int32",
    "int32 2.5",
    "float16 2.5",
    "uint8 3",
    "2.5 bool",
]
# Here a Python number stays weak next to 16-bit floats, as in all other functions; Keras takes it for 32 bits.
STRONG_IN_KERAS = {"arctan2", "logaddexp", "logaddexp2"}


def test_dtypes_of_all_kinds_of_operands():
    arrays = {name: jnp.ones((2, 2), name) for name in DTYPES}

    def dtype(module, name, operands):
        try:
            return jax.eval_shape(lambda: getattr(module, name)(*operands)).dtype
        except (TypeError, ValueError):
            return "refused"

    reductions = "sum prod mean var std median max min argmax cumsum cumprod nansum nanmean nanprod sort trace".split()
    products = "matmul dot outer tensordot append".split()
    ones = [(name, [dtype]) for name, n in plain_elementwise().items() if n == 1 for dtype in DTYPES]
    ones += [(name, [dtype]) for name in reductions for dtype in DTYPES]
    pairs = [(name, pair.split()) for name, n in plain_elementwise().items() if n == 2 for pair in PAIRS]
    pairs += [(name, pair.split()) for name in products for pair in PAIRS[:4]]
    for name, kinds in ones + pairs:
        if name in STRONG_IN_KERAS and kinds == ["float16", "2.5"]:
            assert dtype(ops, name, [arrays["float16"], 2.5]) == "float16"
            continue
        operands = [arrays[kind] if kind in arrays else eval(kind) for kind in kinds]
        wanted = dtype(keras.ops, name, operands)
        assert wanted in (dtype(ops, name, operands), "refused"), (name, kinds)


def test_made_arrays_have_the_default_float():
    made = "zeros(2) ones(2) empty(2) full(2,1) eye(2) identity(2) tri(2) arange(2.5) hamming(3) kaiser(3,1.0)".split()
    try:
        set_floatx("float16")
        assert {evaluate(case, ops, {}).dtype.name for case in made} == {"float16"}
        integers = [ops.arange(3).dtype, ops.arange(np.int8(3)).dtype, ops.zeros(2, "int64").dtype]
        assert integers == ["int32", "int8", "int32"]
    finally:
        set_floatx("float32")


@pytest.mark.parametrize(
    ("case", "shape"),
    [
        ("reshape(x, (-1, 2, 2))", (None, 2, 2)),
        ("reshape(x, (None, np.int64(4), 1))", (None, 4, 1)),
        ("reshape(x, (-1, None))", (None, 4)),
        ("reshape(x, (None, -1, 2))", (None, 2, 2)),
        ("reshape(x, np.array([-1, 1, 4]))", (None, 1, 4)),
        ("broadcast_to(x, (3, None, 4))", (3, None, 4)),
        ("concatenate([x, x])", (None, 4)),
        ("tile(x, np.array([2, 3]))", (None, 12)),
        ("repeat(x, 2, axis=np.int64(0))", (None, 4)),
        ("sum(x, axis=-1, keepdims=True)", (None, 1)),
        ("transpose(x)", (4, None)),
        ("ravel(x)", (None,)),
        ("split(x, 2, axis=1)[1]", (None, 2)),
        ("stack([x, ones_like(x)], axis=1)", (None, 2, 4)),
        ("einsum('bi,bj->bij', x, x)", (None, 4, 4)),
        ("size(x)", ()),
    ],
)
def test_shapes_with_an_unknown_batch(case, shape):
    x, array = Input((4,)), np.arange(12.0, dtype="float32").reshape(3, 4)
    outputs = evaluate(case, ops, {"x": x, "np": np})
    assert outputs.shape == shape
    computed = Model(x, outputs)(array)
    np.testing.assert_array_equal(computed, evaluate(case, ops, {"x": array, "np": np}))


def test_lists_of_axes_and_odd_sizes():
    n, f = ARRAYS["n"], ARRAYS["f"]
    for name in "nansum nanmean nanmedian nanmax count_nonzero".split():
        function = getattr(ops, name)
        assert function(n, axis=[0, 1]) == function(n, axis=(0, 1)) or np.isnan(function(n, axis=[0, 1]))
    assert ops.rot90(f, axes=[1, 0]).tolist() == np.rot90(f, axes=(1, 0)).tolist()
    assert ops.repeat(f, [1, 0, 2], axis=1).tolist() == np.repeat(f, [1, 0, 2], axis=1).tolist()
    tens = np.arange(-125, 126, 5)
    assert [ops.round(tens.astype(d), -1).tolist() for d in ("int8", "int32")] == [np.round(tens, -1).tolist()] * 2
    assert (ops.ndim(Input((4,))), ops.size(Input(batch_shape=(2, 3)))) == (2, 6)
    assert jax.grad(lambda x: ops.divide_no_nan(1.0, x))(0.0) == 0


class MaskOf(Layer):
    """Return the mask of the inputs as numbers."""

    def call(self, inputs, mask=None):
        return jnp.zeros(inputs.shape[:2]) if mask is None else jnp.asarray(mask, "float32")


def test_masks_travel_with_elementwise_functions():
    x, y = Input((3,), dtype="int32"), Input((3,), dtype="int32")
    embed = Embedding(9, 2, mask_zero=True)
    a, b = embed(x), embed(y)
    condition = ops.greater(a, 0.0)
    kept = [ops.exp(a), ops.clip(a, -1, 1), ops.round(a, 2), ops.where(condition, a, 0.0), ops.select([condition], [a])]
    both = [ops.add(a, b), ops.divide_no_nan(a, b), ops.where(condition, 1.0, b)]
    model = Model([x, y], [MaskOf()(z) for z in [*kept, *both]])
    masks = model([np.array([[1, 2, 0]]), np.array([[0, 3, 4]])])
    assert [mask.tolist() for mask in masks] == [[[1, 1, 0]]] * len(kept) + [[[0, 1, 0]]] * len(both)
    with pytest.warns(UserWarning, match="an operation in between dropped it"):
        Model(x, MaskOf()(ops.flip(a, axis=1)))(np.array([[1, 2, 0]]))


def test_what_depends_on_values_says_how_to_give_a_size():
    symbolic = Input((3,), dtype="int32")
    for function in (ops.nonzero, ops.where, ops.unique, ops.bincount):
        for run in (function, jax.jit(function)):
            with pytest.raises(ValueError, match=r"values of the argument.*Give the size of the result"):
                run(symbolic if run is function else ARRAYS["i"])
    assert ops.unique(symbolic, size=2).shape == (2,)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("where(b, 1)", "both x1 and x2, or neither"),
        ("zeros((None, 3))", r"zeros: the shape \(None, 3\) has an unknown size"),
        ("pad(f, 1, mode='edge', constant_values=2)", "constant_values is for mode='constant'; got mode='edge'"),
        ("histogram(v, bins=0)", "bins must be a positive number; got 0"),
        ("histogram(v, range=(3, 1))", r"range must be \(low, high\); got \(3, 1\)"),
        ("bincount(w, sparse=True)", "every tensor here is dense"),
        ("cholesky(negative(m))", r"a matrix of shape \(2, 2\) is not positive definite"),
        ("vectorize(3)", "vectorize expects a function; got 3"),
    ],
)
def test_errors(case, message):
    with pytest.raises((ValueError, TypeError), match=message):
        evaluate(case, ops, ARRAYS)
