"""Build the wheel, install it in a fresh environment and use it there, away from the checkout.

It finds what the tests can't see: a file that is missing from the wheel, a dependency that only the
development tools bring along, a broken entry point. Run by ``make test``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program without our settings in its environment; return its standard output."""
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith(("SCRAPER_", "PYTHON"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"check_wheel: {' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


def main() -> None:
    """Exit with a message when the wheel is not whole."""
    with tempfile.TemporaryDirectory(prefix="check-wheel-") as name:
        place = Path(name)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", place, CHECKOUT, cwd=place)
        (wheel,) = place.glob("*.whl")
        # Without a pip of its own: the one at hand installs into it, which saves seconds.
        venv.create(place / "venv", with_pip=False)
        binaries = place / "venv" / ("Scripts" if os.name == "nt" else "bin")
        run(*pip, "--python", binaries / "python", "install", "--quiet", wheel, cwd=place)
        use(binaries, place)
        sys.stdout.write(f"{wheel.name}: installs and runs\n")


def use(binaries: Path, place: Path) -> None:
    """Use what was installed as a user would."""
    version = run(binaries / "scraper", "--version", cwd=place).split()[-1]
    schema = json.loads(run(binaries / "scraper", "schema", cwd=place))
    described = schema["$defs"]["Record"]["properties"]["seq"].get("description")
    # Line 2 answers nothing: a port that nobody listens on. Both lines give a record all the same.
    (place / "urls.txt").write_text("no url\nhttp://127.0.0.1:9/\n")
    run(binaries / "scraper", "crawl", "urls.txt", "-o", "pages.json", "--retries", "0", "-q", cwd=place)
    run(binaries / "scraper", "diff", "pages.json", "pages.json", "--format", "html", cwd=place)
    outcomes = [record["outcome"] for record in json.loads((place / "pages.json").read_text())]
    if sorted(outcomes) != ["invalid_url", "robots_unreachable"]:
        sys.exit(f"check_wheel: a crawl gave {outcomes}")
    typed = run(
        binaries / "python",
        "-c",
        "import importlib.resources as r; print(r.files('scraper').joinpath('py.typed').is_file())",
        cwd=place,
    )
    if not version or not described or typed.strip() != "True":
        sys.exit("check_wheel: the version, a docstring or py.typed is missing")


if __name__ == "__main__":
    main()
