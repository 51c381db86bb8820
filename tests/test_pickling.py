"""Models, layers and optimizers through pickle and copy: whole, and able to go on."""

from __future__ import annotations

import copy
import functools
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rows import CONTRACT

from jkeras import Input, Model, Sequential, layers, losses, metrics, ops, optimizers
from jkeras.core.operation import operate
from jkeras.utils import set_random_seed

rng = np.random.default_rng(0)
X = rng.random((24, 3), np.float32)
Y = X.sum(1, keepdims=True)


def through_pickle(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


ways = pytest.mark.parametrize("copied", [through_pickle, copy.deepcopy], ids=["pickle", "deepcopy"])


class Residual(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(units, activation="tanh")

    def call(self, inputs):
        return inputs + self.inner(inputs)


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Residual(3), Residual(3)]
        self.seen = metrics.Mean(name="seen")
        self.head = layers.Dense(1)

    def call(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return self.head(inputs)


class OwnOptimizer(Model):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1)

    def call(self, inputs):
        return self.head(inputs)

    def init_optimizer(self, params):
        return self.optimizer.init(params)


def squared(y_true, y_pred):
    return jnp.mean((y_true - y_pred) ** 2, axis=-1)


def chain():
    return Sequential([Input((3,)), layers.Dense(4, jnp.tanh), layers.BatchNormalization(), layers.Dense(1)])


def graph():
    x = Input((3,))
    shared = layers.Dense(3, activation=jax.nn.relu)
    hidden = ops.sin(shared(shared(x))) * 2 + x
    return Model(x, layers.Dense(1)(ops.floor(hidden) + hidden))


def nested():
    x = Input((3,))
    return Model(x, chain()(graph_of_two(x)))


def graph_of_two(x):
    inner = Input((3,))
    return Model(inner, Residual(3)(inner))(x)


MODELS = {"chain": chain, "graph": graph, "nested": nested, "subclassed": Subclassed}


def compiled(name):
    set_random_seed(3)
    model = MODELS[name]()
    model.compile(optimizers.Adam(0.01), squared, metrics=["mae", metrics.RootMeanSquaredError()])
    return model


@ways
@pytest.mark.parametrize("name", MODELS)
def test_a_copy_trains_on_as_the_model_itself_does(copied, name):
    """Weights, moments of Adam, counters and what compile said: three more epochs give the same numbers."""
    model = compiled(name)
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    other = copied(model)
    assert int(other.optimizer.iterations) == 6 and other.optimizer is not model.optimizer
    assert [v.shape for v in other.optimizer.variables] == [v.shape for v in model.optimizer.variables]
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    assert other.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    before = [w.copy() for w in model.get_weights()]
    histories = []
    for trained in (other, model):
        set_random_seed(5)
        histories.append(trained.fit(X, Y, batch_size=8, epochs=3, verbose=0).history)
        if trained is other:
            assert all(map(np.array_equal, before, model.get_weights()))  # nothing is shared
    assert histories[0] == histories[1]
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))


def test_a_copy_of_a_new_model_has_the_same_first_weights():
    model = chain()
    assert all(map(np.array_equal, *(m.get_weights() for m in (through_pickle(model), model))))
    unbuilt = through_pickle(Sequential([layers.Dense(2)]))
    assert unbuilt.predict(X, verbose=0).shape == (24, 2)
    unbuilt = through_pickle(Sequential([Input((3,))]))
    unbuilt.add(layers.Dense(2))
    assert unbuilt.predict(X, verbose=0).shape == (24, 2)


@ways
def test_what_was_set_after_compile_is_kept(copied):
    model = compiled("chain")
    model.fit(X, Y, verbose=0)
    model.optimizer.learning_rate = 0.125
    model.optimizer.variables[3].assign(np.full((4,), 7.0, "float32"))
    model.layers[0].trainable = False
    other = copied(model)
    assert float(other.optimizer.learning_rate) == 0.125 and not other.layers[0].trainable
    np.testing.assert_array_equal(other.optimizer.variables[3].numpy(), np.full((4,), 7.0))
    kernel = other.layers[0].kernel.numpy()
    other.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(other.layers[0].kernel.numpy(), kernel)


