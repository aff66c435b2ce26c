"""Limits by host pattern: where they may be given, and what is said of each mistake in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import SettingsError
from scraper.settings.host_patterns import check_pattern, checked_hosts
from scraper.settings.load import load, problems_in
from scraper.settings.model import HostLimits
from scraper.settings.options import options

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = options()["politeness.hosts"]
WANTED = {"*.example.com": HostLimits(per_host=1, delay_s=5.0), "[::1]:8100": HostLimits(delay_s=0.0)}
AS_JSON = '{"*.example.com": {"per_host": 1, "delay_s": 5}, "[::1]:8100": {"delay_s": 0}}'
NESTED = """
[politeness.hosts."*.example.com"]
per_host = 1
delay_s = 5.0
[politeness.hosts."[::1]:8100"]
delay_s = 0
"""
INLINE = """
[politeness]
hosts = { "*.example.com" = { per_host = 1, delay_s = 5 }, "[::1]:8100" = { delay_s = 0.0 } }
"""


def problems(value: object, *, text: bool = False) -> list[str]:
    return checked_hosts(value, HOSTS, origin="x", text=text)[1]


@pytest.mark.parametrize("text", [NESTED, INLINE])
def test_a_file_may_have_tables_or_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    assert problems_in(path) == []
    assert load(path).settings.politeness.hosts == WANTED


@pytest.mark.parametrize(
    "layer",
    [
        {"assignments": [f"politeness.hosts={AS_JSON}"]},
        {"environment": {"SCRAPER_POLITENESS_HOSTS": AS_JSON}},
    ],
)
def test_a_text_is_json(layer: dict[str, Any]) -> None:
    assert load(**layer).settings.politeness.hosts == WANTED


def test_a_higher_layer_replaces_the_table(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(NESTED)
    loaded = load(path, assignments=['politeness.hosts={"*": {}}'])
    assert loaded.settings.politeness.hosts == {"*": HostLimits()}
    assert loaded.origins["politeness.hosts"] == "--set"
    assert load(path, assignments=["politeness.hosts="]).settings.politeness.hosts == {}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            {"*.example.com": {"delay": 5}},
            'unknown setting politeness.hosts."*.example.com".delay (x); did you mean delay_s?',
        ),
        (
            {"*.example.com": {"zzz": 5}},
            'unknown setting politeness.hosts."*.example.com".zzz (x); known: per_host, delay_s',
        ),
        (
            {"*.example.com": {"delay_s": -1}},
            'politeness.hosts."*.example.com".delay_s = -1 (x): expected a number of at least 0 (seconds)',
        ),
        (
            {"a": {"per_host": "2"}},
            'politeness.hosts."a".per_host = "2" (x): expected an integer of at least 1',
        ),
        (
            {"a": {"delay_s": float("inf")}},
            'politeness.hosts."a".delay_s = inf (x): expected a finite number',
        ),
        ({"": {}}, 'politeness.hosts."" (x): expected a host, or a pattern such as *.example.com'),
        (
            {"https://example.com/": {}},
            (
                'politeness.hosts."https://example.com/" (x):'
                ' a pattern is a host, without scheme and path: write "example.com"'
            ),
        ),
        (
            {"example.com/a": {}},
            (
                'politeness.hosts."example.com/a" (x):'
                ' a pattern is a host, without scheme and path: write "example.com"'
            ),
        ),
        (
            {"a.example": {}, "A.example": {}},
            'politeness.hosts."A.example" (x): the same pattern as "a.example": hosts have no upper case',
        ),
        (
            {"delay_s": 5},
            (
                'politeness.hosts."delay_s" = 5 (x):'
                ' expected a table such as { "per_host" = 1, "delay_s" = 5.0 }'
            ),
        ),
        (
            {"www": {"example": {"com": {"delay_s": 5}}}},
            (
                'unknown setting politeness.hosts."www".example (x);'
                ' a pattern with dots stands in quotes: [politeness.hosts."www.example.com"]'
            ),
        ),
    ],
)
def test_a_mistake_is_told_by_its_own_name(table: dict[str, Any], told: str) -> None:
    assert problems(table) == [told]


def test_all_mistakes_are_told_at_once() -> None:
    told = problems({"a b": {"delay": 1, "per_host": 0}, "b": 3, "c": {"delay_s": 1}})
    assert [problem.partition(" (")[0] for problem in told] == [
        'politeness.hosts."a b"',
        'unknown setting politeness.hosts."a b".delay',
        'politeness.hosts."a b".per_host = 0',
        'politeness.hosts."b" = 3',
    ]


def test_a_single_entry_cannot_be_assigned() -> None:
    with pytest.raises(SettingsError, match=r"\(--set\); give the table whole: politeness\.hosts=\{"):
        load(assignments=['politeness.hosts."*.x".delay_s=5'])


@pytest.mark.parametrize("text", ['{"*.x"', "5", "[]", "*.x", "[" * 99_999])
def test_a_text_that_is_no_json_object_is_refused(text: str) -> None:
    (told,) = problems(text, text=True)
    assert told.startswith("politeness.hosts = ")
    assert 'as text a JSON object such as {"*.example.com": ' in told
    assert len(told) < 400


@pytest.mark.parametrize("pattern", ["https://me:hunter2@example.com/", "me:hunter2@example.com"])
def test_a_password_in_a_pattern_is_not_shown(pattern: str) -> None:
    (told,) = problems({pattern: {}})
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "example.com",
        "*.Example.com",
        "127.0.0.5:8100",
        "127.0.0.*",
        "[::1]",
        "[::1]:8100",
        "*:8100",
        "a_b.x:*",
    ],
)
def test_a_pattern_of_what_hosts_are_made_of_is_taken(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["", " ", "a b", "::1", "a?", "[ab]c", "a:b", "bücher.de", "//x", "a\n", "a:123456"]
)
def test_any_other_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="host"):
        check_pattern(pattern)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.dictionaries(
        st.sampled_from(["delay_s", "per_host", "a.b", "", "*"]) | st.text(max_size=4), inner
    ),
    max_leaves=6,
)


@given(JSON_VALUES)
def test_any_value_is_taken_or_refused_on_lines_of_their_own(value: object) -> None:
    for given_value, text in ((value, False), (json.dumps(value), True)):
        limits, told = checked_hosts(given_value, HOSTS, origin="x", text=text)
        assert all("\n" not in problem and "politeness.hosts" in problem for problem in told)
        assert told or limits.keys() == (value or {}).keys()  # type: ignore[attr-defined]  # only a table is taken
