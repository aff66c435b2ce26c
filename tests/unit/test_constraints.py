"""constraints.txt is in step with pyproject.toml, on every Python and system, and names no place."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.dependencies import EXTRAS, PLAIN, ROOT, TOOLS, pins

if TYPE_CHECKING:
    from collections.abc import Iterable

PYTHONS: Final = ("3.11.0", "3.11.9", "3.12.0", "3.13.0", "3.14.0")
SYSTEMS: Final = ("linux", "darwin", "win32")


def environment(python: str, system: str) -> dict[str, str]:
    return {
        **{name: str(value) for name, value in default_environment().items()},
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "implementation_version": python,
        "sys_platform": system,
        "extra": "",
    }


def out_of_step(
    asked: Iterable[Requirement], held: Iterable[Requirement], where: dict[str, str]
) -> list[str]:
    """Return what is asked for and has not one fitting version, in an environment."""
    versions: dict[str, list[Requirement]] = {}
    for pin in held:
        if pin.marker is None or pin.marker.evaluate(where):
            versions.setdefault(canonicalize_name(pin.name), []).append(pin)
    found = []
    for requirement in asked:
        if requirement.marker is None or requirement.marker.evaluate(where):
            match versions.get(canonicalize_name(requirement.name), []):
                case []:
                    found.append(f"{requirement.name} has no version")
                case [pin]:
                    (version,) = pin.specifier
                    if not requirement.specifier.contains(version.version, prereleases=True):
                        found.append(f"{requirement} is not met by {version.version}")
                case several:
                    found.append(f"{requirement.name} has {len(several)} versions")
    return found


@pytest.mark.parametrize(("python", "system"), list(product(PYTHONS, SYSTEMS)))
def test_it_has_one_version_of_everything_that_is_asked_for(python: str, system: str) -> None:
    asked = [*PLAIN, *(one for extra in EXTRAS.values() for one in extra), *TOOLS]
    assert out_of_step(asked, pins(), environment(python, system)) == [], "run: make lock"


@pytest.mark.parametrize(
    ("asked", "held", "python", "found"),
    [
        ("a>=2", ["A==2.1"], "3.12.0", []),
        ("a>=2", ["a==1.9"], "3.12.0", ["a>=2 is not met by 1.9"]),
        ("a>=2", ["b==2"], "3.12.0", ["a has no version"]),
        ("a", ["a==1 ; python_full_version < '3.12'"], "3.12.0", ["a has no version"]),
        ("a", ["a==1 ; python_full_version < '3.12'", "a==2"], "3.11.9", ["a has 2 versions"]),
        ("a>=2; python_version < '3.12'", [], "3.12.0", []),
        ("a>=2; python_version < '3.12'", [], "3.11.0", ["a has no version"]),
        ("a[x]>=2b1", ["a==2b2"], "3.11.0", []),
    ],
)
def test_what_is_out_of_step_is_found(asked: str, held: list[str], python: str, found: list[str]) -> None:
    where = environment(python, "linux")
    assert out_of_step([Requirement(asked)], map(Requirement, held), where) == found


def test_it_has_names_and_versions_and_nothing_else() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert not [line for line in lines if not re.fullmatch(r"[a-z0-9.-]+==[a-z0-9.]+( ; [^/@:]+)?", line)]
    assert not re.search(r"//|\.(org|com|net)\b|index-url|find-links", text)
    assert "make lock" in text
