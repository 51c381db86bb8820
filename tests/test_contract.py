"""The contract of design.md, section 2: each line a test over every row of the registry."""

from __future__ import annotations

import functools
import inspect
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
from jkeras.testing import contract
from jkeras.testing.case import KEY, Case, close, compiled

every = pytest.mark.parametrize(
    "row", [pytest.param(row, marks=[pytest.mark.slow] if row.slow else [], id=row.name) for row in ROWS]
)
masked = pytest.mark.parametrize("row", [r for r in ROWS if r.mask], ids=lambda row: row.name)


@functools.cache
def case_of(name: str) -> Case:
    row = next(row for row in ROWS if row.name == name)
    return Case(row.make, row.inputs(), row.inputs(seed=1), row.masks(), row.flat, row.closes_over_params)


def same(a: Any, b: Any) -> None:
    jax.tree.map(lambda p, q: np.testing.assert_array_equal(np.asarray(p), np.asarray(q)), a, b)


def first(tree: Any) -> Any:
    return jax.tree.leaves(tree)[0]


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


# What every layer has to be is checked as `jkeras.testing` does for layers of others; beside it, what a row says.


@every
def test_init_is_pure_and_gives_two_level_dicts(row: Row) -> None:
    contract.init_is_pure(case_of(row.name))
    assert bool(case_of(row.name).state) == row.has_state


@every
def test_init_under_vmap_gives_what_each_key_gives(row: Row) -> None:
    case = case_of(row.name)
    contract.init_is_mapped(case)
    if row.name in ("Dense", "LSTM", "custom_counting"):
        keys = jax.random.split(KEY, 2)
        many = compiled(jax.vmap(lambda key: case.layer.init(key, case.x)))(keys)
        close(jax.tree.map(lambda a: a[1], many), case.layer.init(keys[1], case.x))


@every
def test_apply_leaves_the_template_untouched_and_eager_equals_jit(row: Row) -> None:
    contract.template_is_untouched(case_of(row.name))


@every
def test_one_compilation_for_equal_shapes_and_state_keeps_its_types(row: Row) -> None:
    contract.one_compilation(case_of(row.name))


@every
def test_vmap_over_params_and_inputs(row: Row) -> None:
    contract.vmap_is_a_loop(case_of(row.name))


@every
def test_scan_over_apply(row: Row) -> None:
    contract.scan_is_a_loop(case_of(row.name))


@every
def test_gradients_are_finite_and_checkpoint_takes_them(row: Row) -> None:
    contract.gradients_are_finite(case_of(row.name))


@every
def test_randomness_is_an_argument(row: Row) -> None:
    case = case_of(row.name)
    contract.randomness_is_an_argument(case)
    if row.uses_rng:
        with pytest.raises(ValueError, match="draws random numbers"):
            case.apply(case.params, case.state, case.x, None)


@every
def test_any_thread(row: Row) -> None:
    contract.any_thread(case_of(row.name))


@every
def test_numpy_inputs(row: Row) -> None:
    contract.numpy_inputs(case_of(row.name))


@every
def test_low_precision(row: Row) -> None:
    if row.make is Nested:  # sublayers have policies of their own
        return

    def make(policy: str) -> Any:
        if row.custom:
            return type(row.make())(dtype=policy)
        return type(row.make()).from_config(_with_dtype(row.make().get_config(), policy))

    contract.low_precision(case_of(row.name), make)


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
    contract.config_round_trip(case_of(row.name))
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
    contract.masks_travel(case_of(row.name))


@masked
def test_a_mask_of_ones_changes_nothing(row: Row) -> None:
    contract.full_masks_change_nothing(case_of(row.name))


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
