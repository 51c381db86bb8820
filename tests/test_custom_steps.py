"""Steps that a model's class defines itself, in our way and in that of Keras on JAX, against the built-in ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers, losses, metrics, optimizers
from jkeras.callbacks import Callback
from jkeras.training.program import TrainState

ROWS = np.random.default_rng(0)
X = ROWS.normal(size=(20, 4)).astype("float32")
Y = (X[:, :2] + 0.1 * ROWS.normal(size=(20, 2))).astype("float32")
WEIGHT = np.linspace(0.5, 2, 20, dtype="float32")


def functional(cls, keras=jkeras, dropout=0.0, **compiled):
    """A small model of class `cls`, compiled."""
    if keras is jkeras:
        jkeras.utils.set_random_seed(3)
    x = hidden = keras.Input((4,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(5, activation="tanh")(hidden))
    if dropout:
        hidden = keras.layers.Dropout(dropout)(hidden)
    model = cls(x, keras.layers.Dense(2)(hidden))
    given = {"optimizer": keras.optimizers.SGD(0.1, momentum=0.5), "loss": "mse", "metrics": ["mae"], **compiled}
    model.compile(**{k: v for k, v in given.items() if v is not None})
    return model


def fit(model, **options):
    given = {"x": X, "y": Y, "batch_size": 10, "epochs": 3, "shuffle": False, "verbose": 0, **options}
    return model.fit(**given).history


def assert_same(first, second, **tolerance):
    assert list(first) == list(second)
    for key in first:
        np.testing.assert_allclose(first[key], second[key], err_msg=key, **tolerance)


# Our way


class Passed(Model):
    def train_step(self, ts: TrainState, batch):
        return super().train_step(ts, batch)

    def test_step(self, ts: TrainState, batch):
        return super().test_step(ts, batch)


class Written(Model):
    def train_step(self, ts, batch):
        def loss(params):
            y, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)
            return jnp.mean((y - batch.y) ** 2), (y, state)

        (value, (y, state)), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
        return self.apply_updates(ts, grads, state), {"loss": value, "mae": jnp.mean(jnp.abs(y - batch.y))}

    def test_step(self, ts, batch):
        y, _ = self.apply(ts.params, ts.state, batch.x)
        return {"loss": jnp.mean((y - batch.y) ** 2), "mae": jnp.mean(jnp.abs(y - batch.y))}


class Helped(Model):
    def train_step(self, ts, batch):
        loss, grads, result = self.loss_and_grads(ts, batch)
        logs = self.compute_metrics(batch.x, batch.y, result.outputs, batch.weight)
        return self.apply_updates(ts, grads, result.state), {"loss": loss, **logs}


class InKeras(Model):
    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs}, state

    def test_step(self, state, data):
        return super().test_step(state, data)


def trained(cls):
    model = functional(cls, dropout=0.3)
    jkeras.utils.set_random_seed(4)
    return model, fit(model, validation_data=(X, Y), batch_size=8)


@pytest.fixture(scope="module")
def built_in():
    return trained(Model)


@pytest.mark.parametrize("cls", [Passed, Written, Helped, InKeras])
def test_a_step_that_does_the_same_is_the_built_in_one(cls, built_in):
    (expected, first), (model, second) = built_in, trained(cls)
    assert_same(first, second, rtol=1e-6)
    for one, other in zip(expected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert model.test_on_batch(X, Y) == pytest.approx(expected.test_on_batch(X, Y), rel=1e-5)
    assert model.evaluate(X, Y, batch_size=8, verbose=0) == pytest.approx(
        [first["val_loss"][-1], first["val_mae"][-1]], rel=1e-5
    )


def batches_of(x, y, size=10):
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


@pytest.mark.parametrize("cls", [Written, InKeras])
def test_every_way_to_run_steps_runs_a_custom_one(cls):
    expected = functional(cls)
    history = fit(expected, epochs=1)
    assert expected._compiled.decision.mode == "blocks"

    streamed = functional(cls)
    assert_same(history, fit(streamed, x=batches_of(X, Y), y=None, batch_size=None, epochs=1), rtol=1e-6)
    assert streamed._compiled.decision.mode == "stream"

    by_batch = functional(cls)
    for x, y in batches_of(X, Y):
        logs = by_batch.train_on_batch(x, y, return_dict=True, reset_metrics=False)
    assert logs == pytest.approx({key: values[0] for key, values in history.items()}, rel=1e-5)
    for other in (streamed, by_batch):
        for one, two in zip(expected.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


class Printed(Model):
    def train_step(self, ts, batch):
        loss, _, _ = self.loss_and_grads(ts, batch)
        return ts, {"loss": float(loss)}


def test_an_eager_step_sees_numbers():
    x = Input((4,))
    model = Printed(x, layers.Dense(2)(x))
    model.compile("sgd", "mse", run_eagerly=True)
    found = fit(model, batch_size=20, epochs=1)["loss"][0]
    model.compile("sgd", "mse")
    assert found == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


def test_a_convolution_dispatches_steps_one_by_one():
    x = Input((4, 4, 1))
    model = Written(x, layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 2)(x))))
    model.compile("sgd")
    images = np.tile(X.reshape(20, 2, 2, 1), (1, 2, 2, 1))
    history = fit(model, x=images, epochs=2)
    assert model._compiled.decision.mode == ("steps" if jax.default_backend() == "cpu" else "blocks")
    assert history["loss"][1] < history["loss"][0]


class Recorder(Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((batch, dict(logs)))


def test_callbacks_see_the_logs_and_change_the_learning_rate():
    recorder, model = Recorder(), functional(Written)
    history = fit(model, callbacks=[recorder], epochs=2)
    assert [number for number, _ in recorder.seen] == [0, 1] * 2 and set(recorder.seen[0][1]) == {"loss", "mae"}
    assert recorder.seen[1][1]["loss"] == history["loss"][0]
    for cls in (Written, InKeras):
        model = functional(cls, optimizer="adam")
        fit(model, epochs=1)
        model.optimizer.learning_rate = 0.0
        before = model.get_weights()[0]
        fit(model, epochs=1, callbacks=[recorder])
        assert (model.get_weights()[0] == before).all(), "the program reads the rate of now"


class Noisy(Model):
    def train_step(self, ts, batch):
        return ts, {"drawn": jax.random.uniform(ts.rng), "step": ts.step}


def test_the_key_differs_by_step_and_is_reproducible():
    def drawn(seed):
        model, recorder = functional(Noisy), Recorder()
        jkeras.utils.set_random_seed(seed)
        fit(model, callbacks=[recorder], epochs=1, batch_size=5)
        means = np.array([logs["drawn"] for _, logs in recorder.seen])
        return np.diff(np.concatenate([[0.0], means * np.arange(1, 5)])), recorder.seen[-1][1]["step"]

    (first, step), (again, _), (other, _) = drawn(1), drawn(1), drawn(2)
    assert len(set(first.round(5).tolist())) == 4 and step == 1.5
    assert (first == again).all() and not np.allclose(first, other)


class Dropped(Model):
    """Reports numbers that tell what a dropout layer dropped of ones."""

    def train_step(self, state, data):
        trained, others, own, totals = state
        y, others = self.stateless_call(trained, others, data[0], training=True)
        again, others = self.stateless_call(trained, others, data[0], training=True)
        position = jnp.arange(50.0)
        return {"mean": jnp.mean(y * position), "again": jnp.mean(again * position)}, (trained, others, own, totals)


def test_dropout_in_keras_style_draws_anew_in_each_step_and_call():
    def seen(seed):
        x, recorder = Input((50,)), Recorder()
        model = Dropped(x, layers.Dropout(0.5)(x))
        model.compile("sgd")
        jkeras.utils.set_random_seed(seed)
        ones = np.ones((16, 50), "float32")
        fit(model, x=ones, y=ones, callbacks=[recorder], epochs=1, batch_size=4)
        return [value for _, logs in recorder.seen for value in logs.values()]

    assert len(set(seen(1))) == 8 and seen(1) == seen(1) and seen(1) != seen(2)


@pytest.mark.parametrize("cls", [Written, Helped, InKeras])
def test_frozen_layers_stay_frozen(cls):
    model = functional(cls)
    model.layers[1].trainable = False
    before = model.get_weights()
    fit(model, epochs=1)
    after = model.get_weights()
    moved = [w.path for w, a, b in zip(model.weights, before, after, strict=True) if not (a == b).all()]
    assert moved and not any(path.startswith("dense/") and "dense" == model.layers[1].name for path in moved[:2])
    assert (before[0] == after[0]).all() and not (before[-2] == after[-2]).all()
    model.layers[1].trainable = True
    fit(model, epochs=1)
    assert not (model.get_weights()[0] == before[0]).all(), "another choice of layers, another program"


class Averaged(Model):
    """A frozen teacher follows the student: in Keras's style non-trainable variables are part of what is returned."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher = layers.Dense(2, name="student"), layers.Dense(2, name="teacher")

    def call(self, x):
        return self.student(x) + 0 * self.teacher(x)

    def train_step(self, state, data):
        logs, (trained, others, own, totals) = super().train_step(state, data)
        others = [0.5 * a + 0.5 * b for a, b in zip(others, trained, strict=True)]
        return logs, (trained, others, own, totals)


