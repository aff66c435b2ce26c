"""Users' patterns in hostile texts."""

from __future__ import annotations

import re

import pytest

from scraper.parse import timed_pattern
from scraper.parse.page import PageParser
from scraper.parse.timed_pattern import BadPattern, SlowPattern, TimedPatterns
from scraper.settings.model import FieldRule, ParseSettings

_SLOW = "a.*b.*c.*d.*e"
_HOSTILE = "abcd" * 2_000


def first(pattern: str, text: str) -> str | None:
    patterns = TimedPatterns()
    patterns.add("a", pattern)
    return patterns.on_a_page()["a"](text)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d+",
        r"costs (\d+)",
        r"(x)?b",
        r"b{2}",
        r"b{,2}c",
        r"b{1,}",
        r"{e}",
        r"b{e<=1}",
        r"{id: (\d+)",
        r"\{id",
        r"[{e}]+",
        r"\\{2}",
        r"\N{DIGIT ONE}{e}",
        r"(?i)COSTS (?P<n>\w+)",
        r"{}",
        r"nothing",
    ],
)
def test_a_pattern_means_what_it_means_to_re(pattern: str) -> None:
    for text in ("a bb bbc costs 123 {id: 45} 1{e} b{e<=1} \\\\", "{}", "bbbb", "COSTS x", ""):
        found = re.search(pattern, text)
        expected = found and (found[1] if found.re.groups else found[0])
        assert first(pattern, text) == expected


def test_what_is_no_pattern_is_told_in_a_line() -> None:
    with pytest.raises(BadPattern, match=r"\Amissing \)"):
        TimedPatterns().add("a", "(")


def test_the_patterns_of_a_page_share_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_pattern, "MAX_PATTERN_S", 0.05)
    patterns = TimedPatterns()
    patterns.add("slow", _SLOW)
    patterns.add("quick", "abc")
    page = patterns.on_a_page()
    assert page["quick"](_HOSTILE) == "abc"
    with pytest.raises(SlowPattern):
        page["slow"](_HOSTILE)
    with pytest.raises(SlowPattern):
        page["quick"](_HOSTILE)
    assert patterns.on_a_page()["quick"](_HOSTILE) == "abc"


@pytest.mark.parametrize("parser", ["fast", "beautifulsoup"])
def test_a_page_that_makes_a_pattern_slow_costs_that_field_alone(
    parser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed_pattern, "MAX_PATTERN_S", 0.05)
    select = {"a": FieldRule(css="p", pattern=_SLOW), "b": FieldRule(css="h1")}
    settings = ParseSettings(select=select, parser=parser)  # type: ignore[arg-type]
    body = f"<h1>b</h1><p>{_HOSTILE}".encode()
    parsed = PageParser(settings).parse(body=body, url="https://a.example/", content_type_charset="utf-8")
    assert parsed.fields.values == {"b": "b"}
    assert parsed.fields.errors == {"a": "the patterns take more than 0.05 s on this page"}
