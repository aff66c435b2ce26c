from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fidelity.corpus import pages
from tests.fidelity.fields import KINDS
from tests.fidelity.kinds import Kind
from tests.fidelity.score import Score, Verdict, judge

PAGE = "https://a.example/dir/page"
SAME: list[tuple[Kind, Any, Any]] = [
    (Kind.EXACT, "UTF-8", "utf-8"),
    (Kind.EXACT, {"delay": 0, "url": None}, {"delay": 0.0, "url": None}),
    (Kind.EXACT, True, True),
    (Kind.TEXT, "It's  one\n\u201ctwo\u201d", 'It\u2019s one "two"'),
    (Kind.TEXT, "e\u0301t\u00e9", "\u00e9t\u00e9"),
    (Kind.URL, "https://a.example/dir/x", "x"),
    (Kind.URL, "HTTPS://A.example:443/%7Ex", "https://a.example/~x"),
    (Kind.URL, "android-app://x", "android-app://x"),
    (Kind.OWN_URL, "https://a.example/", "https://a.example"),
    (Kind.LANGUAGE, "pt-BR", "pt-br"),
    (Kind.LANGUAGE, "pt_BR", "pt-BR"),
    (Kind.LANGUAGE, "pt-BR", "pt"),
    (Kind.DATE, "2026-01-05T10:00:00Z", "2026-01-05T11:00:00.000+01:00"),
    (Kind.DATE, "2026-01-05", "2026-01-05T11:00:00Z"),
    (Kind.DATE, "2026-01", "2026-01-01"),
    (Kind.DATE, "2026-01-05T10:00:00Z", "2026-01-05"),
    (Kind.DATE, "last Tuesday", "last  Tuesday"),
    (Kind.TYPE, "video", "Video"),
    (Kind.TYPE, "video", "video.movie"),
    (Kind.TYPE, "video.movie", "video"),
    (Kind.NAMES, ["Ann  Lee", "Bob"], ["Ann Lee", "Bob"]),
    (Kind.NAMES, ["Ann"], "Ann"),
    (Kind.TERMS, ["a", "b"], ["b", "a", "a"]),
    (Kind.URLS, ["https://a.example/1", "https://a.example/2"], ["/2", "/1"]),
    (Kind.ENTRIES, [{"rel": "icon", "url": "https://a.example/i"}], [{"rel": "Icon", "url": "/i"}]),
    (Kind.ENTRIES, [{"type": "t", "url": "https://a.example/f"}], [{"url": "https://a.example/f"}]),
    (Kind.ENTRIES, [{"url": "https://a.example/1"}, {"url": "https://a.example/2"}], [{"url": "/2"}]),
    (Kind.PROPERTIES, {"title": ["T"], "URL": ["https://a.example/dir/x"]}, {"Title": "T ", "url": "x"}),
    (Kind.PROPERTIES, {"title": ["T"]}, {"title": ["T"], "type": [""]}),
    (
        Kind.OBJECTS,
        [{"@context": "https://schema.org", "@type": "A", "n": 1}, {"x": "a  b"}],
        [{"x": "a b"}, {"@type": ["A"], "n": 1.0}],
    ),
]
OTHER: list[tuple[Kind, Any, Any]] = [
    (Kind.EXACT, "utf-8", "koi8-r"),
    (Kind.EXACT, {"delay": 0, "url": None}, {"delay": 1, "url": None}),
    (Kind.EXACT, True, False),
    (Kind.EXACT, True, 1),
    (Kind.TEXT, "one", "One"),
    (Kind.TEXT, "one", ["one"]),
    (Kind.URL, "https://a.example/x", "http://a.example/x"),
    (Kind.URL, "https://a.example/x", {"url": "https://a.example/x"}),
    (Kind.URL, "https://a.example/x", "https://["),
    (Kind.OWN_URL, "https://a.example/", "https://b.example/"),
    (Kind.LANGUAGE, "pt-BR", "pt-PT"),
    (Kind.LANGUAGE, "pt", "pt-BR"),
    (Kind.LANGUAGE, "pt", ["pt"]),
    (Kind.DATE, "2026-01-05T10:00:00Z", "2026-01-05T10:00:00+01:00"),
    (Kind.DATE, "2026-01-05T10:00:00Z", "2026-01-06"),
    (Kind.DATE, "2026-01-05T10:00:00Z", "2026"),
    (Kind.DATE, "2026-01-05", "2026-01"),
    (Kind.DATE, "2026-01-05", 20260105),
    (Kind.DATE, "2026-01-05T10:00:00Z", "soon"),
    (Kind.TYPE, "video.movie", "video.episode"),
    (Kind.TYPE, "article", "website"),
    (Kind.TYPE, "article", ["article"]),
    (Kind.NAMES, ["Ann", "Bob"], ["Bob", "Ann"]),
    (Kind.NAMES, ["Ann", "Bob"], ["Ann and Bob"]),
    (Kind.TERMS, ["a", "b"], ["a"]),
    (Kind.TERMS, ["a"], [{"a": 1}]),
    (Kind.URLS, ["https://a.example/1"], ["https://a.example/1", "https://a.example/2"]),
    (Kind.ENTRIES, [{"rel": "icon", "url": "https://a.example/i"}], [{"rel": "mask", "url": "/i"}]),
    (Kind.ENTRIES, [{"url": "https://a.example/1"}], [{"url": "https://a.example/2"}]),
    (Kind.ENTRIES, [{"type": "t", "url": "https://a.example/f"}], [{"type": "t"}]),
    (Kind.ENTRIES, [{"type": "t", "url": "https://a.example/f"}], "https://a.example/f"),
    (Kind.PROPERTIES, {"image": ["/1", "/2"]}, {"image": ["/2", "/1"]}),
    (Kind.PROPERTIES, {"title": ["T"]}, {"title": ["T"], "type": ["x"]}),
    (Kind.PROPERTIES, {"title": ["T"]}, ["T"]),
    (Kind.OBJECTS, [{"@type": "A"}], [{"@type": "A"}, {"@type": "A"}]),
    (Kind.OBJECTS, [{"a": ["1", "2"]}], [{"a": ["2", "1"]}]),
    (Kind.OBJECTS, [{"a": "1"}], [{"a": 1}]),
]