def test_a_shallow_copy_shares_the_weights_and_outlives_the_model():
    model = compiled("chain")
    model.fit(X, Y, verbose=0)
    other = copy.copy(model)
    assert other.layers[0] is model.layers[0]
    del model
    other.fit(X, Y, verbose=0)


def test_graphs_deeper_than_the_stack_and_their_tensors():
    x = y = Input((2,))
    for _ in range(500):
        y = layers.Rescaling(1.0)(y)
    model = through_pickle(Model(x, y))
    assert len(model.layers) == 501
    middle = Model(model.input, model.layers[3].output)  # its tensors are linked to their layers again
    assert len(middle.layers) == 4
    assert len(copy.deepcopy(model).layers) == 501


def test_layers_of_strings_are_found_again_on_the_host():
    x = Input((1,), dtype="string")
    model = Model(x, layers.StringLookup(vocabulary=["a", "b"])(x))
    words = np.array([["b"], ["?"]])
    np.testing.assert_array_equal(through_pickle(model).predict(words, verbose=0), [[2], [0]])


def test_a_model_with_an_optimizer_of_its_own():
    model = OwnOptimizer()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    other = through_pickle(model)
    for trained in (other, model):
        set_random_seed(1)
        trained.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))


def test_every_layer_survives():
    failed = {}
    for row in CONTRACT:
        layer = row.make()
        jax.eval_shape(functools.partial(layer.init, 0), row.inputs())
        try:
            other = through_pickle(layer)
        except Exception as error:
            failed[row.name] = error
            continue
        assert [w.shape for w in other.weights] == [w.shape for w in layer.weights], row.name
    assert not failed


def test_every_operation_is_found_by_its_name():
    failed = []
    for name in dir(ops):
        function = getattr(getattr(ops, name), "function", None)
        if function is not None:
            layer = through_pickle(layers.Lambda(function))
            if layer.function is not function:
                failed.append(name)
    assert not failed


ARGUMENTS = {
    "LossScaleOptimizer": lambda: (optimizers.SGD(0.5),),
    "MultiOptimizer": lambda: (optimizers.OptimizerMap(optimizers.Adam(0.5), {"w/.*": optimizers.SGD()}),),
    "OptaxOptimizer": None,  # a transformation of optax is made of functions without names
    "Optimizer": None,
}
OPTIMIZERS = [
    kind
    for kind in vars(optimizers).values()
    if isinstance(kind, type) and issubclass(kind, optimizers.Optimizer) and ARGUMENTS.get(kind.__name__, tuple)
]


@ways
@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_optimizers(copied, kind):
    """A copy has the configuration, the rate and the count, and is built anew on variables of its own."""
    optimizer = kind(*ARGUMENTS.get(kind.__name__, tuple)())
    optimizer.iterations.assign(5)
    other = copied(optimizer)
    assert int(other.iterations) == 5 and not other.built
    assert str(other.get_config()) == str(optimizer.get_config())
    params = {"w": {"kernel": jnp.ones((2, 2))}}
    updates, _ = other.update(params, other.init(params), params)
    assert jax.tree.structure(updates) == jax.tree.structure(params)


@pytest.mark.parametrize("part", [losses.Huber(0.5), metrics.AUC(), optimizers.schedules.CosineDecay(0.1, 10)])
def test_parts_of_what_compile_takes(part):
    assert through_pickle(part).get_config() == part.get_config()


def test_what_has_no_name_is_named_by_the_error():
    model = Sequential([Input((3,)), layers.Lambda(lambda x: 2 * x)])
    with pytest.raises((AttributeError, pickle.PicklingError), match="<lambda>"):
        pickle.dumps(model)
    copied = copy.deepcopy(model)
    np.testing.assert_array_equal(copied.predict(X, verbose=0), 2 * X)
    assert operate(jnp.sin, copied.output).shape == (None, 3)
