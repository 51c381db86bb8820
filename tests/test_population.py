"""Populations: each member against the model that is trained alone with its seed and its settings."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Population, Sequential, layers
from jkeras.callbacks import EarlyStopping, LearningRateScheduler, ReduceLROnPlateau
from jkeras.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop, schedules
from jkeras.population import grid

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype("float32")
Y = (X[:, :1] * 2 - X[:, 1:2] + 0.1 * RNG.normal(size=(64, 1))).astype("float32")


def mlp(optimizer=None, rate=0.25, l2=0.01, metrics=("mae",)):
    """The regression network of the California housing data, with something to vary in its layers."""
    model = Sequential(
        [
            layers.Input((8,)),
            layers.Dense(30, activation="relu", kernel_regularizer=jkeras.regularizers.L2(l2)),
            layers.Dropout(rate),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer or SGD(0.01), "mse", metrics=list(metrics))
    return model


def regression_mlp():
    model = Sequential([layers.Input((8,)), layers.Dense(30, activation="relu"), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def trained_alone(build, seed, *data, **arguments):
    """What a user would write for one member."""
    jkeras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data, verbose=0, **arguments)
    return model, history.history


def assert_same(population, member, model, history, tolerance=1e-5):
    own = population[member]
    for ours, alone in zip(own.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, alone, rtol=tolerance, atol=tolerance)
    for name, values in history.items():
        np.testing.assert_allclose(population.history[member].history[name], values, rtol=tolerance, atol=tolerance)
    return own


def test_32_regression_mlps_equal_their_single_runs():
    arguments = {"epochs": 3, "batch_size": 16, "validation_split": 0.2}
    population = Population(regression_mlp(), seeds=range(32))
    history = population.fit(X, Y, verbose=0, **arguments)
    assert history.history["val_loss"].shape == (3, 32)
    for seed in range(32):
        assert_same(population, seed, *trained_alone(regression_mlp, seed, X, Y, **arguments))


OPTIMIZERS = {
    "sgd": (SGD, {"learning_rate": [0.1, 0.02], "momentum": [0.0, 0.9], "weight_decay": [0.1, 0.0]}),
    "adam": (Adam, {"beta_1": [0.9, 0.5], "beta_2": [0.999, 0.9], "epsilon": [1e-7, 1e-3], "clipnorm": [1.0, 0.1]}),
    "adamw": (AdamW, {"learning_rate": [0.003, 0.01], "weight_decay": [0.004, 0.2]}),
    "rmsprop": (RMSprop, {"rho": [0.9, 0.5], "momentum": [0.5, 0.0], "clipvalue": [0.5, 0.01]}),
    "nadam": (Nadam, {"beta_1": [0.9, 0.8], "global_clipnorm": [1.0, 0.1]}),
    "adagrad": (Adagrad, {"initial_accumulator_value": [0.1, 1.0]}),
    "lion": (Lion, {"beta_1": [0.9, 0.8], "beta_2": [0.99, 0.9]}),
}


FAST = {"sgd", "adam"}


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in OPTIMIZERS]
)
def test_hyperparameters_of_optimizers(name):
    make, varied = OPTIMIZERS[name]
    first = {key: values[0] for key, values in varied.items()}
    population = Population(mlp(make(**first), rate=0.0), seeds=3, hyperparameters=varied)
    population.fit(X, Y, epochs=2, verbose=0)
    for i in range(2):
        own = {key: values[i] for key, values in varied.items()}
        model, history = trained_alone(lambda own=own: mlp(make(**own), rate=0.0), 3, X, Y, epochs=2)
        assert_same(population, i, model, history)


@pytest.mark.slow
def test_averages_of_weights_and_schedules():
    varied = {"learning_rate/decay_rate": [0.5, 0.9], "ema_momentum": [0.9, 0.5]}

    def build(decay_rate=0.7, momentum=0.99):
        rate = schedules.ExponentialDecay(0.05, decay_steps=3, decay_rate=decay_rate)
        return mlp(SGD(rate, use_ema=True, ema_momentum=momentum), rate=0.0)

    population = Population(build(), seeds=[4, 5], hyperparameters=varied)
    population.fit(X, Y, epochs=2, verbose=0)
    for i, own in enumerate(zip(*varied.values(), strict=True)):
        assert_same(population, i, *trained_alone(lambda own=own: build(*own), 4 + i, X, Y, epochs=2))


@pytest.mark.slow
def test_hyperparameters_of_layers_and_going_on():
    varied = {"dropout/rate": [0.0, 0.5, 0.25], "dense/kernel_regularizer/l2": [0.1, 0.0, 0.003]}
    population = Population(mlp(Adam(0.01)), seeds=[1, 2, 3], hyperparameters=varied)
    population.fit(X, Y, epochs=2, verbose=0)
    population.evaluate(X, Y)
    population.fit(X, Y, epochs=1, verbose=0)
    for i, own in enumerate(zip(*varied.values(), strict=True)):
        model, _ = trained_alone(lambda own=own: mlp(Adam(0.01), *own), i + 1, X, Y, epochs=2)
        model.evaluate(X, Y, verbose=0)
        history = model.fit(X, Y, epochs=1, verbose=0)
        # A history of the model goes on; that of the population begins anew with each call.
        own_model = assert_same(population, i, model, {k: v[-1:] for k, v in history.history.items()})
        for both in (model, own_model):
            jkeras.utils.set_random_seed(11)
            both.fit(X, Y, epochs=1, verbose=0)
        np.testing.assert_allclose(own_model.get_weights()[0], model.get_weights()[0], rtol=1e-5, atol=1e-6)
        assert own_model.optimizer.iterations.numpy() == model.optimizer.iterations.numpy()


@pytest.mark.slow
def test_numbers_that_decide_first_values():
    def build(stddev=0.1):
        model = Sequential(
            [layers.Input((8,)), layers.Dense(1, kernel_initializer=jkeras.initializers.RandomNormal(0.0, stddev))]
        )
        model.compile("sgd", "mse")
        return model

    population = Population(build(), seeds=[1, 1], hyperparameters={"dense/kernel_initializer/stddev": [0.1, 2.0]})
    population.fit(X, Y, verbose=0)
    for i, stddev in enumerate([0.1, 2.0]):
        assert_same(population, i, *trained_alone(lambda stddev=stddev: build(stddev), 1, X, Y))


@pytest.mark.slow
def test_convolution_and_batch_normalization():
    x = RNG.normal(size=(20, 8, 8, 1)).astype("float32")
    y = RNG.integers(0, 3, 20)

    def build():
        model = Sequential(
            [
                layers.Input((8, 8, 1)),
                layers.Conv2D(4, 3, use_bias=False),  # whose gradient would be rounding errors, which Adam scales up
                layers.BatchNormalization(momentum=0.8),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    arguments = {"epochs": 2, "batch_size": 8, "validation_data": (x[:5], y[:5])}
    population = Population(build(), members=2, seeds=[7, 8])
    population.fit(x, y, verbose=0, **arguments)
    for i, seed in enumerate((7, 8)):
        assert_same(population, i, *trained_alone(build, seed, x, y, **arguments))


@pytest.mark.slow
def test_lstm_with_dropout():
    x = RNG.normal(size=(20, 5, 3)).astype("float32")

    def build(dropout=0.2):
        model = Sequential([layers.Input((5, 3)), layers.LSTM(4, dropout=dropout), layers.Dense(1)])
        model.compile(Adam(0.01), "mse")
        return model

    population = Population(build(), seeds=[1, 2], hyperparameters={"lstm/dropout": [0.2, 0.4]})
    population.fit(x, Y[:20], epochs=2, batch_size=8, verbose=0)
    for i, dropout in enumerate([0.2, 0.4]):
        model, history = trained_alone(lambda dropout=dropout: build(dropout), i + 1, x, Y[:20], epochs=2, batch_size=8)
        assert_same(population, i, model, history)


class Noisy(layers.Layer):
    """A layer as a user writes it: state, a number of its own, and random numbers."""

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.generator = jkeras.random.SeedGenerator()

    def build(self, input_shape):
        self.shift = self.add_weight(name="shift", shape=input_shape[-1:])
        self.mean = self.add_weight(name="mean", shape=(), trainable=False)

    def call(self, inputs, training=False):
        if not training:
            return inputs + self.shift - self.mean
        self.mean = 0.9 * self.mean + 0.1 * jnp.mean(inputs)
        return inputs + self.shift + self.scale * jkeras.random.normal(inputs.shape, seed=self.generator)


@pytest.mark.parametrize("as_function", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_layer_of_a_user(as_function):
    def build(scale=0.5):
        model = Sequential([layers.Input((8,)), Noisy(scale), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    population = Population(
        build if as_function else build(), seeds=[1, 2], hyperparameters={"noisy/scale": [0.1, 1.0]}
    )
    population.fit(X, Y, verbose=0)
    for i, scale in enumerate([0.1, 1.0]):
        assert_same(population, i, *trained_alone(lambda scale=scale: build(scale), i + 1, X, Y))


class OwnStep(jkeras.Model):
    """A training step in the pure style."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, ts: jkeras.models.TrainState, batch):
        def loss(params):
            y, state = self.apply(params, ts.state, batch.x, training=True)
            return jnp.mean((y - batch.y) ** 4), state

        (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
        return self.apply_updates(ts, grads, state), {"loss": value}


def test_a_step_of_the_model_itself():
    def build():
        model = OwnStep()
        model.compile(SGD(0.001))
        return model

    population = Population(build(), seeds=[1, 2], hyperparameters={"learning_rate": [0.001, 0.0001]})
    population.fit(X, Y, epochs=2, verbose=0)
    for i, rate in enumerate([0.001, 0.0001]):

        def alone(rate=rate):
            model = build()
            model.optimizer.learning_rate = rate
            return model

        assert_same(population, i, *trained_alone(alone, i + 1, X, Y, epochs=2))


@pytest.mark.slow
def test_frozen_layers_and_weights_that_are_kept():
    base = mlp()
    base.fit(X, Y, epochs=1, verbose=0)
    base.layers[0].trainable = False
    base.compile(Adam(0.01), "mse")
    before = base.get_weights()
    population = Population(base, seeds=[1, 2], initial_weights="keep")
    population.fit(X, Y, epochs=2, verbose=0)
    for i in range(2):
        np.testing.assert_array_equal(population[i].get_weights()[0], before[0])
        jkeras.utils.set_random_seed(i + 1)
        alone = jkeras.models.clone_model(base)
        alone.set_weights(before)
        alone.layers[0].trainable = False
        alone.compile(Adam(0.01), "mse")
        jkeras.utils.set_random_seed(i + 1)
        assert_same(population, i, alone, alone.fit(X, Y, epochs=2, verbose=0).history)
    assert [w.tolist() for w in base.get_weights()] == [w.tolist() for w in before]


def test_early_stopping_for_each_member():
    stopping = {"monitor": "val_loss", "patience": 1, "min_delta": 0.05, "restore_best_weights": True}
    rates = [0.2, 0.001, 0.1, 0.05]
    arguments = {"epochs": 12, "validation_split": 0.3}
    population = Population(mlp(SGD(0.1), rate=0.0), seeds=[1, 2, 3, 4], hyperparameters={"learning_rate": rates})
    history = population.fit(X, Y, verbose=0, callbacks=[EarlyStopping(**stopping)], **arguments)
    epochs = []
    for i, rate in enumerate(rates):
        model, alone = trained_alone(
            lambda rate=rate: mlp(SGD(rate), rate=0.0), i + 1, X, Y, callbacks=[EarlyStopping(**stopping)], **arguments
        )
        assert_same(population, i, model, alone)
        epochs.append(len(alone["loss"]))
        place = population._kept_epoch[i]
        assert alone["val_loss"][place] == pytest.approx(population.values("val_loss")[i], rel=1e-5)
        assert population.evaluate(X[44:], Y[44:])["loss"][i] == pytest.approx(alone["val_loss"][place], rel=1e-5)
    assert history.epochs_trained.tolist() == epochs
    assert 1 < min(epochs) < max(epochs)
    assert np.isnan(history.history["loss"]).sum() == sum(max(epochs) - n for n in epochs)


@pytest.mark.slow
def test_a_stopped_member_is_frozen_to_the_bit():
    class StopFirst(jkeras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if self.model.member == 0:
                self.model.stop_training = True

    states = []
    for epochs in (1, 4):
        population = Population(mlp(Adam(0.01)), seeds=[1, 2])
        population.fit(X, Y, epochs=epochs, verbose=0, callbacks=[StopFirst()])
        states.append(population[0].get_weights() + population[0].optimizer.get_weights())
    for after, before in zip(*states, strict=True):
        np.testing.assert_array_equal(after, before)
    assert int(population[0].optimizer.iterations.numpy()) == 2
    assert int(population[1].optimizer.iterations.numpy()) == 8


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0), marks=pytest.mark.slow),
        lambda: LearningRateScheduler(lambda epoch, rate: rate / (1 + epoch)),
    ],
)
def test_callbacks_that_set_the_learning_rate(make):
    population = Population(mlp(SGD(0.1), rate=0.0), seeds=[1, 2], hyperparameters={"learning_rate": [0.1, 0.01]})
    population.fit(X, Y, epochs=4, verbose=0, callbacks=make())
    for i, rate in enumerate([0.1, 0.01]):
        model, history = trained_alone(
            lambda rate=rate: mlp(SGD(rate), rate=0.0), i + 1, X, Y, epochs=4, callbacks=[make()]
        )
        own = assert_same(population, i, model, history)
        assert own.optimizer.learning_rate.numpy() == pytest.approx(model.optimizer.learning_rate.numpy())


