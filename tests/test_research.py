"""What research does with the pure pair: gradients per example, of gradients, and many models at once, on four models.

Each is compared with a loop in Python or with finite differences.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jkeras
from jkeras import layers
from jkeras.models import Model, Sequential


class Gated(layers.Layer):
    """A layer of a user's own: `y = tanh(x W) * sigmoid(x V)`."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))
        self.gate = self.add_weight(name="gate", shape=(input_shape[-1], self.units))

    def call(self, inputs):
        return jnp.tanh(inputs @ self.kernel) * jax.nn.sigmoid(inputs @ self.gate)


def attention():
    x = layers.Input((5, 3))
    return Model(x, layers.Dense(1)(layers.Flatten()(layers.MultiHeadAttention(2, 3)(x, x))))


def stack(shape, *inside):
    return Sequential([layers.Input(shape), *inside, layers.Dense(1)])


# Name: the model, the shape of an input.
MODELS = {
    "Dense": (lambda: stack((4,), layers.Dense(5, activation="tanh")), (4,)),
    "Conv + BatchNormalization": (
        lambda: stack(
            (6, 6, 2), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.Activation("tanh"),
            layers.MaxPooling2D(2), layers.Flatten(),
        ),
        (6, 6, 2),
    ),
    "LSTM": (lambda: stack((5, 3), layers.LSTM(4)), (5, 3)),
    "a layer of one's own": (lambda: stack((4,), Gated(5)), (4,)),
}  # fmt: skip

# Layers with a derivative that jkeras writes itself, beside those above.
MORE = {
    "overlapping maxima": (
        lambda: stack((7, 7, 2), layers.Conv2D(3, 3, activation="tanh"), layers.MaxPooling2D(3, 2), layers.Flatten()),
        (7, 7, 2),
    ),
    "Conv1D + GlobalMaxPooling1D": (
        lambda: stack((40, 3), layers.Conv1D(4, 3, activation="relu"), layers.GlobalMaxPooling1D()),
        (40, 3),
    ),
    "DepthwiseConv2D": (lambda: stack((6, 6, 2), layers.DepthwiseConv2D(3, activation="tanh"), layers.Flatten()),
                        (6, 6, 2)),
    "GRU": (lambda: stack((5, 3), layers.GRU(4)), (5, 3)),
    "masked LSTM": (lambda: stack((5, 3), layers.Masking(), layers.LSTM(4)), (5, 3)),
    "attention": (attention, (5, 3)),
}  # fmt: skip
SLOW = ("Dense", "a layer of one's own", "overlapping maxima", "GRU", "masked LSTM", "attention")
four = pytest.mark.parametrize("name", MODELS)


class Problem:
    """A model with a batch and its loss as a function of params."""

    def __init__(self, name: str, size: int = 3):
        make, shape = {**MODELS, **MORE}[name]
        jkeras.utils.set_random_seed(0)
        self.model = make()
        self.x = jax.random.normal(jax.random.key(1), (size, *shape))
        if name == "masked LSTM":
            self.x = self.x.at[1, 3:].set(0)
        self.y = jax.random.normal(jax.random.key(2), (size, 1))
        self.params, self.state = self.model.init(0)

    def loss(self, params: Any, x: Any = None, y: Any = None, training: bool = True) -> Any:
        x, y = (self.x, self.y) if x is None else (x, y)
        outputs, _ = self.model.apply(params, self.state, x, training=training)
        return jnp.mean((outputs - y) ** 2) + jnp.mean(jnp.sin(outputs))


def close(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=tolerance, atol=tolerance), a, b)


def near(a: Any, b: Any, share: float) -> None:
    """Differ by less than a share of the largest element."""
    a, b = np.asarray(a), np.asarray(b)
    assert np.abs(a - b).max() < share * np.abs(b).max(), (a, b)


@four
def test_gradients_of_each_example(name):
    problem = Problem(name)

    def of_one(params, x, y):
        return problem.loss(params, x[None], y[None], training=False)

    gradient = jax.jit(jax.grad(of_one))
    together = jax.jit(jax.vmap(jax.grad(of_one), (None, 0, 0)))(problem.params, problem.x, problem.y)
    for i in range(3):
        close(jax.tree.map(lambda g, i=i: g[i], together), gradient(problem.params, problem.x[i], problem.y[i]))


