"""`python -m jkeras doctor`: what it says of this installation, and of one that lacks things."""

from __future__ import annotations

import re
import sys
from importlib import metadata

import jax
import pytest

from jkeras.__main__ import main
from jkeras.display import doctor

LINES = [
    "rich>=13; extra == 'rich'", 'pydot>=3 ; extra == "plot"', "jax>=0.10", "h5py[all]>=3.11",
    "pytest; extra == 'test'", "matplotlib>=3.8; python_version >= '3.9' and extra == 'plot'",
]  # fmt: skip


def test_it_lists_what_is_here(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["jkeras", "doctor"])
    main()
    text = capsys.readouterr().out
    assert f"jax {jax.__version__}" in text and f"h5py {metadata.version('h5py')}" in text
    assert text.count("  cpu:") == min(jax.device_count(), 8)
    assert re.findall(r"^\w.*", text, re.MULTILINE)[2:] == ["Devices", "Settings", "Compilation cache", "Extras"]
    assert "float32" in text and "\n\n\n" not in text and not re.search(r"\S \n", text)


def test_requirements_are_read_from_what_was_installed(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: LINES)
    assert doctor.requirements() == [
        ("rich", ">=13", "rich"), ("pydot", ">=3", "plot"), ("jax", ">=0.10", ""), ("h5py", ">=3.11", ""),
        ("pytest", "", "test"), ("matplotlib", ">=3.8", "plot"),
    ]  # fmt: skip


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: LINES)
    known = {"jkeras": "1.0", "rich": "15.0", "jax": "0.10", "matplotlib": "3.9"}

    def version(name):
        if name not in known:
            raise metadata.PackageNotFoundError(name)
        return known[name]

    def devices():
        raise RuntimeError("Unable to initialize backend 'cuda'\nand more")

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(jax, "devices", devices)
    text = doctor.report()
    assert "jax 0.10, h5py missing" in text
    assert "  plot  pydot missing, matplotlib 3.9; pip install 'jkeras[plot]'" in text
    assert "  rich  rich 15.0\n" in f"{text}\n" and "pytest" not in text
    assert "none: Unable to initialize backend 'cuda'; JAX_PLATFORMS" in text


def test_a_checkout_that_is_not_installed(monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    assert "pip install -e ." in doctor.report()


@pytest.mark.parametrize("folder", [None, "programs"])
def test_the_cache(monkeypatch, tmp_path, folder):
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "one").write_bytes(b"12345")
    former = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", folder and str(tmp_path / folder))
    try:
        text = doctor.report()
    finally:
        jax.config.update("jax_compilation_cache_dir", former)
    assert ("1 files, 5.00 B" if folder else "off; JKERAS_COMPILATION_CACHE=1") in text
