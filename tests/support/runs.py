"""Records of runs that nobody has crawled, for what reads runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.record_schema import check_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def a_record(page: int | str = 0, **fields: Any) -> dict[str, Any]:
    """Return the record of a page of ``a.example``, or of a URL: ``ok`` unless the fields say otherwise."""
    url = page if isinstance(page, str) else f"https://a.example/{page}"
    record: dict[str, Any] = {
        "schema": 1,
        "run": "r1",
        "seq": page if isinstance(page, int) else 0,
        "input": url,
        "extra": {},
        "url": url,
        "final_url": url,
        "key": url,
        "duplicate_of": None,
        "depth": 0,
        "parent": None,
        "outcome": "ok",
        "error": None,
        "retryable": False,
        "attempts": 1,
        "tries": [],
        "status": 200,
        **fields,
    }
    return {name: value for name, value in record.items() if value is not None or name in _ALWAYS}


def write_run(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    """Write records as JSON Lines, each held to the schema; return the path."""
    lines = [json.dumps(record) for record in records]
    for line in lines:
        check_record(line.encode())
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


_ALWAYS = frozenset({"url", "final_url", "key", "duplicate_of", "parent", "error"})
