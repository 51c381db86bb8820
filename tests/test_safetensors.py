"""Weights as safetensors, the reference implementation being the oracle; and large models without a second copy."""

from __future__ import annotations

import json
import tracemalloc

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.models import Model, Sequential
from jkeras.saving.safetensors import read_safetensors, write_safetensors

rng = np.random.default_rng(0)
DTYPES = ("float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int8", "uint8", "int32", "uint64", "bool")


def network(units=4, name="second"):
    return Sequential([
        layers.Input((3,)), layers.Dense(units), layers.BatchNormalization(), layers.Dense(2, name=name),
    ])  # fmt: skip


def same(first, second):
    assert sorted(first) == sorted(second)
    for name in first:
        a, b = np.asarray(first[name]), np.asarray(second[name])
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name


def some_arrays():
    shapes = [(3, 5), (), (0, 4), (7,), (1, 2, 3)]
    return {
        f"{dtype}/{'x'.join(map(str, shape))}": np.asarray(rng.integers(0, 2, size=shape)).astype(jnp.dtype(dtype))
        for dtype in DTYPES
        for shape in shapes
    }


def test_the_reference_reads_what_is_written_and_the_other_way_round(tmp_path):
    reference = pytest.importorskip("safetensors")
    arrays = some_arrays()
    write_safetensors(tmp_path / "a.safetensors", arrays.items(), {"format": "jkeras"})
    same(read_safetensors(tmp_path / "a.safetensors"), arrays)
    found = dict(reference.deserialize((tmp_path / "a.safetensors").read_bytes()))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (tuple(found[name]["shape"]), bytes(found[name]["data"])) == (array.shape, array.tobytes())
    known = {name: array for name, array in arrays.items() if array.dtype.kind != "V"}  # all that its numpy part writes
    pytest.importorskip("safetensors.numpy").save_file(known, tmp_path / "b.safetensors", {"made": "elsewhere"})
    same(read_safetensors(tmp_path / "b.safetensors"), known)


def test_weights_go_there_and_back_by_their_keys_in_params_and_state(tmp_path):
    net = network()
    net.params = {k: {n: rng.normal(size=a.shape) for n, a in v.items()} for k, v in net.params.items()}
    net.save_weights(tmp_path / "m.safetensors")
    arrays = read_safetensors(tmp_path / "m.safetensors")
    expected = {f"{k}/{n}": a for tree in (net.params, net.state) for k, v in tree.items() for n, a in v.items()}
    same(arrays, expected)
    assert "second/kernel" in arrays and "batch_normalization/moving_mean" in arrays
    twin = network()
    twin.load_weights(tmp_path / "m.safetensors")
    x = rng.normal(size=(5, 3))
    np.testing.assert_array_equal(twin.predict(x, verbose=0), net.predict(x, verbose=0))
    kernel = twin.get_weights()[0]
    (tmp_path / "m.safetensors").unlink()  # what was read does not hang on the file
    np.testing.assert_array_equal(twin.get_weights()[0], kernel)


def test_nested_models_and_mixed_precision(tmp_path):
    inner = Sequential([layers.Input((3,)), layers.Dense(4)], name="inner")
    x = layers.Input((3,))
    net = Model(x, layers.Dense(1, dtype="bfloat16")(inner(x)))
    net.save_weights(tmp_path / "m.safetensors")
    arrays = read_safetensors(tmp_path / "m.safetensors")
    assert list(arrays) == ["inner/dense/kernel", "inner/dense/bias", "dense/kernel", "dense/bias"]
    assert arrays["dense/kernel"].dtype == jnp.bfloat16
    before = net.get_weights()
    net.set_weights([np.zeros_like(w) for w in before])
    net.load_weights(tmp_path / "m.safetensors")
    same(dict(enumerate(map(str, net.get_weights()))), dict(enumerate(map(str, before))))


