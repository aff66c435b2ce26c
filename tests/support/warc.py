"""Archives read back by warcio, and exchanges to be archived."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]

from scraper.exchange import Exchange, Purpose
from scraper.sinks.archive_files import files_there

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

AT = datetime(2026, 1, 31, 9, 30, 0, 125_000, tzinfo=UTC)


class Kept(NamedTuple):
    """One record of an archive."""

    kind: str
    fields: dict[str, str]
    head: str
    """The first line and the headers of HTTP, empty without."""
    content: bytes
    """What is behind the head, as it lies there."""

    @property
    def url(self) -> str:
        """What it is of."""
        return self.fields["WARC-Target-URI"]


def records_of(data: bytes) -> list[Kept]:
    """Return the records of a file; fails when warcio finds fault with any, or a digest is wrong."""
    found = []
    for record in ArchiveIterator(io.BytesIO(data), check_digests="raise"):
        fields = dict(record.rec_headers.headers)
        assert len(fields) == len(record.rec_headers.headers), "a field is there twice"
        content = record.raw_stream.read()
        assert record.rec_type == "revisit" or record.digest_checker.passed is not False
        head = record.http_headers.to_str() if record.http_headers else ""
        found.append(Kept(record.rec_type, fields, head, content))
    return found


def archive_of(first: Path) -> list[Kept]:
    """Return the records of all files of an archive; each must begin with its ``warcinfo``."""
    found = []
    for path in files_there(first):
        records = records_of(path.read_bytes())
        assert records[0].kind == "warcinfo"
        assert records[0].fields["WARC-Filename"] == path.name
        found += records
    return found


class Group(NamedTuple):
    """An exchange as its three records."""

    answer: Kept
    request: Kept
    purpose: dict[str, Any]


def groups_of(records: Iterable[Kept]) -> list[Group]:
    """Return the exchanges of an archive; fails when the records of one don't belong together."""
    rest = [record for record in records if record.kind != "warcinfo"]
    found = []
    for answer, request, metadata in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        assert answer.kind in {"response", "revisit"}
        assert (request.kind, metadata.kind) == ("request", "metadata")
        for other in (request, metadata):
            assert other.fields["WARC-Concurrent-To"] == answer.fields["WARC-Record-ID"]
            assert other.url == answer.url
            assert other.fields["WARC-Date"] == answer.fields["WARC-Date"]
        found.append(Group(answer, request, json.loads(metadata.content)))
    ids = [record.fields["WARC-Record-ID"] for record in rest]
    assert len(set(ids)) == len(ids)
    return found


def exchange(url: str = "https://a.example/", **changes: Any) -> Exchange:
    """Return an exchange with a small page, but for the changes."""
    parts: dict[str, Any] = {
        "url": url,
        "target": "/",
        "request_headers": (("Host", "a.example"), ("User-Agent", "test/1")),
        "http_version": "1.1",
        "status": 200,
        "reason": "OK",
        "headers": ((b"Content-Type", b"text/html"),),
        "body": b"<title>A page</title>",
        "truncation": None,
        "at": AT,
        "ip": "192.0.2.7",
    }
    return Exchange(**{**parts, **changes})


PURPOSE = Purpose(kind="page", run="r1", seq=0, input="a.example", url="https://a.example/")
