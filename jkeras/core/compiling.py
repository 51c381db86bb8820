"""Compiling: a program is compiled once in a process, whoever asks for it, with options that suit what it computes."""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from jkeras.core.types import class_of, is_listing, is_traced

# How many programs are kept for whoever asks for the same again, by what they compute and as many by structure; those
# in use live on with their users.
KEPT_PROGRAMS = 128

# Constants inside a program are compared up to this size, in bytes.
COMPARED_CONSTANT = 1 << 16

# On CPU, optimising a program can take far longer than ever running it: a random generator, for one, is compiled anew
# for each shape.
_UNOPTIMISED: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}

# On CPU, XLA's newer kernels of convolutions (YNN) take nearly twice as long as its older ones: all kinds but those.
_OLDER_CONVOLUTIONS: dict[str, Any] = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
}


class _Kept:
    """What was made for a key, for the keys that were asked for last."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what was made for an equal key, or what `make` returns now."""
        with self._lock:
            known = self._made.get(key)
        made = make() if known is None else known  # outside of the lock: it may take long, and ask for others
        with self._lock:
            made = self._made.setdefault(key, made)
            self._made.move_to_end(key)
            while len(self._made) > KEPT_PROGRAMS:
                self._made.popitem(last=False)
        return made

    def clear(self) -> None:
        with self._lock:
            self._made.clear()

    def __len__(self) -> int:
        return len(self._made)


_by_jaxpr, _by_structure = _Kept(), _Kept()
_spent = [0.0]


def compile_seconds() -> float:
    """Return how long this process has traced and compiled programs of `SharedJit`, to compare with later."""
    return _spent[0]


