"""Files that nobody should trust: each is refused with a clear error, quickly, in little memory, and nothing is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_archives import ARCHIVES
from hostile_files import ROWS

FOLDER = Path(__file__).parent
SECONDS = 5.0


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What came of every file, from one process whose memory is limited while it reads."""
    folder = tmp_path_factory.mktemp("hostile")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER.parent), str(FOLDER)])}
    command = [sys.executable, str(FOLDER / "hostile_files.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    found = {row[0]: row[1:] for row in map(json.loads, done.stdout.splitlines())}
    return found, f"The process ended with {done.returncode}: {done.stderr[-2000:]}"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits memory the way of Linux")
@pytest.mark.parametrize("row", [*ROWS, *ARCHIVES], ids=lambda row: row.name)
def test_a_hostile_file_is_refused(row, outcomes):
    found, end = outcomes
    assert row.name in found, end
    outcome, message, seconds, untouched, marked = found[row.name]
    assert outcome == "ValueError", (outcome, message)
    assert row.message in message
    assert len(message) > 20
    assert not marked, "what the file asked for was run"
    assert untouched, "the model was changed"
    assert seconds < SECONDS


def test_there_are_enough_of_them():
    names = [row.name for row in [*ROWS, *ARCHIVES]]
    assert len(names) == len(set(names)) >= 90
