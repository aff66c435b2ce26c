"""Records and runs for tests of what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from scraper.record import SCHEMA_VERSION, Outcome, Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def record(seq: int = 0, **fields: Any) -> Record:
    """An HTML page that was answered, or what the fields make of it."""
    url = fields.pop("url", f"https://a.example/{seq}")
    page = {
        "input": url or "no url",
        "extra": {},
        "url": url,
        "final_url": url,
        "key": url,
        "duplicate_of": None,
        "depth": 0,
        "parent": None,
        "outcome": Outcome.OK,
        "error": None,
        "retryable": False,
        "attempts": 1,
        "tries": [],
        "status": 200,
        "content_type": "text/html",
        "title": f"Page {seq}",
        "description": f"What page {seq} says.",
    }
    return Record(schema=SCHEMA_VERSION, run="r1", seq=seq, **{**page, **fields})


def write_run(path: Path, records: Iterable[Record]) -> Path:
    """Write a file of records, as a crawl does."""
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in records))
    return path
