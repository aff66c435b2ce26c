from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.directives import (
    MAX_DIRECTIVES,
    combined,
    directives_for,
    expires_at,
    forbids_following,
    said_in_headers,
    said_in_metas,
)

US = "ourbot"
RFC850 = "saturday, 25-jun-2011 15:00:00 gmt"

WORDS = st.sampled_from(
    [
        "noindex",
        "INDEX",
        "none",
        "all",
        "max-snippet:",
        "50",
        "-1",
        "unavailable_after:",
        "25-Jun-2011",
        "ourbot:",
        "*:",
        ",",
        ";",
        " ",
        ":",
        "\0",
        "x",
    ]
)
TEXTS = st.one_of(st.lists(WORDS).map("".join), st.text())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("noindex, nofollow", ["noindex", "nofollow"]),
        ("NOINDEX,NoFollow", ["noindex", "nofollow"]),
        (" , index ,, follow,", ["index", "follow"]),
        ("none", ["none"]),
        ("", []),
        ("max-snippet:-1, max-image-preview:large", ["max-snippet:-1", "max-image-preview:large"]),
        ("max-snippet: 50", ["max-snippet: 50"]),
        # Not as published, and met all the same.
        ("noindex nofollow", ["noindex", "nofollow"]),
        ("noindex;nofollow;", ["noindex", "nofollow"]),
        ("index,follow max-snippet:20", ["index", "follow", "max-snippet:20"]),
        ("do not index this", ["do not index this"]),
        ("noindex please", ["noindex please"]),
        # Commas that belong to a date.
        (
            f"unavailable_after: {RFC850}, noarchive",
            [f"unavailable_after: {RFC850}", "noarchive"],
        ),
        ("unavailable_after: 2025-01-01, noindex", ["unavailable_after: 2025-01-01", "noindex"]),
        ("unavailable_after: Jan 1, 2025 10:00:00 EST", ["unavailable_after: jan 1, 2025 10:00:00 est"]),
    ],
)
def test_a_document_s_directives(content: str, said: list[str]) -> None:
    assert said_in_metas(US, metas=[("robots", content)]) == said


def test_only_what_is_for_us_and_everyone_counts() -> None:
    metas = [
        ("Robots", "noarchive"),
        ("googlebot", "noindex"),
        (" OurBot ", "nofollow"),
        ("description", "noindex"),
        ("robots", "index"),
    ]
    assert said_in_metas("OurBot", metas=metas) == ["noarchive", "nofollow", "index"]
    assert said_in_metas("", metas=metas) == ["noarchive", "index"]
    assert said_in_metas("googlebot", metas=metas) == ["noarchive", "noindex", "index"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (["noindex"], ["noindex"]),
        (["noindex, nofollow", "NoArchive"], ["noindex", "nofollow", "noarchive"]),
        (["otherbot: noindex, nofollow"], []),
        (["OurBot: noindex, nofollow"], ["noindex", "nofollow"]),
        (["*: noindex", "robots: nofollow"], ["noindex", "nofollow"]),
        # Headers that a proxy joined: a name is for all up to the next one.
        (["noarchive, otherbot: noindex, nofollow, ourbot: nosnippet"], ["noarchive", "nosnippet"]),
        (["otherbot: noindex", "nofollow"], ["nofollow"]),
        # A directive's colon makes no name.
        (["max-snippet: 20, noindex"], ["max-snippet: 20", "noindex"]),
        (["otherbot: max-snippet:20", "ourbot: max-snippet:30"], ["max-snippet:30"]),
        ([f"unavailable_after: {RFC850}"], [f"unavailable_after: {RFC850}"]),
        ([f"ourbot: unavailable_after: {RFC850}, noindex"], [f"unavailable_after: {RFC850}", "noindex"]),
        ([f"otherbot: unavailable_after: {RFC850}, noindex"], []),
        (["noindex nofollow"], ["noindex", "nofollow"]),
        (["", " , ", ":"], [":"]),
    ],
)
def test_a_header_s_directives(headers: list[str], said: list[str]) -> None:
    assert said_in_headers(US, headers=headers) == said


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ([], []),
        (["all"], []),
        (["index", "follow"], []),
        (["index", "noindex"], ["noindex"]),
        (["noindex", "all"], ["noindex"]),
        (["none"], ["noindex", "nofollow"]),
        (["nofollow", "none", "follow"], ["noindex", "nofollow"]),
        (["max-snippet:50", "max-snippet: 20", "max-snippet:-1"], ["max-snippet:20"]),
        (["max-snippet:-1"], ["max-snippet:-1"]),
        (["max-snippet:50", "nosnippet"], ["nosnippet"]),
        (["max-snippet:0", "max-snippet:9"], ["nosnippet"]),
        (["max-video-preview:-1", "max-video-preview:0"], ["max-video-preview:0"]),
        (["max-image-preview:large", "max-image-preview:none"], ["max-image-preview:none"]),
        (["max-image-preview:standard", "max-image-preview:large"], ["max-image-preview:standard"]),
        (["nocache"], ["noarchive"]),
        (["noai", "noimageai"], ["noai", "noimageai"]),
        (["noindex", "indexifembedded"], ["noindex", "indexifembedded"]),
        # What can't be read has no effect.
        (["max-snippet:few", "max-image-preview:huge", "max-snippet:-2", "unknown", "un-known:1"], []),
        (["unavailable_after:soon", "unavailable_after:"], []),
        (
            ["unavailable_after: 2030-01-01", "unavailable_after: 1 jan 2029 00:00:00 gmt"],
            ["unavailable_after:1 jan 2029 00:00:00 gmt"],
        ),
    ],
)
def test_the_most_restrictive_holds(said: list[str], holds: list[str]) -> None:
    assert combined(said) == holds