def test_folds_by_places_of_samples_are_exact():
    parts = np.split(np.random.default_rng(1).permutation(63), 3)
    train = np.stack([np.concatenate([p for j, p in enumerate(parts) if j != i]) for i in range(3)])
    population = Population(mlp(rate=0.0), seeds=5, members=3)
    population.fit(X, Y, epochs=2, batch_size=16, verbose=0, samples=train, validation_samples=np.stack(parts))
    for i in range(3):
        model, history = trained_alone(
            lambda: mlp(rate=0.0),
            5,
            X[train[i]],
            Y[train[i]],
            epochs=2,
            batch_size=16,
            validation_data=(X[parts[i]], Y[parts[i]]),
        )  # fmt: skip
        assert_same(population, i, model, history)
    values = population.evaluate(X, Y, samples=np.stack(parts))["loss"]
    np.testing.assert_allclose(values, population.history.history["val_loss"][-1], rtol=1e-5)


@pytest.mark.parametrize(
    "shuffle", [True, *(pytest.param(shuffle, marks=pytest.mark.slow) for shuffle in (False, "batch"))]
)
def test_sample_weights_of_members_and_orders(shuffle):
    weights = RNG.random((2, 64)).astype("float32")
    shared = {"class_weight": None, "steps_per_epoch": 3 if shuffle else None, "shuffle": shuffle}
    population = Population(mlp(rate=0.0), seeds=[1, 2])
    population.fit(X, Y, epochs=2, batch_size=16, verbose=0, sample_weight=weights, **shared)
    for i in range(2):
        model, history = trained_alone(
            lambda: mlp(rate=0.0), i + 1, X, Y, epochs=2, batch_size=16, sample_weight=weights[i], **shared
        )
        assert_same(population, i, model, history)


