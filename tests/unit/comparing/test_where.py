"""Conditions on records."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.comparing.values import MAX_SEARCHED
from scraper.comparing.where import MAX_CHARS, MAX_DEPTH, WhereError, condition

RECORD: dict[str, Any] = {
    "status": 404,
    "outcome": "http_error",
    "url": "https://a.example/shop/1?page=2",
    "title": 'It\'s "so"',
    "error": {"type": "X", "message": "a\\b"},
    "links": {"total": 0},
    "robots": {"allowed": False},
    "tags": ["red", "green"],
    "headers": {"content-type": ["text/html"]},
    "elapsed": 1.5,
    "retryable": True,
    "duplicate_of": None,
    "extra": {"n": 404},
}


@pytest.mark.parametrize(
    "text",
    [
        "status == 404",
        "status != 200",
        "status >= 404 and status <= 404 and status > 403 and status < 405",
        "elapsed > 1 and elapsed == 1.5 and elapsed <= 15e-1",
        "links.total > -1",
        'outcome == "http_error"',
        "outcome == 'http_error'",
        r"""title == 'It\'s "so"'""",
        r'''title == "It's \"so\""''',
        r"error.message == 'a\\b'",
        r"url ~ '/shop/\d+\?page='",
        'url ~ "^https"',
        'tags ~ "^gr"',
        "status in [200, 404]",
        "status in (200, 404)",
        "status not in []",
        '"red" in tags',
        '"blue" not in tags',
        '"shop" in url',
        '"content-type" in headers',
        "headers.content-type ~ 'html'",
        "not robots.allowed",
        "not links.total",
        "retryable",
        "retryable == true",
        "robots.allowed == false",
        "duplicate_of == null",
        "lang == null and error.phase == null and og.title == null",
        "lang != 'en'",
        "lang in [null, 'de']",
        "not (lang < 'z') and not (fields.lang > 0)",
        "status == 200 or status == 404 and not (status == 500)",
        "status == 404 or status == 404 and status == 1",
        "(status == 1 or status == 404) and retryable",
        "not status == 200",
        "not not retryable",
        "status\n==\t404",
        "(status) == 404",
        "status == links.total or status > links.total",
    ],
)
def test_what_the_record_meets(text: str) -> None:
    assert condition(text)(RECORD) is True
    assert condition(f"not ({text})")(RECORD) is False


@pytest.mark.parametrize(
    "text",
    [
        'extra.n == "404"',  # a number is no text
        "extra.n < '5'",
        "status == headers.status",
        "retryable == 1",
        "retryable > 0",
        "fields.lang < 1",
        "lang >= null",
        "lang ~ ''",
        "status ~ '4'",
        '"st" in status',
        "1 in links",
        "tags == 'red'",
        "false or null or 0 or '' or []",
    ],
)
def test_what_it_does_not_meet(text: str) -> None:
    assert condition(text)(RECORD) is False


@pytest.mark.parametrize(
    ("text", "at", "told"),
    [
        ("", 1, "expected a field or a value: it is empty"),
        ("status = 404", 8, "to compare write '=='"),
        ("statsu == 404", 1, "did you mean 'status'"),
        ("status == 404 and", 18, "expected a field or a value"),
        ("status == 404 status", 15, "did not expect 'status'"),
        ("status == 'x", 11, "without its closing quote"),
        ("(status == 1", 13, "expected ')'"),
        ("status in [1, status]", 15, "a list holds values"),
        ("status in [1 2]", 14, "expected ','"),
        ("status in [[1]]", 12, "a list holds values"),
        ("url ~ '('", 7, "no regular expression"),
        ("url ~ title", 7, "a regular expression in quotes"),
        ("url ~ 1", 7, "a regular expression in quotes"),
        ("url ~ 'a{99999999999999999999}'", 7, "no regular expression"),
        ("status not 1", 12, "expected 'in' behind 'not'"),
        ("status == 1 == 1", 13, "did not expect '=='"),
        ("__import__('os')", 1, "no field '__import__'"),
        ("status.__class__", 1, "no field"),
        ("url; url", 4, "did not expect ';'"),
        ("and", 1, "expected a field or a value"),
        ("title is null", 7, "did not expect 'is': compare with '=='"),
        ("url contains 'x'", 5, "search with '~'"),
        ("status == 404 && retryable", 15, "join with 'and'"),
        ("status == 404 OR retryable", 15, "write 'or'"),
        (
            "outcome == ok",
            12,
            "a record has no field 'ok'; `scraper schema` lists them; a text stands in quotes",
        ),
        ("outcome in [ok]", 13, "a text stands in quotes"),
        ("len(title) > 60", 1, "no field 'len', and there are no functions"),
        ("status == '404'", 11, "status is a number: write it without quotes"),
        ("'404' != status", 10, "status is a number"),
        ("status in [404, '410']", 11, "status is a number"),
        ("links.total > '5'", 15, "links.total is a number"),
        ("lang == 1", 9, "lang is a text: write it in quotes"),
        ("outcome in (1, null)", 12, "outcome is a text"),
        ("status == 4x", 11, "did not expect '4'"),
        ("(" * 100 + "status" + ")" * 100, MAX_DEPTH + 2, "nested deeper"),
        ("not " * 100 + "status", 4 * (MAX_DEPTH + 1) + 1, "nested deeper"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, at: int, told: str) -> None:
    with pytest.raises(WhereError) as caught:
        condition(text)
    message = str(caught.value)
    assert told in message
    assert f"character {at}:" in message
    assert "\n" not in message


def test_it_is_bounded() -> None:
    with pytest.raises(WhereError, match="longer than"):
        condition("status == 1 or " * MAX_CHARS + "status")
    late = {"title": "a" * MAX_SEARCHED + "b"}
    assert not condition("title ~ 'b'")(late)
    assert not condition("tags ~ 'b'")({"tags": [late["title"]]})
    many = " or ".join(["status"] * 300)
    assert condition(many)(RECORD)


@given(st.text("status.url~=<>!()[],'\"\\ andornotin0123-", max_size=40))
def test_any_text_is_a_condition_or_told_to_be_none(text: str) -> None:
    with contextlib.suppress(WhereError):
        assert condition(text)(RECORD) in {True, False}


atoms = st.sampled_from(["status == 404", "status == 1", "lang == null", "lang"])


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(parts, parts)
    return st.one_of(
        pairs.map(" and ".join),
        pairs.map(" or ".join),
        parts.map("({})".format),
        parts.map("not {}".format),
    )


@given(st.recursive(atoms, _joined, max_leaves=12))
def test_what_is_joined_binds_as_in_python(text: str) -> None:
    python = text.replace("status", "404").replace("lang == null", "True").replace("lang", "False")
    assert condition(text)(RECORD) is bool(eval(python))  # noqa: S307 - of our own making
