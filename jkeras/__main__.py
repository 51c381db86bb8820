"""`python -m jkeras script.py [arguments]`: run a script written for Keras, unmodified, on jkeras."""

from __future__ import annotations

import os
import runpy
import sys


def main() -> None:
    """Run the script named on the command line with `keras` and `tensorflow.keras` answering as jkeras."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print("usage: python -m jkeras script.py [arguments]\n\n" + (__doc__ or ""))
        raise SystemExit(0 if len(sys.argv) > 1 else 2)
    script = sys.argv[1]
    if not os.path.isfile(script):
        raise SystemExit(f"python -m jkeras: there is no script {script!r}.")
    from jkeras.compat.alias import install

    install()
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
