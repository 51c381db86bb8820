"""Weights spread over several files: both ways against Keras, and indices that cannot be trusted."""

from __future__ import annotations

import json
import os

import h5py
import numpy as np
import pytest

from jkeras import layers
from jkeras.models import Sequential

KILOBYTE = 2.0**-20


def build(L=layers, Chain=Sequential):
    return Chain([
        L.Input((16,)), L.Dense(32, name="first"), L.Dropout(0.5), L.Dense(16), L.BatchNormalization(), L.Dense(2)
    ])  # fmt: skip


def filled(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 1.0, w.shape) for w in model.weights])
    return model


def check_equal(a, b):
    """Compare the trained weights and the statistics; Keras also counts the state of its random generators."""
    ours, theirs = ([np.asarray(w) for w in m.weights if "seed" not in getattr(w, "path", "")] for m in (a, b))
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(x, y)


# Small enough that one layer alone takes two files; in the middle; all in one.
SIZES = (2.05, 3.0, 100.0)


@pytest.mark.parametrize("kilobytes", SIZES)
def test_round_trip(kilobytes, tmp_path):
    model, twin = filled(build()), build()
    path = tmp_path / "deep" / "m.weights.json"
    model.save_weights(path, max_shard_size=kilobytes * KILOBYTE)
    index = json.loads(path.read_text())
    assert index["metadata"]["total_size"] == sum(w.nbytes for w in model.get_weights())
    assert set(index["weight_map"]) == {
        f"/layers/{name}/vars" for name in ("dense", "dense_1", "batch_normalization", "dense_2")
    }
    shards = sorted(name for name in os.listdir(path.parent) if name.endswith(".h5"))
    assert shards == [f"m_{i:05d}.weights.h5" for i in range({2.05: 4, 3.0: 2, 100.0: 1}[kilobytes])]
    twin.load_weights(path)
    check_equal(model, twin)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kilobytes", SIZES)
def test_keras_reads_what_we_write_and_we_read_what_keras_writes(kilobytes, tmp_path):
    keras = pytest.importorskip("keras")
    ours, theirs = filled(build()), build(keras.layers, keras.Sequential)
    ours.save_weights(tmp_path / "a.weights.json", max_shard_size=kilobytes * KILOBYTE)
    theirs.load_weights(tmp_path / "a.weights.json")
    check_equal(ours, theirs)
    filled(theirs, seed=1)
    theirs.save_weights(tmp_path / "b.weights.json", max_shard_size=kilobytes * KILOBYTE)
    ours.load_weights(tmp_path / "b.weights.json")
    check_equal(ours, theirs)


def test_names_and_sizes_are_checked(tmp_path):
    model = filled(build())
    with pytest.raises(ValueError, match="'.weights.json'"):
        model.save_weights(tmp_path / "m.h5", max_shard_size=1)
    with pytest.raises(ValueError, match="'first' has a weight of 2048 bytes"):
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=KILOBYTE)
    with pytest.raises(ValueError, match="max_shard_size"):
        model.save_weights(tmp_path / "m.weights.json")
    assert os.listdir(tmp_path) == []
    with pytest.warns(UserWarning, match="m.weights.json"):
        model.save_weights(tmp_path / "m.weights.h5", max_shard_size=1)
    assert sorted(os.listdir(tmp_path)) == ["m.weights.json", "m_00000.weights.h5"]
    with pytest.raises(FileExistsError):
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=1, overwrite=False)


def test_writing_again_leaves_no_surplus_shards_and_a_mixture_is_noticed(tmp_path):
    model, twin = filled(build()), build()
    path = tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=2.05 * KILOBYTE)
    old = (tmp_path / "m_00000.weights.h5").read_bytes()
    (tmp_path / "m_other.weights.h5").write_text("not ours")
    model.save_weights(path, max_shard_size=3 * KILOBYTE)
    names = ["m.weights.json", "m_00000.weights.h5", "m_00001.weights.h5", "m_other.weights.h5"]
    assert sorted(os.listdir(tmp_path)) == names
    before = twin.get_weights()
    (tmp_path / "m_00000.weights.h5").write_bytes(old)
    with pytest.raises(ValueError, match="not written together"):
        twin.load_weights(path)
    (tmp_path / "m_00000.weights.h5").unlink()
    with pytest.raises(FileNotFoundError, match="m_00000"):
        twin.load_weights(path)
    for a, b in zip(before, twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_failure_half_way_leaves_the_old_files(tmp_path, monkeypatch):
    model, twin = filled(build()), build()
    path = tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=2.05 * KILOBYTE)
    listing = sorted(os.listdir(tmp_path))
    other, calls = filled(build(), seed=1), []

    def fail(group, name, array):
        calls.append(name)
        if len(calls) > 4:
            raise OSError("pulled out")
        group[name] = array

    monkeypatch.setattr("jkeras.saving.shards.write_array", fail)
    with pytest.raises(OSError, match="pulled out"):
        other.save_weights(path, max_shard_size=2.05 * KILOBYTE)
    assert sorted(os.listdir(tmp_path)) == listing
    twin.load_weights(path)
    check_equal(model, twin)


INDICES = {
    "a name that leads upwards": (
        '{"metadata": {}, "weight_map": {"/layers/dense/vars": ["../m_00000.h5"]}}',
        "beside",
    ),
    "an absolute name": ('{"metadata": {}, "weight_map": {"/layers/dense/vars": ["/etc/m.h5"]}}', "beside"),
    "a number for a name": ('{"metadata": {}, "weight_map": {"/layers/dense/vars": [3]}}', "beside"),
    "another file": ('{"metadata": {}, "weight_map": {"/layers/dense/vars": ["passwd"]}}', "beside"),
    "no map": ('{"metadata": {}}', "weight_map"),
    "a list": ("[]", "weight_map"),
    "no JSON": ("{", "not valid JSON"),
    "too many shards": (json.dumps({"metadata": {}, "weight_map": {"/x": [f"m_{i}.h5" for i in range(600)]}}), "600"),
    "deep": ("[" * 5000, "nested"),
}


@pytest.mark.parametrize("name", INDICES)
def test_an_index_is_data(name, tmp_path):
    text, message = INDICES[name]
    path = tmp_path / "deep" / "m.weights.json"
    path.parent.mkdir()
    path.write_text(text)
    with h5py.File(tmp_path / "m_00000.h5", "w") as file:
        file["layers/dense/vars/0"] = np.zeros(3)
    with pytest.raises(ValueError, match=message):
        build().load_weights(path)


def test_a_weight_that_is_in_two_shards_is_an_error(tmp_path):
    model = filled(build())
    path = tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=3 * KILOBYTE)
    with h5py.File(tmp_path / "m_00001.weights.h5", "r+") as file:
        file.create_dataset("layers/dense/vars/0", data=np.zeros((16, 32), "f4"))
    with pytest.raises(ValueError, match="in another part"):
        model.load_weights(path)
