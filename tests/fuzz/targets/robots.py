"""A robots.txt and a URL it is asked about. Input: path and query, a line feed, the file."""

from __future__ import annotations

import math
import re

from scraper import references
from scraper.robots.reading import read_groups
from scraper.robots.rules import RobotsRules, Ruling, _normal_pattern, _path
from tests.fuzz.properties import split_line

_TOKEN = "scraper"  # noqa: S105 - a product token
_ORIGIN = "https://site.example"
_controls = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search
_FEW = 12  # so many stars are tried in all ways by the reference


def fuzz(data: bytes) -> None:
    path, body = split_line(data)
    rules = RobotsRules.parse(body, token=_TOKEN)
    assert rules.weight_bytes > 0
    assert all(sitemap and not _controls(sitemap) for sitemap in rules.sitemaps)
    delay_s = rules.crawl_delay_s
    assert delay_s is None or (math.isfinite(delay_s) and delay_s >= 0)
    resolved = references.resolve(_ORIGIN, "/" + path.lstrip("/\\"))
    for url in (resolved or _ORIGIN + "/", f"{_ORIGIN}/robots.txt", _ORIGIN, f"{_ORIGIN}/?{path}"):
        ruling = rules.judge(url)
        assert ruling == rules.judge(url)
        _assert_shown(ruling)
        _assert_as_the_rfc_has_it(body, url, ruling)


def _assert_shown(ruling: Ruling) -> None:
    if ruling.rule is None:
        assert ruling.allowed, "forbidden by no line"
    else:
        assert not _controls(ruling.rule)
        assert len(ruling.rule) <= 501
        assert ruling.rule.startswith("Allow: " if ruling.allowed else "Disallow: ")


def _assert_as_the_rfc_has_it(body: bytes, url: str, ruling: Ruling) -> None:
    """Hold a ruling against the rule read off RFC 9309 2.2.2, each pattern tried for itself."""
    ours, everyone, _ = read_groups(body, token=_TOKEN.encode())
    group = ours if ours.named else everyone
    path = _path(url)
    best = (0, True)
    for name, value in group.rules:
        pattern = _normal_pattern(value)
        if pattern.count("*") > _FEW or len(path) > 500:
            return
        if pattern.startswith(("/", "*")) and _matches(pattern, path):
            best = max(best, (len(pattern), name == "Allow"))
    allowed = best[1] or path == "/robots.txt"
    assert ruling.allowed == allowed, f"{path!r}: {ruling!r}, but the longest match says {best!r}"


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches, by the states that reading it octet by octet can be in."""
    anchored = pattern.endswith("$")
    literal = pattern[:-1] if anchored else pattern + "*"
    states = {0}
    for sign in [*path, ""]:
        states = _behind_stars(literal, states)
        if not sign:
            return len(literal) in states
        states = {
            at if literal[at] == "*" else at + 1
            for at in states
            if at < len(literal) and literal[at] in {"*", sign}
        }
    raise AssertionError


def _behind_stars(literal: str, states: set[int]) -> set[int]:
    """Add where each state leads when a star stands for nothing."""
    found = set(states)
    for at in states:
        end = at
        while end < len(literal) and literal[end] == "*":
            end += 1
            found.add(end)
    return found
