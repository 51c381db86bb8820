"""`jkeras.random`: the numbers of Keras for a seed, distributions, and where keys come from in calls and outside."""

from __future__ import annotations

import copy
import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Model, Sequential, layers, ops, random
from jkeras.core.layer import Layer
from jkeras.core.seeds import set_random_seed
from jkeras.initializers import RandomNormal
from jkeras.random.seed_generator import as_key

keras = pytest.importorskip("keras")

X = np.arange(12, dtype="float32").reshape(3, 4)
LOGITS = np.log([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]]).astype("float32")
N = 4000
# What both are called with; equal seeds give equal numbers.
SAME = [
    ("normal", ((3, 4),), {}),
    ("normal", ([3, 4], 1.0, 2.0), {"dtype": "bfloat16"}),
    ("truncated_normal", ((3, 4),), {"mean": 1.0, "stddev": 2.0}),
    ("uniform", ((3, 4), -1.0, 2.0), {"dtype": "float16"}),
    ("randint", ((3, 4), -2, 9), {}),
    ("randint", ((3, 4), 0, 9), {"dtype": "uint8"}),
    ("gamma", ((N,), 3.0), {}),
    ("beta", ((N,), 2.0, 3.0), {"dtype": "float32"}),
    ("binomial", ((N,), 10.0, 0.3), {}),
    ("categorical", (LOGITS, 5), {"dtype": "int32"}),
    ("dropout", (X, 0.5), {}),
    ("dropout", (X, 0.25), {"noise_shape": (None, 1)}),
    ("dropout", (X, 0.0), {}),
]
# Mean and variance of many draws.
MOMENTS = [
    (lambda seed: random.normal((N,), 2.0, 3.0, seed=seed), 2.0, 9.0),
    (lambda seed: random.truncated_normal((N,), seed=seed), 0.0, 0.7737),
    (lambda seed: random.uniform((N,), 1.0, 4.0, seed=seed), 2.5, 0.75),
    (lambda seed: random.randint((N,), 0, 7, seed=seed), 3.0, 4.0),
    (lambda seed: random.gamma((N,), 3.0, seed=seed), 3.0, 3.0),
    (lambda seed: random.beta((N,), 2.0, 3.0, seed=seed), 0.4, 0.04),
    (lambda seed: random.binomial((N,), 10.0, 0.3, seed=seed), 3.0, 2.1),
    (lambda seed: random.categorical(LOGITS[:1], N, seed=seed), 1.1, 0.29),
    (lambda seed: random.dropout(jnp.ones(N), 0.75, seed=seed), 1.0, 3.0),
]


def test_the_names_and_parameters_are_those_of_keras() -> None:
    names = [name for name in dir(keras.random) if not name.startswith("_")]
    assert {*random.draws.__all__, "SeedGenerator"} == set(names)
    for name in random.draws.__all__:
        ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (random, keras.random))
        assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs]
        assert getattr(random, name).__doc__


def test_equal_seeds_give_the_numbers_of_keras() -> None:
    for name, args, kwargs in SAME:
        ours, theirs = (getattr(m, name)(*args, seed=7, **kwargs) for m in (random, keras.random))
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, err_msg=name)
    ours, theirs = random.SeedGenerator(7), keras.random.SeedGenerator(7)
    for _ in range(2):
        np.testing.assert_array_equal(random.uniform((3,), seed=ours), keras.random.uniform((3,), seed=theirs))
    np.testing.assert_array_equal(ours.state, theirs.state.value)


@pytest.mark.parametrize(("draw", "mean", "variance"), MOMENTS)
def test_distributions(draw, mean, variance) -> None:
    drawn = np.asarray(draw(3), "float64")
    assert abs(drawn.mean() - mean) < 5 * np.sqrt(variance / N)
    assert abs(drawn.var() - variance) < 0.15 * variance


def test_shuffling_moves_whole_slices() -> None:
    rows = random.shuffle(np.arange(40).reshape(20, 2), seed=1)
    assert rows[:, 0].tolist() != list(range(0, 40, 2)) and sorted(rows[:, 0].tolist()) == list(range(0, 40, 2))
    assert (rows[:, 1] == rows[:, 0] + 1).all()
    np.testing.assert_array_equal(random.shuffle(rows.T, axis=1, seed=2), random.shuffle(rows, seed=2).T)


def test_without_a_seed_the_process_decides() -> None:
    set_random_seed(5)
    first, second = random.normal((3,)), random.normal((3,))
    generated = random.normal((3,), seed=random.SeedGenerator())
    set_random_seed(5)
    np.testing.assert_array_equal(random.normal((3,)), first)
    np.testing.assert_array_equal(random.normal((3,)), second)
    np.testing.assert_array_equal(random.normal((3,), seed=random.SeedGenerator()), generated)
    assert len({float(x[0]) for x in (first, second, generated)}) == 3


