"""What has become of a page between two records of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.comparing.changes import Digests, change_between, compared_fields, compared_values
from scraper.comparing.names import UnknownField, shown_path
from scraper.record import ChangeStatus
from tests.support.runs import a_record

DEFAULT = compared_fields([])
MISSING = {"outcome": "http_error", "status": 404}
DEAD = {"outcome": "timeout", "status": None}


@pytest.mark.parametrize(
    ("old", "new", "status", "fields"),
    [
        (None, {}, "new", []),
        ({}, None, "gone", []),
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
def test_each_course(
    old: dict[str, Any] | None, new: dict[str, Any] | None, status: str, fields: list[str]
) -> None:
    before, after = (None if part is None else a_record(1, **part) for part in (old, new))
    change = change_between(before, after, DEFAULT)
    assert (change.status, change.fields) == (ChangeStatus(status), fields)


def test_without_any_record_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="no record"):
        change_between(None, None, DEFAULT)


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
    assert (change_between(one, other, FEW).status is ChangeStatus.UNCHANGED) is same
