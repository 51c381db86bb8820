"""Writing files: whole or not at all, with clear errors, also where the process is killed."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jkeras import layers
from jkeras.models import Sequential
from jkeras.saving.atomic import atomic_path
from jkeras.saving.hdf5 import find, open_for_reading, read_array

ROOT = Path(__file__).parent.parent


def test_a_file_has_the_usual_permissions_or_those_of_the_one_it_replaces(tmp_path):
    old = os.umask(0o027)
    try:
        path = tmp_path / "a"
        with atomic_path(path) as temporary:
            temporary.write_text("one")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        with atomic_path(path) as temporary:
            temporary.write_text("two")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604 and path.read_text() == "two"
    finally:
        os.umask(old)


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "deep").mkdir()
    target, link = tmp_path / "deep" / "a", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with atomic_path(link) as temporary:
        assert temporary.parent == target.parent
        temporary.write_text("new")
    assert link.is_symlink() and target.read_text() == "new"


def test_folders_and_devices_are_not_replaced(tmp_path):
    with pytest.raises(IsADirectoryError, match="folder"), atomic_path(tmp_path):
        pass
    with pytest.raises(ValueError, match="device"), atomic_path("/dev/null"):
        pass
    assert not Path("/dev/null").is_file()


def test_a_name_may_be_as_long_as_the_disk_allows_and_no_longer(tmp_path):
    with atomic_path(tmp_path / ("a" * 255)) as temporary:
        temporary.write_text("x")
    assert os.listdir(tmp_path) == ["a" * 255]
    with pytest.raises(OSError, match="256 bytes") as caught, atomic_path(tmp_path / ("a" * 256)):
        pass
    assert caught.value.errno == errno.ENAMETOOLONG


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(OSError, match="is a file, not a folder"), atomic_path(tmp_path / "a" / "b"):
        pass


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_to(code, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", lambda *args, **kwargs: (_ for _ in ()).throw(OSError(code, "no")))
    with pytest.raises(OSError, match="was not written: the folder") as caught, atomic_path(tmp_path / "a"):
        pass
    assert caught.value.errno == code


def small(value=None):
    model = Sequential([layers.Dense(64, input_shape=(64,)), layers.Dense(64)])
    if value is not None:
        model.set_weights([np.full(w.shape, value) for w in model.weights])
    return model


def test_a_full_disk_is_named_before_or_while_it_is_written(tmp_path, monkeypatch):
    model, path = small(1.0), tmp_path / "w.h5"
    model.save_weights(path)
    content = path.read_bytes()
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"the disk is full \(at least \d{5} bytes are needed, 1000 are free\)") as caught:
        model.save_weights(path)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()

    def fail(*args):
        raise RuntimeError(
            "Can't decrement id ref count (file write failed: error message = 'No space left on device')"
        )

    monkeypatch.setattr("jkeras.saving.legacy_weights.write_array", fail)
    with pytest.raises(OSError, match="the disk is full") as caught:
        model.save_weights(path)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["w.h5"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files the way of Linux")
def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path):
    import resource

    path = tmp_path / "a"
    path.write_text("old")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"), atomic_path(path) as temporary:
            temporary.write_text("x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path):
    names = [".a.h5.0123456789ab.tmp", ".a.h5.ba9876543210.tmp", ".other.0123456789ab.tmp", "a.h5.0123456789ab.tmp"]
    for name in names:
        (tmp_path / name).write_text("half")
    for name in names[:1] + names[2:]:
        os.utime(tmp_path / name, (1, 1))
    with atomic_path(tmp_path / "a.h5") as temporary:
        temporary.write_text("whole")
    assert sorted(os.listdir(tmp_path)) == sorted([*names[1:], "a.h5"])


# Weights whose elements all equal the number of the save: half of one and half of another would show. The file with
# `atomic_path` is loaded alone, which starts ten processes in the time that the whole package takes for one.
_LOOP_ARRAYS = f"""
import runpy, sys
from itertools import count
import h5py, numpy as np
atomic_path = runpy.run_path({str(ROOT / "jkeras" / "saving" / "atomic.py")!r})["atomic_path"]
print("ready", flush=True)
for version in count(1):
    with atomic_path(sys.argv[1]) as temporary, h5py.File(temporary, "x") as file:
        for name in ("a", "b", "c"):
            file[name] = np.full((64, 64), version, "f4")
"""
_LOOP_MODEL = """
import sys
from itertools import count
import numpy as np
from jkeras import layers
from jkeras.models import Sequential
model = Sequential([layers.Dense(64, input_shape=(64,)), layers.Dense(64)])
model.save_weights(sys.argv[1])
print("ready", flush=True)
for version in count(1):
    model.set_weights([np.full(w.shape, version) for w in model.weights])
    model.save_weights(sys.argv[1])
"""


def arrays_in(path):
    with open_for_reading(path) as file:
        return [read_array(find(file, name), (64, 64), name) for name in "abc"]


def weights_in(path):
    model = small()
    model.load_weights(path)
    return model.get_weights()


def check_kills(code, read, path, kills):
    """Kill a process that saves in a loop at random moments; what it leaves must be whole."""
    rng, last = random.Random(0), 0.0
    for _ in range(kills):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=environment)
        try:
            assert process.stdout is not None and process.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0.0, 0.05))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if path.exists():
            values = {float(x) for array in read(path) for x in (array.min(), array.max())}
            assert len(values) == 1
            last = max(last, *values)
    assert last > 0, "no kill came after a save"


@pytest.mark.skipif(os.name != "posix", reason="kills the way of POSIX")
def test_a_killed_process_leaves_a_whole_file(tmp_path):
    check_kills(_LOOP_ARRAYS, arrays_in, tmp_path / "a.h5", kills=10)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_fifty_kills_while_a_model_saves(suffix, tmp_path):
    check_kills(_LOOP_MODEL, weights_in, tmp_path / f"w{suffix}", kills=25)
