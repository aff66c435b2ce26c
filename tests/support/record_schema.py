"""Holds records to the schema that users are given, and this schema to what its version promised."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from scraper.cli.schema import record_schema
from scraper.record import SCHEMA_VERSION

PROMISED: Final = Path(__file__).parents[1] / "data" / "schema"
"""For each version of the schema, what its users may rely on: ``1.json`` and so on."""


def check_record(line: bytes | str) -> None:
    """Hold a record, as it is written, to the schema; fields that the schema does not know are wrong too.

    Raises:
        jsonschema_rs.ValidationError: the record is none.
    """
    _validator().validate(json.loads(line))


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    # Published it has to let unknown fields pass, since adding one does not change the version.
    strict = copy.deepcopy(record_schema())
    for definition in strict["$defs"].values():
        if "properties" in definition:
            definition["additionalProperties"] = False
    return jsonschema_rs.Draft202012Validator(strict)


def promise() -> dict[str, dict[str, Any]]:
    """Return what a version's users rely on: each part's fields, how each is made, and which always come."""
    found: dict[str, dict[str, Any]] = {}
    for name, definition in record_schema()["$defs"].items():
        if "properties" in definition:
            fields = {field: _form(rule) for field, rule in definition["properties"].items()}
            found[name] = {"fields": fields, "required": sorted(definition.get("required", ()))}
        else:
            found[name] = {"values": sorted(definition["enum"])}
    return found


def _form(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in {"description", "default"}}


if __name__ == "__main__":
    path = PROMISED / f"{SCHEMA_VERSION}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(promise(), indent=1, sort_keys=True) + "\n", "utf-8")
