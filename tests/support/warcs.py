"""Archives as other programs write them, made by warcio; and the ways in which they differ."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Self

from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]
from warcio.warcwriter import WARCWriter  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HTML = ("Content-Type", "text/html")


class Archive:
    """A WARC file being written; a context manager that closes it."""

    def __init__(self, path: Path, *, version: str = "1.1") -> None:
        """Begin a file: compressed by record if it ends in ``.gz``."""
        self.path = path
        self._file = path.open("wb")
        self._writer = WARCWriter(self._file, gzip=path.suffix == ".gz", warc_version=version)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def info(self, **facts: str) -> None:
        """Write a warcinfo."""
        self._writer.write_record(self._writer.create_warcinfo_record(self.path.name, facts))

    def response(
        self,
        url: str,
        body: bytes = b"",
        *headers: tuple[str, str],
        status: str = "200 OK",
        protocol: str = "HTTP/1.1",
        fields: Mapping[str, str] | None = None,
    ) -> Any:
        """Write a response and return its record."""
        head = StatusAndHeaders(status, list(headers or (HTML,)), protocol=protocol)
        return self._write("response", url, body, head, fields)

    def redirect(self, url: str, location: str, *, status: str = "301 Moved") -> Any:
        """Write a redirect."""
        return self.response(url, b"", ("Location", location), status=status)

    def revisit(
        self,
        url: str,
        earlier: Any,
        *headers: tuple[str, str],
        status: str = "200 OK",
        by: Sequence[str] = (),
    ) -> Any:
        """Write a revisit that has the payload of an earlier record.

        Args:
            url: What was asked for.
            earlier: The record of the first answer.
            headers: Of this one.
            status: Of this one.
            by: Fields to leave out of those that say which answer that is.
        """
        fields = earlier.rec_headers
        head = StatusAndHeaders(status, list(headers or (HTML,)), protocol="HTTP/1.1")
        record = self._writer.create_revisit_record(
            url,
            digest=fields.get_header("WARC-Payload-Digest"),
            refers_to_uri=fields.get_header("WARC-Target-URI"),
            refers_to_date=fields.get_header("WARC-Date"),
            http_headers=head,
        )
        record.rec_headers.add_header("WARC-Refers-To", fields.get_header("WARC-Record-ID"))
        for name in by:
            record.rec_headers.remove_header(name)
        self._writer.write_record(record)
        return record

    def record(self, kind: str, url: str, block: bytes, **fields: str) -> Any:
        """Write a record of any type, without a head of HTTP; ``_`` in a field's name is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return self._write(kind, url, block, None, named)

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._file.write(data)

    def tell(self) -> int:
        """Return where the next record begins."""
        return self._file.tell()

    def _write(
        self,
        kind: str,
        url: str,
        body: bytes,
        head: StatusAndHeaders | None,
        fields: Mapping[str, str] | None,
    ) -> Any:
        record = self._writer.create_warc_record(
            url,
            kind,
            payload=io.BytesIO(body),
            http_headers=head,
            warc_content_type="application/octet-stream"
            if head is None and not (fields or {}).get("Content-Type")
            else (fields or {}).get("Content-Type", ""),
        )
        for name, value in (fields or {}).items():
            if name != "Content-Type":
                record.rec_headers.replace_header(name, value)
        self._writer.write_record(record)
        return record
