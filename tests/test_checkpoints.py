"""Training checkpoints as files: what is in them, by hand and by callback, and what does not fit or is damaged."""

from __future__ import annotations

import os
import threading

import h5py
import jax
import numpy as np
import pytest

from jkeras import callbacks, layers, optimizers, utils
from jkeras.models import Model, Sequential
from jkeras.saving import load_checkpoint, save_checkpoint
from jkeras.saving.checkpoint import snapshot
from jkeras.saving.checkpoint_file import DamagedError, open_file, write_file
from jkeras.saving.plain_data import decode, encode

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3)).astype("float32")
Y = X[:, :1]


def network(optimizer="adam", units=4, metrics=("mae",), rest=()):
    net = Sequential([layers.Input((3,)), layers.Dense(units), layers.BatchNormalization(), *rest, layers.Dense(1)])
    net.compile(optimizer, "mse", metrics=list(metrics))
    return net


def fit(net, epochs=2, hooks=(), **options):
    return net.fit(X, Y, **{"batch_size": 4, "epochs": epochs, "verbose": 0, "callbacks": list(hooks), **options})


def arrays(net):
    groups = snapshot(net).on_host().arrays
    return {
        f"{group}/{name}": a for group in ("params", "state", "optimizer", "rates") for name, a in groups[group].items()
    }


def assert_same(first, second):
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


class Interrupt(callbacks.Callback):
    """Ctrl-C at a batch of an epoch."""

    def __init__(self, epoch, batch):
        self.at, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


def test_after_fit_and_after_ctrl_c_a_checkpoint_can_be_written_by_hand(tmp_path):
    utils.set_random_seed(1)
    whole = network()
    history = fit(whole, 5)
    utils.set_random_seed(1)
    net = network()
    fit(net, 2)
    net.save_checkpoint(tmp_path / "two.h5")
    net = network()
    place = net.load_checkpoint(tmp_path / "two.h5")
    assert (place.epoch, place.batch, place.step) == (2, 0, 10)
    with pytest.raises(KeyboardInterrupt):
        fit(net, 5, [Interrupt(3, 2)])
    net.save_checkpoint(tmp_path / "cut.h5")
    net = network()
    place = net.load_checkpoint(tmp_path / "cut.h5")
    assert (place.epoch, place.batch, place.step) == (3, 3, 18)
    assert fit(net, 5).history == history.history
    assert_same(arrays(net), arrays(whole))


def test_without_resume_only_the_arrays_are_taken(tmp_path):
    net = network()
    fit(net, 3, [callbacks.EarlyStopping("loss", patience=9)])
    net.optimizer.learning_rate = 0.5
    net.save_checkpoint(tmp_path / "c.h5")
    twin = network()
    assert twin.load_checkpoint(tmp_path / "c.h5", resume=False) is None
    assert_same(arrays(twin), arrays(net))
    assert float(twin.optimizer.learning_rate) == 0.5 and int(twin.optimizer.iterations) == 15
    assert fit(twin, 2).epoch == [0, 1]
    assert int(twin.optimizer.iterations) == 25


def test_a_run_that_was_stopped_or_has_nothing_left_does_not_train(tmp_path):
    net = network()
    stop = callbacks.EarlyStopping("loss", patience=0, baseline=-1.0)
    backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    history = fit(net, 6, [stop, backup])
    twin = network()
    again = fit(twin, 6, [stop, backup])
    assert again.history == history.history and len(again.epoch) < 6
    assert_same(arrays(twin), arrays(net))
    twin = network()
    done = fit(net, 1)
    net.save_checkpoint(tmp_path / "one.h5")
    twin.load_checkpoint(tmp_path / "one.h5")
    with pytest.warns(UserWarning, match="nothing left to do"):
        assert fit(twin, 1).history == done.history


