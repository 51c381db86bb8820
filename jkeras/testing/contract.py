"""The contract of a layer: each line a function that raises where a layer breaks it."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.graph import SymbolicTensor
from jkeras.core.input import Input
from jkeras.core.template import walk
from jkeras.models import Model
from jkeras.saving.whole import load_model
from jkeras.testing.case import KEY, Case, close, compiled, expect, snapshot, unchanged

POLICIES = ("bfloat16", "mixed_bfloat16", "mixed_float16")


def init_is_pure(case: Case) -> None:
    """`init` stores nothing, and gives two-level dicts of arrays, the same ones again and under `eval_shape`."""
    layer = case.make()
    abstract = jax.eval_shape(lambda key: layer.init(key, case.inputs), KEY)
    before = snapshot(layer)
    trees = layer.init(KEY, case.inputs)
    unchanged(before, snapshot(layer))
    for tree in trees:
        expect(type(tree) is dict, f"init returned a {type(tree).__name__} for a dict")
        for path, weights in tree.items():
            expect(type(weights) is dict, f"{path} is a {type(weights).__name__} and no dict")
            expect(all(isinstance(array, jax.Array) for array in weights.values()), f"{path} holds no arrays")
    shapes = jax.tree.map(lambda a: (a.shape, a.dtype), trees)
    of_abstract = jax.tree.map(lambda a: (a.shape, a.dtype), abstract)
    expect(shapes == of_abstract, f"eval_shape gives {of_abstract}, init {shapes}")
    drawn = [weight.path for _, template in walk(layer) for weight in template._weights if weight._array is not None]
    expect(not drawn, f"init stored a value in {', '.join(drawn)}")
    again = layer.init(KEY, case.inputs)
    jax.tree.map(np.testing.assert_array_equal, trees, again)


def init_is_mapped(case: Case) -> None:
    """`vmap(init)` over keys makes as many models, each with the weights that its key gives."""
    keys = jax.random.split(KEY, 2)
    if not jax.tree.leaves(case.trees):
        return
    many = jax.eval_shape(jax.vmap(lambda key: case.layer.init(key, case.x)), keys)
    expected = jax.tree.map(lambda a: (2, *a.shape), case.trees)
    found = jax.tree.map(lambda a: a.shape, many)
    expect(found == expected, f"two keys give the shapes {found}; expected {expected}")


def names_are_stable(case: Case) -> None:
    """Paths and shapes depend on the code that builds the layer, not on what was built before."""
    found, again = (jax.tree.map(jnp.shape, jax.eval_shape(c.init, KEY, case.x)) for c in (case.make(), case.make()))
    expect(found == again, f"two layers of one configuration have the weights {found} and {again}")


def template_is_untouched(case: Case) -> None:
    """`apply` changes nothing on the layer, leaks no traced value, and gives the same numbers eager and jitted."""
    trees = case.trees
    before = snapshot(case.layer)
    eager = case.apply(*trees, case.x, KEY)
    unchanged(before, snapshot(case.layer))
    close(eager, case.expected)
    with contextlib.nullcontext() if case.closes_over_params else jax.checking_leaks():
        traced = jax.jit(case.apply).trace(*trees, case.x, KEY)
    unchanged(before, snapshot(case.layer))
    after, own = jax.tree.structure(traced.out_info[1]), jax.tree.structure(case.state)
    expect(after == own, f"apply returns a state of the structure {after}; it was given {own}")


def one_compilation(case: Case) -> None:
    """Other values of the same shapes, and the state it returned, need no other program."""
    _, state = case.jitted(*case.trees, case.x, KEY)
    before = case.jitted._cache_size()  # pyright: ignore[reportFunctionMemberAccess]
    case.jitted(case.params, state, jax.tree.map(jnp.asarray, case.other), jax.random.key(1))
    now = case.jitted._cache_size()  # pyright: ignore[reportFunctionMemberAccess]
    expect(now == before, "a second batch was compiled again; the state must keep its shapes and dtypes")


def vmap_is_a_loop(case: Case) -> None:
    """`vmap` over params and over inputs gives what each of them gives alone."""
    stacked = jax.tree.map(lambda a: jnp.stack([a, a]), (case.trees, case.x))

    def outputs(params: Any, state: Any, x: Any) -> Any:
        return case.apply(params, state, x, KEY)[0]

    def over_each(two: Any, xs: Any) -> Any:
        has_weights = jax.tree.leaves(case.trees)
        by_params = jax.vmap(outputs, (0, 0, None))(two[0], two[1], case.x) if has_weights else None
        return by_params, jax.vmap(outputs, (None, None, 0))(*case.trees, xs)

    for found in compiled(over_each)(*stacked):
        if found is not None:
            close(jax.tree.map(lambda y: y[1], found), case.expected[0], 1e-4)


def scan_is_a_loop(case: Case) -> None:
    """A `scan` that carries the state gives what one call after the other gives."""

    def step(state: Any, key: Any) -> Any:
        outputs, state = case.apply(case.params, state, case.x, key)
        return state, outputs

    keys = jax.random.split(KEY, 2)
    state, outputs = compiled(lambda state: jax.lax.scan(step, state, keys))(case.state)
    one, state_one = case.jitted(case.params, case.state, case.x, keys[0])
    two, state_two = case.jitted(case.params, state_one, case.x, keys[1])
    for i, expected in enumerate((one, two)):
        close(jax.tree.map(lambda y: y[i], outputs), expected, 1e-4)  # noqa: B023
    close(state, state_two, 1e-4)


def gradients_are_finite(case: Case) -> None:
    """The gradients with respect to params and inputs are finite, also through `jax.checkpoint`."""

    def loss(params: Any, x: Any) -> Any:
        outputs, _, losses = case.apply(params, case.state, x, KEY, with_losses=True)
        return sum(jnp.sum(jnp.sin(y.astype(jnp.float32))) for y in jax.tree.leaves(outputs)) + sum(losses)

    wanted = (not case.closes_over_params, not case.is_integer)
    arguments = tuple(i for i, is_wanted in enumerate(wanted) if is_wanted)
    gradients = compiled(jax.grad(loss, arguments))(case.params, case.x)
    named = [(jax.tree_util.keystr(p), g) for p, g in jax.tree_util.tree_flatten_with_path(gradients)[0]]
    bad = [name for name, g in named if not np.isfinite(g).all()]
    expect(not bad, f"the gradients {', '.join(bad)} (0: params, 1: inputs, in order) are not finite")
    expect(case.flat or any(np.any(g) for _, g in named), "every gradient is zero; flat=True if that is meant")
    if not case.closes_over_params:
        again = jax.grad(jax.checkpoint(loss), arguments)
        same = jax.tree.structure(jax.eval_shape(again, case.params, case.x)) == jax.tree.structure(gradients)
        expect(same, "jax.checkpoint changes the structure of the gradients")


def randomness_is_an_argument(case: Case) -> None:
    """The same key gives the same numbers, another one others if it draws any, and inference needs none."""
    jax.tree.map(
        np.testing.assert_array_equal, case.apply(*case.trees, case.x, KEY), case.apply(*case.trees, case.x, KEY)
    )
    jax.eval_shape(lambda x: case.apply(*case.trees, x, None, training=False), case.x)
    try:
        without = case.apply(*case.trees, case.x, None)
    except ValueError as error:
        if not re.search("draws random numbers", str(error)):
            raise
        other = case.jitted(*case.trees, case.x, jax.random.key(8))[0]
        pairs = zip(jax.tree.leaves(other), jax.tree.leaves(case.expected[0]), strict=True)
        expect(any(not np.array_equal(a, b) for a, b in pairs), "it draws random numbers, but another key changes none")
    else:
        close(without, case.expected)


def any_thread(case: Case) -> None:
    """Another thread computes the same."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(case.apply(*case.trees, case.x, KEY))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    close(found[0], case.expected)


