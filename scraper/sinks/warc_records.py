"""Exchanges as records of WARC 1.1 (ISO 28500:2017), laid out by warcio (extra ``warc``).

Each record is a gzip member of its own (WARC 1.1 annex D), so that a reader can begin at any of them. An
exchange is three: the response (or a revisit), the request, and metadata that says which line it was for.
The metadata come last: a group that has them is whole.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
import zlib
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper.clock import rfc3339
from scraper.errors import UsageError
from scraper.redaction import REDACTED, shown_header, without_user_info
from scraper.settings.headers import is_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scraper.exchange import Exchange, Purpose

_REMEDY = "needs warcio: pip install warcio"
_LEVEL = 4
"""Of gzip. Level 6, its usual one, takes 4.0 ms for a page of 190 KB in place of 2.1, for 4 % less."""
_REMEMBERED = 16_384
"""Payloads that a further copy may refer to; the least lately met are forgotten. They take 7 MB."""
_MOST_URL = 2048
"""A payload with a longer URL is not remembered."""
_NOT_MODIFIED = 304
_REVISIT = "http://netpreserve.org/warc/1.1/revisit/"
_OURS = frozenset({"connection", "host", "if-modified-since", "if-none-match", "user-agent"})
"""Headers of a request that are not the user's, or open no door."""
ORIGINAL_CODING = b"X-Archive-Orig-Transfer-Encoding"
"""What ``Transfer-Encoding`` is called in an archive: the chunks are gone, and who believed the header
would look for them."""
_encode = msgspec.json.Encoder().encode


def require_library() -> None:
    """Look for the library without loading it.

    Raises:
        UsageError: warcio is missing.
    """
    if find_spec("warcio") is None:
        raise UsageError(f".warc.gz {_REMEDY}")


class _Seen(NamedTuple):
    """A payload that is in the archive."""

    record: str
    url: str
    date: str


class WarcRecords:
    """Makes records; one thread at a time. What it remembers is bounded."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            UsageError: warcio is missing.
        """
        require_library()
        from warcio.recordloader import ArcWarcRecord  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
        from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]  # noqa: PLC0415 - the same
        from warcio.warcwriter import WARCWriter  # type: ignore[import-untyped]  # noqa: PLC0415 - the same

        self._record, self._headers = ArcWarcRecord, StatusAndHeaders
        self._writer = WARCWriter(None, gzip=False, warc_version="WARC/1.1")
        self._seen: dict[bytes, _Seen] = {}

    def opening(self, name: str, *, date: str, facts: Mapping[str, str]) -> bytes:
        """Return the ``warcinfo`` that a file of this name begins with."""
        block = "".join(f"{key}: {_one_line(value)}\r\n" for key, value in facts.items()).encode()
        fields = [("WARC-Filename", _one_line(name)), ("Content-Type", "application/warc-fields")]
        return self._member("warcinfo", block, fields, record=_new_id(), date=date)

    def group(self, exchange: Exchange, purpose: Purpose) -> bytes:
        """Return an exchange as three gzip members."""
        date, url = rfc3339(exchange.at), without_user_info(exchange.url)
        answer = _new_id()
        about = [("WARC-Target-URI", url), *([("WARC-IP-Address", exchange.ip)] if exchange.ip else [])]
        also = [*about, ("WARC-Concurrent-To", answer)]
        return b"".join(
            (
                self._answer(exchange, about, record=answer, date=date, url=url),
                self._member(
                    "request",
                    _request_head(exchange),
                    [*also, ("Content-Type", "application/http; msgtype=request")],
                    record=_new_id(),
                    date=date,
                ),
                self._member(
                    "metadata",
                    _encode(purpose),
                    [*also[:1], also[-1], ("Content-Type", "application/json")],
                    record=_new_id(),
                    date=date,
                ),
            )
        )

    def _answer(
        self, exchange: Exchange, about: list[tuple[str, str]], *, record: str, date: str, url: str
    ) -> bytes:
        """Return the response; or, where its payload is there already, a revisit with the head alone."""
        head = _response_head(exchange)
        fields = [*about, ("Content-Type", "application/http; msgtype=response")]
        if exchange.truncation:
            fields.append(("WARC-Truncated", exchange.truncation))
        if exchange.status == _NOT_MODIFIED and not exchange.body:
            fields.append(("WARC-Profile", f"{_REVISIT}server-not-modified"))
            return self._member("revisit", head, fields, record=record, date=date)
        digest = hashlib.sha256(exchange.body).digest()
        fields.append(("WARC-Payload-Digest", _named(digest)))
        # Of what is cut off nobody knows whether it would go on alike.
        if exchange.body and not exchange.truncation:
            if (seen := self._seen.pop(digest, None)) is not None:
                self._seen[digest] = seen
                fields += (
                    ("WARC-Profile", f"{_REVISIT}identical-payload-digest"),
                    ("WARC-Refers-To", seen.record),
                    ("WARC-Refers-To-Target-URI", seen.url),
                    ("WARC-Refers-To-Date", seen.date),
                )
                return self._member("revisit", head, fields, record=record, date=date)
            if len(url) <= _MOST_URL:
                self._seen[digest] = _Seen(record, url, date)
                if len(self._seen) > _REMEMBERED:
                    del self._seen[next(iter(self._seen))]
        return self._member("response", head + exchange.body, fields, record=record, date=date)

    def _member(
        self, kind: str, block: bytes, fields: Iterable[tuple[str, str]], *, record: str, date: str
    ) -> bytes:
        """Return one record with the digest of its block, compressed."""
        headers = self._headers(
            "",
            [
                ("WARC-Type", kind),
                ("WARC-Record-ID", record),
                ("WARC-Date", date),
                *fields,
                ("WARC-Block-Digest", _named(hashlib.sha256(block).digest())),
            ],
            protocol="WARC/1.1",
        )
        laid_out = self._writer.out = BytesIO()
        # warcio is given the block whole, as of the one kind of which it computes nothing: a head that it has
        # taken apart it writes anew, with bytes beyond ASCII changed. It would also compress, at level 9.
        self._writer.write_record(
            self._record("warc", "warcinfo", headers, BytesIO(block), None, None, len(block))
        )
        return zlib.compress(laid_out.getvalue(), _LEVEL, wbits=31)


def _request_head(exchange: Exchange) -> bytes:
    lines = [f"GET {exchange.target} HTTP/1.1"]
    for name, value in exchange.request_headers:
        is_open = name.lower() in _OURS or not is_private(name)
        lines.append(f"{name}: {shown_header(name.lower(), value) if is_open else REDACTED}")
    return _bytes("\r\n".join([*lines, "", ""]))


def _response_head(exchange: Exchange) -> bytes:
    lines = [_bytes(f"HTTP/{exchange.http_version} {exchange.status} {exchange.reason}")]
    for name, value in exchange.headers:
        folded = name.strip().lower()
        if folded == b"transfer-encoding":
            name = ORIGINAL_CODING  # noqa: PLW2901
        text = _text(value)
        shown = shown_header(_text(folded), text)
        lines.append(b"%b: %b" % (name, value if shown == text else _bytes(shown)))
    return b"\r\n".join([*lines, b"", b""])


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _new_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def _named(digest: bytes) -> str:
    """Return a digest as WARC names it. SHA-256: of SHA-1 there are collisions, and pages are hostile."""
    return f"sha256:{base64.b32encode(digest).decode()}"
