"""Metrics as part of training: updated in `call`, accumulated over batches, made anew from their configuration."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import callbacks, layers, losses, metrics, models, optimizers

keras = pytest.importorskip("keras")

X1, Y1 = np.ones((2, 1), "f"), np.zeros((2, 1), "f")
X3, Y3 = np.full((4, 1), 3.0, "f"), np.zeros((4, 1), "f")


class Watched(layers.Layer):
    """Keeps the mean of what went through."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = metrics.Mean(name="seen")
        self.dense = layers.Dense(1, kernel_initializer="ones")

    def call(self, inputs):
        outputs = self.dense(inputs)
        self.seen.update_state(outputs)
        return outputs


class WatchedModel(models.Model):
    def __init__(self):
        super().__init__()
        self.largest = metrics.Sum(name="loss")  # a name that is taken
        self.inner = Watched()

    def call(self, inputs):
        self.largest.update_state(jnp.max(inputs))
        return self.inner(inputs)


def functional():
    inputs = layers.Input((1,))
    return models.Model(inputs, Watched()(inputs))


def compiled(model, **kwargs):
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mae"], **kwargs)
    return model


@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("make", [functional, WatchedModel])
def test_metrics_updated_in_call(make, eager):
    model = compiled(make(), run_eagerly=eager)
    values = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            values.append(logs["seen"])

    x, y = np.concatenate([X1, X3]), np.concatenate([Y1, Y3])
    history = model.fit(
        x, y, batch_size=2, epochs=2, shuffle=False, verbose=0, validation_data=(X3, Y3), callbacks=[Look()]
    ).history
    mean = (2 * 1 + 4 * 3) / 6
    np.testing.assert_allclose(history["seen"], mean, rtol=1e-6)  # begun anew with each epoch
    np.testing.assert_allclose(history["val_seen"], 3.0)
    np.testing.assert_allclose(values, history["seen"])
    if make is WatchedModel:
        np.testing.assert_allclose(history["loss_1"], 1 + 3 + 3)
    held = {metric.name: metric for metric in model.metrics}
    assert float(held["seen"].result()) == 3.0  # of the evaluation, which came last
    logs = model.evaluate(X1, Y1, verbose=0, return_dict=True)
    assert logs["seen"] == 1.0 and float(held["seen"].result()) == 1.0
    assert model.get_metrics_result() == logs
    model.reset_metrics()
    assert float(held["seen"].result()) == 0.0
    assert [w.name for w in model.weights] == ["kernel", "bias"] and len(model.get_weights()) == 2
    assert model.metrics_names == list(logs)


def test_a_held_metric_is_state_of_the_pure_pair():
    layer = Watched()
    params, state = layer.init(0, X1)
    assert state == {"watched/seen": {"total": 0.0, "count": 0.0}}
    step = jax.jit(layer.apply)
    for x in (X1, X3):
        _, state = step(params, state, x)
    assert float(state["watched/seen"]["total"]) == 14.0 and float(layer.seen.result()) == 0.0
    layer(X3)
    assert float(layer.seen.result()) == 3.0 and layer.metrics == [layer.seen]


def test_summary_and_layers_do_not_count_metrics(capsys):
    model = WatchedModel()
    model(X1)
    assert list(model.children()) == ["inner"] and model.layers == [model.inner] and model.count_params() == 2
    model.summary()
    assert "largest" not in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_batch_methods_agree_with_keras():
    def make(kit):
        model = kit.Sequential([kit.layers.Input((1,)), kit.layers.Dense(1, kernel_initializer="ones")])
        model.compile(kit.optimizers.SGD(0.0), "mse", metrics=["mae"])
        return model

    class Ours:
        Sequential, layers, optimizers = models.Sequential, layers, optimizers

    ours, theirs = make(Ours), make(keras)
    for method in ("train_on_batch", "test_on_batch"):
        for x, y in ((X1, Y1), (X3, Y3), (X1, Y1)):
            expected = getattr(theirs, method)(x, y, return_dict=True)
            assert getattr(ours, method)(x, y, return_dict=True) == pytest.approx(expected)
            assert ours.get_metrics_result() == pytest.approx({k: float(v) for k, v in expected.items()})


@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
def test_reset_metrics_false_goes_on(method):
    run = getattr(compiled(functional()), method)
    model = run.__self__
    assert run(X1, Y1) == [1.0, 1.0, 1.0]
    mean = {"loss": (2 * 1 + 4 * 9) / 6, "mae": (2 * 1 + 4 * 3) / 6, "seen": (2 * 1 + 4 * 3) / 6}
    assert run(X3, Y3, reset_metrics=False, return_dict=True) == pytest.approx(mean)
    assert float(model.metrics[-1].result()) == pytest.approx(mean["seen"])
    assert run(X3, Y3, reset_metrics=True) == [9.0, 3.0, 3.0]
    model.reset_metrics()
    assert run(X1, Y1, reset_metrics=False) == [1.0, 1.0, 1.0]


def doubled(y_true, y_pred):
    return 2 * jnp.abs(y_true - y_pred)


@pytest.mark.parametrize(
    ("made", "table", "custom"),
    [
        (losses.FunctionLoss(losses.huber, delta=0.5, reduction="sum"), losses, None),
        (losses.FunctionLoss(doubled, name="d"), losses, {"doubled": doubled}),
        (metrics.MeanMetricWrapper(losses.huber, name="h", delta=0.5), metrics, None),
        (metrics.MeanMetricWrapper(doubled), metrics, {"doubled": doubled}),
    ],
)
def test_functions_are_found_again_by_name(made, table, custom):
    written = json.loads(json.dumps(table.serialize(made)))
    again = table.deserialize(written, custom)
    assert type(again) is type(made) and again.get_config() == made.get_config() and again.fn is made.fn
    newer = table.serialize(made, use_legacy_format=False)
    assert newer["module"].startswith("keras.") or newer["registered_name"] == type(made).__name__
    assert table.deserialize(newer, custom, use_legacy_format=False).get_config() == made.get_config()
    if custom:
        with pytest.raises(ValueError, match="Unknown loss 'doubled'"):
            table.deserialize(written)


@pytest.mark.parametrize("made", [losses.FunctionLoss(lambda t, p: t), metrics.MeanMetricWrapper(lambda t, p: t)])
def test_a_lambda_cannot_be_saved(made):
    with pytest.raises(ValueError, match="A lambda has no name"):
        made.get_config()


def test_positional_name_and_dtype():
    for arguments in (("n", "bfloat16"), ("bfloat16", "n")):
        metric = metrics.Metric(*arguments)
        assert (metric.name, metric.dtype) == ("n", "bfloat16")
    assert metrics.Metric("n").name == "n" and metrics.Metric("float16").dtype == "float16"
    metric = metrics.Mean()
    metric.name = "other"
    assert metric.name == "other" and metric.get_config()["name"] == "other"


def test_py_metric_says_what_to_use():
    with pytest.raises(TypeError, match="jax.pure_callback"):
        metrics.experimental.PyMetric(name="f")
