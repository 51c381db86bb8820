"""What a callback changes takes effect at once; what is interrupted stays usable."""

from __future__ import annotations

import signal
import threading
import time

import jax
import numpy as np
import pytest

from jkeras import callbacks, layers, optimizers, utils
from jkeras.core.trees import named_leaves
from jkeras.models import Model, Sequential, training
from jkeras.training.data import ArrayData

rng = np.random.default_rng(0)
X = rng.normal(size=(70, 4)).astype("float32")
Y = (X[:, :1] - X[:, 1:2] * 0.5).astype("float32")


def network(optimizer="adam", **options):
    utils.set_random_seed(1)
    model = Sequential([
        layers.Input((4,)), layers.Dense(6, activation="tanh", name="first"), layers.Dropout(0.2),
        layers.Dense(1, name="second"),
    ])  # fmt: skip
    model.compile(optimizers.get(optimizer), "mse", **options)
    return model


def fit(model, *hooks, epochs=4, **options):
    return model.fit(X, Y, **{"batch_size": 8, "epochs": epochs, "verbose": 0, "callbacks": list(hooks), **options})


def at_epoch(number, act):
    return callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: act() if epoch == number else None)


def kernels(model):
    return {name: np.array(model.get_layer(name).kernel) for name in ("first", "second")}


@pytest.mark.parametrize("mode", ["blocks", "steps", "stream"])
def test_trainable_set_in_an_epoch_takes_effect_with_the_next_step(mode, monkeypatch):
    """The same weights as from separate calls of fit that begin with the other layers frozen."""
    if mode == "steps":
        decide = training.decide
        monkeypatch.setattr(training, "decide", lambda *a: decide(*a)._replace(mode="steps"))
    elif mode == "stream":
        monkeypatch.setattr(ArrayData, "fits", lambda self: False)
        monkeypatch.setattr(training, "chunk_steps", lambda data: 0)
    model = network()
    first, seen = model.get_layer("first"), []
    first.trainable = False

    class Thaw(callbacks.Callback):
        batch_interval = 3

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch
            if epoch == 2:
                first.trainable = False

        def on_train_batch_end(self, batch, logs=None):
            if self.epoch == 0 and batch == 5:
                first.trainable = True
            seen.append((self.epoch, batch, np.array(first.kernel)))

    fit(model, Thaw(), epochs=3)
    assert model._compiled.decision.mode == mode
    changed = [bool((after[2] != before[2]).any()) for before, after in zip(seen, seen[1:], strict=False)]
    moments = [s[:2] for s in seen[1:]]
    assert [m for m, c in zip(moments, changed, strict=True) if c] == [m for m in moments if (0, 5) < m < (2, 0)]
    assert int(model.optimizer.iterations) == 27


def test_the_optimizer_keeps_the_slots_of_weights_that_stay_trained():
    whole = network()
    fit(whole, epochs=2)
    model = network()
    fit(model, at_epoch(1, lambda: setattr(model.get_layer("first"), "trainable", False)), epochs=2)
    state = model._compiled.opt_state[0]
    leaves = named_leaves(state)
    assert not any("first" in name for name in leaves)
    moments = [leaf for name, leaf in leaves.items() if "second" in name]
    assert len(moments) == 4
    assert all(np.abs(np.asarray(m)).max() > 0 for m in moments)
    assert int(state.iterations) == 18
    # The first epoch was the same one, so what the second layer's slots began from is the same too.
    assert np.allclose(np.asarray(model.history.history["loss"][0]), whole.history.history["loss"][0])


def test_slots_are_as_if_the_layer_had_been_frozen_apart():
    """SGD with momentum: freezing the first layer for an epoch changes nothing about the second one's velocity."""

    def run(thaw):
        model = network(optimizers.SGD(0.01, momentum=0.9))
        model.get_layer("first").trainable = False
        fit(model, *thaw(model), epochs=1)
        before = kernels(model)
        model.get_layer("first").trainable = True
        velocity = jax.tree.map(np.array, model._compiled.opt_state[0])
        fit(model, epochs=2, initial_epoch=1)
        return before, velocity, kernels(model)

    def freeze_again(model):
        return [at_epoch(0, lambda: setattr(model.get_layer("first"), "trainable", False))]

    first, second = run(lambda model: []), run(freeze_again)
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_compile_while_fit_runs_is_refused():
    model = network()
    with pytest.raises(RuntimeError, match="compile was called while fit runs"):
        fit(model, at_epoch(1, lambda: model.compile("sgd", "mae")))


