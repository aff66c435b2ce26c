"""What has become of a page between two records of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.comparing.changes import Digests, compared_fields, compared_values, course, differing_fields
from scraper.comparing.names import UnknownField, shown_path
from tests.support.runs import a_record

DEFAULT = compared_fields([])
MISSING = {"outcome": "http_error", "status": 404}
DEAD = {"outcome": "timeout", "status": None}


@pytest.mark.parametrize(
    ("old", "new", "status", "fields"),
    [
        ({}, {}, "unchanged", []),
        ({"title": "A"}, {"title": "B"}, "changed", ["title"]),
        ({"title": "A"}, {}, "changed", ["title"]),
        ({"keywords": []}, {}, "unchanged", []),
        ({"og": {"a": ["1"], "b": ["2"]}}, {"og": {"b": ["2"], "a": ["1"]}}, "unchanged", []),
        ({"keywords": ["a", "b"]}, {"keywords": ["b", "a"]}, "changed", ["keywords"]),
        ({"fields": {"price": 1}}, {"fields": {"price": 2}}, "changed", ["fields"]),
        ({"forms": 0}, {}, "changed", ["forms"]),
        ({}, MISSING, "gone", ["outcome", "status"]),
        ({}, {**MISSING, "status": 410}, "gone", ["outcome", "status"]),
        (MISSING, {**MISSING, "status": 410}, "changed", ["status"]),
        (MISSING, {}, "recovered", ["outcome", "status"]),
        (DEAD, {}, "recovered", ["outcome", "status"]),
        ({}, DEAD, "changed", ["outcome", "status"]),
        (MISSING, MISSING, "unchanged", []),
        ({"run": "r1", "elapsed": 1.0, "wire_size": 3}, {"run": "r2", "elapsed": 2.0}, "unchanged", []),
        ({"headers": {"date": ["x"]}}, {"headers": {"date": ["y"]}}, "unchanged", []),
        ({"simhash": "0"}, {"simhash": "1"}, "unchanged", []),
    ],
)
def test_each_course(old: dict[str, Any], new: dict[str, Any], status: str, fields: list[str]) -> None:
    before, after = a_record(1, **old), a_record(1, **new)
    differing = differing_fields(before, after, DEFAULT)
    assert differing == fields
    assert status == (course(before, after).value if differing else "unchanged")


def test_fields_replace_the_usual_ones_or_change_them() -> None:
    usual = list(map(shown_path, DEFAULT))
    assert usual[:3] == ["outcome", "status", "final_url"]
    assert not {"elapsed", "headers", "run", "wire_size", "fetched_at", "body_sha256"} & set(usual)
    assert list(map(shown_path, compared_fields(["status", "og.title"]))) == ["status", "og.title"]
    widened = list(map(shown_path, compared_fields(["+size", "-title", "+error.type"])))
    assert set(widened) == {*usual, "size", "error.type"} - {"title"}
    with pytest.raises(UnknownField, match="did you mean 'title'"):
        compared_fields(["-titel"])


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([1.0, "", "a", "b"]),
    st.just([]),
    st.just({}),
)
FEW = compared_fields(["title", "status", "forms", "og.title"])
records = st.fixed_dictionaries(
    {},
    optional={
        "title": values,
        "status": values,
        "forms": values,
        "og": st.dictionaries(st.just("title"), values),
    },
)


@given(records, records)
def test_digests_are_equal_precisely_for_equal_values(one: dict[str, Any], other: dict[str, Any]) -> None:
    digests = Digests(FEW)
    same = json.dumps(compared_values(one, FEW)) == json.dumps(compared_values(other, FEW))
    assert (digests.of(one) == digests.of(other)) is same
    assert (not differing_fields(one, other, FEW)) is same
