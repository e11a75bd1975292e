"""The commands of the package: ``python -m skrnn compile``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command."""
    parser = argparse.ArgumentParser(prog="python -m skrnn", description="Commands of skrnn.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    about = "compile all time loops ahead and keep them on disk"
    command = commands.add_parser("compile", help=about, description=f"{about.capitalize()}.")
    command.set_defaults(run=_compile)
    parser.parse_args(arguments).run()


def _compile() -> None:
    from skrnn._compiled.ahead import compile_all

    found = compile_all()
    folders = sorted(folder for folder in found if folder is not None)
    if None in found:
        sys.exit("No folder takes what was compiled. Let NUMBA_CACHE_DIR name one that can be written to.")
    sys.stdout.write(f"The compiled loops are in {', '.join(folders)}.\n")


if __name__ == "__main__":
    main()
