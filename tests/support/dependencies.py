"""What the project asks for in pyproject.toml, and what comes along, as the installed packages say."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = Path(__file__).parents[2]
_PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PLAIN: Final = tuple(map(Requirement, _PROJECT["project"]["dependencies"]))
EXTRAS: Final = {
    extra: tuple(map(Requirement, texts))
    for extra, texts in _PROJECT["project"]["optional-dependencies"].items()
}
TOOLS: Final = tuple(map(Requirement, _PROJECT["dependency-groups"]["dev"]))


def pins() -> list[Requirement]:
    """Return what constraints.txt holds: for each package a version, or several with a marker each."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def reached(requirements: Iterable[Requirement]) -> dict[str, set[str]]:
    """Return the packages that come with the requirements, each with the names of those that ask for it.

    Those of the project's own requirements have the empty name among them. Markers are judged for the
    Python and the system that this runs on.

    Raises:
        PackageNotFoundError: One is not installed.
    """
    asked_by: dict[str, set[str]] = {}
    followed: set[tuple[str, frozenset[str]]] = set()
    waiting = [("", requirement, frozenset[str]()) for requirement in requirements]
    while waiting:
        asker, requirement, extras = waiting.pop()
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            continue
        name, wanted = canonicalize_name(requirement.name), frozenset(requirement.extras)
        asked_by.setdefault(name, set()).add(asker)
        if (name, wanted) not in followed:
            followed.add((name, wanted))
            waiting += [(name, Requirement(text), wanted) for text in importlib.metadata.requires(name) or ()]
    return asked_by
