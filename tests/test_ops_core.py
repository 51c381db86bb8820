"""The loops, branches, slices, casts and conversions of `ops` against Keras; what is asked for more, and errors."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from expressions import Expressions

from jkeras import Model, layers, ops
from jkeras.core.layer import Layer
from jkeras.core.weight import Weight
from jkeras.functional.rearrange import rearrange
from jkeras.layers import Input

keras = pytest.importorskip("keras")

rng = np.random.default_rng(0)
TABLE = Expressions(
    """
cast(F, "int32"); cast(F, "bool"); cast(I, "bfloat16"); cast(Z, "float32"); cast(F, "float64")
saturate_cast(F, "uint8"); saturate_cast(L, "int32"); saturate_cast(L, "float16")
saturate_cast(I, "uint8")
saturate_cast(I, "float16"); saturate_cast(F, "bool")
saturate_cast(U, "int8"); saturate_cast(L, "int8"); stop_gradient(F)
convert_to_tensor(F); convert_to_tensor(F, dtype="int32"); convert_to_tensor(I, "float16", sparse=False)
scatter(j, v, (3, 4)); scatter(k, w, (5, 4)); scatter_update(m, j, v); scatter_update(m, j, v, reduction="add")
scatter_update(m, j, v, "max"); scatter_update(m, j, v, "min"); scatter_update(m, j, v, "mul"); scatter_update(i, j, v)
scatter_update(m, k, w); slice(F, (0, 1), (2, 2)); slice(m, [1, 1], [-1, 2]); slice(m, [2, 3], [2, 2])
slice_update(F, [1, 1], p); slice_update(m, (2, 3), p); unstack(F, axis=1); unstack(F, num=2)
rearrange(F, "a b -> b a"); while_loop(lambda x: jnp.sum(x) < 9, lambda x: x + 1, F)
while_loop(lambda x, n: n < 3, lambda x, n: (x * 2, n + 1), (F, 0))
while_loop(lambda x, n: n < 9, lambda x, n: [x * 2, n + 1], [F, 0], maximum_iterations=2)
while_loop(lambda d: d["n"] < 3, lambda d: {"n": d["n"] + 1, "x": d["x"] * 2}, {"n": 0, "x": F})
fori_loop(1, 4, lambda i, x: x * i, F); scan(lambda c, x: (c + x, c * x), v, m[:, :3])
scan(lambda c, x: (c + x, x), w[0], F, reverse=True, unroll=2); scan(lambda c, _: (c + 1, c), 0, length=3)
associative_scan(lambda a, b: a * b, F); associative_scan(lambda a, b: [a[0] + b[0]], [F], reverse=True, axis=1)
map(lambda x: x[1] - x, F); map(lambda pair: {"s": pair[0] + pair[1]}, (F, I)); vectorized_map(lambda x: jnp.sum(x), F)
vectorized_map(lambda pair: pair[0] * pair[1], [F, I]); switch(1, [lambda x: x, lambda x: 2 * x], F)
switch(7, [lambda x, y: x - y, lambda x, y: x + y], F, I); cond(True, lambda: 1.0, lambda: 2.0)
cond(jnp.asarray(0), lambda: 1, lambda: 2); custom_gradient(lambda x: (x * x, lambda g: g))(F)
""",
    {
        "F": rng.normal(size=(2, 4)).astype("float32"),
        "I": np.array([[-1, 500, 7, 0], [2, 9, 4, -300]], "int32"),
        "L": np.array([[-1e20, 1e20, np.inf, 0.4]], "float32").repeat(2, 0),
        "U": np.array([[200, 3, 0, 255]], "uint8").repeat(2, 0),
        "Z": np.ones((2, 4), "complex64") * (2 - 3j),
        "m": rng.normal(size=(3, 4)).astype("float32"),
        "i": rng.integers(0, 5, (3, 4)).astype("int32"),
        "j": np.array([[0, 1], [0, 1], [2, 3]], "int32"),
        "k": np.array([[2], [0]], "int32"),
        "v": np.array([1.5, 2.5, -30], "float32"),
        "w": rng.normal(size=(2, 4)).astype("float32"),
        "p": rng.normal(size=(1, 2)).astype("float32"),
    },
)
APART = {"shape", "dtype", "is_tensor", "convert_to_numpy"}  # of no array but about one
NEEDS_BATCH = ("while_loop(lambda x:", "associative_scan", "switch(7", "map(lambda x: x[1]")


def test_every_function_has_a_case_and_the_parameters_of_keras() -> None:
    for name in (*ops.control.__all__, *ops.core.__all__):
        ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (ops, keras.ops))
        assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs], name
        assert getattr(ops, name).__doc__
        assert name in APART or TABLE.uses(name), f"no case uses {name}"


def test_arrays() -> None:
    TABLE.check_arrays(lists=False)


def test_symbolic_tensors() -> None:
    TABLE.check_symbolic(NEEDS_BATCH)


def test_what_an_array_is() -> None:
    x, weight = np.ones((2, 3), "int8"), Weight("w", (2,), lambda s, d: jnp.ones(s, d))
    for module in (ops, keras.ops):
        assert module.shape(x) == (2, 3) and module.dtype(x) == "int8"
        assert module.is_tensor(jnp.ones(2)) and not module.is_tensor(x) and not module.is_tensor([1.0])
        assert module.convert_to_numpy(jnp.ones(2, "bfloat16")).dtype == "bfloat16"
    assert ops.shape(Input((3,))) == (None, 3) and ops.dtype(Input((3,), dtype="int32")) == "int32"
    assert ops.shape([[1, 2]]) == (1, 2) and ops.dtype([1, 2.5]) == "float32" and ops.dtype(weight) == "float32"
    assert ops.is_tensor(ops.convert_to_tensor(weight)) and ops.convert_to_numpy(weight).tolist() == [1, 1]
    assert jax.eval_shape(lambda x: jnp.asarray(ops.is_tensor(x)), x).shape == ()


def test_a_branch_may_depend_on_a_symbolic_tensor() -> None:
    x = Input((3,))
    model = Model(x, ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: -x))
    np.testing.assert_array_equal(model(np.ones((2, 3), "float32")), np.full((2, 3), 2))
    np.testing.assert_array_equal(model(-np.ones((2, 3), "float32")), np.ones((2, 3)))


def test_a_custom_gradient_is_the_gradient() -> None:
    @ops.custom_gradient
    def cubed(x, y):
        return x**3 * y, lambda upstream: (upstream * 7, upstream * 0)

    assert [g.item() for g in jax.grad(cubed, (0, 1))(2.0, 3.0)] == [7.0, 0.0]
    assert cubed.__name__ == "cubed" and cubed(2.0, 3.0) == 24


def test_loops_and_branches_take_weights_in_a_layer() -> None:
    class Looped(Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=(3,))
            self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.count.assign_add(1.0)
            total, _ = ops.scan(lambda c, row: (c + row, c), self.kernel, x)
            times, _ = ops.while_loop(lambda n, y: n < 2, lambda n, y: (n + 1, y * 2), (self.count, total))
            return ops.switch(0, [lambda n, y: y + n], self.count, total) + times

    layer = Looped()
    params, state = layer.init(0, (4, 3))
    outputs, state = jax.jit(layer.apply)(params, state, jnp.ones((4, 3)))
    np.testing.assert_allclose(outputs, params["looped"]["kernel"] + 4 + 1 + 2, rtol=1e-6)
    assert state["looped"]["count"] == 1


def test_unstacking_an_unknown_batch_needs_its_size() -> None:
    x = Input((3,))
    with pytest.raises(ValueError, match=r"unstack\(x, num=...\)"):
        ops.unstack(x)
    first, second = ops.unstack(x, num=2)
    model = Model(x, layers.Add()([first, second]))
    np.testing.assert_array_equal(model(np.arange(6.0).reshape(2, 3)), [3, 5, 7])
    with pytest.raises(ValueError, match="has 3 slices; got num=2"):
        ops.unstack(x, num=2, axis=1)


@pytest.mark.parametrize(
    ("pattern", "lengths", "expected"),
    [
        ("a b c -> c b a", {}, lambda x: x.T),
        ("a b c -> (a b c)", {}, lambda x: x.ravel()),
        ("a ... -> ... a", {}, lambda x: np.moveaxis(x, 0, -1)),
        ("... (h x) -> x ... h", {"x": 2}, lambda x: x.reshape(2, 3, 2, 2).transpose(3, 0, 1, 2)),
        ("a b c -> a 1 b () c", {}, lambda x: x[:, None, :, None]),
        ("a (b 1) c -> b (a c)", {}, lambda x: x.transpose(1, 0, 2).reshape(3, 8)),
        ("a ... -> (...) a", {}, lambda x: x.reshape(2, 12).T),
    ],
)
def test_rearranging(pattern, lengths, expected) -> None:
    x = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(rearrange(jnp.asarray(x), pattern, lengths), expected(x))


@pytest.mark.parametrize(
    ("pattern", "lengths", "message"),
    [
        ("a b c", {}, "one arrow"),
        ("a b -> b a", {}, "expects 2 axes"),
        ("a b c -> a b d", {}, "same names"),
        ("a b c -> a b", {}, "same names"),
        ("a (b d) c -> a b d c", {}, "all but one length"),
        ("a (b d) c -> a b d c", {"b": 2}, "does not split an axis of size 3"),
        ("a b! c -> a b! c", {}, "cannot read"),
    ],
)
def test_patterns_that_do_not_fit(pattern, lengths, message) -> None:
    with pytest.raises(ValueError, match=message):
        ops.rearrange(jnp.ones((2, 3, 4)), pattern, **lengths)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.convert_to_tensor(None), "got None"),
        (lambda: ops.convert_to_tensor([1.0], ragged=True), "dense"),
        (lambda: ops.scatter_update(jnp.ones(3), [[0]], [1.0], reduction="mean"), "'add', 'max', 'min' or 'mul'"),
    ],
)
def test_errors(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
