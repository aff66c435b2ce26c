"""No URL holds up a pattern that was taken."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.settings.url_patterns import url_searcher

WITHOUT_RE2 = "without a repeat within a repeat.*pip install google-re2"
WITH_RE2 = "google-re2 would take it but for look-around"
LINEAR = [
    "/login|/cart",
    "/blog/.*",
    ".*/blog/",
    r"^https://[^/]*/(en|de)/x",
    r"/\d{1,3}/",
    "(?!x)/a",
    "^(?:a|b)*$",
    "",
]
QUADRATIC = ["/blog/.*x", r".*/blog/.*\.html", "a{1,100}", "(?i)/x(?:y|z)+", "^(?P<x>a+)b(?P=x)"]
SLOW = ["(a+)+$", "(a|aa)*$", "(/[a-z]+)+/x", "a.*b.*c", "(?:a?){30}a{30}", "((a{1,9}){1,9}){1,9}x"]
PLAIN = st.recursive(
    st.sampled_from(["a", "/", ".", "[^/]", r"\d", "x?", "/+"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda part: f"(?:{part})*"),
    ),
    max_leaves=6,
)


@pytest.fixture
def without_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)


def is_by_re(pattern: str) -> bool:
    return isinstance(getattr(url_searcher(pattern), "__self__", None), re.Pattern)


@pytest.mark.parametrize("pattern", LINEAR)
def test_re_has_what_is_linear(pattern: str) -> None:
    assert is_by_re(pattern)


@pytest.mark.parametrize("pattern", [*QUADRATIC[:-1], *SLOW])
def test_google_re2_has_what_is_not(pattern: str) -> None:
    assert not is_by_re(pattern)


@pytest.mark.parametrize("pattern", QUADRATIC)
@pytest.mark.usefixtures("without_re2")
def test_without_it_what_is_quadratic_is_left_to_re(pattern: str) -> None:
    assert is_by_re(pattern)


@pytest.mark.parametrize("pattern", SLOW)
@pytest.mark.usefixtures("without_re2")
def test_without_it_what_is_slow_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=WITHOUT_RE2):
        url_searcher(pattern)


@pytest.mark.parametrize("pattern", ["(?=a)(a+)+$", r"(a+).*\1.*b"])
def test_what_neither_can_do_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=WITH_RE2):
        url_searcher(pattern)


def test_another_package_of_that_name_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", re)
    with pytest.raises(ValueError, match=WITHOUT_RE2):
        url_searcher("(a+)+$")


def test_a_url_made_for_it_takes_no_longer() -> None:
    assert not url_searcher("(a+)+$")("https://a.example/" + "a" * 2000 + "!")


@pytest.mark.parametrize("has_re2", [True, False])
@given(pattern=PLAIN, url=st.text("a/x1", max_size=12))
def test_it_is_found_as_re_finds_it(pattern: str, url: str, *, has_re2: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not has_re2:
            patch.setitem(sys.modules, "re2", None)
        try:
            search = url_searcher(pattern)
        except ValueError:
            assert not has_re2
        else:
            assert bool(search(url)) is bool(re.search(pattern, url))
