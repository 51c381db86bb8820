"""Data that stream in: made ahead by a thread, exactly what they were without one, and nothing left behind."""

from __future__ import annotations

import gc
import threading
import time
import traceback

import h5py
import jax
import numpy as np
import pytest

from jkeras import Sequential, config, layers, utils
from jkeras.callbacks import Callback, LambdaCallback
from jkeras.models import training
from jkeras.training import chunks as chunking
from jkeras.training import data as streamed
from jkeras.training import stream
from jkeras.training.chunks import chunks
from jkeras.training.data import ArrayData, Batch
from jkeras.training.stream import Ahead

rng = np.random.default_rng(0)
X = rng.random((70, 4), np.float32)
Y = X.sum(1, keepdims=True)


@pytest.fixture
def threaded(monkeypatch):
    """Every stream uses a thread, however fast it is."""
    monkeypatch.setattr(stream, "WORTH_A_THREAD", -1.0)


@pytest.fixture(autouse=True)
def no_thread_survives():
    before = set(threading.enumerate())
    yield
    left = [t.name for t in threading.enumerate() if t not in before and t.name.startswith("jkeras")]
    assert not left
    config.set_prefetch(2)


def model():
    made = Sequential([layers.Dense(3, activation="tanh", input_shape=(4,)), layers.Dense(1)])
    made.set_weights([np.full(w.shape, 0.1 * (i + 1), "float32") for i, w in enumerate(made.get_weights())])
    made.compile("sgd", "mse")
    return made


def endless(seen=None):
    number = 0
    while True:
        at = 7 * number % 63
        if seen is not None:
            seen.append((number, threading.current_thread()))
        yield X[at : at + 7], Y[at : at + 7]
        number += 1


def test_items_come_in_order_and_not_too_far_ahead(threaded):
    """At most `depth` items are made before they are taken, the one in the making among them."""
    made = []

    def source():
        for i in range(20):
            made.append(i)
            yield i

    ahead = Ahead(source(), lambda i: -i, depth=3, at_once=True)
    taken = []
    for item in ahead:
        time.sleep(0.005)
        taken.append(item)
        assert len(made) - len(taken) <= 3
        if len(taken) == 2:
            assert len(made) - len(taken) == 3  # it does run ahead
    assert taken == [-i for i in range(20)]


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_epochs_of_a_generator_lose_nothing(threaded, depth):
    """With steps_per_epoch, an epoch takes its batches and no more: the next one goes on there, as without a thread."""
    histories, counts = [], []
    for prefetch in (0, depth):
        config.set_prefetch(prefetch)
        seen = []
        history = model().fit(endless(seen), steps_per_epoch=5, epochs=4, verbose=0)
        histories.append(history.history["loss"])
        counts.append([number for number, _ in seen])
        is_threaded = any(t is not threading.main_thread() for _, t in seen)
        assert is_threaded == bool(prefetch)
    assert histories[0] == histories[1]
    assert counts[0] == counts[1] == list(range(20))


def test_evaluate_and_predict_use_the_thread_and_agree(threaded):
    results = []
    for prefetch in (0, 2):
        config.set_prefetch(prefetch)
        seen, net = [], model()
        value = net.evaluate(endless(seen), steps=6, verbose=0)
        outputs = net.predict((x for x, _ in zip((b[0] for b in endless(seen)), range(6))), verbose=0)
        results.append((value, outputs))
        assert any(t is not threading.main_thread() for _, t in seen) == bool(prefetch)
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_an_error_is_raised_where_it_is_due_with_its_traceback(threaded, method):
    """Batches before the faulty one are used; the traceback shows the line of the generator."""
    done = []

    def faulty():
        for number, batch in enumerate(endless()):
            if number == 6:
                raise OSError("disk is gone")  # this very line
            yield batch if method != "predict" else batch[0]

    hooks = {m: LambdaCallback() for m in ("fit", "evaluate", "predict")}
    name = {"fit": "on_train_batch_end", "evaluate": "on_test_batch_end", "predict": "on_predict_batch_end"}[method]
    setattr(hooks[method], name, lambda batch, logs=None: done.append(batch))
    with pytest.raises(OSError, match="disk is gone") as caught:
        getattr(model(), method)(faulty(), verbose=0, callbacks=[hooks[method]])
    assert "this very line" in "".join(traceback.format_exception(caught.value))
    assert done[:5] == [0, 1, 2, 3, 4] and len(done) <= 6
    assert not [t for t in threading.enumerate() if t.name == "jkeras-stream"]  # though the traceback is still held


