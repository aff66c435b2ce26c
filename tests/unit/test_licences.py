"""Nothing comes with the project whose licence asks for too much, and the page of licences is true."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING

import pytest
from license_expression import ExpressionError
from packaging.requirements import Requirement

from tests.support import licences
from tests.support.dependencies import EXTRAS, PLAIN, ROOT, reached

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "reference" / "licences.md"
ALL = [*PLAIN, *(one for extra in EXTRAS.values() for one in extra)]


def test_every_licence_is_allowed() -> None:
    found = {package: licences.licence(package) for package in reached(ALL)}
    assert found.keys() > {"aiohttp", "multidict", "pyarrow", "tornado"}
    assert {package: text for package, text in found.items() if not licences.allows(text)} == {}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("Apache-2.0 AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND (GPL-2.0-only OR LGPL-2.1-or-later)", False),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", False),
        ("AGPL-3.0-only", False),
    ],
)
def test_an_expression_is_judged_as_a_whole(expression: str, *, allowed: bool) -> None:
    assert licences.allows(expression) is allowed


@pytest.mark.parametrize("expression", ["", "BSD", "MIT AND", "Proprietary"])
def test_what_is_no_expression_is_no_licence(expression: str) -> None:
    with pytest.raises(ExpressionError):
        licences.allows(expression)


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (["License-Expression: MIT"], "MIT"),
        (["License: BSD-3-Clause"], "BSD-3-Clause"),
        (["License: Apache 2.0"], "Apache-2.0"),
        (["License: BSD"], None),
        (["Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (["Classifier: License :: OSI Approved :: BSD License"], None),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ],
            None,
        ),
        ([], None),
    ],
)
def test_metadata_is_read_in_its_old_and_new_forms(
    metadata: list[str], found: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "planted-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", "Name: planted", *metadata, ""]))
    monkeypatch.syspath_prepend(tmp_path)
    assert licences.stated("planted") == found
    if found is None:
        with pytest.raises(licences.UnknownLicenceError, match="planted"):
            licences.licence("planted")


def test_what_was_read_in_files_is_not_stated_by_now() -> None:
    assert {package for package in licences.READ if licences.stated(package)} == set()


def test_a_package_that_is_not_installed_is_no_silence() -> None:
    with pytest.raises(PackageNotFoundError, match="never-was"):
        reached([Requirement("never-was")])


def test_what_brings_a_package_along_is_told() -> None:
    askers = reached(PLAIN)
    assert "aiohttp" in askers["multidict"]
    assert askers["aiohttp"] >= {""}
    assert "pyarrow" not in askers


def test_the_page_says_what_is_installed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for package in reached(ALL):
        assert f"| {package} |" in page, "run: make docs"
        assert f"| {licences.licence(package)} |\n" in page
    if sys.version_info[:2] == licences.OLDEST:
        assert page == licences.licences_page(), "run: make docs"
