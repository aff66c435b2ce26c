"""What may be sent to a server again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.history.validators import Asking, sendable_date, sendable_etag, values_of, variance
from scraper.settings.model import FetchSettings

DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    "tag", ['"x"', 'W/"x"', 'W/"a,b c"', "bare", "w/x", '""', '"*"', '"' + "x" * 1000 + '"']
)
def test_a_tag_is_sent_byte_by_byte(tag: str) -> None:
    assert sendable_etag(tag) == tag


@pytest.mark.parametrize(
    "tag",
    [None, "", "*", "W/*", '"é"', '"a\r\nX: y"', '"\x00"', " x", "x ", '"' + "x" * 1024 + '"', '"\udce9"'],
)
def test_a_tag_that_can_not_be_or_would_mean_another_thing_is_not_sent(tag: str | None) -> None:
    assert sendable_etag(tag) is None


@given(st.text())
def test_what_is_sent_is_what_came_and_one_line_of_ascii(tag: str) -> None:
    for sent in (sendable_etag(tag), sendable_date(tag, date=None)):
        assert sent is None or (sent == tag and sent.isascii() and sent.isprintable())


@pytest.mark.parametrize(
    ("modified", "date", "sent"),
    [
        (DATE, None, True),
        (DATE, "Wed, 21 Oct 2015 07:28:01 GMT", True),
        (DATE, DATE, False),  # RFC 9110 8.8.2.2
        (DATE, "Tue, 20 Oct 2015 07:28:00 GMT", False),
        (DATE, "never", True),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", None, True),
        ("2015-10-21", None, False),
        ("0", None, False),
        ("", None, False),
        (None, None, False),
        (DATE + " " * 60, None, False),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None, False),
    ],
)
def test_a_date_is_sent_when_it_is_one_and_tells_versions_apart(
    modified: str | None, date: str | None, *, sent: bool
) -> None:
    assert sendable_date(modified, date=date) == (modified if sent else None)


@pytest.mark.parametrize(
    ("values", "names", "unknown"),
    [
        ([], [], False),
        (
            ["Accept-Encoding, accept-LANGUAGE", "Cookie"],
            ["accept-encoding", "accept-language", "cookie"],
            False,
        ),
        ([" , ,"], [], False),
        (["*"], ["*"], True),
        (["Cookie, *"], ["*", "cookie"], True),
        (["x" * 65], [], True),
    ],
)
def test_what_an_answer_depends_on(values: list[str], names: list[str], *, unknown: bool) -> None:
    assert variance(values) == (names, unknown)


@given(st.lists(st.text(max_size=200), max_size=50))
def test_what_is_kept_of_it_is_bounded(values: list[str]) -> None:
    names, _ = variance(values)
    assert len(names) <= 32
    assert all(len(name) <= 64 for name in names)


def variant(names: list[str], *, salt: bytes = b"salt", agent: str = "me", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asking(FetchSettings(user_agent=agent, headers=named), salt=salt).variant(names)


def test_who_asks_differently_where_it_matters_is_told_apart() -> None:
    plain = variant([])
    assert variant([], Accept_Language="de") == plain
    assert variant(["accept-language"], Accept_Language="de") != plain
    assert variant(["accept-language"], Accept_Language="de") != variant(
        ["accept-language"], Accept_Language="fr"
    )
    assert variant(["accept-language"]) == plain
    assert variant([], agent="another") != plain
    assert variant([], Authorization="secret") != plain
    assert variant([], Authorization="secret") != variant([], Authorization="other")
    assert variant([], salt=b"other") != plain


def test_values_of_a_header_are_texts() -> None:
    assert values_of({"vary": ["a", 1]}, "vary") == ["a"]
    assert values_of({"vary": "a"}, "vary") == []
    assert values_of({}, "vary") == []
