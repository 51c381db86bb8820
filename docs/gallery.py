"""Writes docs/gallery.md, where each example says what it shows and what it printed.

python docs/gallery.py                 # runs all of them, about ten minutes on two cores
python docs/gallery.py vae.py gan.py   # runs these; of the others the page keeps the output
python docs/gallery.py --no-run        # writes the words anew and keeps every output
"""

from __future__ import annotations

import argparse
import ast
import itertools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
PAGE, EXAMPLES = DOCS / "gallery.md", DOCS.parent / "examples"

# The order of the page: each example with its title.
SECTIONS = {
    "First models": {
        "digits_cnn.py": "A convolutional network",
        "wide_and_deep.py": "Wide and deep, with two outputs",
        "subclassing.py": "Layers and models as classes",
        "image_data_generator.py": "More images from few",
        "transfer_learning.py": "Transfer learning",
    },
    "Text and sequences": {
        "text_classification.py": "Text classification with a Transformer block",
        "sentiment.py": "Sentiment with a masked LSTM",
        "addition_seq2seq.py": "Sequence to sequence with attention",
        "many_to_one_attention.py": "Attention as a layer of one's own",
        "character_model.py": "A character model that writes",
        "stateful_forecaster.py": "A stateful forecaster",
    },
    "Training of one's own": {
        "custom_train_step.py": "A custom training step: adversarial training",
        "vae.py": "A variational autoencoder",
        "gan.py": "A generative adversarial network",
        "pure_jax.py": "Pure JAX",
        "maml.py": "Learning to learn",
    },
    "Many models, many devices": {
        "grid_search.py": "Grid search with scikit-learn",
        "population.py": "A population",
        "data_parallel.py": "Data parallel",
        "two_processes.py": "Two processes",
    },
    "Keeping what was trained": {
        "exact_resume.py": "Exact resume after a kill",
        "export.py": "Export",
    },
}
TITLES = {name: title for section in SECTIONS.values() for name, title in section.items()}

START = """# Gallery

Every example is a program of less than a hundred lines that runs offline, in its full form in less than two minutes on
two cores, and ends with a line that says what it measured. `python examples/vae.py --help` lists its options. The
outputs below are those of the full forms on a CPU, without their timings; `python docs/gallery.py` writes this page.
"""

# What differs from machine to machine and from run to run.
TIMES = re.compile(
    r" - \d+s(?= )| - (?:\d+:)*[\d.]+[mu]?s?/step| - compiled in (?:\d+:)*[\d.]+s?| in \d+\.\d s| \(\d+\.\d s\)"
)
EPOCH = re.compile(r"epoch \d", re.IGNORECASE)


def tidied(printed: str) -> str:
    """Return an output without timings; of many epochs in a row the first two and the last are kept."""
    lines = [line.rstrip() for line in TIMES.sub("", printed).strip("\n").splitlines()]
    kept: list[str] = []
    for is_epoch, group in itertools.groupby(lines, lambda line: EPOCH.match(line) is not None):
        rows = list(group)
        kept += [*rows[:2], "...", rows[-1]] if is_epoch and len(rows) > 4 else rows
    return "\n".join(kept)


def run(name: str) -> str:
    """Run an example in an empty folder and return what it printed."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(DOCS.parent)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(EXAMPLES / name)]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def words(name: str) -> str:
    """Return what an example says of itself, as Markdown: its docstring with links."""
    docstring = ast.get_docstring(ast.parse((EXAMPLES / name).read_text())) or ""
    return re.sub(r"(https?://\S+)", r"<\1>", docstring)


def page(outputs: dict[str, str]) -> str:
    """Return the page, with the output of each example that has one."""
    parts = [START]
    for section, titles in SECTIONS.items():
        parts.append(f"## {section}\n")
        for name, title in titles.items():
            parts.append(f"### {title}\n\n{words(name)}\n\n[examples/{name}](../examples/{name})\n")
            if name in outputs:
                parts.append(f"```text\n{outputs[name]}\n```\n")
    return "\n".join(parts)


def stored(text: str) -> dict[str, str]:
    """Return the outputs on a page."""
    return dict(re.findall(r"\(\.\./examples/(\w+\.py)\)\n\n```text\n(.*?)\n```\n", text, re.DOTALL))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="which examples to run; all if left out")
    parser.add_argument("--no-run", action="store_true", help="run none")
    options = parser.parse_args()
    outputs = stored(PAGE.read_text()) if PAGE.exists() else {}
    for name in [] if options.no_run else options.names or TITLES:
        print(name, flush=True)
        outputs[name] = tidied(run(name))
        PAGE.write_text(page(outputs))
    PAGE.write_text(page(outputs))


if __name__ == "__main__":
    main()
