"""``scraper schema``: the JSON Schema of a record, made from the code that writes records."""

from __future__ import annotations

import enum
import json
from typing import Any

import click
import msgspec

from scraper import record
from scraper.record import SCHEMA_VERSION, Record
from scraper.settings.docstrings import field_docstrings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@click.command()
def schema() -> None:
    """Print the JSON Schema of a record, for validators and code generators."""
    click.echo(json.dumps(record_schema(), indent=2))


def record_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``Record``.

    Field docstrings are the descriptions. ``required`` holds the fields that every record has; the
    others are left out where they are empty. ``$id`` changes with ``SCHEMA_VERSION``.
    """
    (root,), definitions = msgspec.json.schema_components([Record], ref_template="#/$defs/{name}")
    for name, definition in definitions.items():
        _describe(definition, getattr(record, name))
    definitions["Record"]["properties"]["schema"]["const"] = SCHEMA_VERSION
    return {
        "$schema": DIALECT,
        "$id": f"urn:scraper:record:{SCHEMA_VERSION}",
        **root,
        "$defs": definitions,
    }


def _describe(definition: dict[str, Any], cls: type) -> None:
    definition["description"] = (cls.__doc__ or "").partition("\n")[0]
    docstrings = field_docstrings(cls)
    if issubclass(cls, enum.Enum):
        meanings = "; ".join(f"{member.value}: {docstrings.get(member.name, '')}" for member in cls)
        definition["description"] += f" {meanings}"
        return
    for field, rule in definition["properties"].items():
        if field in docstrings:
            rule["description"] = docstrings[field].replace("``", "`")