def numpy_inputs(case: Case) -> None:
    """Inputs may be arrays of numpy."""
    close(case.apply(*case.trees, case.inputs, KEY), case.expected)


def low_precision(case: Case, make: Callable[[str], Any] | None = None) -> None:
    """With a dtype policy, weights are stored in its variable dtype, and outputs come in its compute dtype."""
    make = make or (lambda policy: type(case.layer).from_config({**case.make().get_config(), "dtype": policy}))
    for policy in POLICIES:
        layer = make(policy)
        params, state = layer.init(KEY, case.inputs)
        stored = jnp.dtype("bfloat16" if policy == "bfloat16" else "float32")
        wrong = [a.dtype for a in jax.tree.leaves(params) if a.dtype != stored]
        expect(not wrong, f"{policy}: weights are stored as {wrong[:1]}; expected {stored}")
        # All policies are traced; what is computed is looked at for one.
        run = jax.eval_shape if policy != "mixed_float16" else lambda f, *given: compiled(f)(*given)

        def apply(p: Any, s: Any, layer: Any = layer) -> Any:
            return layer.apply(p, s, case.inputs, training=True, rng=KEY)

        outputs, new_state = run(apply, params, state)
        for y in jax.tree.leaves(outputs):
            expected = jnp.dtype(policy.removeprefix("mixed_"))
            expect(y.dtype == expected, f"{policy}: outputs are {y.dtype}; expected {expected}")
            expect(policy != "mixed_float16" or np.isfinite(y).all(), f"{policy}: outputs are not finite")
        before, after = ([a.dtype for a in jax.tree.leaves(s)] for s in (state, new_state))
        expect(before == after, f"{policy}: the state's dtypes were {before} and are {after}")


def config_round_trip(case: Case) -> None:
    """`get_config` is plain JSON, and `from_config` makes a layer of it that computes the same."""
    layer = case.make()
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    expect(again.get_config() == layer.get_config(), f"{again.get_config()} came from {layer.get_config()}")
    expect(again.name == layer.name, f"the name is {again.name!r}; it was {layer.name!r}")
    again.init(KEY, case.x)
    close(again.apply(*case.trees, case.x, training=True, rng=KEY), case.expected)


