"""The published schema: records are held to it, and it keeps what its version promised."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from scraper import record_line
from scraper.record import SCHEMA_VERSION, Outcome
from scraper.verdict.page import Done
from tests.support.fakes import request
from tests.support.record_schema import PROMISED, check_record, promise


def record() -> dict[str, Any]:
    line, done = request("https://a.example/"), Done(outcome=Outcome.OK)
    written: dict[str, Any] = json.loads(
        record_line.finished(line, done, record_line.record_of(line, done, run="r1")).line
    )
    return written


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "0"},
        {"outcome": "fine"},
        {"titles": "T"},
        {"links": {"internal": 1.5}},
        {"titel": "T"},
        {"error": {"type": "E"}},
        {"schema": SCHEMA_VERSION + 1},
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, Any]) -> None:
    good = record()
    check_record(json.dumps(good))
    with pytest.raises(jsonschema_rs.ValidationError):
        check_record(json.dumps(good | change))
    del good["key"]
    with pytest.raises(jsonschema_rs.ValidationError):
        check_record(json.dumps(good))


def test_records_are_checked_where_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixture in conftest.py sees what is not to be written."""
    monkeypatch.setattr(record_line, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(jsonschema_rs.ValidationError):
        record()


def broken_promises(promised: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what users of a version relied on and would no longer get; what is new breaks nothing."""
    broken = [name for name in promised if name not in now]
    for name in promised.keys() & now.keys():
        old, new = promised[name], now[name]
        fields = new.get("fields", {})
        broken += [f"{name}.{one}" for one, form in old.get("fields", {}).items() if fields.get(one) != form]
        broken += [
            f"{name}.{one} required" for one in set(old.get("required", ())) - {*new.get("required", ())}
        ]
        broken += [f"{name} {one}" for one in set(old.get("values", ())) - {*new.get("values", ())}]
    return sorted(broken)


def test_the_schema_keeps_what_its_version_promised() -> None:
    """A changed field needs a new version; then ``python -m tests.support.record_schema`` writes its file."""
    promised = json.loads((PROMISED / f"{SCHEMA_VERSION}.json").read_bytes())
    assert broken_promises(promised, promise()) == [], "raise SCHEMA_VERSION"
    assert promised == promise(), "new fields are promised too: python -m tests.support.record_schema"


def test_a_changed_field_is_a_broken_promise() -> None:
    now = promise()
    now["Record"]["fields"]["status"] = {"type": "string"}
    del now["Record"]["fields"]["etag"]
    now["Record"]["required"].remove("key")
    now["Outcome"]["values"].remove("ok")
    now["Record"]["fields"]["new"] = {"type": "string"}
    del now["Icon"]
    expected = ["Icon", "Outcome ok", "Record.etag", "Record.key required", "Record.status"]
    assert broken_promises(promise(), now) == expected
