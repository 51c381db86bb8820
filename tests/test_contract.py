"""The contract of design.md, section 2: each line a test over every row of the registry."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import threading
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rows import CONTRACT as ROWS
from rows.custom import Counting, LateGradient, Nested
from rows.kinds import Row

from jkeras import layers
from jkeras.core.graph import SymbolicTensor
from jkeras.core.layer import Layer
from jkeras.core.template import walk

every = pytest.mark.parametrize(
    "row", [pytest.param(row, marks=[pytest.mark.slow] if row.slow else [], id=row.name) for row in ROWS]
)
masked = pytest.mark.parametrize("row", [r for r in ROWS if r.mask], ids=lambda row: row.name)
KEY = jax.random.key(7)


# What is tested is what is traced; how well it is optimised is not, and takes most of the time.
compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
)


class Case:
    """A row with its layer initialised once, shared by the tests that change nothing."""

    def __init__(self, row: Row):
        self.layer = row.make()
        self.x = jax.tree.map(jnp.asarray, row.inputs())
        self.params, self.state = self.layer.init(KEY, self.x)
        self.jitted = compiled(self.apply, static_argnames="training")
        self.expected = self.jitted(self.params, self.state, self.x, KEY)

    def apply(self, params: Any, state: Any, x: Any, rng: Any, training: bool = True, **kwargs: Any) -> Any:
        return self.layer.apply(params, state, x, training=training, rng=rng, **kwargs)


@functools.cache
def case_of(name: str) -> Case:
    return Case(next(row for row in ROWS if row.name == name))


def close(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, tolerance, tolerance), a, b)


def same(a: Any, b: Any) -> None:
    jax.tree.map(lambda p, q: np.testing.assert_array_equal(np.asarray(p), np.asarray(q)), a, b)


def first(tree: Any) -> Any:
    return jax.tree.leaves(tree)[0]


def scalar(outputs: Any) -> Any:
    return sum(jnp.sum(jnp.sin(y.astype(jnp.float32))) for y in jax.tree.leaves(outputs))


def snapshot(layer: Layer) -> Any:
    """What a template holds, but for the shapes that `init` declares."""
    return [
        (path, {k: [*v] if type(v) is list else v for k, v in vars(t).items()}, [(w, w._array) for w in t._weights])
        for path, t in walk(layer)
    ]


def unchanged(before: Any, after: Any) -> None:
    for (path, attributes, weights), (path_after, attributes_after, weights_after) in zip(before, after, strict=True):
        assert path == path_after
        assert attributes.keys() == attributes_after.keys()
        for name, value in attributes.items():
            now = attributes_after[name]
            equal = type(now) is list and len(now) == len(value) and all(a is b for a, b in zip(now, value))
            assert equal or now is value, (path, name)
        for one, other in zip(weights, weights_after, strict=True):
            assert one[0] is other[0] and one[1] is other[1]


# Why a layer has no row: what the tests of each file take for granted holds for it otherwise, and is tested there.
WITHOUT_ROW = {
    "bases and what cannot be called": ["Layer", "Wrapper", "AbstractRNNCell", "InputLayer", "DenseFeatures"],
    "strings or integers, test_preprocessing_layers.py": [
        "CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup",
        "TextVectorization", "Pipeline",
    ],
    "dictionaries of images and labels, test_image_layers.py": ["CutMix", "MaxNumBoundingBoxes", "MixUp"],
    "outputs of random sizes, test_image_layers.py": ["RandomHeight", "RandomWidth"],
    "needs Flax, test_jax_layer.py": ["FlaxLayer"],
}  # fmt: skip


def test_every_layer_has_a_row() -> None:
    """One of its own, as a part of another's, or by a class that it is made from: so have the names of other eras."""
    tested = {type(layer) for row in ROWS for _, layer in walk(row.make())}
    classes = {c for c in vars(layers).values() if isinstance(c, type) and issubclass(c, Layer)}
    left = {c.__name__ for c in classes if not any(issubclass(t, c) or issubclass(c, t) for t in tested)}
    left |= {"Layer", "Wrapper"}  # which every tested class comes from
    assert left == {name for names in WITHOUT_ROW.values() for name in names}


