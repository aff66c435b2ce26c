"""Archives as other programs write them, made by warcio; and the ways in which they differ."""

from __future__ import annotations

import gzip
import io
import uuid
from typing import TYPE_CHECKING, Any, Self

from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]
from warcio.warcwriter import WARCWriter  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HTML = ("Content-Type", "text/html")


class Writer(WARCWriter):  # type: ignore[misc]  # of a library without types
    """warcio's, but that it leaves no temporary files open."""

    def _create_temp_file(self) -> io.BytesIO:
        return io.BytesIO()


class Archive:
    """A WARC file being written; a context manager that closes it."""

    def __init__(self, path: Path, *, version: str = "1.1") -> None:
        """Begin a file: compressed by record if it ends in ``.gz``."""
        self.path = path
        self._file = path.open("wb")
        self._writer = Writer(self._file, gzip=path.suffix == ".gz", warc_version=version)

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

    def record(self, kind: str, url: str, block: bytes, **fields: str) -> None:
        """Write a record of any type with this block, byte for byte; ``_`` in a field's name is a hyphen."""
        named = {
            "WARC-Type": kind,
            "WARC-Target-URI": url,
            "WARC-Record-ID": f"<urn:uuid:{uuid.uuid4()}>",
            "WARC-Date": "2024-01-01T00:00:00Z",
            "Content-Length": str(len(block)),
        } | {name.replace("_", "-"): value for name, value in fields.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        data = f"WARC/1.1\r\n{head}\r\n".encode() + block + b"\r\n\r\n"
        self.raw(gzip.compress(data) if self.path.suffix == ".gz" else data)

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._file.write(data)

    def tell(self) -> int:
        """Return where the next record begins."""
        return self._file.tell()

    def _write(
        self, kind: str, url: str, body: bytes, head: StatusAndHeaders, fields: Mapping[str, str] | None
    ) -> Any:
        record = self._writer.create_warc_record(url, kind, payload=io.BytesIO(body), http_headers=head)
        for name, value in (fields or {}).items():
            record.rec_headers.replace_header(name, value)
        self._writer.write_record(record)
        return record