def save_and_load(case: Case) -> None:
    """A model that holds the layer is written to a file, and read from it computes the same."""
    model = _model(case)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        again = load_model(path, custom_objects={type(case.layer).__name__: type(case.layer)})
    close(*(m.apply(m.params, m.state, case.x)[0] for m in (model, again)))


def symbolic_shapes(case: Case) -> None:
    """On an `Input` of unknown batch size, the shapes and dtypes are those of the outputs."""
    real = jax.eval_shape(lambda p, s: case.apply(p, s, case.x, KEY), *case.trees)[0]
    for symbolic, array in zip(jax.tree.leaves(_model(case).output), jax.tree.leaves(real), strict=True):
        expect(isinstance(symbolic, SymbolicTensor), f"the output is a {type(symbolic).__name__}")
        expect(symbolic.shape == (None, *array.shape[1:]), f"the shape is {symbolic.shape}, of arrays {array.shape}")
        expect(symbolic.dtype == array.dtype, f"the dtype is {symbolic.dtype}, of arrays {array.dtype}")


def masks_travel(case: Case) -> None:
    """`compute_mask` is pure and gives the mask that comes out of a call."""
    if case.mask is None:
        return
    trees, mask = case.trees, jnp.asarray(case.mask)
    before = snapshot(case.layer)
    found = case.layer.compute_mask(case.x, mask)
    unchanged(before, snapshot(case.layer))
    forward = case.layer._forward(*trees, (case.x,), {}, False, None, mask)
    leaves = jax.tree.leaves(found, is_leaf=lambda m: m is None)
    leaves += [None] * (len(forward.masks) - len(leaves))
    for expected, travelled in zip(leaves, forward.masks, strict=True):
        expect((expected is None) == (travelled is None), "compute_mask and the call disagree on whether there is one")
        if expected is not None:
            np.testing.assert_array_equal(expected, travelled)
    jax.eval_shape(lambda m: case.apply(*trees, case.x, None, training=False, mask=m), mask)


def full_masks_change_nothing(case: Case) -> None:
    """With a mask of ones it computes what it computes without a mask."""
    if case.mask is None:
        return
    plain = case.apply(*case.trees, case.x, KEY)
    close(case.apply(*case.trees, case.x, KEY, mask=jnp.ones(case.mask.shape, bool)), plain, 1e-4)


def _model(case: Case) -> Model:
    leaves, structure = jax.tree.flatten(case.x)
    inputs = [Input(a.shape[1:], dtype=a.dtype.name) for a in leaves]
    return Model(inputs if len(inputs) > 1 else inputs[0], case.make()(jax.tree.unflatten(structure, inputs)))


class Line(NamedTuple):
    """A line of the contract: what checks it, and what to do where it is broken."""

    check: Callable[[Case], None]
    remedy: str


CONTRACT: dict[str, Line] = {
    "init": Line(
        init_is_pure,
        "Draw first values in initializers, from the key that they are given, and keep no array on the layer in build.",
    ),
    "init under vmap": Line(init_is_mapped, "An initializer may use jax.random and jax.numpy on its key, not numpy."),
    "names": Line(names_are_stable, "Give each weight a fixed name: self.add_weight(name='kernel', ...)."),
    "apply": Line(
        template_is_untouched,
        "In call, compute with jax.numpy on the arrays, use jnp.where for `if`, and assign to state only: weights made "
        "by add_weight(trainable=False).",
    ),
    "one compilation": Line(one_compilation, "Let the state keep its shape, dtype and structure from call to call."),
    "vmap": Line(vmap_is_a_loop, "Use operations that jax.vmap knows; a jax.pure_callback needs vmap_method=."),
    "scan": Line(scan_is_a_loop, "Keep what passes from call to call in state, and nowhere else."),
    "gradients": Line(
        gradients_are_finite,
        "Where a derivative has a pole (sqrt, log, norm at 0), choose the argument by jnp.where before, not after.",
    ),
    "randomness": Line(
        randomness_is_an_argument, "Draw by jax.random from self.key(), in training only: if training: ..."
    ),
    "threads": Line(any_thread, "Keep nothing in globals or in threading.local."),
    "numpy": Line(numpy_inputs, "Turn inputs into arrays of JAX before their methods are used: jnp.asarray(inputs)."),
    "low precision": Line(
        low_precision,
        "Take dtype= in the constructor by **kwargs, and make constants in the dtype of the inputs: "
        "jnp.ones(n, inputs.dtype).",
    ),
    "configuration": Line(
        config_round_trip,
        "Keep each argument of the constructor in an attribute of its name, or return it from get_config, as numbers, "
        "strings, lists and dicts.",
    ),
    "saving": Line(
        save_and_load, "Make the weights in __init__ or build, from the configuration and the input's shape."
    ),
    "shapes": Line(symbolic_shapes, "Take the batch size from the inputs, jnp.shape(inputs)[0] or -1 in a reshape."),
    "masks": Line(masks_travel, "Let compute_mask(self, inputs, mask=None) return the mask of the outputs, or None."),
    "full masks": Line(full_masks_change_nothing, "True in a mask stands for a step that counts."),
}