@pytest.mark.parametrize(("kind", "expected", "got"), SAME)
def test_what_is_the_same_is_right(kind: Kind, expected: Any, got: Any) -> None:
    assert judge(kind, expected, got, page_url=PAGE) is Verdict.RIGHT


@pytest.mark.parametrize(("kind", "expected", "got"), OTHER)
def test_what_is_not_the_same_is_wrong(kind: Kind, expected: Any, got: Any) -> None:
    assert judge(kind, expected, got, page_url=PAGE) is Verdict.WRONG


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "rel", "image", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(got=JSON, case=st.sampled_from(SAME))
def test_a_value_of_any_form_is_judged(got: Any, case: tuple[Kind, Any, Any]) -> None:
    kind, expected, _ = case
    assert judge(kind, expected, got, page_url=PAGE) in Verdict


def test_every_kind_is_shown_to_accept_and_to_reject() -> None:
    assert {kind for kind, *_ in SAME} == {kind for kind, *_ in OTHER} == set(Kind)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_nothing_is_empty_missed_or_made_up(kind: Kind, nothing: Any) -> None:
    value = next(got for one, _, got in SAME if one is kind)
    assert judge(kind, nothing, None, page_url=PAGE) is Verdict.EMPTY
    assert judge(kind, nothing, value, page_url=PAGE) is Verdict.MADE_UP
    assert judge(kind, value, nothing, page_url=PAGE) is Verdict.MISSED


def test_false_and_zero_are_something() -> None:
    assert judge(Kind.EXACT, False, None, page_url=PAGE) is Verdict.MISSED
    assert judge(Kind.EXACT, None, 0, page_url=PAGE) is Verdict.MADE_UP


def test_the_pages_own_url_says_nothing_where_none_is_expected() -> None:
    assert judge(Kind.OWN_URL, None, PAGE, page_url=PAGE) is Verdict.EMPTY
    assert judge(Kind.OWN_URL, None, f"{PAGE}/2", page_url=PAGE) is Verdict.MADE_UP
    assert judge(Kind.URL, None, PAGE, page_url=PAGE) is Verdict.MADE_UP
    assert judge(Kind.OWN_URL, f"{PAGE}/2", PAGE, page_url=PAGE) is Verdict.WRONG


def test_a_score_counts_pages_and_values() -> None:
    verdicts = (
        [Verdict.RIGHT] * 5 + [Verdict.EMPTY] * 3 + [Verdict.MADE_UP, Verdict.WRONG] + [Verdict.MISSED] * 2
    )
    score = Score.of({str(number): verdict for number, verdict in enumerate(verdicts)})
    assert score == Score(right=5, empty=3, wrong=1, missed=2, made_up=1)
    assert (score.judged, score.there, score.given) == (12, 8, 7)
    assert (score.share, score.precision, score.recall) == (8 / 12, 5 / 7, 5 / 8)


def test_a_score_of_no_page_blames_nobody() -> None:
    score = Score.of({})
    assert (score.share, score.precision, score.recall) == (1.0, None, None)


def test_what_the_corpus_expects_is_scored_or_is_none_of_the_scored_groups() -> None:
    expected = {field for page in pages() for field in page.expected}
    assert set(KINDS) <= expected
    assert expected - set(KINDS) <= {
        "forms",
        "headings",
        "iframes",
        "images",
        "indexable_reason",
        "links",
        "scripts",
        "text_length",
        "word_count",
        "x_robots_tag",
    }
