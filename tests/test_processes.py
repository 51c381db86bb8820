"""Two processes on one machine train together: as one would, and as if nothing had been after one was killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from process_of_two import X, Y, network

import jkeras

pytestmark = pytest.mark.slow  # the example with two processes runs in the default suite

SCRIPT = Path(__file__).with_name("process_of_two.py")


def run(folder, what, patience=240):
    """Start two processes and return their exit codes and what they printed; who outlives the other is ended."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        address = f"localhost:{taken.getsockname()[1]}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XLA")}
    started = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), address, str(process), str(folder), what],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        for process in range(2)
    ]
    if what == "killed":
        started[1].wait(patience)
        try:
            started[0].wait(30)
        except subprocess.TimeoutExpired:
            started[0].kill()
    try:
        told = [process.communicate(timeout=patience)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    return [process.returncode for process in started], told


def results(folder):
    return [dict(np.load(folder / f"{process}.npz")) for process in range(2)]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    pytest.importorskip("orbax.checkpoint")
    folder = tmp_path_factory.mktemp("unbroken")
    codes, told = run(folder, "unbroken")
    assert codes == [0, 0], told
    return folder, told


def test_two_processes_equal_one(unbroken):
    folder, told = unbroken
    jkeras.utils.set_random_seed(3)
    model = network()
    history = model.fit(X, Y, batch_size=7, epochs=5, validation_split=0.2, verbose=0)
    for found in results(folder):
        np.testing.assert_allclose(found["loss"], history.history["loss"], rtol=1e-5)
        np.testing.assert_allclose(found["evaluated"], model.evaluate(X, Y, 7, verbose=0), rtol=1e-5)
        np.testing.assert_allclose(found["predicted"], model.predict(X, 7, verbose=0), rtol=1e-4, atol=1e-5)
        assert found["part"].tolist() == [2, 8]  # of (8, 8), on four devices
    assert told[0].count("Epoch ") == 5 and "Epoch " not in told[1]  # the first one shows, and writes
    assert (folder / "log.csv").read_text().count("\n") == 6
    assert jkeras.models.load_model(folder / "best.keras").predict(X, verbose=0).shape == (30, 2)


def test_a_run_of_which_one_process_was_killed_ends_as_the_unbroken_one(unbroken, tmp_path):
    codes, told = run(tmp_path / "run", "killed")
    assert codes[1] == -9 and codes[0] != 0, told
    codes, told = run(tmp_path / "run", "unbroken")
    assert codes == [0, 0], told
    assert "Epoch 3/5" in told[0] and "Epoch 2/5" not in told[0]
    for found, expected in zip(results(tmp_path / "run"), results(unbroken[0]), strict=True):
        assert list(found) == list(expected)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    assert (tmp_path / "run" / "log.csv").read_text() == (unbroken[0] / "log.csv").read_text()


def test_each_process_may_bring_its_own_part_of_the_data(tmp_path):
    codes, told = run(tmp_path, "parts")
    assert codes == [0, 0], told
    jkeras.utils.set_random_seed(3)
    model = network()
    # A batch is what both have: seven rows of the first process, then seven of the second; the last is one of each.
    order = np.concatenate([np.arange(start, 30, 2)[i : i + 7] for i in (0, 7, 14) for start in (0, 1)])
    history = model.fit(X[order], Y[order], batch_size=14, epochs=5, shuffle=False, verbose=0)
    for process, found in enumerate(results(tmp_path)):
        np.testing.assert_allclose(found["loss"], history.history["loss"], rtol=1e-5)
        np.testing.assert_allclose(found["evaluated"], model.evaluate(X, Y, 14, verbose=0), rtol=1e-5)
        np.testing.assert_allclose(found["predicted"], model.predict(X[process::2], verbose=0), rtol=1e-4, atol=1e-5)


def test_processes_that_would_wait_for_each_other_for_ever_are_told(tmp_path):
    codes, told = run(tmp_path, "uneven")
    assert 0 not in codes
    assert all("samples differs: 16 in process 0, 17 in process 1" in text.replace("\n", " ") for text in told), told


def test_the_end_that_one_process_asks_for_is_the_end_of_all(tmp_path):
    codes, told = run(tmp_path, "budget")
    assert codes == [0, 0], told
    assert [len(np.atleast_1d(found["loss"])) for found in results(tmp_path)] == [1, 1]
