"""Programs that compute the same are compiled once, and nothing else is taken for the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jkeras
from jkeras import layers
from jkeras.core import compiling
from jkeras.core.compiling import SharedJit, compile_seconds, fingerprint, options_for
from jkeras.training import data, loop

X = np.random.default_rng(0).normal(size=(70, 8)).astype("float32")
Y = X[:, :1] * 2


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Count what XLA compiles meanwhile."""
    seen: list[str] = []

    def listen(event: str, duration: float, **kwargs: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(str(kwargs.get("fun_name")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def regressor(units: int = 4, rate: float = 0.1, **compile_options: object) -> jkeras.Sequential:
    model = jkeras.Sequential([layers.Input((8,)), layers.Dense(units, activation="relu"), layers.Dense(1)])
    model.compile(jkeras.optimizers.Adam(rate), loss="mse", metrics=["mae"], **compile_options)
    return model


def work(model: jkeras.Sequential) -> list[float]:
    loss = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    return [*loss, *model.evaluate(X, Y, verbose=0), float(model.predict(X, verbose=0).sum())]


def test_a_model_made_again_compiles_nothing():
    work(regressor())
    with compilations() as seen:
        results = [work(regressor(rate=rate)) for rate in (0.1, 0.01, 0.001)]
    assert seen == []
    assert len({loss[1] for loss in results}) == 3  # the rates took effect


def test_data_of_nearly_as_many_rows_compile_nothing(monkeypatch):
    def losses(rows: int) -> list[float]:
        jkeras.utils.set_random_seed(rows)
        model = regressor(units=5)
        loss = model.fit(X[:rows], Y[:rows], batch_size=1, epochs=2, verbose=0).history["loss"]
        return [*loss, *model.evaluate(X[:rows], Y[:rows], batch_size=1, verbose=0)]

    losses(61)
    with compilations() as seen:
        results = [losses(rows) for rows in (62, 63, 64)]
    assert seen == []
    for module in (data, loop):
        monkeypatch.setattr(module, "with_room", lambda array: array)
    assert [losses(rows) for rows in (62, 63, 64)] == results  # what stands behind the last row is never read


def test_a_model_of_another_shape_or_another_loss_is_compiled():
    work(regressor())
    other = jkeras.Sequential([layers.Input((8,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    other.compile("adam", loss="mse", metrics=["mae"])
    for model in (regressor(units=5), other):
        with compilations() as seen:
            model.fit(X, Y, verbose=0)
        assert "_block" in " ".join(seen)


def test_shared_programs_keep_no_model_alive():
    model = regressor()
    work(model)
    dead = weakref.ref(model)
    del model
    gc.collect()
    assert dead() is None


def test_a_seed_gives_the_same_numbers_whoever_compiled():
    jkeras.utils.set_random_seed(3)
    first = work(regressor())
    compiling.forget_programs()
    jkeras.utils.set_random_seed(3)
    assert work(regressor()) == first


def _with(constant: np.ndarray) -> Callable[[jax.Array], jax.Array]:
    return lambda x: x + constant


# Pairs of functions that compute something different, each in a way that a careless comparison would miss.
DIFFERENT = {
    "a scalar": (lambda x: x * 2.0, lambda x: x * 2.0000002),
    "a dtype": (lambda x: x.astype("float16") * 3, lambda x: x.astype("bfloat16") * 3),
    "an array constant": (_with(np.arange(3, dtype="float32")), _with(np.array([0, 1, 3], "float32"))),
    "the order of operands": (lambda x: x - x[0], lambda x: x[0] - x),
    "which output": (lambda x: (x, x + 1), lambda x: (x + 1, x)),
    "a parameter": (lambda x: lax.cumsum(x, reverse=True), lambda x: lax.cumsum(x, reverse=False)),
    "inside a loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, a: a * 2, x),
        lambda x: lax.fori_loop(0, 3, lambda i, a: a * 3, x),
    ),
    "inside a branch": (
        lambda x: lax.cond(x[0] > 0, jnp.sin, jnp.cos, x),
        lambda x: lax.cond(x[0] > 0, jnp.cos, jnp.sin, x),
    ),
    "the precision of a product": (
        lambda x: jnp.dot(x, x, precision="highest"),
        lambda x: jnp.dot(x, x, precision="default"),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_programs_are_not_shared(name: str):
    a, b = DIFFERENT[name]
    x = jnp.array([0.5, 1.0, 2.0])
    first, second = SharedJit(a), SharedJit(b)
    for got, expected in ((first(x), a(x)), (second(x), b(x))):
        jax.tree.map(lambda g, e: np.testing.assert_allclose(g, e, rtol=1e-6), got, expected)
    assert fingerprint(jax.make_jaxpr(a)(x)) != fingerprint(jax.make_jaxpr(b)(x))
    assert first.programs != second.programs


def test_what_calls_python_is_never_shared():
    seen: list[float] = []
    functions = [lambda x, k=k: (jax.debug.callback(lambda v: seen.append(k * float(v)), x), x)[1] for k in (1, 10)]
    for function in map(SharedJit, functions):
        function(jnp.float32(2))
    jax.effects_barrier()
    assert seen == [2.0, 20.0]
    assert fingerprint(jax.make_jaxpr(functions[0])(1.0)) is None


def test_large_constants_are_not_compared_but_right():
    big = np.ones(compiling.COMPARED_CONSTANT, "float32")
    a, b = SharedJit(_with(big)), SharedJit(_with(2 * big))
    assert float(a(jnp.float32(0))[0]) == 1 and float(b(jnp.float32(0))[0]) == 2


def test_arguments_of_another_kind_get_a_program_of_their_own():
    double = SharedJit(lambda tree: jax.tree.map(lambda a: a * 2, tree))
    assert double({"a": jnp.ones(2)})["a"].tolist() == [2, 2]
    assert double({"b": jnp.ones(3)})["b"].shape == (3,)
    assert double({"a": jnp.ones(2, "int32")})["a"].dtype == jnp.int32
    assert double({"a": np.ones(2, "float32")})["a"].tolist() == [2, 2]
    with jax.default_matmul_precision("highest"):
        double({"a": jnp.ones(2)})
    assert len(double._variants) == 5


def test_donated_buffers_are_reused_and_others_are_not():
    function = SharedJit(lambda kept, given: (kept + 1, given + kept), donate_argnums=1)
    kept, given = jnp.ones(4), jnp.ones(4)
    function(kept, given)
    assert given.is_deleted() and not kept.is_deleted()


def test_only_so_many_programs_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compiling, "KEPT_PROGRAMS", 3)
    for n in range(6):
        SharedJit(lambda x, n=n: x + n)(jnp.ones(n + 1))
    assert len(compiling._by_jaxpr) == 3


def test_it_can_be_run_without_compiling():
    traces: list[type] = []
    function = SharedJit(lambda x: (traces.append(type(x)), x + 1)[1])
    with jax.disable_jit():
        assert float(function(jnp.float32(1))) == 2
    assert not issubclass(traces[0], jax.core.Tracer)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the options are XLA's for CPU")
def test_convolutions_are_compiled_with_options_that_this_xla_knows():
    x = jnp.ones((1, 1, 4, 4))
    jaxpr = jax.make_jaxpr(lambda x: lax.conv_general_dilated(x, x, (1, 1), "SAME"))(x)
    assert options_for(jaxpr) and options_for(jax.make_jaxpr(jnp.sin)(1.0)) == {}
    assert not compiling.known({"xla_no_such_option": True})


def test_odd_sizes_compile_few_programs():
    model = regressor(units=3)
    whole = model.predict(X, verbose=0)
    sizes = range(1, 33)
    with compilations() as seen:
        parts = [model.predict(X[:n], verbose=0) for n in sizes]
    assert len(seen) <= 6  # 1, 2, 4, 8, 16 and 32 rows
    for n, part in zip(sizes, parts, strict=True):
        assert part.shape == (n, 1)
        np.testing.assert_allclose(part, whole[:n], rtol=1e-5)


def test_what_compiling_takes_is_counted_once():
    program = SharedJit(lambda x: jnp.sin(x) * 41.5)
    before = compile_seconds()
    program(jnp.ones(3))
    compiled = compile_seconds()
    assert compiled > before
    program(jnp.ones(3))
    assert compile_seconds() == compiled