@pytest.mark.parametrize("how", ["error", "interrupt", "stop_training"])
def test_the_end_of_the_consumer_is_the_end_of_the_thread(threaded, how):
    seen = []

    class End(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 4:
                assert [t for t in threading.enumerate() if t.name == "jkeras-stream"]
                if how == "stop_training":
                    self.model.stop_training = True
                else:
                    raise KeyboardInterrupt if how == "interrupt" else ZeroDivisionError

    net, generator = model(), endless(seen)
    if how == "stop_training":
        net.fit(generator, steps_per_epoch=50, verbose=0, callbacks=[End()])
    else:
        with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
            net.fit(generator, steps_per_epoch=50, verbose=0, callbacks=[End()])
    assert not [t for t in threading.enumerate() if t.name == "jkeras-stream"]
    taken = len(seen)
    assert 5 < taken <= 9  # five used, and at most three ahead
    next(generator)  # suspended where it was, and free to be used here
    assert len(seen) == taken + 1


def test_hooks_of_a_dataset_are_called_in_the_main_thread_between_epochs(threaded):
    class Data(utils.PyDataset):
        events = []

        def __len__(self):
            return 3

        def __getitem__(self, index):
            self.events.append((index, threading.current_thread() is threading.main_thread()))
            return X[7 * index : 7 * index + 7], Y[7 * index : 7 * index + 7]

        def on_epoch_begin(self):
            self.events.append(("begin", threading.current_thread() is threading.main_thread()))

        def on_epoch_end(self):
            self.events.append(("end", threading.current_thread() is threading.main_thread()))

    data = Data()
    net = model()
    net.fit(data, epochs=2, shuffle=False, verbose=0)
    names = [name for name, _ in data.events]
    assert names == [0, "begin", 0, 1, 2, "end", "begin", 0, 1, 2, "end"]  # the first 0 is looked at for its shape
    assert all(is_main for name, is_main in data.events if isinstance(name, str))
    assert not all(is_main for name, is_main in data.events if not isinstance(name, str))


def test_workers_of_a_dataset_stay_and_end(threaded):
    class Data(utils.PyDataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            if index == 5:
                raise OSError("no sixth")
            return X[:7], Y[:7]

    before = threading.active_count()
    with pytest.raises(OSError, match="no sixth"):
        model().fit(Data(workers=3), verbose=0, shuffle=False)
    assert threading.active_count() == before


@pytest.mark.needs_devices(2)
def test_the_thread_sees_what_its_maker_sees():
    """Scopes and the settings of JAX that hold for one thread hold for the data, too."""
    device = jax.devices()[1]
    with jax.default_device(device):
        made = list(Ahead(iter([np.ones(2)]), jax.device_put, at_once=True))
    assert made[0].devices() == {device}


def test_a_slow_source_gets_a_thread_and_a_fast_one_does_not(monkeypatch):
    monkeypatch.setattr(stream, "WORTH_A_THREAD", 0.02)  # far from both, on a busy machine too
    fast, slow = Ahead(iter(range(9))), Ahead(time.sleep(0.05) or i for i in range(4))
    assert list(fast) == list(range(9)) and list(slow) == list(range(4))
    assert not fast.is_threaded and slow.is_threaded


def test_a_source_that_hangs_is_left_alone_with_a_warning(monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE", 0.05)
    gate = threading.Event()
    ahead = Ahead((gate.wait(10) for _ in range(2)), at_once=True)
    with pytest.warns(RuntimeWarning, match="still busy"):
        ahead.close()
    gate.set()
    assert ahead._thread is not None
    ahead._thread.join(10)


def sources(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
    return np.load(tmp_path / "x.npy", mmap_mode="r"), h5py.File(tmp_path / "x.h5")["x"]


@pytest.mark.parametrize("chosen", ["chunks", "stream"])
@pytest.mark.parametrize("arguments", [dict(), dict(shuffle=False), dict(steps_per_epoch=9), dict(shuffle="batch")])
def test_files_train_like_arrays(threaded, tmp_path, monkeypatch, arguments, chosen):
    """Memory maps and HDF5 train on the batches that arrays in memory give, in chunks or batch by batch."""
    monkeypatch.setattr(chunking, "CHUNK_BYTES", 4 * 8 * 20)  # four batches of eight rows; 70 = 2 * 32 + 6
    monkeypatch.setattr(streamed, "RESIDENT_FILE", 0)
    if chosen == "stream":
        monkeypatch.setattr(training, "chunk_steps", lambda data: 0)
    histories = {}
    for name, x in zip(("map", "h5", "memory"), (*sources(tmp_path), X)):
        utils.set_random_seed(3)
        net = model()
        histories[name] = net.fit(x, Y, batch_size=8, epochs=3, verbose=0, **arguments).history["loss"]
        assert net._compiled.decision.mode == (chosen if name != "memory" else "blocks"), name
    np.testing.assert_allclose(histories["map"], histories["memory"], rtol=1e-5)
    np.testing.assert_allclose(histories["h5"], histories["memory"], rtol=1e-5)


def test_chunks_cover_the_samples_once_and_have_one_shape(monkeypatch):
    monkeypatch.setattr(chunking, "CHUNK_BYTES", 4 * 8 * 20)
    data = ArrayData(Batch(X, Y), 8)  # 8 full batches and 6 rows
    order = rng.permutation(70)
    parts = list(chunks(data, order, None))
    assert [(size, count) for _, size, count, _ in parts] == [(8, 4), (8, 4), (6, 1)]
    rows = np.concatenate([part.x[: size * count] for part, size, count, _ in parts])
    np.testing.assert_array_equal(rows, X[order])
    assert {part.x.shape for part, size, *_ in parts if size == 8} == {(32, 4)}
    short = list(chunks(data, None, 5))
    assert [(size, count, part.x.shape) for part, size, count, _ in short] == [(8, 4, (32, 4)), (8, 1, (32, 4))]
    for start in (3, 4, 8):  # what a resumed epoch begins with is what the whole one goes on with
        rest = list(chunks(data, order, None, start))
        rows = np.concatenate([part.x[first * size : size * count] for part, size, count, first in rest])
        np.testing.assert_array_equal(rows, X[order[start * 8 :]])
        assert len(rest) == {3: 3, 4: 2, 8: 1}[start]


def test_large_batches_and_convolutions_on_cpu_come_one_by_one(tmp_path, monkeypatch):
    x, _ = sources(tmp_path)
    net = model()
    monkeypatch.setattr(chunking, "CHUNK_BYTES", 100)
    net.fit(x, Y, verbose=0)
    assert net._compiled.decision.mode == "stream"
    monkeypatch.undo()
    net = Sequential([layers.Reshape((4, 1), input_shape=(4,)), layers.Conv1D(2, 2), layers.Flatten(), layers.Dense(1)])
    net.compile("sgd", "mse")
    net.fit(x, Y, batch_size=8, verbose=0)
    assert net._compiled.decision.mode == "stream" and "convolution" in net._compiled.decision.reason


def test_nothing_of_the_data_stays_on_the_device(threaded, tmp_path):
    """Batches, chunks and what waited in the queue are forgotten when the run ends, also in the middle."""

    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 3

    net = model()
    x, _ = sources(tmp_path)
    net.fit(endless(), steps_per_epoch=3, verbose=0)
    net.fit(x, Y, batch_size=8, verbose=0)

    def sizes():
        gc.collect()
        return sorted(a.shape for a in jax.live_arrays())

    before = sizes()
    net.fit(endless(), steps_per_epoch=30, verbose=0, callbacks=[Stop()])
    net.fit(x, Y, batch_size=8, epochs=2, verbose=0)
    assert sizes() == before


def test_prefetch_is_checked():
    with pytest.raises(ValueError, match="0 or more; got -1"):
        config.set_prefetch(-1)