@pytest.mark.parametrize("hooked", [False, True])
def test_stop_training_ends_an_epoch_after_its_next_step(hooked):
    model = network()
    hooks = [at_epoch(1, lambda: setattr(model, "stop_training", True))]
    if hooked:
        hooks.append(callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None))
    history = fit(model, *hooks)
    assert history.epoch == [0, 1]
    assert int(model.optimizer.iterations) == 9 + 1  # as in Keras, whose loop asks after each step


def test_weights_and_the_learning_rate_take_effect_at_once():
    model = network("sgd")

    def change():
        model.optimizer.learning_rate = 0.0
        model.get_layer("first").set_weights([np.full((4, 6), 0.5), np.zeros(6)])

    fit(model, at_epoch(2, change))
    assert (kernels(model)["first"] == 0.5).all()


def test_callbacks_are_told_of_the_run():
    model, seen = network(), {}

    class Old(callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.update(params=self.params, data=self.validation_data)

        def on_epoch_end(self, epoch, logs={}):  # noqa: B006
            predicted = self.model.predict(self.validation_data[0], verbose=0)
            seen["error"] = float(np.mean((predicted - self.validation_data[1]) ** 2))

    hook = Old()
    history = fit(model, hook, validation_split=0.2, epochs=1)
    assert seen["error"] == pytest.approx(history.history["val_loss"][-1], rel=1e-5)
    assert [a.shape for a in seen["data"]] == [(14, 4), (14, 1), (14,)]
    assert hook.validation_data is None, "the data do not outlive fit"
    assert seen["params"]["metrics"] == ["loss", "val_loss"] and seen["params"]["batch_size"] == 8
    assert (seen["params"]["nb_epoch"], seen["params"]["nb_sample"], seen["params"]["steps"]) == (1, 56, 7)
    assert seen["params"]["do_validation"] is True
    with pytest.raises(KeyError, match="epoch_count"):
        seen["params"]["epoch_count"]


@pytest.fixture
def ctrl_c():
    """Handle Ctrl-C as Python does, also where the shell had it ignored: in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupting:
    """Sends Ctrl-C to this process after a while."""

    def __init__(self, seconds):
        self.timer = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])

    def __enter__(self):
        self.timer.start()

    def __exit__(self, *error):
        self.timer.cancel()


def usable(model):
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.evaluate(X, Y, verbose=0)
    fit(model, epochs=1)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("mode", ["blocks", "steps"])
def test_ctrl_c_leaves_a_model_and_a_history(mode, monkeypatch):
    decide = training.decide
    monkeypatch.setattr(training, "decide", lambda *a: decide(*a)._replace(mode=mode))
    model = network()
    fit(model, epochs=1)
    for seconds in (0.05, 0.11, 0.2, 0.3):
        with pytest.raises(KeyboardInterrupt), Interrupting(seconds):
            fit(model, epochs=10**6)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert len(model.history.history["loss"]) == len(model.history.epoch)
        usable(model)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_does_not_lose_the_arrays_of_a_batch():
    model = network()
    model.train_on_batch(X, Y)
    for seconds in (0.05, 0.11, 0.2):
        with pytest.raises(KeyboardInterrupt), Interrupting(seconds):
            while True:
                model.train_on_batch(X, Y)
        usable(model)


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_does_not_wait():
    from jkeras.training.interrupts import Interrupts

    interrupts, reached = Interrupts(), []
    interrupts.install()
    try:
        with pytest.raises(KeyboardInterrupt), interrupts:
            signal.raise_signal(signal.SIGINT)
            reached.append(1)
            signal.raise_signal(signal.SIGINT)
            reached.append(2)
    finally:
        interrupts.remove()
    assert reached == [1]


def test_ctrl_c_of_somebody_else_is_left_alone():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *a: heard.append(1))
    try:
        with Interrupting(0.1):
            fit(network(), callbacks.LambdaCallback(on_epoch_end=lambda e, logs: time.sleep(0.1)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1]


def test_a_model_with_its_own_train_step_follows_too():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(6, activation="tanh"), layers.Dense(1)

        def call(self, inputs):
            return self.second(self.first(inputs))

        def train_step(self, ts, batch):
            def loss(params):
                y, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)
                return ((y - batch.y) ** 2).mean(), state

            (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
            return self.apply_updates(ts, grads, state), {"loss": value}

    model = Own()
    model.compile("adam")
    model.build((None, 4))
    seen = []

    def change(epoch, logs):
        model.first.trainable = epoch != 1
        seen.append(np.array(model.first.kernel))

    fit(model, callbacks.LambdaCallback(on_epoch_begin=change), epochs=4)
    seen.append(np.array(model.first.kernel))
    assert [bool((a != b).any()) for a, b in zip(seen, seen[1:], strict=False)] == [True, False, True, True]
