"""What makes it necessary to fetch pages in full again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from scraper.errors import UsageError
from scraper.history import extraction
from scraper.history.extraction import extraction_of
from scraper.settings.model import Settings


def of(*, token: str = "scraper", **sections: dict[str, Any]) -> str:  # noqa: S107 a name, no secret
    return extraction_of(msgspec.convert(sections, Settings), token=token)


@pytest.mark.parametrize(
    "sections",
    [
        {"parse": {"links": True}},
        {"parse": {"parser": "beautifulsoup"}},
        {"parse": {"select": {"price": {"css": "b"}}}},
        {"parse": {"text": "visible"}},
        {"fetch": {"max_body_bytes": 1}},
        {"follow": {"meta_refresh": True}},
        {"token": "other"},
    ],
)
def test_what_is_found_in_a_page_counts(sections: dict[str, Any]) -> None:
    assert of(**sections) != of()


@pytest.mark.parametrize(
    "sections",
    [
        {"run": {"workers": 3}},
        {"parse": {"deadline_s": 3.0}},
        {"fetch": {"total_s": 3.0}},
        {"history": {"file": "x"}},
        {"output": {"ordered": True}},
    ],
)
def test_how_a_run_goes_about_it_does_not(sections: dict[str, Any]) -> None:
    assert of(**sections) == of()


def test_the_code_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = of()
    monkeypatch.setattr(extraction, "_program", lambda: "another")
    assert of() != before


def test_all_code_that_is_named_is_there() -> None:
    home = Path(extraction.__file__).parents[1]
    assert [name for name in extraction._OURS if not (home / name).exists()] == []


def test_all_of_a_users_package_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "fields_of_mine"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "all.py").write_text("def fields(page):\n    return {}\n")
    parse = {"extractor": "fields_of_mine.all:fields"}
    seen = [of(parse=parse)]
    for name, source in (("prices.py", "A = 1\n"), ("prices.py", "A = 2\n"), ("__init__.py", "B = 1\n")):
        (package / name).write_text(source)
        seen.append(of(parse=parse))
    (package / "notes.txt").write_text("no code")
    assert of(parse=parse) == seen[-1]
    assert len(set(seen)) == len(seen)
    monkeypatch.setattr(extraction, "_MOST_FILES", 2)
    with pytest.raises(UsageError, match="too much source"):
        of(parse=parse)