def jit_once(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return `jax.jit(function)` for a function that runs seldom or does little: compiled fast rather than well.

    >>> float(jit_once(lambda x: x + 1)(1.0))
    2.0
    """
    return jax.jit(function, **options, **_jit_options(_unoptimised()))


class SharedJit:
    """`jax.jit(function)`, whose compiled programs are shared with every other function that computes the same.

    Two functions compute the same if JAX traces them to equal jaxprs. A hundred models of one shape are traced a
    hundred times, which takes milliseconds, and compiled once.

    Args:
        function: A pure function of trees of arrays.
        donate_argnums: Arguments whose buffers the program may reuse.
        static_argnames: Keyword arguments that are part of the program. Other keyword arguments are not taken.
        optimised: Whether it runs often enough to be compiled well.
        structure: Returns a value that is equal only for functions of this name that compute the same, or None. Of
            equal ones only the first is traced.
        compiler_options: Options beside those that suit what it computes.

    >>> import jax.numpy as jnp
    >>> a, b = SharedJit(lambda x: x * 2), SharedJit(lambda x: x * 2)
    >>> a(jnp.ones(2)).tolist(), b(jnp.ones(2)).tolist()
    ([2.0, 2.0], [2.0, 2.0])
    >>> a.programs == b.programs
    True
    """

    def __init__(
        self,
        function: Callable[..., Any],
        donate_argnums: int | Sequence[int] = (),
        static_argnames: str | Sequence[str] = (),
        optimised: bool = True,
        structure: Callable[[], Hashable | None] = lambda: None,
        compiler_options: Mapping[str, Any] | None = None,
    ):
        self._function, self._name = function, getattr(function, "__name__", "program")
        self._donated = (donate_argnums,) if isinstance(donate_argnums, int) else tuple(donate_argnums)
        self._optimised = optimised
        self._structure = structure
        self._options = dict(compiler_options or {})
        self._traced: Any = jax.jit(function, static_argnames=static_argnames)
        self._variants: dict[Hashable, _Variant] = {}
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **static: Any) -> Any:
        leaves, tree = jax.tree.flatten(args)
        settings = _settings()
        signature = (tree, *map(_kind, leaves), *static.items(), *settings)
        variant = self._variants.get(signature)
        if variant is None:
            if settings[0] or any(map(is_traced, leaves)):
                return self._traced(*args, **static)
            began = time.perf_counter()
            make = functools.partial(self._compile, args, static)
            variant = self._variants[signature] = remembered(
                (self._name, signature, *self._options.items()), self._structure(), make
            )
            result = variant.program(*leaves)
            _spent[0] += time.perf_counter() - began
            return jax.tree.unflatten(variant.tree, result)
        return jax.tree.unflatten(variant.tree, variant.program(*leaves))

    def lower(self, *args: Any, **static: Any) -> Any:
        """Return what `jax.jit` does: the program before it is compiled, to be looked at."""
        options = self._options_for(self._traced.trace(*args, **static).jaxpr)
        names = {"donate_argnums": self._donated, "static_argnames": tuple(static)}
        return jax.jit(self._function, **names, **_jit_options(options)).lower(*args, **static)

    @property
    def programs(self) -> list[Callable[..., Any]]:
        """The programs that it has used so far."""
        return [variant.program for variant in self._variants.values()]

    def _cache_size(self) -> int:
        """How often something was compiled for it, as `jax.jit` counts: a change says that time went into compiling."""
        return sum(program._cache_size() for program in self.programs)  # pyright: ignore[reportFunctionMemberAccess]

    def _options_for(self, jaxpr: ClosedJaxpr) -> dict[str, Any]:
        return {**(options_for(jaxpr) if self._optimised else _unoptimised()), **self._options}

    def _compile(self, args: tuple[Any, ...], static: dict[str, Any]) -> _Variant:
        traced = self._traced.trace(*args, **static)
        counts = [len(jax.tree.leaves(arg)) for arg in args]
        donated = tuple(sum(counts[:i]) + j for i in self._donated for j in range(counts[i]))
        options = self._options_for(traced.jaxpr)
        program = _shared_program(traced.jaxpr, donated, options, self._name)
        return _Variant(program, jax.tree.structure(traced.out_info))


def remembered(what: Hashable, structure: Hashable | None, make: Callable[[], Any]) -> Any:
    """Return what `make()` returned before for an equal structure, or else returns now. None is equal to nothing."""
    return make() if structure is None else _by_structure.get((what, structure), make)


def forget_programs() -> None:
    """Keep no program any longer but those that somebody uses."""
    _by_jaxpr.clear()
    _by_structure.clear()


class _Variant(NamedTuple):
    """A program for one kind of arguments: a function of flat arrays, and the tree that it returns."""

    program: Callable[..., Any]
    tree: Any


def _kind(leaf: Any) -> Hashable:
    """What a program depends on in an argument."""
    aval = getattr(leaf, "aval", None)
    if aval is not None:
        return aval.shape, aval.dtype, aval.weak_type
    return (leaf.shape, leaf.dtype) if hasattr(leaf, "dtype") else class_of(leaf)


def _settings() -> tuple[Hashable, ...]:
    """The settings of JAX that a trace depends on."""
    config: Any = jax.config
    return (
        config.jax_disable_jit,
        config.jax_default_matmul_precision,
        config.jax_enable_x64,
        config.jax_default_prng_impl,
    )


def _shared_program(jaxpr: ClosedJaxpr, donated: tuple[int, ...], options: Any, name: str) -> Callable[..., Any]:
    key, make = fingerprint(jaxpr), functools.partial(_flat_jit, jaxpr, donated, options, name)
    return make() if key is None else _by_jaxpr.get((key, donated, tuple(options.items())), make)


def _flat_jit(jaxpr: ClosedJaxpr, donated: tuple[int, ...], options: Any, name: str) -> Callable[..., Any]:
    evaluate = cast(Callable[..., Any], jaxpr_as_fun(jaxpr))

    def run(*leaves: Any) -> Any:
        return evaluate(*leaves)

    run.__name__ = run.__qualname__ = name  # what a profiler shows
    return jax.jit(run, donate_argnums=donated, **_jit_options(options))


def options_for(jaxpr: ClosedJaxpr) -> dict[str, Any]:
    """Return the compiler options that suit a program, from what it computes; empty where the defaults do.

    >>> options_for(jax.make_jaxpr(lambda x: x + 1)(1.0))
    {}
    """
    return known(_OLDER_CONVOLUTIONS) if convolves_on_cpu(jaxpr) else {}


def convolves_on_cpu(jaxpr: Any) -> bool:
    """Whether a program would run convolutions on a CPU, where XLA is slow at them, inside of loops above all."""
    return jax.default_backend() == "cpu" and "conv_general_dilated" in set(primitives(jaxpr))


def _unoptimised() -> dict[str, Any]:
    return _UNOPTIMISED if jax.default_backend() == "cpu" else {}


def known(options: dict[str, Any]) -> dict[str, Any]:
    """Return compiler options if this version of XLA takes them, else none."""
    return options if _is_known(tuple(options.items())) else {}


@functools.cache
def _is_known(options: tuple[tuple[str, Any], ...]) -> bool:
    """Whether this version of XLA takes the options; it refuses those that it does not know."""
    try:
        jax.jit(lambda: np.float32(0), compiler_options=dict(options)).lower().compile()
    except Exception:  # whatever the version raises, it goes without them
        return False
    return True


def _jit_options(options: dict[str, Any]) -> dict[str, Any]:
    # Even without an entry, options make jax.jit insist on being outermost.
    return {"compiler_options": options} if options else {}


def primitives(jaxpr: Any) -> Iterator[str]:
    """Yield the name of every primitive in a jaxpr, also those inside of calls, branches and loops.

    >>> sorted(set(primitives(jax.make_jaxpr(jax.jit(lambda x: x * 2 + 1))(1.0).jaxpr)))
    ['add', 'jit', 'mul']
    """
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for value in equation.params.values():
            for inner in value if is_listing(value) else [value]:
                if hasattr(inner, "eqns"):
                    yield from primitives(inner)
                elif hasattr(getattr(inner, "jaxpr", None), "eqns"):
                    yield from primitives(inner.jaxpr)


class _Opaque(Exception):
    """Something in a program cannot be compared by value."""


# How a function is differentiated, which is settled when a program is compiled.
_DERIVATIVES = {"jvp_jaxpr_fun", "jvp_jaxpr_thunk", "fwd_jaxpr_thunk", "bwd", "out_trees"}


def fingerprint(jaxpr: ClosedJaxpr) -> Hashable | None:
    """Return a value that is equal for programs that compute the same, or None if something in it cannot be compared.

    What calls back into Python cannot: two functions are never known to do the same.

    >>> double, twice, thrice = (jax.make_jaxpr(f)(1.0) for f in (lambda x: 2 * x, lambda y: 2 * y, lambda x: 3 * x))
    >>> fingerprint(double) == fingerprint(twice), fingerprint(double) == fingerprint(thrice)
    (True, False)
    """
    try:
        return _compared(jaxpr)
    except (_Opaque, TypeError):  # a TypeError says that a value has no hash
        return None


def _compared(value: Any) -> Hashable:
    if isinstance(value, (ClosedJaxpr, Jaxpr)):  # one class since JAX 0.12
        equations: Any = getattr(value, "jaxpr", value)
        return _compared_equations(equations), *map(_compared_array, getattr(value, "consts", ()))
    if type(value) in (tuple, list):
        return tuple(map(_compared, value))
    if hasattr(value, "items"):
        return tuple((k, _compared(v)) for k, v in value.items())
    if isinstance(value, (np.ndarray, jax.Array)):
        return _compared_array(value)
    known = isinstance(value, (type, jax.sharding.Mesh)) or not callable(value)
    if not known or type(value).__module__.partition(".")[0] not in ("builtins", "jax", "jaxlib", "numpy", "ml_dtypes"):
        raise _Opaque
    hash(value)
    return value


def _compared_equations(jaxpr: Jaxpr) -> Hashable:
    numbers: dict[Any, int] = {}

    def number(variable: Any) -> Hashable:
        if isinstance(variable, Literal):
            return _compared_array(variable.val), variable.aval
        return numbers.setdefault(variable, len(numbers))

    given = tuple((number(v), v.aval) for v in (*jaxpr.constvars, *jaxpr.invars))
    steps = tuple(
        (
            equation.primitive,
            tuple(map(number, equation.invars)),
            tuple(map(number, equation.outvars)),
            tuple((k, _compared(v)) for k, v in equation.params.items() if k not in _DERIVATIVES),
        )
        for equation in jaxpr.eqns
    )
    return given, steps, tuple(map(number, jaxpr.outvars))


def _compared_array(value: Any) -> Hashable:
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.extended):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    if array.nbytes > COMPARED_CONSTANT:
        raise _Opaque
    return type(value).__name__, array.dtype, array.shape, array.tobytes()
