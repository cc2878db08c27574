"""`make bench`: measure the product beside others. ARGS name one benchmark and its options; without, all are run.

python -m tests.bench [NAME [OPTIONS]] [--smoke]

Each benchmark is a module of this package with `arguments(parser)` and `run(options)`. --smoke: a short form that shows
that the benchmark itself works, and judges nothing.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys

from tests.services import Missing

# In the order in which they are run.
BENCHMARKS = ("push", "quiet", "storm", "restart", "api", "back_office")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with one command per benchmark."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--smoke", action="store_true", help="all of them, in their short form")
    commands = made.add_subparsers(dest="name", metavar="NAME")
    for name in BENCHMARKS:
        module = importlib.import_module(f"tests.bench.{name}")
        command = commands.add_parser(name, help=(module.__doc__ or "").splitlines()[0])
        command.add_argument("--smoke", action="store_true", default=argparse.SUPPRESS, help="the short form")
        module.arguments(command)
    return made


def main(arguments: list[str]) -> int:
    """Run what is asked for; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser().parse_args(arguments)
    names = [options.name] if options.name else list(BENCHMARKS)
    for name in names:
        chosen = options
        if not options.name:
            chosen = parser().parse_args([name, *(["--smoke"] if options.smoke else [])])
        try:
            importlib.import_module(f"tests.bench.{name}").run(chosen)
        except Missing as missing:
            print(f"{name}: {missing}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
