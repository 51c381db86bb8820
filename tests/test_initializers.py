"""Initializers against Keras: the same numbers from the same seed, the same statistics from keys."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import initializers
from jkeras.core.registry import initializers as table
from jkeras.initializers.variance import compute_fans

SHAPES = [(4, 6), (3, 3, 4, 8)]
SEEDED = [
    ("RandomNormal", {"mean": 1.0, "stddev": 0.3}),
    ("RandomUniform", {"minval": -1.0, "maxval": 2.0}),
    ("TruncatedNormal", {"stddev": 0.2}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    ("Orthogonal", {"gain": 1.5}),
    *(
        ("VarianceScaling", {"scale": 2.0, "mode": mode, "distribution": distribution})
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("uniform", "truncated_normal", "untruncated_normal", "normal")
    ),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "arguments"), SEEDED)
def test_a_seed_gives_the_values_of_keras(name, arguments, shape):
    keras = pytest.importorskip("keras")
    ours = table.lookup(name)(seed=11, **arguments)
    theirs = getattr(keras.initializers, name)(seed=11, **arguments)
    np.testing.assert_allclose(ours(shape), theirs(shape), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ours(shape), ours(shape, key=jax.random.key(5)))


@pytest.mark.parametrize(
    ("name", "arguments"), [("Zeros", {}), ("Ones", {}), ("Constant", {"value": 2.0}), ("Identity", {"gain": 3.0})]
)
def test_fixed_values_agree_with_keras(name, arguments):
    keras = pytest.importorskip("keras")
    ours, theirs = table.lookup(name)(**arguments), getattr(keras.initializers, name)(**arguments)
    np.testing.assert_array_equal(ours((3, 4)), theirs((3, 4)))
    assert ours((3, 4), "bfloat16").dtype == jnp.bfloat16
    assert ours((3, 4), jnp.int32).dtype == jnp.int32


def test_fourier_kernels_agree_with_keras():
    keras = pytest.importorskip("keras")
    for side, scaling in (("real", "density"), ("imag", "spectrum"), ("imag", None)):
        for window, periodic in (("hann", True), ("hamming", False), ([0.5, 1.0, 1.0, 0.5], False), (None, False)):
            arguments = {"side": side, "scaling": scaling, "window": window, "periodic": periodic}
            ours, theirs = (package.STFT(**arguments) for package in (initializers, keras.initializers))
            assert ours.get_config() == theirs.get_config()
            np.testing.assert_allclose(ours((4, 1, 5)), theirs((4, 1, 5)), atol=1e-6)
    for arguments in ({"side": "both"}, {"scaling": "l2"}, {"window": "round"}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            initializers.STFT(**arguments)
    with pytest.raises(ValueError, match="frame_length, 1, frequencies"):
        initializers.STFT()((4, 5))


def test_keras_has_each_class_under_its_snake_case_name_too():
    for name, found in list(vars(initializers).items()):
        if isinstance(found, type) and name.islower():
            assert type(initializers.get(name)) is found, name
    assert initializers.identity is initializers.Identity and initializers.stft is initializers.STFTInitializer


@pytest.mark.parametrize(("name", "arguments"), [*SEEDED[:4], SEEDED[9], SEEDED[-2]])
def test_a_key_decides_the_values_when_there_is_no_seed(name, arguments):
    initializer = table.lookup(name)(**arguments)
    first, second = (initializer((16, 8), key=jax.random.key(k)) for k in (0, 1))
    np.testing.assert_array_equal(first, initializer((16, 8), key=jax.random.key(0)))
    assert not np.array_equal(first, second)
    assert not np.array_equal(initializer((16, 8)), initializer((16, 8)))
    jitted = jax.jit(lambda key: initializer((16, 8), key=key))(jax.random.key(0))
    np.testing.assert_allclose(jitted, first, atol=1e-5)
    stacked = jax.vmap(lambda key: initializer((16, 8), key=key))(jax.random.split(jax.random.key(0), 3))
    assert stacked.shape == (3, 16, 8)
    for dtype in ("float16", "bfloat16"):
        assert initializer((16, 8), dtype, jax.random.key(0)).dtype == jnp.dtype(dtype)


@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_is_scaled_by_the_fan(distribution):
    values = initializers.VarianceScaling(2.0, "fan_in", distribution)((3, 3, 32, 64), key=jax.random.key(0))
    np.testing.assert_allclose(jnp.var(values), 2.0 / (9 * 32), rtol=0.05)
    np.testing.assert_allclose(jnp.mean(values), 0.0, atol=0.003)


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4), (3, 3, 4, 8)])
@pytest.mark.parametrize("axes", [(None, None), ((0,), (1,)), ((0, 1), (2,)), ((-2,), (-1,))])
def test_fans_agree_with_keras(shape, axes):
    random_initializers = pytest.importorskip("keras.src.initializers.random_initializers")
    if axes[0] and max(max(map(abs, a)) for a in axes) >= len(shape):
        pytest.skip("no such axis")
    assert compute_fans(shape, *axes) == random_initializers.compute_fans(shape, *axes)


def test_the_seed_may_be_a_generator():
    class Generator:
        def __init__(self, keys):
            self.keys = iter(keys)

        def next(self):
            return next(self.keys)

    keys = list(jax.random.split(jax.random.key(0), 2))
    initializer = initializers.RandomNormal(seed=Generator([*keys, jax.random.key_data(keys[0])]))
    expected = [initializers.RandomNormal()((3,), key=key) for key in keys]
    np.testing.assert_array_equal(initializer((3,)), expected[0])
    np.testing.assert_array_equal(initializer((3,)), expected[1])
    np.testing.assert_array_equal(initializer((3,)), expected[0])


@pytest.mark.parametrize("name", sorted(set(table)))
def test_configurations_make_the_same_initializer(name):
    initializer = initializers.get(name)
    again = initializers.deserialize(initializers.serialize(initializer))
    assert type(again) is type(initializer)
    assert again.get_config() == initializer.get_config() == initializer.clone().get_config()


def test_every_initializer_of_keras_is_there_but_stft():
    keras = pytest.importorskip("keras")
    names = {n for n in dir(keras.initializers) if not n.startswith("_")}
    left_out = {"STFT", "STFTInitializer", "stft", "get", "serialize", "deserialize", "Initializer"}
    assert [n for n in sorted(names - left_out) if n not in table] == []
    for alias in ("zero", "one", "normal", "uniform"):
        assert alias in table


def test_get_accepts_functions_arrays_and_classes():
    def mine(shape, dtype=None):
        return jnp.zeros(shape, dtype)

    assert initializers.get(mine) is mine
    assert initializers.get(None) is None
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    np.testing.assert_array_equal(initializers.get(np.arange(3.0))((2, 3)), [[0, 1, 2]] * 2)
    assert isinstance(initializers.deserialize("Mine", {"Mine": initializers.Ones}), initializers.Ones)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.get("glorot_unifrom"), "Did you mean 'glorot_uniform'"),
        (lambda: initializers.VarianceScaling(scale=0.0), "scale must be positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), "mode must be one of"),
        (lambda: initializers.VarianceScaling(distribution="cauchy"), "distribution must be one of"),
        (lambda: initializers.Identity()((2, 2, 2)), "expected a shape of two sizes"),
        (lambda: initializers.Orthogonal()((2,)), "expected a shape of two or more sizes"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
