"""Run what other packages do with skrnn: ``python tests/clients/run.py [client ...]``.

The clients need many packages, with older versions than the tests of skrnn have. So they have a virtual environment of
their own, in ``tests/clients/.venv`` or in the folder that ``--environment`` names, which is made if it is not there.
Each script runs in a process of its own, and fails if the number that it checks is wrong.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = {path.stem.removeprefix("with_"): path for path in sorted(HERE.glob("with_*.py"))}


def make_environment(folder: Path) -> None:
    """A virtual environment with skrnn, as it is here, and the clients."""
    venv.create(folder, with_pip=True)
    wanted = ["-c", str(HERE / "constraints.txt"), "-r", str(HERE / "requirements.txt"), "-e", str(HERE.parents[1])]
    subprocess.run([str(python_of(folder)), "-m", "pip", "install", "--quiet", *wanted], check=True)


def python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def run(python: Path, name: str) -> bool:
    """Run a script and print a line; whether it succeeded."""
    begin = time.monotonic()
    command = [str(python), "-W", "ignore", str(SCRIPTS[name])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout if done.returncode == 0 else done.stderr
    last = (said.strip().splitlines() or ["nothing was said"])[-1]
    print(
        f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name:18s} {time.monotonic() - begin:4.0f} s  {last}", flush=True
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clients", nargs="*", help=f"of {', '.join(SCRIPTS)}; default: all")
    parser.add_argument("--environment", type=Path, default=HERE / ".venv")
    arguments = parser.parse_args()
    for name in arguments.clients:
        if name not in SCRIPTS:
            parser.error(f"there is no client {name!r}")
    python = python_of(arguments.environment)
    if not python.exists():
        make_environment(arguments.environment)
    results = [run(python, name) for name in arguments.clients or SCRIPTS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