@every
def test_init_is_pure_and_gives_two_level_dicts(row: Row) -> None:
    layer, x = row.make(), row.inputs()
    abstract = jax.eval_shape(lambda key: layer.init(key, x), KEY)
    before = snapshot(layer)
    trees = layer.init(KEY, x)
    unchanged(before, snapshot(layer))
    for tree in trees:
        assert type(tree) is dict
        for weights in tree.values():
            assert type(weights) is dict
            assert all(isinstance(array, jax.Array) for array in weights.values())
    shapes = jax.tree.map(lambda a: (a.shape, a.dtype), trees)
    assert shapes == jax.tree.map(lambda a: (a.shape, a.dtype), abstract)
    assert all(weight._array is None for _, template in walk(layer) for weight in template._weights)
    assert bool(trees[1]) == row.has_state


@every
def test_init_under_vmap_gives_what_each_key_gives(row: Row) -> None:
    case = case_of(row.name)
    keys = jax.random.split(KEY, 2)
    if not jax.tree.leaves((case.params, case.state)):
        return
    many = jax.eval_shape(jax.vmap(lambda key: case.layer.init(key, case.x)), keys)
    assert jax.tree.map(lambda a: a.shape, many) == jax.tree.map(lambda a: (2, *a.shape), (case.params, case.state))
    if row.name in ("Dense", "LSTM", "custom_counting"):
        many = compiled(jax.vmap(lambda key: case.layer.init(key, case.x)))(keys)
        close(jax.tree.map(lambda a: a[1], many), case.layer.init(keys[1], case.x))


@every
def test_apply_leaves_the_template_untouched_and_eager_equals_jit(row: Row) -> None:
    case = case_of(row.name)
    before = snapshot(case.layer)
    eager = case.apply(case.params, case.state, case.x, KEY)
    unchanged(before, snapshot(case.layer))
    close(eager, case.expected)
    with contextlib.nullcontext() if row.closes_over_params else jax.checking_leaks():
        traced = jax.jit(case.apply).trace(case.params, case.state, case.x, KEY)
    unchanged(before, snapshot(case.layer))
    assert jax.tree.structure(traced.out_info[1]) == jax.tree.structure(case.state)


@every
def test_one_compilation_for_equal_shapes_and_state_keeps_its_types(row: Row) -> None:
    case = case_of(row.name)
    _, state = case.jitted(case.params, case.state, case.x, KEY)
    before = case.jitted._cache_size()
    case.jitted(case.params, state, jax.tree.map(jnp.asarray, row.inputs(seed=1)), jax.random.key(1))
    assert case.jitted._cache_size() == before


@every
def test_vmap_over_params_and_inputs(row: Row) -> None:
    case = case_of(row.name)
    trees = (case.params, case.state)
    two, xs = jax.tree.map(lambda a: jnp.stack([a, a]), (trees, case.x))

    def both(params: Any, state: Any, x: Any) -> Any:
        return case.apply(params, state, x, KEY)[0]

    def over_each(two: Any, xs: Any) -> Any:
        by_params = jax.vmap(both, (0, 0, None))(*two, case.x) if jax.tree.leaves(trees) else None
        return by_params, jax.vmap(both, (None, None, 0))(*trees, xs)

    for outputs in compiled(over_each)(two, xs):
        if outputs is not None:
            close(jax.tree.map(lambda y: y[1], outputs), case.expected[0], 1e-4)


@every
def test_scan_over_apply(row: Row) -> None:
    case = case_of(row.name)

    def step(state: Any, key: Any) -> Any:
        outputs, state = case.apply(case.params, state, case.x, key)
        return state, outputs

    keys = jax.random.split(KEY, 2)
    state, outputs = compiled(lambda state: jax.lax.scan(step, state, keys))(case.state)
    one, state_one = case.jitted(case.params, case.state, case.x, keys[0])
    two, state_two = case.jitted(case.params, state_one, case.x, keys[1])
    for i, expected in enumerate((one, two)):
        close(jax.tree.map(lambda y, i=i: y[i], outputs), expected, 1e-4)
    close(state, state_two, 1e-4)