@pytest.mark.slow
def test_classes_are_weighed():
    labels = (Y[:, 0] > 0).astype(int)

    def build():
        model = Sequential([layers.Input((8,)), layers.Dense(2, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
        return model

    arguments = {"class_weight": {0: 1.0, 1: 3.0}, "sample_weight": RNG.random(64), "epochs": 2}
    population = Population(build(), seeds=[1, 2])
    population.fit(X, labels, verbose=0, **arguments)
    for i in range(2):
        assert_same(population, i, *trained_alone(build, i + 1, X, labels, **arguments))


def test_predictions_apart_and_together():
    labels = RNG.integers(0, 3, 64)
    model = Sequential([layers.Input((8,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    population = Population(model, members=4)
    population.fit(X, labels, verbose=0)
    outputs = population.predict(X, batch_size=20)
    assert outputs.shape == (4, 64, 3)
    np.testing.assert_allclose(outputs[2], population[2].predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(population.predict(X, combine="mean"), outputs.mean(0), rtol=1e-5, atol=1e-6)
    votes = population.predict(X, combine="vote")
    counts = np.stack([(outputs.argmax(-1) == k).sum(0) for k in range(3)], -1)
    assert (np.take_along_axis(counts, votes[:, None], 1)[:, 0] == counts.max(-1)).all()
    with pytest.raises(ValueError, match="Did you mean 'mean'"):
        population.predict(X, combine="means")


def test_the_best_member_and_what_people_read(capsys):
    population = Population(
        mlp(), seeds=1, hyperparameters=grid({"learning_rate": [0.1, 1e-6], "dropout/rate": [0.0, 0.2]})
    )
    history = population.fit(X, Y, epochs=2, validation_split=0.2, verbose=2)
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].startswith("Epoch 2/2") and "best val_loss" in shown[1] and "worst val_loss" in shown[1]
    best = population.best_index()
    assert best in (0, 1) and best == int(history.history["val_loss"][-1].argmin())
    assert float(population.best().optimizer.learning_rate.numpy()) == pytest.approx(0.1)
    assert population.best_index("loss", mode="max") in (2, 3)
    lines = population.summary(rows=2).splitlines()
    assert [line.split()[0] for line in lines] == ["member", "best", "2.", "median", "worst"]
    assert len(population) == 4 and "learning_rate, dropout/rate" in repr(population)
    assert population.results()[best]["learning_rate"] == 0.1
    frame = history.to_frame()
    assert frame.loc[(1, best), "val_loss"] == history.history["val_loss"][1, best]


def test_one_program_serves_all_epochs_and_other_numbers():
    def compiled(rates):
        population = Population(mlp(rate=0.0), seeds=[1, 2], hyperparameters={"weight_decay": rates})
        population.fit(X, Y, epochs=3, verbose=0)
        return population.record.compiled

    assert len(compiled([0.1, 0.01])) == 1
    with jax.log_compiles(False):
        from jkeras.core.compiling import compile_seconds

        before = compile_seconds()
        compiled([0.2, 0.02])
        assert compile_seconds() - before < 1.0


def test_members_beside_what_differs_are_taken_for_what_they_are():
    with pytest.raises(ValueError, match="lengths must be equal: seeds has 2, learning_rate has 3.*grid"):
        Population(mlp(), seeds=[1, 2], hyperparameters={"learning_rate": [0.1, 0.2, 0.3]})
    with pytest.raises(ValueError, match="how many models"):
        Population(mlp())
    with pytest.raises(RuntimeError, match="Call compile before Population"):
        Population(Sequential([layers.Input((8,)), layers.Dense(1)]), members=2)
    with pytest.raises(TypeError, match="expected a compiled model, or a function"):
        Population("mlp", members=2)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("learning_rat", [0.1, 0.2], "Did you mean 'learning_rate'"),
        ("dense/units", [8, 16], "shapes the program"),
        ("dropout/rat", [0.1, 0.2], "Did you mean 'rate'"),
        ("dropout/rate", [0.1, 1.5], "between 0 and 1"),
        ("momentum", [0.1, -0.5], "momentum between 0 and 1"),
        ("nesterov", [0, 1], "shapes the program"),
        ("gradient_accumulation_steps", [2, 4], "shapes the program"),
        ("dense/activation", ["relu", "tanh"], "no number"),
        ("learning_rate/decay_rate", [0.1, 0.2], "no number that a population can vary"),
    ],
)
def test_what_cannot_be_varied_is_said(name, values, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Population(mlp(), hyperparameters={name: values})


def test_members_that_would_need_other_programs_are_said():
    population = Population(mlp(SGD(0.1, clipnorm=1.0)), hyperparameters={"clipnorm": [0.0, 1.0]})
    with pytest.raises(ValueError, match="clipnorm: what is computed depends on whether clipnorm != 0"):
        population.fit(X, Y, verbose=0)


def test_numbers_without_effect_are_said():
    model = Sequential([layers.Input((8,)), layers.Dense(1)])
    model.compile(SGD(0.1), "mse")
    model.layers[0].unused = 0.5
    population = Population(model, hyperparameters={"dense/unused": [0.1, 0.2]})
    with pytest.raises(ValueError, match="'dense/unused' is used nowhere"):
        population.fit(X, Y, verbose=0)


def test_data_and_callbacks_that_do_not_fit_are_said():
    population = Population(mlp(), members=2)
    with pytest.raises(TypeError, match="takes arrays; got a generator"):
        population.fit((batch for batch in [(X, Y)]), verbose=0)
    with pytest.raises(ValueError, match=r"samples expected integers of shape \(2, count\)"):
        population.fit(X, Y, verbose=0, samples=[[1, 2], [3]])
    with pytest.raises(ValueError, match="place 64 of 64"):
        population.fit(X, Y, verbose=0, samples=[[1, 64], [1, 2]])
    with pytest.raises(ValueError, match="Give no validation_split"):
        population.fit(X, Y, verbose=0, samples=[[1], [2]], validation_split=0.5)

    class EachBatch(jkeras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    class WantsWeights(jkeras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.save("model.keras")

    with pytest.raises(TypeError, match="EachBatch has to be told of every batch"):
        population.fit(X, Y, verbose=0, callbacks=[EachBatch()])
    with pytest.raises(AttributeError, match="it asked for 'save'.*Train that member alone"):
        population.fit(X, Y, verbose=0, callbacks=[WantsWeights()])
    with pytest.raises(IndexError, match="members 0 to 1"):
        population[2]


def test_a_model_that_is_distributed_itself_is_said():
    distribution = jkeras.distribution.DataParallel()
    with distribution.scope(), pytest.raises(ValueError, match="must not be distributed"):
        Population(mlp(), members=2)


@pytest.mark.slow
def test_devices_may_be_chosen():
    model = mlp(rate=0.0)
    on_one, on_two = (Population(model, seeds=[1, 2, 3], devices=jax.devices()[:n]) for n in (1, 2))
    for population in (on_one, on_two):
        population.fit(X, Y, epochs=2, verbose=0, validation_split=0.2)
    for name, values in on_one.history.history.items():
        np.testing.assert_allclose(on_two.history.history[name], values, rtol=1e-5)
    assert on_two.predict(X).shape == (3, 64, 1)
    assert {d.id for d in jax.tree.leaves(on_two._engine.ts.params)[0].sharding.device_set} == {0, 1}
