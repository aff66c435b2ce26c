"""The wheel, and tests if wanted, on every supported Python that is to be found here.

    python tests/support/every_python.py [PYTHON...] [--tests PATHS]

It looks for ``python3.11`` and so on, as far as the classifiers of pyproject.toml go, and takes those that
are named besides. For tests each Python gets an environment under ``.versions``, with the versions of
constraints.txt. Run by ``make versions``.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Final

from tests.support import check_wheel

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECKOUT: Final = check_wheel.CHECKOUT
_LANGUAGE: Final = "Programming Language :: Python :: "


def supported() -> list[str]:
    """Return the versions that the project says it runs on, such as ``3.11``."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = (text.removeprefix(_LANGUAGE) for text in project["classifiers"] if text.startswith(_LANGUAGE))
    return [version for version in found if "." in version]


def interpreters(named: Iterable[str]) -> dict[str, str]:
    """Return the programs to use, by their versions; one that is named stands above one that is found."""
    candidates = [path for version in supported() if (path := shutil.which(f"python{version}"))]
    found: dict[str, str] = {}
    for path in [*candidates, *named]:
        # A shim of a version manager is there, and fails, for each Python that is not switched on.
        told = subprocess.run(
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode == 0:
            found[told.stdout.strip()] = path
        elif path not in candidates:
            sys.exit(f"{path}: {told.stderr.strip()}")
    return found


def tested(python: str, version: str, tests: str) -> int:
    """Run tests on a Python; return the exit code of pytest."""
    place = CHECKOUT / ".versions" / version
    binary = str(place / "bin" / "python")
    if not place.exists():
        subprocess.run([python, "-m", "venv", place], check=True)
    for arguments in (
        ["--upgrade", "pip>=25.1"],
        ["--editable", ".", "--group", "dev", "--constraint", "constraints.txt"],
    ):
        install = [
            binary,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            *arguments,
        ]
        subprocess.run(install, cwd=CHECKOUT, check=True)
    command = [binary, "-m", "pytest", "-q", "-n", "2", *shlex.split(tests)]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode


def main() -> None:
    """Exit with a message when something fails on one of the Pythons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    parser.add_argument("--tests", default="", metavar="PATHS")
    arguments = parser.parse_args()
    found = interpreters(arguments.pythons)
    missing = [version for version in supported() if version not in found]
    if missing:
        sys.stdout.write(f"not to be found here: Python {', '.join(missing)}\n")
        sys.stdout.flush()
    check_wheel.main([*found.values()])
    if arguments.tests:
        ends = {version: tested(path, version, arguments.tests) for version, path in found.items()}
        if failed := [version for version, code in ends.items() if code]:
            sys.exit(f"tests failed on Python {', '.join(failed)}")


if __name__ == "__main__":
    main()
