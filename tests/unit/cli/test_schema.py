"""The published JSON Schema and the record that it describes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from scraper.cli.main import cli
from scraper.cli.schema import record_schema
from scraper.record import SCHEMA_VERSION, Outcome, Record
from scraper.settings.docstrings import field_docstrings


@pytest.fixture(scope="module")
def record() -> Any:
    return record_schema()["$defs"]["Record"]


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(cli, ["schema"])
    assert json.loads(result.stdout) == record_schema()


def test_it_has_the_records_fields_in_order(record: Any) -> None:
    assert list(record["properties"]) == list(Record.__struct_fields__)


def test_the_identity_and_outcome_fields_are_required(record: Any) -> None:
    assert record["required"][0] == "schema"
    assert record["required"][-1] == "tries"
    assert "status" not in record["required"]


def test_docstrings_are_descriptions(record: Any) -> None:
    docstrings = field_docstrings(Record)
    described = {name for name, rule in record["properties"].items() if rule.get("description")}
    assert described >= docstrings.keys() & record["properties"].keys()
    assert "from 0" in record["properties"]["seq"]["description"]


def test_it_carries_the_version(record: Any) -> None:
    assert record_schema()["$id"].endswith(f":{SCHEMA_VERSION}")
    assert record["properties"]["schema"]["const"] == SCHEMA_VERSION


def test_every_outcome_is_listed_and_explained() -> None:
    outcome = record_schema()["$defs"]["Outcome"]
    assert set(outcome["enum"]) == set(Outcome)
    assert all(f"{member.value}: " in outcome["description"] for member in Outcome)


def test_every_reference_leads_somewhere() -> None:
    schema = record_schema()
    references = {part.partition('"')[0] for part in json.dumps(schema).split('"#/$defs/')[1:]}
    assert references
    assert references <= schema["$defs"].keys()