def test_keys_are_seeds() -> None:
    key = jax.random.key(3)
    np.testing.assert_array_equal(random.normal((2,), seed=key), jax.random.normal(key, (2,)))
    np.testing.assert_array_equal(random.normal((2,), seed=jax.random.key_data(key)), jax.random.normal(key, (2,)))
    np.testing.assert_array_equal(random.normal((2,), seed=as_key(3)), random.normal((2,), seed=np.int64(3)))
    jitted = jax.jit(lambda key: random.normal((2,), seed=key) + random.normal((2,), seed=1))(key)
    np.testing.assert_allclose(jitted, random.normal((2,), seed=key) + random.normal((2,), seed=1), rtol=1e-6)


def test_a_generator_is_configuration_and_can_be_copied() -> None:
    generator = random.SeedGenerator(11, name="mine")
    assert generator.get_config() == keras.random.SeedGenerator(11, name="mine").get_config()
    again = random.SeedGenerator.from_config(generator.get_config())
    generator.next()
    for twin in (copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))):
        assert twin.state.tolist() == [11, 1]
    assert again.state.tolist() == [11, 0]
    np.testing.assert_array_equal(RandomNormal(seed=again)((2,)), 0.05 * random.normal((2,), seed=11))


class Noisy(Layer):
    """Draws as Keras layers do: from its generator, without a seed, and with a fixed one."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs):
        shape = ops.shape(inputs)
        own = [random.normal(shape, seed=self.seed_generator) for _ in range(2)]
        raw = random.uniform(shape, seed=self.seed_generator.next())
        return jnp.stack([*own, raw, random.normal(shape), random.normal(shape), random.normal(shape, seed=1)])


@pytest.mark.parametrize("seed", [None, 3])
def test_draws_in_a_call_are_pure_and_fresh(seed) -> None:
    layer, x = Noisy(seed), jnp.ones((2, 3))
    params, state = layer.init(0, x)
    assert params == state == {}
    eager, _ = layer.apply({}, {}, x, rng=0)
    jitted, _ = jax.jit(lambda key: layer.apply({}, {}, x, rng=key))(jax.random.key(0))
    np.testing.assert_allclose(eager, jitted, rtol=1e-6)
    np.testing.assert_array_equal(eager, layer.apply({}, {}, x, rng=0)[0])
    np.testing.assert_array_equal(eager, Noisy(seed).apply({}, {}, x, rng=0)[0])
    other, _ = layer.apply({}, {}, x, rng=1)
    drawn = [*eager, *other[:-1]]
    assert len({float(one[0, 0]) for one in drawn}) == len(drawn)
    np.testing.assert_array_equal(eager[-1], other[-1])  # an integer is the same each time
    assert layer.seed_generator.state[1] == 0
    assert not np.array_equal(layer(x), layer(x))  # the facade has a fresh key for each call


def test_generators_of_other_seeds_draw_other_numbers() -> None:
    x = jnp.ones((2, 3))
    first, second = (Noisy(seed).apply({}, {}, x, rng=0)[0] for seed in (3, 4))
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[3], second[3])


def test_a_model_that_samples_trains_and_predicts() -> None:
    class Sampling(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = random.SeedGenerator(1337)

        def call(self, mean):
            return mean + 0.1 * random.normal(ops.shape(mean), seed=self.seed_generator)

    model = Sequential([layers.Dense(2), Sampling()])
    model.compile("sgd", "mse")
    history = model.fit(X, X[:, :2], epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert not np.array_equal(model.predict(X, verbose=0), model.predict(X, verbose=0))


def test_symbolic_tensors() -> None:
    x = layers.Input((3,))
    logits = layers.Input((5,))
    outputs = [random.dropout(x, 0.5), random.shuffle(x, axis=1), random.categorical(logits, 4)]
    assert [(y.shape, y.dtype) for y in outputs] == [
        ((None, 3), "float32"),
        ((None, 3), "float32"),
        ((None, 4), "int32"),
    ]
    assert outputs[0].node.layer.supports_masking
    model = Model([x, logits], outputs)
    dropped, shuffled, classes = model([np.ones((50, 3)), np.zeros((50, 5))])
    assert set(np.unique(dropped)) == {0.0, 2.0} and shuffled.shape == (50, 3)
    assert set(np.unique(classes)) == set(range(5))


def test_drawing_without_a_key_is_an_error_rather_than_a_constant() -> None:
    generator = random.SeedGenerator(1)
    for seed in (None, generator):
        with pytest.raises(RuntimeError, match="would be constants of the compiled program"):
            jax.jit(lambda seed=seed: random.normal((2,), seed=seed))()
        gradient = jax.grad(lambda x, seed=seed: x * random.normal((), seed=seed))(1.0)  # nothing is compiled here
        assert np.isfinite(gradient)
    with pytest.raises(ValueError, match="no key was given"):
        Noisy().apply({}, {}, X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random.SeedGenerator(1.5), "non-negative integer"),
        (lambda: random.SeedGenerator(-1), "non-negative integer"),
        (lambda: random.normal((2,), seed="a"), "an integer, a SeedGenerator or a key"),
        (lambda: random.normal((2,), dtype="int32"), "floating-point dtype"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "an integer dtype"),
        (lambda: random.categorical(LOGITS[0], 2), r"\(batch, classes\)"),
        (lambda: random.dropout(X, 1.5), "rate must be in"),
    ],
)
def test_errors(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(TypeError, match="name"):
        random.SeedGenerator(nane="x")