@four
def test_an_ensemble_is_a_mapped_model(name):
    problem = Problem(name)
    keys = jax.random.split(jax.random.key(3), 3)
    params, state = jax.jit(jax.vmap(problem.model.init))(keys)

    def step(params, state):
        def loss(params):
            outputs, new = problem.model.apply(params, state, problem.x, training=True)
            return jnp.mean((outputs - problem.y) ** 2), new

        return jax.grad(loss, has_aux=True)(params)

    moved = jax.jit(jax.vmap(step))(params, state)
    alone = jax.jit(step)
    for i, key in enumerate(keys):
        close(jax.tree.map(lambda a, i=i: a[i], moved), alone(*problem.model.init(key)))


@four
def test_the_gradient_of_a_step_of_learning(name):
    """MAML: the gradient, with respect to where a step begins, of the loss after it."""
    problem = Problem(name)
    support, query = (problem.x[:2], problem.y[:2]), (problem.x[1:], problem.y[1:])
    flat, unflatten = ravel_pytree(problem.params)

    def after(flat):
        params = unflatten(flat)
        grads = jax.grad(problem.loss)(params, *support)
        adapted = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
        return problem.loss(adapted, *query)

    gradient = jax.jit(jax.grad(after))(flat)
    direction = gradient / jnp.linalg.norm(gradient)
    after = jax.jit(after)
    step = 1e-3
    difference = (after(flat + step * direction) - after(flat - step * direction)) / (2 * step)
    assert float(gradient @ direction) == pytest.approx(float(difference), rel=2e-2)
    # Without the part that goes through the inner gradient it would be another.
    inner = jax.jit(jax.grad(problem.loss))
    adapted = jax.tree.map(lambda p, g: p - 0.1 * g, problem.params, inner(problem.params, *support))
    first_order, _ = ravel_pytree(inner(adapted, *query))
    assert float(first_order @ direction) != pytest.approx(float(difference), rel=2e-2)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in (*MODELS, *MORE)]
)
def test_hessian_vector_products(name):
    """Forward over reverse, reverse over reverse, and mapped: all equal, and near the difference of two gradients."""
    problem = Problem(name)
    flat, unflatten = ravel_pytree(problem.params)
    vector = jax.random.normal(jax.random.key(4), flat.shape)
    vector = vector / jnp.linalg.norm(vector)

    @jax.jit
    def gradient(flat):
        return jax.grad(lambda f: problem.loss(unflatten(f)))(flat)

    @jax.jit
    def products(flat, vector):
        forward = jax.jvp(gradient, (flat,), (vector,))[1]
        reverse = jax.vmap(lambda v: jax.grad(lambda f: gradient(f) @ v)(flat))(jnp.stack([vector, -vector]))
        return forward, reverse

    forward, reverse = products(flat, vector)
    near(reverse[0], forward, 1e-4)
    near(-reverse[1], forward, 1e-4)
    # Maxima move from one element to another: the smallest of a few differences from the product counts.
    differences = [(gradient(flat + e * vector) - gradient(flat - e * vector)) / (2 * e) for e in (1e-2, 3e-3)]
    errors = [float(jnp.abs(d - forward).max() / jnp.abs(forward).max()) for d in differences]
    assert min(errors) < 2e-2, errors


def test_a_model_is_made_where_it_will_live():
    """`init` jitted with output shardings: each device makes its own part, and nothing is whole anywhere."""
    from jax.sharding import PartitionSpec as P

    from jkeras.distribution import shardings

    model = stack((8,), layers.Dense(16, name="wide"))
    mesh = jax.make_mesh((2,), ("model",))
    abstract = jax.eval_shape(model.init, jax.random.key(0))
    placed = shardings(abstract, mesh, [("wide/kernel", P(None, "model"))])
    params, _ = jax.jit(model.init, out_shardings=placed)(jax.random.key(0))
    kernel = params["wide"]["kernel"]
    assert kernel.sharding.spec == P(None, "model")
    assert [shard.data.shape for shard in kernel.addressable_shards] == [(8, 8)] * 2
    close(kernel, model.init(jax.random.key(0))[0]["wide"]["kernel"])
