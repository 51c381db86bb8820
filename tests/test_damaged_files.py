"""Valid files that lost their end or of which a byte was changed: an error, or the model that was written."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras import layers
from jkeras.models import Sequential, load_model

KINDS = ("model.weights.h5", "model.h5", "whole.h5", "whole.keras")


def build():
    return Sequential([
        layers.Dense(3, activation="relu", input_shape=(4,), name="first"), layers.BatchNormalization(name="norm"),
        layers.Dense(2, activation="tanh", name="second"),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The content of a valid file of each kind, and what reading it gives."""
    folder = tmp_path_factory.mktemp("valid")
    model = build()
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.ones((8, 4), "f4"), np.ones((8, 2), "f4"), verbose=0)
    found = {}
    for kind in KINDS:
        path = folder / kind
        (model.save if kind.startswith("whole") else model.save_weights)(path)
        found[kind] = path.read_bytes(), read(kind, path)
    return found


@functools.cache
def target():
    """A model that weights are read into."""
    return build()


def read(kind, path):
    """Return everything that a file says, as something to compare."""
    if not kind.startswith("whole"):
        model = target()
        model.set_weights([np.zeros(w.shape) for w in model.weights])
        model.load_weights(path)
        return [w.tolist() for w in model.get_weights()]
    model = load_model(path)
    state = [np.asarray(v).tolist() for v in model.optimizer.variables]
    return model.to_json(), [w.tolist() for w in model.get_weights()], state


def check(kind, content, expected, folder):
    """Read a damaged file: what is right is right, and everything else is an error that says more than a number."""
    path = folder / f"damaged-{kind}"
    path.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = read(kind, path)
    except (ValueError, OSError) as error:
        assert len(str(error)) > 20, repr(error)
        if not kind.startswith("whole"):
            assert all(not np.any(w) for w in target().get_weights()), "weights were changed before the error"
        return False
    assert found == expected, "the file was read as another model"
    return True


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_file_without_its_end_is_an_error(kind, written, tmp_path_factory, data):
    content, expected = written[kind]
    length = data.draw(st.integers(0, len(content) - 1))
    assert not check(kind, content[:length], expected, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_changed_byte_is_an_error_or_changes_nothing(kind, written, tmp_path_factory, data):
    content, expected = written[kind]
    position = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.sampled_from([1 << bit for bit in range(8)]) | st.integers(1, 255))
    damaged = bytearray(content)
    damaged[position] ^= change
    check(kind, bytes(damaged), expected, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_byte(kind, written, tmp_path_factory):
    content, expected = written[kind]
    rng = np.random.default_rng(0)
    for position, change in enumerate(rng.integers(1, 256, len(content))):
        damaged = bytearray(content)
        damaged[position] ^= int(change)
        check(kind, bytes(damaged), expected, tmp_path_factory.getbasetemp())


def test_a_changed_weight_is_noticed_in_each_kind(written, tmp_path):
    """The numbers themselves: HDF5 alone would hand out others."""
    for kind in KINDS:
        content, expected = written[kind]
        weights = expected if not kind.startswith("whole") else expected[1]
        kernel = np.asarray(weights[0], "f4").tobytes()
        assert content.count(kernel) == 1
        damaged = bytearray(content)
        damaged[content.index(kernel) + 5] ^= 1
        with pytest.raises(ValueError, match="checksum|CRC"):
            (tmp_path / kind).write_bytes(damaged)
            read(kind, tmp_path / kind)