def test_a_step_in_keras_style_may_move_frozen_weights_itself():
    model = Averaged()
    model.build((None, 4))
    model.teacher.trainable = False
    model.compile("sgd", "mse")
    history = fit(model, validation_data=(X, Y), epochs=60, batch_size=20)
    assert history["val_loss"][-1] < history["val_loss"][0]
    np.testing.assert_allclose(model.teacher.get_weights()[0], model.student.get_weights()[0], atol=0.05)
    assert not np.allclose(model.teacher.get_weights()[0], 0)


def test_masks_and_several_outputs():
    def build(cls):
        jkeras.utils.set_random_seed(5)
        x = Input((6,), dtype="int32")
        embedded = layers.Embedding(9, 4, mask_zero=True)(x)
        last = layers.Dense(1, name="last")(layers.GlobalAveragePooling1D()(embedded))
        model = cls(x, {"steps": layers.Dense(1, name="each")(embedded), "last": last})
        model.compile("sgd", {"steps": "mse", "last": "mae"}, metrics={"last": ["mse"]}, loss_weights={"last": 0.3})
        return model

    tokens = ROWS.integers(1, 9, (12, 6))
    tokens[:, 4:] = 0
    targets = {"steps": ROWS.normal(size=(12, 6, 1)), "last": ROWS.normal(size=(12, 1))}
    weights = {"steps": WEIGHT[:12], "last": WEIGHT[:12]}
    options = {"x": tokens, "y": targets, "sample_weight": weights, "epochs": 2}
    expected = build(Model)
    history = fit(expected, **options)
    for cls in (Helped, InKeras):
        model = build(cls)
        found = fit(model, **options)
        assert set(found) == set(history) - ({"last_loss", "steps_loss"} if cls is Helped else set())
        for key in found:
            np.testing.assert_allclose(found[key], history[key], rtol=1e-5, err_msg=f"{cls.__name__} {key}")


