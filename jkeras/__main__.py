"""`python -m jkeras script.py` runs a script written for Keras, unmodified; `... doctor` tells what is installed."""

from __future__ import annotations

import sys

USAGE = """\
usage: python -m jkeras [run] [options] script.py [arguments]
       python -m jkeras [run] [options] -m module [arguments]
       python -m jkeras [run] [options] -c code [arguments]
       python -m jkeras [run] [options] - [arguments]            (the program from the standard input)
       python -m jkeras doctor                           (versions, devices, settings, cache, extras)

Run a program written for Keras (1, 2, tf.keras or 3) unmodified on jkeras: in it, and in every module that is not
an installed package, `import keras` and `import tensorflow` answer with jkeras, under the module paths of each era.
Of TensorFlow beside tf.keras there are array functions, dtypes and seeds; what is missing says so by name.
Installed packages see the real Keras and TensorFlow, or none.

options:
  --real NAME     leave NAME ("keras" or "tensorflow") as it is installed; also JKERAS_REAL=NAME
  --also PACKAGE  show the stand-ins to this installed package too; also JKERAS_ALSO=PACKAGE,...
  --version       print the version
  -h, --help      print this
"""


def main() -> None:
    """Run what the command line names."""
    given = sys.argv[1:]
    if given[:1] == ["run"]:
        del given[0]
    real: set[str] = set()
    also: list[str] = []
    while given and given[0].startswith("--"):
        option, equals, value = given.pop(0).partition("=")
        if option in ("--help", "--version"):
            given.insert(0, option)
            break
        if option not in ("--real", "--also"):
            _fail(f"unknown option {option!r}")
        if not equals:
            value = given.pop(0) if given else _fail(f"{option} needs a value")
        if option == "--real" and value not in ("keras", "tensorflow"):
            _fail(f"--real is 'keras' or 'tensorflow'; got {value!r}")
        real.add(value) if option == "--real" else also.append(value)
    if not given:
        _fail("there is nothing to run")
    what, arguments = given[0], given[1:]
    if what in ("-h", "--help"):
        print(USAGE, end="")
        return
    if what == "doctor":
        from jkeras.display.doctor import report

        print(report())
        return
    if what == "--version":
        from jkeras import version

        print(f"jkeras {version()}")
        return
    if what in ("-m", "-c") and not arguments:
        _fail(f"{what} needs a {'module' if what == '-m' else 'program'}")
    if what.startswith("-") and what not in ("-", "-m", "-c"):
        _fail(f"unknown option {what!r}")

    from jkeras.compat import importing, running

    importing.install(
        keras=False if "keras" in real else None, tensorflow=False if "tensorflow" in real else None, also=also
    )
    sys.excepthook = running.show_exception
    if what == "-m":
        running.run_module(arguments[0], arguments[1:])
    elif what == "-c":
        running.run_code(arguments[0], arguments[1:])
    elif what == "-":
        running.run_code(sys.stdin.read(), arguments, name="-", filename="<stdin>")
    else:
        running.run_script(what, arguments)


def _fail(reason: str) -> str:
    print(f"python -m jkeras: {reason}.\n\n{USAGE}", file=sys.stderr, end="")
    raise SystemExit(2)


if __name__ == "__main__":
    main()