def test_a_user_may_go_on_holding_what_was_loaded(tmp_path):
    net = network()
    fit(net)
    net.save_checkpoint(tmp_path / "c.h5")
    net.load_checkpoint(tmp_path / "c.h5")
    held = net.params
    before = jax.tree.map(np.array, held)
    fit(net, 4)
    assert all((a == b).all() for a, b in zip(jax.tree.leaves(held), jax.tree.leaves(before), strict=True))


MISFITS = {
    "optimizer": (lambda: network("sgd"), "written with the optimizer Adam; the model is compiled with SGD"),
    "shape": (
        lambda: network(units=5),
        r"dense/kernel: expected float32 of shape \(3, 5\); found float32 of .*\(3, 4\)",
    ),
    "layer": (lambda: network(rest=[layers.Dense(4)]), "is missing"),
    "options": (lambda: network(optimizers.Adam(use_ema=True)), "average/dense/kernel is missing"),
    "slots": (lambda: network(optimizers.Adam(amsgrad=True)), "state of Adam"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_the_model_is_named_and_changes_nothing(tmp_path, name):
    make, message = MISFITS[name]
    net = network()
    fit(net)
    net.save_checkpoint(tmp_path / "c.h5")
    other = make()
    before = arrays(other)
    with pytest.raises(ValueError, match=message):
        other.load_checkpoint(tmp_path / "c.h5")
    assert_same(arrays(other), before)
    assert fit(other).epoch == [0, 1]


RUNS = {
    "samples": ({"x": X[:16], "y": Y[:16]}, (), "samples was 20, and is 16"),
    "batch size": ({"batch_size": 5}, (), "batch_size was 4, and is 5"),
    "weights": ({"sample_weight": np.ones(20)}, (), "sample_weight was"),
    "shuffle": ({"shuffle": False}, (), "shuffle was True, and is False"),
    "callbacks": ({}, [callbacks.EarlyStopping("loss")], "has the state of these callbacks"),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_does_not_fit_the_run_is_named_and_changes_nothing(tmp_path, name):
    options, hooks, message = RUNS[name]
    with pytest.raises(KeyboardInterrupt):
        fit(network(), 4, [callbacks.BackupAndRestore(tmp_path, save_freq=2), Interrupt(1, 3)])
    other = network()
    before = arrays(other)
    backup = callbacks.BackupAndRestore(tmp_path, save_freq=2)
    with pytest.raises(ValueError, match=message):
        other.fit(
            **{"x": X, "y": Y, "batch_size": 4, "epochs": 4, "verbose": 0, "callbacks": [backup, *hooks], **options}
        )
    assert_same({k: v for k, v in arrays(other).items() if not k.startswith("optimizer")},
                {k: v for k, v in before.items() if not k.startswith("optimizer")})  # fmt: skip
    with pytest.raises(ValueError, match="totals of the metrics"):
        fit(network(metrics=["mse"]), 4, [callbacks.BackupAndRestore(tmp_path, save_freq=2)])


def test_what_only_writes_may_come_and_go(tmp_path):
    utils.set_random_seed(1)
    whole = network()
    history = fit(whole, 4)
    utils.set_random_seed(1)
    net = network()
    fit(net, 2, [callbacks.BackupAndRestore(tmp_path / "a", save_freq=2)])
    net.save_checkpoint(tmp_path / "c.h5")
    net.load_checkpoint(tmp_path / "c.h5")
    fit(net, 3)
    assert fit_on(net, tmp_path).history == history.history
    assert_same(arrays(net), arrays(whole))


def fit_on(net, folder):
    net.save_checkpoint(folder / "c.h5")
    net.load_checkpoint(folder / "c.h5")
    return fit(net, 4, [callbacks.BackupAndRestore(folder / "b"), callbacks.BackupAndRestore(folder / "c")])


def test_misuse_says_what_to_do(tmp_path):
    with pytest.raises(RuntimeError, match="compile before save_checkpoint"):
        Sequential([layers.Dense(1, input_shape=(2,))]).save_checkpoint(tmp_path / "a.h5")
    unbuilt = Sequential([layers.Dense(1)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match="not built"):
        unbuilt.load_checkpoint(tmp_path / "a.h5")
    net = network()
    with pytest.raises(FileNotFoundError):
        net.load_checkpoint(tmp_path / "a.h5")
    net.save_checkpoint(tmp_path / "a.h5")
    with pytest.raises(FileExistsError):
        net.save_checkpoint(tmp_path / "a.h5", overwrite=False)
    assert net.load_checkpoint(tmp_path / "a.h5") is None, "there was no run"
    with pytest.raises(ValueError, match="hdf5"):
        net.save_checkpoint(tmp_path / "a.h5", format="pickle")

    class Odd(callbacks.Callback):
        def state_dict(self):
            return {"held": object()}

    fit(net, 1, [Odd()])
    with pytest.raises(TypeError, match="callback Odd holds a object"):
        net.save_checkpoint(tmp_path / "a.h5")
    jumps = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: net.load_checkpoint(tmp_path / "a.h5"))
    with pytest.raises(RuntimeError, match="resume=False"):
        fit(net, 1, [jumps])
    for wrong in (0, "batch", True):
        with pytest.raises(ValueError, match="save_freq"):
            callbacks.BackupAndRestore(tmp_path, wrong)
    with pytest.raises(ValueError, match="name of a folder"):
        callbacks.BackupAndRestore("")


def test_a_callback_may_go_back_in_the_middle_of_fit(tmp_path):
    """Without resume the run goes on with the arrays of before: the remedy for a loss that exploded."""
    net, path = network(), tmp_path / "good.h5"
    fit(net)
    net.save_checkpoint(path)
    good, seen = arrays(net), []

    def back(epoch, logs):
        net.load_checkpoint(path, resume=False)
        seen.append(arrays(net))

    fit(net, 2, [callbacks.LambdaCallback(on_epoch_end=back)])
    assert_same(seen[-1], good)
    assert_same(arrays(net), good)


def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_used(tmp_path):
    def backup():
        return callbacks.BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False)

    utils.set_random_seed(2)
    whole = network()
    fit(whole, 4, [backup()])
    path = tmp_path / "latest.checkpoint.h5"
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    net = network()
    with pytest.warns(UserWarning, match="checkpoint before it"):
        assert fit(net, 4, [backup()]).epoch == [0, 1, 2, 3]
    assert_same(arrays(net), arrays(whole))
    (tmp_path / "previous.checkpoint.h5").unlink()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedError, match="damaged"):
        fit(network(), 4, [backup()])


def test_no_flipped_bit_is_loaded(tmp_path):
    net, path = network(), tmp_path / "c.h5"
    fit(net)
    net.save_checkpoint(path)
    before, content = arrays(net), path.read_bytes()
    refused = 0
    for place in np.random.default_rng(0).integers(len(content), size=40):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(place) % 8
        path.write_bytes(flipped)
        try:
            net.load_checkpoint(path)
        except ValueError:
            refused += 1
        assert_same(arrays(net), before)
    assert refused > 5


def test_names_that_hdf5_reads_in_another_way(tmp_path):
    given = {"a": np.arange(3), "a/b": np.ones(2), "..": np.zeros(1), "x//y": np.float32(2), "/z": np.zeros((0, 3))}
    odd = {"low": np.ones(3, jax.numpy.bfloat16), "eight": np.ones(3, jax.numpy.float8_e4m3fn), "yes": np.array(True)}
    write_file(tmp_path / "f.h5", {"one": given, "two": odd, "none": {}}, {})
    with open_file(tmp_path / "f.h5") as stored:
        for group, members in {"one": given, "two": odd, "none": {}}.items():
            read = stored.read([group])[group]
            assert list(read) == list(members)
            for name, array in members.items():
                assert read[name].dtype == array.dtype and read[name].tobytes() == array.tobytes()


def test_a_file_that_declares_more_than_it_has_is_refused(tmp_path):
    net, path = network(), tmp_path / "c.h5"
    net.save_checkpoint(path)
    with h5py.File(path, "a") as file:
        del file["params/dense/kernel"]
        file.create_dataset("params/dense/kernel", shape=(3, 4), dtype="f4", chunks=(3, 4), compression="gzip")
    with pytest.raises(DamagedError, match="params/dense/kernel"):
        net.load_checkpoint(path)
    with h5py.File(path, "a") as file:
        del file["params/dense/kernel"]
        file["params/dense/kernel"] = h5py.ExternalLink("elsewhere.h5", "/secret")
    with pytest.raises(DamagedError, match="link"):
        net.load_checkpoint(path)
    with h5py.File(path, "a") as file:
        del file["document"]
    for text in (path.read_bytes(), b"no HDF5"):
        path.write_bytes(text)
        with pytest.raises(DamagedError):
            net.load_checkpoint(path)


@pytest.mark.parametrize("value", [
    None, True, 3, 0.1, -0.0, float("inf"), "text", [], {}, {"dict": 1}, {"array": "0"}, (1, (2.5, [None])),
    {"a": [1, {"b": (float("-inf"),)}]},
])  # fmt: skip
def test_plain_data_comes_back(value):
    kept = {}
    assert repr(decode(encode(value, kept, "it"), kept)) == repr(value) and not kept


def test_what_is_no_data_is_refused():
    for wrong in (object(), {1: 2}, np.array([object()]), print, b"bytes"):
        with pytest.raises(TypeError, match="it "):
            encode(wrong, {}, "it")
    deep = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(TypeError, match="nested"):
        encode(deep, {}, "it")
    for wrong in ({"a": 1, "b": 2}, {"float": "1.0"}, {"array": "9"}, {"tuple": 3}, {"code": "print()"}):
        with pytest.raises(ValueError, match="plain data"):
            decode(wrong, {})


def test_batch_hooks_with_an_interval_let_blocks_run():
    class Told(callbacks.Callback):
        def __init__(self, interval):
            self.batch_interval, self.seen = interval, []

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_begin(self, batch, logs=None):
            self.seen.append(("begin", self.epoch, batch))

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(("end", self.epoch, batch, logs["loss"]))

    net, told = network(), Told(3)  # 5 batches an epoch
    fit(net, 3, [told])
    assert [row[:3] for row in told.seen] == [
        ("begin", 0, 0), ("end", 0, 2), ("begin", 0, 3), ("end", 1, 0), ("begin", 1, 1), ("end", 1, 3),
        ("begin", 1, 4), ("end", 2, 1), ("begin", 2, 2), ("end", 2, 4),
    ]  # fmt: skip
    assert net._compiled.record.largest == 3
    both = callbacks.CallbackList([Told(4), Told(6), callbacks.History()])
    assert both.batch_interval == 2 and callbacks.CallbackList().batch_interval == 1


def test_what_the_thread_cannot_write_is_raised(tmp_path, monkeypatch):
    def fails(*arguments, **options):
        raise OSError("no space left on the device")

    monkeypatch.setattr("jkeras.callbacks.checkpoint_store.write_file", fails)
    with pytest.raises(OSError, match="no space left"):
        fit(network(), 3, [callbacks.BackupAndRestore(tmp_path)])
    assert not [t for t in threading.enumerate() if t.name == "jkeras-backup"]


def test_a_subclassed_model_is_built_by_fit_before_it_goes_on(tmp_path):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    def make():
        net = Own()
        net.compile("adam", "mse")
        return net

    net = make()
    fit(net, 2, [callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)])
    twin = make()
    assert fit(twin, 2, [callbacks.BackupAndRestore(os.fspath(tmp_path))]).epoch == [0, 1]
    assert_same(arrays(twin), arrays(net))