# What the helpers are for


def dense(units, size, **options):
    return Sequential([Input((size,)), layers.Dense(units, **options)])


class Adversarial(Model):
    """No `call`, several optimizers, layers used through methods."""

    def __init__(self):
        super().__init__()
        self.generator, self.critic = dense(2, 2), dense(1, 2)

    def drawn(self, size):
        return self.generator(jax.random.normal(self.key(), (size, 2)))

    def judged(self, x):
        fake = self.drawn(len(x))
        slope = jax.grad(lambda points: jnp.sum(self.critic(points)))(x)
        return jnp.mean(self.critic(x)), jnp.mean(self.critic(fake)), jnp.mean((jnp.abs(slope) - 1) ** 2)

    def train_step(self, ts, batch):
        def critic_loss(params):
            (real, fake, penalty), _ = self.apply(params, ts.state, batch.x, rng=ts.rng, method="judged")
            return fake - real + 10 * penalty, penalty

        def generator_loss(params):
            (_, fake, _), _ = self.apply(params, ts.state, batch.x, rng=ts.rng, method=Adversarial.judged)
            return -fake

        grads, penalty = jax.grad(critic_loss, has_aux=True)(ts.params)
        ts = self.apply_updates(ts, self.part(grads, "critic"))
        grads = jax.grad(generator_loss)(ts.params)
        return self.apply_updates(ts, self.part(grads, "generator")), {"penalty": penalty}


