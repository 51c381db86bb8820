"""Measure jkeras side by side with Keras, PyTorch and JAX by hand, and print the tables.

python benchmarks/run.py                                   all of it
python benchmarks/run.py --sections calls grid             some tables
python benchmarks/run.py --only mlp lstm --turns 3         some workloads, in the tables that have them
python benchmarks/run.py --peers jkeras keras --json out.json
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Section(NamedTuple):
    """A script that prints tables, the options of this one that it knows, and how it is announced."""

    script: str
    takes: tuple[str, ...]
    title: str


SECTIONS = {
    "training": Section("training.py", ("only", "peers", "turns", "json"), "Training"),
    "calls": Section("calls.py", ("turns",), "Single calls"),
    "startup": Section("startup.py", ("only", "turns"), "First epoch"),
    "grid": Section("grid.py", ("turns",), "Many models of equal shape"),
    "search": Section("search.py", ("turns",), "A grid search of scikit-learn"),
    "population": Section("population.py", ("turns",), "A population of models"),
    "memory": Section("memory.py", ("turns",), "Memory"),
    "display": Section("display.py", ("turns",), "Watching"),
    "compile": Section("compile_time.py", ("turns",), "Compile time of recurrent layers"),
    "import": Section("import_time.py", ("turns",), "Import"),
}


def main() -> None:
    """Run the sections one after the other, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, help="which tables")
    parser.add_argument("--turns", help="for every table; without it, each has its own number")
    parser.add_argument("--only", nargs="+", help="workloads, for training and startup")
    parser.add_argument("--peers", nargs="+", help="for training")
    parser.add_argument("--json", help="write the figures of training there")
    options = parser.parse_args()
    given = {name: value for name in ("only", "peers", "json", "turns") if (value := getattr(options, name))}
    # Who names workloads or peers wants the tables that can be limited to them.
    limits = given.keys() - {"turns"}
    names = options.sections or [name for name, section in SECTIONS.items() if limits <= set(section.takes)]
    # In a process of its own: the device, and its memory, must be free for those that measure.
    subprocess.run([sys.executable, str(FOLDER / "measuring.py")], check=True)
    for name in names:
        section = SECTIONS[name]
        print(f"\n## {section.title}\n", flush=True)
        command = [sys.executable, str(FOLDER / section.script)]
        for option in section.takes:
            if option in given:
                value = given[option]
                command += [f"--{option}", *(value if isinstance(value, list) else [value])]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
