"""The settings file that is shipped, and where its comments come from."""

from __future__ import annotations

import tomllib
from pathlib import Path

from scraper.record import Outcome, Page, Record
from scraper.settings.describe import default_toml
from scraper.settings.docstrings import field_docstrings
from scraper.settings.load import load
from scraper.settings.model import Settings
from scraper.settings.options import options

DEFAULT_TOML = Path(__file__).parents[3] / "config" / "default.toml"


def test_the_shipped_file_is_what_the_code_says() -> None:
    assert DEFAULT_TOML.read_text("utf-8") == default_toml(), "run `make config`"


def test_the_shipped_file_gives_the_defaults_and_every_setting() -> None:
    loaded = load(DEFAULT_TOML)
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {str(DEFAULT_TOML)}


def test_every_setting_is_explained_above_its_line() -> None:
    lines = default_toml().splitlines()
    for option in options().values():
        above = lines[: lines.index(next(line for line in lines if line.startswith(f"{option.field} = ")))]
        assert above[-1].startswith("# ")
    assert max(map(len, lines)) <= 100
    assert tomllib.loads(default_toml()).keys() == {option.section for option in options().values()}


def test_the_commented_tables_can_be_used() -> None:
    lines = default_toml().splitlines()
    start = lines.index('# [politeness.hosts."*.example.com"]')
    lines.remove("hosts = {}")
    lines[start - 1 : start + 2] = [line.removeprefix("# ") for line in lines[start - 1 : start + 2]]
    hosts = tomllib.loads("\n".join(lines))["politeness"]["hosts"]
    assert hosts == options()["politeness.hosts"].example


def test_docstrings_are_inherited_and_folded() -> None:
    assert "link" in field_docstrings(Record)["depth"]
    assert field_docstrings(Record)["titles"] == field_docstrings(Page)["titles"]
    assert field_docstrings(Outcome)["TIMEOUT"].startswith("A deadline passed")
    assert all("\n" not in text for text in field_docstrings(Settings).values())


def test_classes_of_others_have_none() -> None:
    assert field_docstrings(int) == {}