def test_parts_move_apart_each_by_its_own_optimizer():
    model = Adversarial()
    first, second = optimizers.Adam(0.01), optimizers.SGD(0.0)
    model.compile(optimizers.MultiOptimizer(optimizers.OptimizerMap(first, {"generator/.*": second})))
    before = model.generator.get_weights()[0]
    history = fit(model, x=X[:, :2], y=None, epochs=40)
    assert history["penalty"][-1] < 0.5 * history["penalty"][0], "the gradient penalty is minimised"
    assert (model.generator.get_weights()[0] == before).all()
    assert int(first.iterations) == int(second.iterations) == 80, "each part counts its own steps"
    with pytest.raises(NotImplementedError, match="call"):
        model.evaluate(X[:, :2], verbose=0)


class Two(Adversarial):
    """The optimizer's state is a dict, of optax and of an optimizer held in an attribute."""

    def __init__(self):
        super().__init__()
        self.fast, self.slow = optimizers.SGD(0.5), optax.sgd(0.01)

    def init_optimizer(self, params):
        return {"fast": self.fast.init(self.part(params, "critic")), "slow": self.slow.init(params)}

    def train_step(self, ts, batch):
        critic = self.part(ts.params, "critic")
        ones = jax.tree.map(jnp.ones_like, critic)
        updates, fast = self.fast.update(ones, ts.opt_state["fast"], critic)
        params = {**ts.params, **optax.apply_updates(critic, updates)}
        return ts._replace(params=params, opt_state={**ts.opt_state, "fast": fast}), {"step": fast.iterations}


def test_a_model_keeps_the_state_of_its_own_optimizers():
    model = Two()
    model.compile()
    before = model.critic.get_weights()[0]
    fit(model, x=X[:, :2], y=None, epochs=2, batch_size=20)
    np.testing.assert_allclose(model.critic.get_weights()[0], before - 1.0, rtol=1e-5)
    model.fast.learning_rate = 0.25
    history = fit(model, x=X[:, :2], y=None, epochs=1, batch_size=20)
    np.testing.assert_allclose(model.critic.get_weights()[0], before - 1.25, rtol=1e-5)
    assert history["step"] == [3.0], "the state goes on"


class Distilled(Model):
    """A frozen teacher is called as an object; a metric of the model is updated and logged."""

    def __init__(self, teacher):
        super().__init__()
        self.teacher, self.student = teacher, dense(2, 4)
        self.distance = metrics.MeanAbsoluteError(name="distance")
        self.largest = metrics.Mean(name="largest")

    def call(self, x):
        return self.student(x)

    def train_step(self, ts, batch):
        target = self.teacher(batch.x)

        def loss(params):
            y, state = self.apply(params, ts.state, batch.x, training=True)
            return jnp.mean((y - target) ** 2), (y, state)

        grads, (y, state) = jax.grad(loss, has_aux=True)(ts.params)
        self.distance.update_state(target, y)
        return self.apply_updates(ts, grads, state), {"distance": self.distance, "batch": self.distance.result()}


def test_distillation_with_a_metric_of_the_model():
    jkeras.utils.set_random_seed(0)
    teacher = dense(2, 4)
    teacher.trainable = False
    model = Distilled(teacher)
    model.compile(optimizers.SGD(0.1))
    history = fit(model, epochs=30, y=None)
    assert history["distance"][-1] < 0.5 * history["distance"][0]
    assert float(model.distance.result()) == history["distance"][-1]
    expected = np.abs(teacher.predict(X, verbose=0) - model.predict(X, verbose=0)).mean()
    history = fit(model, epochs=1, y=None, batch_size=20)
    assert history["distance"][0] == pytest.approx(expected, rel=1e-5), "each epoch begins the metric anew"


