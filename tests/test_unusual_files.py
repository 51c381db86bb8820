"""Files that are unusual but right, and are read: what is refused elsewhere must not take them along."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from jkeras import layers
from jkeras.models import Sequential, load_model, model_from_yaml
from jkeras.saving.archive import new_archive, open_archive
from jkeras.saving.limits import VALUES, check_size, parse_json, parse_yaml


def small():
    return Sequential([layers.Dense(3, input_shape=(4,), name="first"), layers.Dense(2, name="second")])


KERNEL = np.arange(12, dtype="f4").reshape(4, 3)


def write(path, **options):
    """Write weights of the Keras 3 layout, the first kernel in an unusual way."""
    userblock = options.pop("userblock", 0)
    with h5py.File(path, "w", userblock_size=userblock, **options.pop("file", {})) as file:
        file.create_dataset("layers/dense/vars/0", **{"data": KERNEL, **options})
        for name, shape in (("dense/vars/1", (3,)), ("dense_1/vars/0", (3, 2)), ("dense_1/vars/1", (2,))):
            file[f"layers/{name}"] = np.zeros(shape, "f4")
    return path


UNUSUAL = {
    "gzip": {"compression": "gzip"},
    "gzip, shuffled, with checksums": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "LZF": {"compression": "lzf"},
    "chunks": {"chunks": (1, 2), "maxshape": (None, 3)},
    "big-endian": {"data": KERNEL.astype(">f4")},
    "float64": {"data": KERNEL.astype("f8")},
    "float16": {"data": KERNEL.astype("f2")},
    "whole numbers": {"data": KERNEL.astype("i4")},
    "a block in front": {"userblock": 512},
    "the newest layout": {"file": {"libver": "latest"}},
    "in order of creation": {"file": {"track_order": True}},
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_hdf5_is_read(name, tmp_path):
    model = small()
    model.load_weights(write(tmp_path / "w.weights.h5", **UNUSUAL[name]))
    np.testing.assert_array_equal(model.get_weights()[0], KERNEL)


def test_groups_in_a_circle_are_visited_once(tmp_path):
    path = write(tmp_path / "w.weights.h5")
    with h5py.File(path, "r+") as file:
        file["layers/again"] = file["layers"]
        file["layers/root"] = file["/"]
    model = small()
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], KERNEL)


def test_a_file_that_another_process_is_writing_is_named(tmp_path):
    path = write(tmp_path / "w.weights.h5")
    code = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print('ready', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        with pytest.raises(ValueError, match="is being written"):
            small().load_weights(path)
        writer.communicate()
    small().load_weights(path)


def test_an_archive_packed_by_another_program_is_read(tmp_path):
    model, path = small(), tmp_path / "m.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("assets")
        archive.writestr("assets/first/note: 1.txt", "x")
        for name, content in reversed(members.items()):
            archive.writestr(name, content)
    loaded = load_model(path)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_equal_content_gives_equal_archives(tmp_path):
    for name in ("a", "b"):
        with new_archive(tmp_path / name) as archive:
            archive.put_text("config.json", "{}")
            with archive.put_file("model.weights.h5") as path:
                path.write_bytes(b"weights")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with open_archive(tmp_path / "a") as archive:
        assert archive.names == ["config.json", "model.weights.h5"] and "config.json" in archive
        assert archive.read("model.weights.h5") == b"weights"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_an_archive_that_fails_half_way_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.keras"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="stop"), new_archive(path) as archive:
        archive.put_text("config.json", "{}")
        with archive.put_file("model.weights.h5") as lent:
            lent.write_bytes(b"half")
            raise RuntimeError("stop")
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.keras"]


def test_yaml_of_keras_1_and_2(tmp_path):
    text = """
class_name: Sequential
config:
- class_name: !!python/unicode 'Dense'
  config: {activation: relu, batch_input_shape: !!python/tuple [null, 4], name: &name first, units: !!python/long '3',
    trainable: true, use_bias: yes, dtype: float32}
- {class_name: Activation, config: {activation: tanh, name: !!python/str 'act', trainable: true}}
keras_version: 2.0.8
"""
    model = model_from_yaml(text)
    assert model.output_shape == (None, 3) and [layer.name for layer in model.layers] == ["first", "act"]


def test_yaml_says_parts_again():
    assert parse_yaml("a: &a {b: [1, 2]}\nc: *a\nd: {<<: *a, e: .inf}", "it") == {
        "a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": {"b": [1, 2], "e": float("inf")},
    }  # fmt: skip


def test_json_has_what_keras_writes():
    data = parse_json(
        '{"clip": Infinity, "x": [NaN, -Infinity, 1e3], "seed": 9223372036854775807, "é": "\\u00e9"}', "it"
    )
    assert data["clip"] == float("inf") and data["seed"] == 2**63 - 1 and data["é"] == "é"
    assert parse_json(json.dumps({"vocabulary": [f"word{i}" for i in range(200_000)]}), "it")["vocabulary"][-1]
    assert parse_json(b'[[1], {}, [], "[[["]', "it") == [[1], {}, [], "[[["]
    assert VALUES > 10**6


def test_a_model_may_declare_somewhat_more_than_its_file_holds():
    check_size(1000, 400, "it")
    check_size(10**9, 10**9, "it")
    with pytest.raises(ValueError, match="do not belong together"):
        check_size(10**9, 10**6, "it")