@every
def test_gradients_are_finite_and_checkpoint_takes_them(row: Row) -> None:
    case = case_of(row.name)

    def loss(params: Any, x: Any) -> Any:
        outputs, _, losses = case.apply(params, case.state, x, KEY, with_losses=True)
        return scalar(outputs) + sum(losses)

    arguments = tuple(i for i, wanted in enumerate((not row.closes_over_params, row.high is None)) if wanted)
    gradients = compiled(jax.grad(loss, arguments))(case.params, case.x)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))
    assert row.flat or any(np.any(g) for g in jax.tree.leaves(gradients))
    if not row.closes_over_params:
        again = jax.grad(jax.checkpoint(loss), arguments)
        if row.name in ("Dense", "LSTM", "custom_counting"):
            close(compiled(again)(case.params, case.x), gradients, 1e-4)
        assert jax.tree.structure(jax.eval_shape(again, case.params, case.x)) == jax.tree.structure(gradients)


@every
def test_randomness_is_an_argument(row: Row) -> None:
    case = case_of(row.name)
    same(case.jitted(case.params, case.state, case.x, KEY), case.expected)
    jax.eval_shape(lambda x: case.apply(case.params, case.state, x, None, training=False), case.x)
    if row.uses_rng:
        other = case.jitted(case.params, case.state, case.x, jax.random.key(8))[0]
        assert not np.array_equal(first(other), first(case.expected[0]))
        with pytest.raises(ValueError, match="draws random numbers"):
            case.apply(case.params, case.state, case.x, None)
    else:
        close(case.apply(case.params, case.state, case.x, None), case.expected)


@every
def test_any_thread(row: Row) -> None:
    case = case_of(row.name)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(case.apply(case.params, case.state, case.x, KEY)))
    thread.start()
    thread.join()
    close(found[0], case.expected)


@every
def test_numpy_inputs(row: Row) -> None:
    case = case_of(row.name)
    close(case.apply(case.params, case.state, row.inputs(), KEY), case.expected)


@every
@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_low_precision(row: Row, policy: str) -> None:
    if row.make is Nested:  # sublayers have policies of their own
        return
    if row.custom:
        layer = type(row.make())(dtype=policy)
    else:
        layer = type(row.make()).from_config(_with_dtype(row.make().get_config(), policy))
    x = row.inputs()
    params, state = layer.init(KEY, x)
    stored = jnp.dtype("bfloat16" if policy == "bfloat16" else "float32")
    assert all(a.dtype == stored for a in jax.tree.leaves(params))
    # All policies are traced; what is computed is looked at for one.
    run = jax.eval_shape if policy != "mixed_float16" else lambda f, *given: compiled(f)(*given)
    outputs, new_state = run(lambda p, s: layer.apply(p, s, x, training=True, rng=KEY), params, state)
    for y in jax.tree.leaves(outputs):
        assert y.dtype == jnp.dtype(policy.removeprefix("mixed_"))
        assert policy != "mixed_float16" or np.isfinite(y).all()
    assert [a.dtype for a in jax.tree.leaves(new_state)] == [a.dtype for a in jax.tree.leaves(state)]


def _with_dtype(config: dict[str, Any], policy: str) -> dict[str, Any]:
    """Set the policy of a layer and of the layers in its configuration."""

    def inside(value: Any) -> Any:
        if isinstance(value, list):
            return [inside(v) for v in value]
        if isinstance(value, dict) and isinstance(value.get("config"), dict) and "trainable" in value["config"]:
            return {**value, "config": _with_dtype(value["config"], policy)}
        return value

    return {**{name: inside(value) for name, value in config.items()}, "dtype": policy}


@every
def test_config_round_trip(row: Row) -> None:
    if row.custom and row.make is not Counting:
        return
    layer = row.make()
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    assert again.get_config() == layer.get_config()
    assert again.name == layer.name
    case = case_of(row.name)
    again.init(KEY, case.x)
    close(again.apply(case.params, case.state, case.x, training=True, rng=KEY), case.expected)
    if not row.custom:
        assert type(layers.deserialize(layers.serialize(layer))) is type(layer)


