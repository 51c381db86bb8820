"""`TimeBudget` and `Timer`: how long training takes, and what of."""

from __future__ import annotations

import time
from datetime import timedelta

import numpy as np
import pytest

from jkeras import callbacks, layers, models, utils

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = X[:, :1].copy()


def network():
    utils.set_random_seed(0)
    model = models.Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile("adam", "mse")
    return model


class Clock:
    """A clock that goes only when it is told."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(callbacks.time_budget, "time", clock)
    return clock


def lasting(clock, *seconds):
    """Return a callback that lets each epoch take so long."""
    return callbacks.LambdaCallback(on_epoch_begin=lambda e, logs: setattr(clock, "now", clock.now + seconds[e]))


# seconds of the epochs, the budget, the epochs that are done
BUDGETS = [((3, 3, 3), 7, 2), ((3, 3, 3), 10, 3), ((3, 3, 3, 3), 8.9, 2), ((5, 1, 1, 1), 9, 1), ((20, 1), 9, 1)]


@pytest.mark.parametrize("seconds, budget, done", BUDGETS)
def test_no_epoch_is_begun_that_would_not_end_in_time(clock, seconds, budget, done, capsys):
    hook = callbacks.TimeBudget(budget, verbose=1)
    history = network().fit(
        X, Y, epochs=len(seconds), verbose=0, callbacks=[hook, lasting(clock, *seconds)], validation_split=0.5
    )
    assert history.epoch == list(range(done)) and len(history.history["val_loss"]) == done
    said = capsys.readouterr().out
    assert (f"Epoch {done}: the budget of {budget:g} s is used up" in said) is (done < len(seconds))


def test_an_epoch_that_is_too_long_is_cut_short(clock):
    def batches():
        for _ in range(10_000):
            clock.now += 1.0
            yield X[:8], Y[:8]

    model = network()
    history = model.fit(batches(), epochs=5, steps_per_epoch=2000, verbose=0, callbacks=[callbacks.TimeBudget(100)])
    assert history.epoch == [0]
    assert 90 < int(model.optimizer.iterations) < 1900


def test_a_resumed_run_has_the_budget_anew(clock, tmp_path):
    def fit(seconds):
        model = network()
        hooks = [callbacks.TimeBudget(seconds), lasting(clock, *[3] * 9)]
        return model, model.fit(X, Y, epochs=9, verbose=0, callbacks=hooks, resume=tmp_path / "run")

    assert [len(fit(10)[1].epoch) for _ in range(3)] == [3, 6, 9]
    whole = network()
    whole.fit(X, Y, epochs=9, verbose=0)
    np.testing.assert_array_equal(fit(10)[0].get_weights()[0], whole.get_weights()[0])


def test_a_budget_is_a_number_or_a_timedelta():
    assert callbacks.TimeBudget(timedelta(minutes=2)).seconds == 120
    with pytest.raises(ValueError, match="positive"):
        callbacks.TimeBudget(0)


def test_the_timer_tells_what_an_epoch_waited_for():
    def slow():
        for i in range(0, 64, 8):
            time.sleep(0.02)
            yield X[i : i + 8], Y[i : i + 8]

    class Slow(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.01)

        def on_test_batch_end(self, batch, logs=None):
            time.sleep(0.03)

    class Batches:
        def __iter__(self):
            return slow()

    timer = callbacks.Timer()
    network().fit(Batches(), epochs=2, verbose=0, callbacks=[timer, Slow()], validation_data=(X, Y))
    first, second = timer.epochs
    for epoch in timer.epochs:
        assert epoch["total"] == pytest.approx(sum(epoch[name] for name in callbacks.timer.PARTS), rel=1e-6)
        assert epoch["data"] > 0.04 and epoch["callbacks"] >= 0.08 and epoch["validation"] >= 0.06
    assert first["compile"] > 0 and second["compile"] == 0 and second["device"] > 0


def test_the_timer_reports(capsys):
    network().fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.Timer(verbose=1)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 epochs took") and len(lines) == 1 + len(callbacks.timer.PARTS)
    assert any("tracing and compiling" in line for line in lines)
    seconds = [float(line.split()[0]) for line in lines[1:]]
    assert seconds == sorted(seconds, reverse=True)
