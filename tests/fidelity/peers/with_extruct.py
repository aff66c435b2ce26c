"""extruct: structured data. What it leaves as the page has it is brought into the record's form."""

from __future__ import annotations

import re
from typing import Any

import extruct  # type: ignore[import-not-found,import-untyped,unused-ignore]

from tests.fidelity.peers.answering import answer

_DUBLIN_CORE = re.compile(r"(?:dc|dcterms|dct)[.:](.+)", re.IGNORECASE)


def read(html: str, url: str) -> dict[str, Any]:
    """Return what it says; a syntax that it fails at is empty, as with ``errors="log"`` in its README."""
    found = extruct.extract(
        html,
        base_url=url,
        syntaxes=["json-ld", "microdata", "opengraph", "dublincore"],
        errors="ignore",
    )
    return {
        "jsonld": [one for block in found.get("json-ld", []) for one in _flat(block)],
        "microdata": [_item(item) for item in found.get("microdata", [])],
        "og": _open_graph(found.get("opengraph", [])),
        "dublin_core": _dublin_core(found.get("dublincore", [])),
    }


def _flat(block: Any) -> list[Any]:
    """Return each object for itself, also those of an array or a ``@graph``."""
    if isinstance(block, list):
        return [one for entry in block for one in _flat(entry)]
    if isinstance(block, dict) and isinstance(block.get("@graph"), list):
        rest = {name: value for name, value in block.items() if name not in {"@graph", "@context"}}
        return [*_flat(block["@graph"]), *([rest] if len(rest) > len(rest.keys() & {"@id"}) else [])]
    return [block]


def _item(value: Any) -> Any:
    """Return an item in the form of the HTML Standard: lists of types and of values."""
    if isinstance(value, list):
        return [_item(one) for one in value]
    if not isinstance(value, dict):
        return value
    item: dict[str, Any] = {}
    if "type" in value:
        item["type"] = value["type"] if isinstance(value["type"], list) else [value["type"]]
    if "id" in value:
        item["id"] = value["id"]
    item["properties"] = {
        name: [_item(one) for one in (held if isinstance(held, list) else [held])]
        for name, held in value.get("properties", {}).items()
    }
    return item


def _open_graph(documents: list[dict[str, Any]]) -> dict[str, list[str]]:
    og: dict[str, list[str]] = {}
    for document in documents:
        for name, value in document["properties"]:
            if name.startswith("og:"):
                og.setdefault(name.removeprefix("og:"), []).append(value)
    return og


def _dublin_core(documents: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Leave out what is no Dublin Core by its name: it takes ``<meta name=description>`` for that too."""
    described: dict[str, list[str]] = {}
    for document in documents:
        for element in [*document["elements"], *document["terms"]]:
            named = _DUBLIN_CORE.fullmatch(element.get("name", ""))
            content = element.get("content")
            if named and content and content not in (values := described.setdefault(named[1], [])):
                values.append(content)
    return described


if __name__ == "__main__":
    answer("extruct", ("jsonld", "microdata", "og", "dublin_core"), read)