# compute_loss


class OwnLoss(Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ratio = metrics.Mean(name="ratio")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        compiled = super().compute_loss(x, y, y_pred, sample_weight, training)
        self.add_loss(0.5 * jnp.mean(y_pred**2))
        total = 2 * compiled + self.losses[0] if training else compiled
        self.ratio.update_state(total / compiled)
        return total


def test_compute_loss_takes_the_place_of_the_loss():
    plain, model = functional(Model), functional(OwnLoss)
    model.set_weights(plain.get_weights())
    first = plain.train_on_batch(X, Y, return_dict=True)
    found = model.train_on_batch(X, Y, return_dict=True)
    assert found["loss"] > 2 * first["loss"] and found["mae"] == pytest.approx(first["mae"])
    assert found["ratio"] == pytest.approx(found["loss"] / first["loss"], rel=1e-5)
    assert not np.allclose(model.get_weights()[0], plain.get_weights()[0])
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert logs["ratio"] == pytest.approx(1.0)
    history = fit(model, epochs=5, validation_data=(X, Y))
    assert set(history) == {"loss", "mae", "ratio", "val_loss", "val_mae", "val_ratio"}
    assert history["val_loss"][-1] < history["val_loss"][0]


def test_compute_loss_includes_regularizers_and_added_losses():
    def build(cls):
        jkeras.utils.set_random_seed(6)
        x = Input((4,))
        regularized = layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")
        model = cls(x, regularized(x))
        model.compile("sgd", "mse")
        return model

    class Same(Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return losses.mean_squared_error(y, y_pred).mean() + sum(self.losses)

    class InStep(Model):
        def train_step(self, state, data):
            trained, others, own, totals = state

            def loss(trained):
                y, _ = self.stateless_call(trained, others, data[0], training=True)
                return self.compute_loss(y=data[1], y_pred=y)

            value, grads = jax.value_and_grad(loss)(trained)
            trained, own = self.optimizer.stateless_apply(own, grads, trained)
            return {"loss": value}, (trained, others, own, totals)

    expected = build(Model)
    history = fit(expected, batch_size=20)
    for cls in (Same, InStep):
        model = build(cls)
        assert_same(history, fit(model, batch_size=20), rtol=1e-6)
        np.testing.assert_allclose(model.get_weights()[0], expected.get_weights()[0], rtol=1e-5)


# predict_step


class Doubled(Model):
    def predict_step(self, ts, x):
        return {"twice": 2 * super().predict_step(ts, x), "input": x}


class DoubledInKeras(Model):
    def predict_step(self, state, data):
        outputs, others = super().predict_step(state, data)
        return {"twice": 2 * outputs, "input": data}, others


@pytest.mark.parametrize("cls", [Doubled, DoubledInKeras])
def test_predict_step(cls):
    model = functional(cls)
    found = model.predict(X, batch_size=8, verbose=0)
    np.testing.assert_allclose(found["twice"], 2 * np.asarray(model(X)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["input"], X)
    assert model.predict_on_batch(X[:3])["twice"].shape == (3, 2)


# Errors


def failing(**methods):
    return functional(type("Failing", (Model,), methods))


def misread(self, ts, batch):
    return jax.grad(lambda params: jnp.mean(self(batch.x)))(ts.params), {}


def read_outside(self, ts, batch):
    self.layers[2].moving_mean.assign(jnp.zeros(5))
    return ts, {"step": ts.step}


def changed_frozen(self, ts, batch):
    return ts._replace(params=jax.tree.map(lambda p: p + 1, ts.params)), {}


BAD = {
    "returns logs only": (lambda self, ts, batch: {"loss": ts.step}, TypeError, r"must return \(ts, logs\)"),
    "a log with a shape": (
        lambda self, ts, batch: (ts, {"y": batch.y + ts.step}),
        ValueError,
        r"'y' has shape \(10, 2",
    ),
    "another structure": (lambda self, ts, batch: (ts._replace(state={}), {}), ValueError, "structure"),
    "a layer called as an object": (misread, RuntimeError, "gradients would not reach it"),
    "state assigned": (read_outside, RuntimeError, "assigned to"),
    "state of three": (lambda self, s, data: ({}, (s[0], s[1], s[2])), TypeError, r"must return \(logs, state\)"),
    "its own mistake": (lambda self, ts, batch: batch.nonsense, AttributeError, "nonsense"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_of_a_step(case):
    step, error, message = BAD[case]
    with pytest.raises(error, match=message):
        fit(failing(train_step=step))


def test_errors_of_classes():
    for name in ("train_step", "test_step", "predict_step"):
        with pytest.raises(TypeError, match=rf"(?s){name}\(self, data\) takes one argument.*def {name}\(self, ts"):
            failing(**{name: lambda self, data: None})
    with pytest.raises(TypeError, match=r"make_train_function is never called"):
        failing(make_train_function=lambda self: None)
    model = functional(type("Frozen", (Model,), {"train_step": changed_frozen}))
    model.layers[1].trainable = False
    with pytest.raises(ValueError, match="a weight of a frozen layer"):
        fit(model)
    open_model = Adversarial()
    open_model.critic = layers.Dense(1)
    open_model.compile("sgd")
    with pytest.raises(ValueError, match="'critic' is not built|has no `call`"):
        fit(open_model, x=X, y=None)
    with pytest.raises(RuntimeError, match="inside a step"):
        functional(Model).loss_and_grads(TrainState({}, {}, None, 0), None)


# Keras


def guide(keras, ops_mean):
    """Models as the guides of Keras write them for JAX, in either library."""

    class Customized(keras.Model):
        def loss_and_updates(self, trained, others, x, y, weight=None):
            y_pred, others = self.stateless_call(trained, others, x, training=True)
            return self.compute_loss(x, y, y_pred, weight), (y_pred, others)

        def tracked(self, totals, loss, y, y_pred, weight):
            new, logs = [], {}
            for metric in self.metrics:
                own = totals[len(new) : len(new) + len(metric.variables)]
                if metric.name == "loss":
                    own = metric.stateless_update_state(own, loss)
                else:
                    own = metric.stateless_update_state(own, y, y_pred, sample_weight=weight)
                logs[metric.name] = metric.stateless_result(own)
                new += own
            return logs, new

        def train_step(self, state, data):
            (trained, others, own, totals) = state
            x, y, weight = data if len(data) == 3 else (*data, None)
            gradients = jax.value_and_grad(self.loss_and_updates, has_aux=True)
            (loss, (y_pred, others)), grads = gradients(trained, others, x, y, weight)
            trained, own = self.optimizer.stateless_apply(own, grads, trained)
            logs, totals = self.tracked(totals, loss, y, y_pred, weight)
            return logs, (trained, others, own, totals)

        def test_step(self, state, data):
            x, y, weight = data if len(data) == 3 else (*data, None)
            (trained, others, totals) = state
            y_pred, others = self.stateless_call(trained, others, x, training=False)
            logs, totals = self.tracked(totals, self.compute_loss(x, y, y_pred, weight), y, y_pred, weight)
            return logs, (trained, others, totals)

    class LowLevel(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = keras.losses.MeanSquaredError()

        def train_step(self, *args):
            (trained, others, own, totals), (x, y) = args

            def loss_of(trained):
                y_pred, after = self.stateless_call(trained, others, x, training=True)
                return self.loss_fn(y, y_pred), (y_pred, after)

            (loss, (y_pred, after)), grads = jax.value_and_grad(loss_of, has_aux=True)(trained)
            trained, own = self.optimizer.stateless_apply(own, grads, trained)
            count = len(self.loss_tracker.variables)
            first = self.loss_tracker.stateless_update_state(totals[:count], loss)
            second = self.mae_metric.stateless_update_state(totals[count:], y, y_pred)
            logs = {
                self.loss_tracker.name: self.loss_tracker.stateless_result(first),
                self.mae_metric.name: self.mae_metric.stateless_result(second),
            }
            return logs, (trained, after, own, first + second)

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae_metric]

    class Lossy(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = keras.metrics.Mean(name="loss")

        def compute_loss(self, x, y, y_pred, sample_weight, training=True):
            loss = ops_mean((y_pred - y) ** 2) + 0.1 * ops_mean(abs(y_pred))
            self.loss_tracker.update_state(loss)
            return loss

    class Measured(keras.Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            logs = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**logs, "offset": ops_mean(y_pred - y)}

    return Customized, LowLevel, Lossy, Measured


@pytest.mark.parametrize(
    ("number", "weight"),
    [(0, WEIGHT), (1, None), (2, WEIGHT), (3, None)],
    ids=["Customized", "LowLevel", "Lossy", "Measured"],
)
def test_code_written_for_keras_gives_what_keras_gives(number, weight):
    keras = pytest.importorskip("keras")
    theirs = functional(guide(keras, keras.ops.mean)[number], keras, weighted_metrics=["mse"])
    ours = functional(guide(jkeras, jnp.mean)[number], weighted_metrics=["mse"])
    ours.set_weights([np.asarray(w.value) for w in theirs.weights])
    options = {"validation_data": (X, Y)} if number in (0, 3) else {}
    expected, found = (fit(m, sample_weight=weight, epochs=2, **options) for m in (theirs, ours))
    assert set(expected) == set(found)
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-4, atol=1e-6, err_msg=key)
    for one, other in zip(theirs.weights, ours.weights, strict=True):
        np.testing.assert_allclose(one.value, other.value, rtol=1e-4, atol=1e-5)


def from_scratch(keras, weights=None):
    """The loop of Keras's guide: pure functions of lists of variables under `jax.jit`."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, use_bias=False)])
    model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.Dense(2))
    if weights is not None:
        model.set_weights(weights)
    begun = [np.asarray(w.value) for w in model.weights]
    optimizer, metric = keras.optimizers.Adam(0.05), keras.metrics.MeanSquaredError()
    optimizer.build(model.trainable_variables)

    def loss_of(trained, others, x, y):
        y_pred, others = model.stateless_call(trained, others, x, training=True)
        return keras.losses.MeanSquaredError()(y, y_pred), (others, y_pred)

    @jax.jit
    def train_step(state, x, y):
        trained, others, own, totals = state
        (loss, (others, y_pred)), grads = jax.value_and_grad(loss_of, has_aux=True)(trained, others, x, y)
        trained, own = optimizer.stateless_apply(own, grads, trained)
        return loss, (trained, others, own, metric.stateless_update_state(totals, y, y_pred))

    lists = model.trainable_variables, model.non_trainable_variables, optimizer.variables, metric.variables
    state = tuple([jnp.array(v.value) for v in variables] for variables in lists)
    values = []
    for _ in range(3):
        for x, y in batches_of(X, Y):
            loss, state = train_step(state, x, y)
            values.append(float(loss))
        values.append(float(metric.stateless_result(state[3])))
        state = (*state[:3], metric.stateless_reset_state())
    for variables, arrays in zip(lists[:2], state, strict=False):
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
    return begun, values, [np.asarray(w.value) for w in model.weights]


def test_the_loop_from_scratch_gives_what_keras_gives():
    keras = pytest.importorskip("keras")
    begun, expected, weights = from_scratch(keras)
    _, found, after = from_scratch(jkeras, begun)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    for one, other in zip(weights, after, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_stateless_call_draws_from_its_arguments():
    model = Sequential([Input((30,)), layers.Dense(30), layers.Dropout(0.5)])
    trained, x = [jnp.array(w.value) for w in model.trainable_variables], jnp.ones((2, 30))
    call = jax.jit(lambda trained, **options: model.stateless_call(trained, [], x, training=True, **options)[0])
    first, again, moved = call(trained), call(trained), call([w + 1e-3 for w in trained])
    assert (first == again).all() and not ((first == 0) == (moved == 0)).all()
    assert not ((first == 0) == (call(trained, rng=jax.random.key(1)) == 0)).all()
    with pytest.raises(ValueError, match="has 2 trainable_variables; got 1"):
        model.stateless_call(trained[:1], [], x)
    y, others, added = model.stateless_call(trained, [], x, return_losses=True)
    assert y.shape == (2, 30) and others == [] and added == []