def test_the_functions_are_public(tmp_path):
    net = network()
    save_checkpoint(net, tmp_path / "c.h5")
    assert load_checkpoint(network(), tmp_path / "c.h5") is None


def orbax():
    return pytest.importorskip("orbax.checkpoint")


def test_a_folder_of_shards_resumes_as_a_file_does(tmp_path):
    orbax()
    utils.set_random_seed(1)
    whole = network()
    history = fit(whole, 5)
    utils.set_random_seed(1)
    net = network()
    with pytest.raises(KeyboardInterrupt):
        fit(net, 5, [Interrupt(3, 2)])
    net.save_checkpoint(tmp_path / "cut", format="orbax")
    with pytest.raises(FileExistsError):
        net.save_checkpoint(tmp_path / "cut", format="orbax", overwrite=False)
    net = network()
    place = net.load_checkpoint(tmp_path / "cut")
    assert (place.epoch, place.batch, place.step) == (3, 3, 18)
    assert fit(net, 5).history == history.history
    assert_same(arrays(net), arrays(whole))
    other = network(units=5)
    with pytest.raises(ValueError, match="dense/kernel: expected"):
        other.load_checkpoint(tmp_path / "cut")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DamagedError, match="no sharded checkpoint"):
        net.load_checkpoint(tmp_path / "empty")