def test_documents_and_headers_add_up() -> None:
    metas = [("robots", "index, max-snippet:50"), (US, "nofollow")]
    headers = ["max-snippet: 10", "otherbot: noindex"]
    assert directives_for(US, metas=metas, headers=headers) == ["nofollow", "max-snippet:10"]
    assert directives_for("otherbot", metas=metas, headers=headers) == ["noindex", "max-snippet:10"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("saturday, 25-jun-2011 15:00:00 gmt", datetime(2011, 6, 25, 15, tzinfo=UTC)),
        ("saturday, 25-jun-11 15:00:00 gmt", datetime(2011, 6, 25, 15, tzinfo=UTC)),
        ("25 jun 2010 15:00:00 pst", datetime(2010, 6, 25, 23, tzinfo=UTC)),
        ("sat, 25 jun 2011 15:00:00 +0200", datetime(2011, 6, 25, 13, tzinfo=UTC)),
        ("25 jun 2010", datetime(2010, 6, 25, tzinfo=UTC)),
        ("aug 31, 2025 23:59:59 est", datetime(2025, 9, 1, 4, 59, 59, tzinfo=UTC)),
        ("2025-12-31", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025-12-31t10:00:00z", datetime(2025, 12, 31, 10, tzinfo=UTC)),
        ("2025-12-31 10:00:00", datetime(2025, 12, 31, 10, tzinfo=UTC)),
        ("2025-12-31t10:00:00+02:00", datetime(2025, 12, 31, 10, tzinfo=timezone(timedelta(hours=2)))),
        ("soon", None),
        ("", None),
        ("99 foo 99999 99:99:99 gmt", None),
        ("1 jan 2025 10:00:00 +9999999", None),
    ],
)
def test_when_a_page_wants_to_be_forgotten(text: str, at: datetime | None) -> None:
    assert expires_at([f"unavailable_after: {text}"]) == at


def test_the_earliest_date_counts() -> None:
    said = ["unavailable_after:2031-01-01", "noindex", "unavailable_after:2030-01-01", "unavailable_after:x"]
    assert expires_at(said) == datetime(2030, 1, 1, tzinfo=UTC)
    assert expires_at(["noindex"]) is None


@pytest.mark.parametrize(
    ("said", "forbids"), [(["none"], True), (["index", "nofollow"], True), (["noindex"], False), ([], False)]
)
def test_whether_links_are_left_alone(said: list[str], *, forbids: bool) -> None:
    assert forbids_following(said) is forbids


@given(st.lists(TEXTS), st.lists(TEXTS))
def test_any_text_gives_directives(contents: list[str], headers: list[str]) -> None:
    holds = directives_for(US, metas=[("robots", one) for one in contents], headers=headers)
    assert combined(holds) == holds
    assert len(set(holds)) == len(holds)


@given(st.lists(TEXTS), st.lists(TEXTS))
def test_what_is_said_besides_never_lifts_a_restriction(some: list[str], more: list[str]) -> None:
    alone = combined(said_in_headers(US, headers=some))
    together = combined(said_in_headers(US, headers=[*some, *more]))
    plain = {one for one in alone if ":" not in one}
    assert plain <= set(together)


def test_masses_are_bounded() -> None:
    masses = ["noindex," * 50_000, "a:" * 50_000, "unavailable_after," + "1," * 50_000, "x" * 1_000_000]
    for text in masses:
        for said in (said_in_metas(US, metas=[("robots", text)] * 3), said_in_headers(US, headers=[text])):
            assert len(said) <= MAX_DIRECTIVES
            assert all(len(one) <= 1000 for one in said)
