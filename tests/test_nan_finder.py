"""`NaNFinder` names the first layer whose output or gradient is not finite, in all ways in which steps are run."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import callbacks, layers, optimizers, utils
from jkeras.models import Model, Sequential, training
from jkeras.training.data import ArrayData

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 4)).astype("float32")
Y = X[:, :1].copy()


def network(*middle, loss="mse", optimizer="sgd", first=None):
    utils.set_random_seed(1)
    model = Sequential([
        layers.Input((4,)), first or layers.Dense(6, name="first"), *middle, layers.Dense(1, name="last"),
    ])  # fmt: skip
    model.compile(optimizer, loss)
    return model


def find(model, x=X, y=Y, every=4, action="stop", **options):
    finder = callbacks.NaNFinder(every, action)
    options = {"batch_size": 8, "epochs": 3, "verbose": 0, "shuffle": False, **options}
    model.fit(x, y, callbacks=[finder], **options)
    return finder


class AtStep(layers.Layer):
    """Breaks in one step of the run, by `spoil(x)`; it counts the steps itself."""

    def __init__(self, step, spoil, **kwargs):
        super().__init__(**kwargs)
        self.step, self.spoil = step, spoil

    def build(self, input_shape):
        self.count = self.add_weight(name="count", shape=(), dtype="int32", initializer="zeros", trainable=False)

    def call(self, inputs, training=False):
        if training:
            self.count = self.count + 1
        return jax.lax.cond(self.count.value == self.step + 1, self.spoil, lambda x: x, inputs)


@jax.custom_vjp
def bad_gradient(x):
    return x


bad_gradient.defvjp(lambda x: (x, None), lambda _, g: (g * jnp.nan,))


# name -> what stands in the model, what is found there
KINDS = {
    "output": (lambda x: jnp.log(-jnp.abs(x)), "output", "holds NaN"),
    "overflow": (lambda x: jnp.exp(jnp.abs(x) + 1000), "output", "holds infinite values"),
    "gradient": (bad_gradient, "gradient", "its input"),
    "square root": (lambda x: jnp.sqrt(x * 0), "gradient", "its input"),
}


@pytest.mark.parametrize("name, step", [("output", 0), ("overflow", 7), ("gradient", 8), ("square root", 13)])
def test_a_layer_that_breaks_in_one_step(name, step):
    spoil, kind, text = KINDS[name]
    model = network(AtStep(step, spoil, name="culprit"), layers.Dense(5, "relu", name="after"))
    finder = find(model)
    assert (finder.finding.kind, finder.finding.path) == (kind, "culprit") and text in finder.finding.text
    assert (finder.epoch, finder.batch) == divmod(step, 9)
    assert all(np.isfinite(w).all() for w in model.get_weights()), "the weights of before are given back"
    assert int(model.get_layer("culprit").count) == step


@pytest.mark.parametrize("mode", ["steps", "chunks", "stream", "generator", "shuffled", "steps_per_epoch"])
def test_every_way_to_run_the_steps(mode, monkeypatch):
    options, x, y = {}, X, Y
    if mode == "steps":
        decide = training.decide
        monkeypatch.setattr(training, "decide", lambda *a: decide(*a)._replace(mode="steps"))
    elif mode in ("chunks", "stream"):
        monkeypatch.setattr(ArrayData, "fits", lambda self: False)
        monkeypatch.setattr(training, "chunk_steps", lambda data: 5 * (mode == "chunks"))
    elif mode == "shuffled":
        options["shuffle"] = True
    elif mode == "steps_per_epoch":
        options["steps_per_epoch"] = 9
    elif mode == "generator":

        def batches():
            while True:
                for i in range(0, 70, 8):
                    yield X[i : i + 8], Y[i : i + 8]

        x, y, options = batches(), None, {"steps_per_epoch": 9, "batch_size": None}
    finder = find(network(AtStep(15, bad_gradient, name="culprit")), x, y, **options)
    assert (finder.finding.kind, finder.finding.path, finder.epoch, finder.batch) == ("gradient", "culprit", 1, 6)


@pytest.mark.parametrize("part, name", [("x", "x"), ("y", "y"), ("sample_weight", "sample_weight")])
def test_data(part, name):
    given = {"x": X.copy(), "y": Y.copy(), "sample_weight": np.ones(70, "float32")}
    given[part][19] = np.nan
    finder = find(network(), given["x"], given["y"], sample_weight=given["sample_weight"])
    assert (finder.finding.kind, finder.finding.path) == ("data", name)
    assert finder.batch == 2 and "in the rows 3 of the batch" in finder.finding.text


def test_inputs_in_a_dict_are_named():
    x = {"a": X.copy(), "b": X}
    x["a"][1] = np.inf
    inputs = {name: layers.Input((4,), name=name) for name in "ab"}
    model = Model(inputs, layers.Dense(1)(layers.Add()(list(inputs.values()))))
    model.compile("sgd", "mse")
    assert find(model, x).finding.path == "x[a]"


def test_the_loss_its_gradient_weights_and_the_update():
    finder = find(network(loss=lambda t, p: jnp.log(p - 1e6)))
    assert finder.finding.kind == "loss" and "all layers are finite" in finder.finding.text
    finder = find(network(loss=lambda t, p: bad_gradient(p) ** 2))
    assert (finder.finding.kind, finder.finding.path) == ("gradient of the loss", "last")
    model = network()
    model.get_layer("last").set_weights([np.full((6, 1), np.nan), np.zeros(1)])
    assert (lambda f: (f.kind, f.path))(find(model).finding) == ("weights", "last/kernel")
    finder = find(network(optimizer=optimizers.SGD(3e38)))
    assert finder.finding.kind == "update" and "learning rate" in finder.finding.text


def test_a_weight_gradient():
    class Root(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=(), initializer="zeros")

        def call(self, inputs):
            return inputs + jnp.sqrt(self.scale)

    finder = find(network(Root(name="culprit")))
    assert (finder.finding.kind, finder.finding.path) == ("gradient", "culprit")
    assert "its weights" in finder.finding.text


def test_layers_inside_of_layers_and_loops():
    inner = Sequential([layers.Dense(5), AtStep(3, KINDS["output"][0], name="culprit")], name="inner")
    assert find(network(inner)).finding.path == "inner/culprit"

    class Cell(layers.Layer):
        state_size = units = 6

        def call(self, inputs, states):
            return jnp.log(inputs - 1e6), states

    model = network(layers.Reshape((2, 3)), layers.RNN(Cell(), name="culprit"))
    assert find(model).finding.path == "culprit", "what runs in a loop is part of the layer around it"


def test_a_step_of_ones_own():
    class Own(Sequential):
        def train_step(self, ts, batch):
            def loss(params):
                y, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)
                return jnp.mean(jnp.log((y - batch.y) ** 2 - 100)), state

            (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
            return self.apply_updates(ts, grads, state), {"loss": value}

    model = Own([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd")
    finding = find(model).finding
    assert finding.kind == "step" and "Own.train_step" in finding.text


def test_raising_and_warning():
    def make():
        return network(AtStep(2, KINDS["output"][0], name="culprit"))

    model = make()
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 3, the output of the layer 'culprit' \(AtStep\)"):
        find(model, action="raise")
    assert all(np.isfinite(w).all() for w in model.get_weights())
    with pytest.warns(RuntimeWarning, match="culprit") as told:
        finder = find(make(), action="warn")
    assert len(told) == 1 and finder.model.history.epoch == [0, 1, 2]


def test_a_clean_run_is_not_changed():
    def losses(*hooks):
        model = network(layers.Dropout(0.5), optimizer="adam")
        return model.fit(X, Y, epochs=3, batch_size=8, verbose=0, callbacks=list(hooks)).history["loss"]

    assert losses() == losses(callbacks.NaNFinder(4))


def test_arguments():
    with pytest.raises(ValueError, match="positive number"):
        callbacks.NaNFinder(0)
    with pytest.raises(ValueError, match="raise, stop, warn"):
        callbacks.NaNFinder(action="explode")