@pytest.mark.needs_devices(2)
def test_arrays_of_several_devices_come_back_as_they_lay(tmp_path):
    orbax()
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ("x",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "x"))
    net = network()
    net.layers[0].kernel.store(jax.device_put(net.layers[0].kernel.current(), sharding))
    kernel = net.layers[0].kernel.numpy()
    net.save_checkpoint(tmp_path / "c", format="orbax")
    net.layers[0].kernel.store(jax.device_put(np.zeros_like(kernel), sharding))
    net.load_checkpoint(tmp_path / "c")
    found = net.layers[0].kernel.current()
    assert found.sharding == sharding and (np.asarray(found) == kernel).all()
    net.save_checkpoint(tmp_path / "c.h5")
    net.load_checkpoint(tmp_path / "c.h5")
    assert net.layers[0].kernel.current().sharding == sharding


@pytest.mark.parametrize("background", [True, False])
def test_orbax_checkpoint_keeps_the_last_ones(tmp_path, background):
    orbax()
    options = {"save_on_background": background}
    stop = callbacks.EarlyStopping("loss", patience=9)
    utils.set_random_seed(1)
    whole = network()
    history = fit(whole, 5, [stop, callbacks.OrbaxCheckpoint(tmp_path / "a", max_to_keep=2, **options)])
    assert sorted(os.listdir(tmp_path / "a")) == ["3", "4"]
    net = network()
    assert net.load_checkpoint(tmp_path / "a" / "3").epoch == 4
    again = fit(net, 5, [stop, callbacks.OrbaxCheckpoint(tmp_path / "a", max_to_keep=2, **options)])
    assert again.history == history.history
    assert_same(arrays(net), arrays(whole))
    fit(net, 2, [callbacks.OrbaxCheckpoint(tmp_path / "b", save_freq=3, max_to_keep=None, **options)])
    assert sorted(map(int, os.listdir(tmp_path / "b"))) == [3, 6, 9]
    assert network().load_checkpoint(tmp_path / "b").step == 9


def test_orbax_checkpoint_writes_what_is_best_and_weights_only(tmp_path, capsys):
    orbax()
    net = network()
    best = callbacks.OrbaxCheckpoint(
        tmp_path, "score", verbose=1, save_best_only=True, mode="max", save_weights_only=True, max_to_keep=None
    )
    score = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=(1.0, 3.0, 2.0, 4.0)[epoch]))
    fit(net, 4, [best, score])
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "3"] and best.best == 4.0
    assert capsys.readouterr().out.count("Saving a checkpoint to") == 3
    twin = network("sgd")
    assert twin.load_checkpoint(tmp_path) is None
    np.testing.assert_array_equal(twin.get_weights()[0], net.get_weights()[0])