def test_what_does_not_fit_is_named_and_changes_nothing(tmp_path):
    path = tmp_path / "m.safetensors"
    network().save_weights(path)
    for other, message in ((network(5), r"'dense/kernel': expected shape \(3, 5\); found \(3, 4\)"),
                           (network(name="third"), "no third/kernel, third/bias")):  # fmt: skip
        before = other.get_weights()
        with pytest.raises(ValueError, match=message):
            other.load_weights(path)
        same(dict(enumerate(other.get_weights())), dict(enumerate(before)))
    with pytest.warns(UserWarning, match="skipped"):
        network(5).load_weights(path, skip_mismatch=True)
    other = network(name="third")
    other.load_weights(path, by_name=True)
    np.testing.assert_array_equal(other.get_weights()[0], read_safetensors(path)["dense/kernel"])
    broken = network()
    broken.set_weights([np.full_like(w, np.nan) for w in broken.get_weights()])
    broken.save_weights(path)
    with pytest.raises(ValueError, match="'dense/kernel' holds NaN"):
        other.load_weights(path, by_name=True)
    other.load_weights(path, by_name=True, allow_nan=True)
    with pytest.raises(FileExistsError):
        broken.save_weights(path, overwrite=False)
    with pytest.raises(FileNotFoundError):
        broken.load_weights(tmp_path / "none.safetensors")


def file_with(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def row(begin, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


HOSTILE = {
    "nothing": b"",
    "too short": b"\x01\x02",
    "header beyond the file": file_with({}, length=2**63),
    "no JSON": file_with(b"{'a': 1}"),
    "nested": file_with(b"[" * 5000 + b"]" * 5000),
    "a list": file_with([1]),
    "the same name twice": file_with(b'{"a": {}, "a": {}}'),
    "no row": file_with({"a": 3}),
    "unknown dtype": file_with({"a": row(0, 4, dtype="PICKLE")}, b"0000"),
    "a list for a dtype": file_with({"a": row(0, 4, dtype=[])}, b"0000"),
    "no shape": file_with({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, b"0000"),
    "negative offset": file_with({"a": row(-4, 0)}, b"0000"),
    "negative shape": file_with({"a": row(0, 4, (-1,))}, b"0000"),
    "fractions": file_with({"a": row(0, 4, (1.0,))}, b"0000"),
    "truths": file_with({"a": row(0, 4, (True,))}, b"0000"),
    "wrong size": file_with({"a": row(0, 8)}, b"00000000"),
    "more than the file": file_with({"a": row(0, 4 * 10**12, (10**12,))}, b"0000"),
    "overflow": file_with({"a": row(0, 0, (2**62, 4))}, b""),
    "overlap": file_with({"a": row(0, 4), "b": row(0, 4)}, b"0000"),
    "gap": file_with({"a": row(0, 4), "b": row(8, 12)}, b"000000000000"),
    "bytes left over": file_with({"a": row(0, 4)}, b"00000000"),
    "too few bytes": file_with({"a": row(0, 4)}, b"00"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_lie_are_refused(tmp_path, name):
    path = tmp_path / "m.safetensors"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ValueError, match="safetensors"):
        read_safetensors(path)


def test_a_name_cannot_be_used_twice(tmp_path):
    for rows in (
        [("a", np.zeros(1)), ("a", np.zeros(1))],
        [("__metadata__", np.zeros(1))],
        [("a", np.zeros(1, "M8[s]"))],
    ):
        with pytest.raises((ValueError, TypeError)):
            write_safetensors(tmp_path / "m.safetensors", rows)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5", ".h5"])
def test_a_large_model_is_written_without_a_second_copy(tmp_path, suffix):
    net = Sequential([layers.Input((512,)), *(layers.Dense(512, use_bias=False) for _ in range(16))])
    net.build()
    _ = net.params
    net.save_weights(tmp_path / f"first{suffix}")  # what is imported and kept on the way does not count
    tracemalloc.start()
    try:
        net.save_weights(tmp_path / f"m{suffix}")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20, f"{peak / 2**20:.1f} MiB for a model of 16 MiB, whose largest weight is 1 MiB"


def test_a_large_file_is_read_without_a_second_copy(tmp_path):
    net = Sequential([layers.Input((512,)), *(layers.Dense(512, use_bias=False) for _ in range(16))])
    net.build()
    net.save_weights(tmp_path / "m.safetensors")
    net.load_weights(tmp_path / "m.safetensors")
    tracemalloc.start()
    try:
        net.load_weights(tmp_path / "m.safetensors")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20, f"{peak / 2**20:.1f} MiB"
