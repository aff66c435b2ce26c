"""Names of fields as users write them."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.comparing.names import UnknownField, field_path, field_paths, value_at


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("title", ("title",)),
        ("error.type", ("error", "type")),
        ("links.total", ("links", "total")),
        ("headers.content-type", ("headers", "content-type")),
        ("fields.price.net", ("fields", "price.net")),
        ("redirects", ("redirects",)),
    ],
)
def test_a_name_in_its_parts(name: str, parts: tuple[str, ...]) -> None:
    assert field_path(name) == parts


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("titel", "no field 'titel'; did you mean 'title'?"),
        ("error.typ", "no field 'error.typ'; did you mean 'error.type'?"),
        ("error.xyzzy", "no field 'error.xyzzy'; error has type, message, phase"),
        ("xyzzy", "`scraper schema` lists them"),
        ("", "no field ''"),
        ("og.", "ends in a dot"),
        ("status.code", "there is nothing below status"),
        ("redirects.url", "there is nothing below redirects"),
        ("error.", "no field 'error.'"),
    ],
)
def test_what_no_record_has_is_refused_with_a_hint(name: str, told: str) -> None:
    with pytest.raises(UnknownField, match=told.replace("?", r"\?")):
        field_path(name)


def test_each_name_counts_once() -> None:
    assert field_paths(["url", "title", "url"]) == [("url",), ("title",)]


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({"error": {"type": "X"}}, "X"),
        ({"error": None}, None),
        ({}, None),
        ({"error": ["type"]}, None),
        ({"error": {"type": False}}, False),
    ],
)
def test_what_is_missing_is_null(record: dict[str, Any], value: object) -> None:
    assert value_at(record, field_path("error.type")) is value