@every
def test_symbolic_shape_is_the_real_shape(row: Row) -> None:
    layer, x = row.make(), row.inputs()
    batch = 3 if "stateful" in row.name else None
    dtype = "int32" if row.high else "float32"
    inputs = jax.tree.map(lambda a: layers.Input(batch_shape=(batch, *a.shape[1:]), dtype=dtype), x)
    outputs = layer(inputs)
    real = case_of(row.name).expected[0]
    for symbolic, array in zip(jax.tree.leaves(outputs), jax.tree.leaves(real), strict=True):
        assert isinstance(symbolic, SymbolicTensor)
        assert symbolic.shape == (batch, *array.shape[1:])
        assert symbolic.dtype == array.dtype
    shapes = jax.tree.map(lambda a: (batch, *a.shape[1:]), x)
    again = jax.tree.leaves(row.make().compute_output_shape(shapes), is_leaf=lambda n: n is None)
    assert again == [n for array in jax.tree.leaves(real) for n in (batch, *array.shape[1:])]


@every
def test_facade_and_function_meet(row: Row) -> None:
    layer, x = row.make(), row.inputs()
    told = {"training": False} if "training" in inspect.signature(layer.call).parameters else {}
    outputs = layer(x, **told)
    params, state = layer.params, layer.state
    other = row.make()
    other(x)
    other.set_weights(layer.get_weights())
    close(other.get_weights(), layer.get_weights(), 0)
    other.params, other.state = case_of(row.name).params, case_of(row.name).state
    pure, _ = case_of(row.name).layer.apply(other.params, other.state, x)
    close(other(x, **told), pure)
    if not row.has_state:
        close(layer.apply(params, state, x)[0], outputs)
    with pytest.raises(ValueError, match="weights; got"):
        layer.set_weights([*layer.get_weights(), np.zeros(3)])


@masked
def test_masks_travel_and_compute_mask_is_pure(row: Row) -> None:
    case, mask = case_of(row.name), jnp.asarray(row.masks())
    before = snapshot(case.layer)
    found = case.layer.compute_mask(case.x, mask)
    unchanged(before, snapshot(case.layer))
    forward = case.layer._forward(case.params, case.state, (case.x,), {}, False, None, mask)
    leaves = jax.tree.leaves(found, is_leaf=lambda m: m is None)
    leaves += [None] * (len(forward.masks) - len(leaves))
    for expected, travelled in zip(leaves, forward.masks, strict=True):
        assert (expected is None) == (travelled is None)
        if expected is not None:
            np.testing.assert_array_equal(expected, travelled)
    jax.eval_shape(lambda m: case.apply(case.params, case.state, case.x, None, training=False, mask=m), mask)


@masked
def test_a_mask_of_ones_changes_nothing(row: Row) -> None:
    case = case_of(row.name)
    plain = case.apply(case.params, case.state, case.x, KEY)
    close(case.apply(case.params, case.state, case.x, KEY, mask=jnp.ones(row.mask, bool)), plain, 1e-4)


@every
def test_adding_a_layer_does_not_change_the_others(row: Row) -> None:
    class Alone(Layer):
        def __init__(self) -> None:
            super().__init__(name="holder")
            self.inner = row.make()

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    class Accompanied(Alone):
        def __init__(self) -> None:
            super().__init__()
            self.head = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.head(first(self.inner(inputs)).astype("float32"))

    x = row.inputs()
    alone, more = Alone().init(KEY, x), Accompanied().init(KEY, x)
    for few, many in zip(alone, more, strict=True):
        same({k: many[k] for k in few}, few)


def test_a_custom_vjp_that_reads_the_kernel_late_has_the_right_gradient() -> None:
    layer = LateGradient()
    layer.init(KEY, (1,))
    gradient = jax.grad(lambda x: layer.apply({"late_gradient": {"kernel": jnp.asarray(5.0)}}, {}, x)[0].sum())
    assert gradient(jnp.ones(1)).item() == 15.0
    assert jax.jit(gradient)(jnp.ones(1)).item() == 15.0


