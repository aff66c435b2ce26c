"""Build the sdist and the wheel from it, install that in fresh environments and use it, away from here.

    python tests/support/check_wheel.py [PYTHON...]

It finds what the tests can't see: a file that is missing from the wheel, a dependency that only the
development tools bring along, a broken entry point. Without names it takes the Python that it runs on, and
the versions that a user would get today, pinned by nothing. Run by ``make test`` and ``make versions``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT: Final = Path(__file__).parents[2]
_PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program without our settings in its environment; return its standard output."""
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith(("SCRAPER_", "PYTHON"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stderr}\ncheck_wheel: {' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


def main(pythons: Sequence[str | Path]) -> None:
    """Exit with a message when the wheel is not whole, or can't be used on one of the Pythons."""
    with tempfile.TemporaryDirectory(prefix="check-wheel-") as name:
        place = Path(name)
        wheel = built(place)
        for number, python in enumerate(pythons):
            away = place / str(number)
            away.mkdir()
            # Without a pip of its own: the one at hand installs into it, which saves seconds.
            run(python, "-m", "venv", "--without-pip", "venv", cwd=away)
            binaries = away / "venv" / ("Scripts" if os.name == "nt" else "bin")
            run(*_PIP, "--python", binaries / "python", "install", "--quiet", wheel, cwd=away)
            use(binaries, away)
            version = run(
                binaries / "python", "-c", "import platform as p; print(p.python_version())", cwd=away
            )
            sys.stdout.write(f"{wheel.name}: installs and runs on Python {version.strip()}\n")
            sys.stdout.flush()


def built(place: Path) -> Path:
    """Return the wheel that is built from the sdist, as who packages the program builds it."""
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", place, cwd=CHECKOUT)
    (sdist,) = place.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    source = place / sdist.name.removesuffix(".tar.gz")
    wanted = (
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "pyproject.toml",
        "constraints.txt",
        "tests/conftest.py",
    )
    if missing := [path for path in wanted if not (source / path).is_file()]:
        sys.exit(f"check_wheel: the sdist lacks {missing}")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", place, cwd=source)
    (wheel,) = place.glob("*.whl")
    return wheel


def use(binaries: Path, place: Path) -> None:
    """Use what was installed as a user would."""
    version = run(binaries / "scraper", "--version", cwd=place).split()[-1]
    help_text = run(binaries / "scraper", "--help", cwd=place)
    schema = json.loads(run(binaries / "scraper", "schema", cwd=place))
    described = schema["$defs"]["Record"]["properties"]["seq"].get("description")
    # Line 2 answers nothing: a port that nobody listens on. Both lines give a record all the same.
    (place / "urls.txt").write_text("no url\nhttp://127.0.0.1:9/\n")
    run(binaries / "scraper", "crawl", "urls.txt", "-o", "pages.json", "--retries", "0", "-q", cwd=place)
    run(binaries / "scraper", "diff", "pages.json", "pages.json", "--format", "html", cwd=place)
    outcomes = [record["outcome"] for record in json.loads((place / "pages.json").read_text())]
    if sorted(outcomes) != ["invalid_url", "robots_unreachable"]:
        sys.exit(f"check_wheel: a crawl gave {outcomes}")
    run(binaries / "scraper", "demo", "--folder", "demo", cwd=place)
    if (place / "demo" / "pages.jsonl").read_bytes().count(b'"outcome":"ok"') < 100:
        sys.exit("check_wheel: the demo gave few pages")
    about = run(binaries / "python", "-c", _ABOUT, cwd=place).split()
    if about != [version, "True", "MIT", "True"] or "crawl" not in help_text or not described:
        sys.exit(f"check_wheel: version, help, a docstring, py.typed or licence is missing: {about}")


_ABOUT: Final = """
import importlib.metadata, importlib.resources, scraper
about = importlib.metadata.distribution("scraper")
kept = [path for path in about.files if path.match("*.dist-info/licenses/LICENSE")]
print(scraper.__version__, importlib.resources.files(scraper).joinpath("py.typed").is_file())
print(about.metadata["License-Expression"], any(path.read_text().startswith("MIT License") for path in kept))
"""


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