def test_sublayers_are_found_wherever_they_are_and_shared_ones_once() -> None:
    layer = Nested()
    params, state = layer.init(KEY, (None, 4))
    assert list(params) == [
        "nested", "nested/shared", "nested/listed_0", "nested/listed_1", "nested/paired_0", "nested/by_name_norm",
        "nested/last",
    ]  # fmt: skip
    assert list(state) == ["nested/listed_1"]


def test_assignment_is_harvested_in_order() -> None:
    layer = Counting()
    params, state = layer.init(KEY, (None, 5, 4))
    for expected in (1.0, 2.0):
        _, state = layer.apply(params, state, jnp.ones((2, 5, 4)), training=True, rng=KEY)
        assert state["counting"]["count"] == expected
        assert state["counting"]["total"] == expected
    layer(jnp.ones((2, 5, 4)))
    assert layer.count.numpy() == 1.0
    assert layer.total.numpy() == 0.0


def test_losses_come_back_through_the_frame() -> None:
    layer = Counting()
    params, state = layer.init(KEY, (None, 5, 4))
    _, _, losses = layer.apply(params, state, jnp.ones((2, 5, 4)), with_losses=True)
    kernel = params["counting"]["kernel"]
    close(losses, [jnp.asarray(1.0), 0.01 * jnp.sum(kernel**2)])


def test_weights_start_from_the_arrays_given_also_in_init() -> None:
    arrays = [np.full((4, 3), 2.0, "float32"), np.full(3, 5.0, "float32")]
    layer = layers.Dense(3, weights=arrays)
    params, _ = layer.init(KEY, (None, 4))
    same(list(params["dense"].values()), arrays)
    table = np.arange(6.0, dtype="float32").reshape(3, 2)
    assert layers.Embedding(3, 2, weights=[table])(np.asarray([2])).tolist() == [[4.0, 5.0]]
    with pytest.raises(ValueError, match="weights= has"):
        layers.Dense(4, weights=arrays).init(KEY, (None, 4))


def test_input_errors_name_the_layer_by_path() -> None:
    class Outer(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layers.Conv2D(2, 3)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    with pytest.raises(ValueError, match=r"'outer/inner' expects an input of 4 dimensions"):
        Outer().init(KEY, (None, 4))


def _bad_arguments() -> Iterator[Any]:
    yield lambda: layers.Dense(0), "units must be a positive integer"
    yield lambda: layers.Dense(3, kernel_initialiser="zeros"), "kernel_initializer"
    yield lambda: layers.Dense(3, lora_rank=2), "lora_rank=2 is not supported"
    yield lambda: layers.Dropout(1.5), "rate must be a number between 0 and 1"
    yield lambda: layers.Conv2D(3, 3, padding="causal"), "padding must be one of"
    yield lambda: layers.Conv2D(3, 3, strides=2, dilation_rate=2), "cannot both be larger than 1"
    yield lambda: layers.Conv2D(3, 3, groups=2), "must divide filters"
    yield lambda: layers.LSTM(3, use_cudnn=True)(np.ones((2, 3, 4))), "cuDNN cannot run this LSTM: "
    yield lambda: layers.LSTM(3, stateful=True)(layers.Input((None, 3))), "size of the batch"
    yield lambda: layers.GroupNormalization(3)(np.ones((2, 4))), "3 groups do not divide 4 channels"
    yield lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="max"), "merge_mode must be one of"
    yield lambda: layers.Permute((1, 3)), "must be a permutation"
    yield lambda: layers.Reshape((5, 2))(np.ones((2, 3))), "cannot give 3 elements"
    yield lambda: layers.Add()(np.ones((2, 3))), "merges a list of inputs"
    yield lambda: layers.Add()([np.ones((2, 3)), np.ones((2, 4))]), "cannot merge"
    yield lambda: layers.Concatenate()([np.ones((2, 3, 1)), np.ones((2, 4, 1))]), "all other sizes must agree"
    yield lambda: layers.Lambda("a_function_of_mine"), "A configuration holds its name and no code"
    yield lambda: layers.Embedding(3, 2, dropout=0.5), "SpatialDropout1D"


@pytest.mark.parametrize(("make", "message"), list(_bad_arguments()), ids=lambda v: v if isinstance(v, str) else "")
def test_bad_arguments_are_refused_with_the_reason(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()
