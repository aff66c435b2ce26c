"""From records of WARC files to answers: what was asked for, what came, and what an archive of ours adds."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from scraper.archives.archived import Archived, Broken, Line, Place, Revisited
from scraper.archives.chunks import unchunked
from scraper.fetch.body import BadEncoding, Body, Bound, cut_in_words
from scraper.fetch.content_coding import codings_of
from scraper.fetch.head import MAX_HEAD_BYTES, head_end, header_text, is_interim, parsed_head
from scraper.messages import Response
from scraper.parse.sitemap import CAP_BYTES
from scraper.parse.sniff import is_html
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scraper.archives.warc import WarcRecord
    from scraper.settings.model import FetchSettings

FRAMING_BYTES = 1 << 20
"""What chunks may add to a body that is kept."""
MAX_LINE_BYTES = 1 << 20
"""Of what an archive of ours says of a line; its other columns may be long."""
_SAME_PAYLOAD = "identical-payload-digest"
_HTTP = re.compile(r"https?:", re.IGNORECASE)
_ORIGINAL = {"x-archive-orig-transfer-encoding": "transfer-encoding"}
"""Archives of ours hold bodies without chunks, and say so by another name of the header."""
_GZIP = b"\x1f\x8b"
_MAGICS = {"gzip": _GZIP, "x-gzip": _GZIP, "zstd": b"\x28\xb5\x2f\xfd"}
_decode_line = msgspec.json.Decoder(Line).decode


def target_of(fields: Mapping[str, str]) -> str:
    """Return the URL that a record is about; some programs put it into angle brackets."""
    return fields.get("warc-target-uri", "").removeprefix("<").removesuffix(">")


def is_answer(fields: Mapping[str, str]) -> bool:
    """Return whether a record is an answer over HTTP, or a page that was saved without one."""
    kind = fields.get("warc-type", "").lower()
    return kind in {"response", "revisit", "resource"} and bool(_HTTP.match(target_of(fields)))


def line_of(record: WarcRecord) -> Line | None:
    """Return what a metadata record of ours says of a line, ``None`` for those of others."""
    if not record.fields.get("content-type", "").startswith("application/json") or record.torn is not None:
        return None
    try:
        line = _decode_line(record.block)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return line if line.kind == "robots" or (line.run and line.seq is not None and line.seq >= 0) else None


class AnswerReader:
    """Makes answers of records, within the caps of the settings."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings

    @property
    def most_bytes(self) -> int:
        """How much of a record's block is wanted."""
        return MAX_HEAD_BYTES + max(self._settings.max_wire_bytes, CAP_BYTES) + FRAMING_BYTES

    def answer(
        self, record: WarcRecord, *, line: Line | None, source: int, else_at: datetime
    ) -> Archived | None:
        """Return the answer that a record holds, ``None`` when its head is not whole: then it is none.

        Args:
            record: One that ``is_answer``.
            line: What the archive says of its line.
            source: The number of the file.
            else_at: When it was fetched, if neither record nor answer says it.
        """
        fields = record.fields
        url = target_of(fields)
        if fields.get("warc-type", "").lower() == "resource":
            head = ((0, 0), 200, "", _resource_headers(fields))
            sent = record.block
        else:
            found = _head(record.block)
            if found is None:
                if record.torn is not None:
                    return None
                return self._no_http(record, url, line, source, else_at)
            head, sent = found
        version, status, reason, headers = head
        if line is not None:
            headers = tuple((_ORIGINAL.get(name, name), value) for name, value in headers)
        is_revisit = fields.get("warc-type", "").lower() == "revisit"
        bare = Response(
            url=url,
            status=status,
            reason=reason,
            http_version=_version_text(version),
            headers=headers,
            body=b"",
            wire_bytes=0,
            truncated=False,
            ip=_ip(fields.get("warc-ip-address")),
            fetched_at=_time(fields.get("warc-date"), headers) or else_at,
            elapsed_s=0.0,
            dns_s=0.0,
            connect_s=0.0,
            first_byte_s=0.0,
            download_s=0.0,
            is_timed=False,
        )
        archived = Archived(
            url=url,
            response=bare,
            line=line,
            place=None if record.place is None else Place(source, record.place),
            keys=() if is_revisit else _keys(fields),
        )
        if is_revisit:
            if _SAME_PAYLOAD in fields.get("warc-profile", ""):
                return replace(archived, revisited=Revisited(keys=_earlier_keys(fields)))
            return archived  # the server said that nothing has changed, and sent nothing
        return self._with_body(archived, sent, record)

    def _with_body(self, archived: Archived, sent: bytes, record: WarcRecord) -> Archived:
        response, line = archived.response, archived.line
        truncation = record.fields.get("warc-truncated", "").lower()
        is_cut = len(record.block) < record.length and record.torn is None
        is_whole = record.torn is None and not truncation and not is_cut
        if line is None and _is_chunked(response):
            plain = unchunked(sent)
            if plain is not None:
                sent = plain.body
                if is_whole and not plain.is_whole:
                    is_whole, truncation = False, "disconnect"
        cap_bytes = CAP_BYTES if line is not None and line.kind == "sitemap" else None
        try:
            codings = self._codings(response, sent, is_ours=line is not None)
            body = Body(
                codings,
                max_wire_bytes=self._settings.max_wire_bytes if cap_bytes is None else cap_bytes,
                max_body_bytes=self._settings.max_body_bytes if cap_bytes is None else cap_bytes,
                max_ratio=self._settings.max_ratio,
            )
            response = replace(response, wire_bytes=len(sent))
            body.feed(sent)
            unpacked = body.finish(is_whole=is_whole)
        except BadEncoding as error:
            if line is None and _is_plain(sent):
                body = Body(
                    "",
                    max_wire_bytes=self._settings.max_wire_bytes,
                    max_body_bytes=self._settings.max_body_bytes,
                )
                body.feed(sent)
                unpacked = body.finish()
            else:
                broken = Broken(
                    outcome=Outcome.DECODE_ERROR, kind="BadEncoding", message=str(error), phase="decode"
                )
                return replace(archived, response=response, broken=broken)
        cut_by = body.cut_by or (Bound.WIRE if is_cut or truncation == "length" else None)
        response = replace(
            response,
            body=unpacked,
            wire_bytes=body.wire_bytes,
            truncated=cut_by is not None,
            cut_by=cut_in_words(cut_by, self._settings, cap_bytes),
        )
        broken_by = None if body.is_full else _broken(record.torn, truncation, is_ours=line is not None)
        if broken_by is not None:
            response = replace(response, body=b"", truncated=False, cut_by=None)
        return replace(archived, response=response, broken=broken_by)

    def _codings(self, response: Response, sent: bytes, *, is_ours: bool) -> str:
        """Return what a body is coded with; many programs undo the coding and keep the header."""
        codings = ",".join(codings_of(response.headers))
        outermost = codings.lower().rpartition(",")[2].partition(";")[0].strip()
        magic = _MAGICS.get(outermost)
        if is_ours or not codings or not sent or magic is None or sent.startswith(magic):
            return codings
        return ""

    def _no_http(
        self, record: WarcRecord, url: str, line: Line | None, source: int, else_at: datetime
    ) -> Archived:
        """Return the answer of what is not HTTP, by any reading."""
        bare = Response(
            url=url,
            status=0,
            reason="",
            http_version="",
            headers=(),
            body=b"",
            wire_bytes=0,
            truncated=False,
            ip=_ip(record.fields.get("warc-ip-address")),
            fetched_at=_time(record.fields.get("warc-date"), ()) or else_at,
            elapsed_s=0.0,
            dns_s=0.0,
            connect_s=0.0,
            first_byte_s=0.0,
            download_s=0.0,
            is_timed=False,
        )
        broken = Broken(
            outcome=Outcome.PROTOCOL_ERROR,
            kind="BadStatusLine",
            message="what the archive has is no answer over HTTP",
            phase="headers",
        )
        place = None if record.place is None else Place(source, record.place)
        return Archived(url=url, response=bare, broken=broken, line=line, place=place)


def _head(
    block: bytes,
) -> tuple[tuple[tuple[int, int], int, str, tuple[tuple[str, str], ...]], bytes] | None:
    """Return the head of the final answer in a block and what follows it; ``None`` when there is none."""
    at = 0
    while (end := head_end(block, at)) is not None and end <= MAX_HEAD_BYTES:
        found = parsed_head(block[at:end])
        if found is None:
            return None
        version, status, reason, fields = found
        if not is_interim(status):
            headers = tuple((_text(name).lower(), _text(value)) for name, value in fields)
            return (version, status, _text(reason), headers), block[end:]
        at = end
    return None


def _text(value: bytes) -> str:
    return header_text(value.decode("utf-8", "surrogateescape"))


def _version_text(version: tuple[int, int]) -> str:
    major, minor = version
    if major == 1:
        return "1.1" if minor else "1.0"
    return str(major) if major else ""


def _resource_headers(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    kind = fields.get("content-type")
    return (("content-type", kind),) if kind else ()


def _ip(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address(text)) if text else None
    except ValueError:
        return None


def _time(text: str | None, headers: tuple[tuple[str, str], ...]) -> datetime | None:
    """Return when an answer came: by its record, else by its ``Date`` header."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        date = next((value for name, value in headers if name == "date"), "")
        try:
            moment = parsedate_to_datetime(date)
        except ValueError:
            return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _keys(fields: Mapping[str, str]) -> tuple[str, ...]:
    found = [
        f"id:{fields.get('warc-record-id', '')}",
        f"at:{target_of(fields)} {fields.get('warc-date', '')}",
    ]
    if digest := fields.get("warc-payload-digest"):
        found.append(f"digest:{digest}")
    return tuple(found)


def _earlier_keys(fields: Mapping[str, str]) -> tuple[str, ...]:
    """Return what an earlier answer may be called by, the surest first (WARC 1.1, sections 5.11 and 5.12)."""
    found = []
    if earlier := fields.get("warc-refers-to"):
        found.append(f"id:{earlier}")
    if target := fields.get("warc-refers-to-target-uri"):
        target = target.removeprefix("<").removesuffix(">")
        found.append(f"at:{target} {fields.get('warc-refers-to-date', '')}")
    if digest := fields.get("warc-payload-digest"):
        found.append(f"digest:{digest}")
    return tuple(found)


def _broken(torn: str | None, truncation: str, *, is_ours: bool) -> Broken | None:
    """Return why a body is not whole, in the words of a crawl that met the same."""
    if torn is not None:
        return Broken(
            outcome=Outcome.DISCONNECTED,
            kind="ArchiveTorn",
            message="the archive is damaged within this answer",
            phase="body",
        )
    if truncation == "time":
        message = "no answer in time (body)"
        return Broken(outcome=Outcome.TIMEOUT, kind="TimeoutError", message=message, phase="body")
    if is_ours and truncation == "unspecified":
        message = "the body could not be taken apart"
        return Broken(
            outcome=Outcome.PROTOCOL_ERROR, kind="ClientResponseError", message=message, phase="body"
        )
    if truncation and truncation != "length":
        return Broken(
            outcome=Outcome.DISCONNECTED,
            kind="ClientPayloadError",
            message="the connection ended before the body was whole",
            phase="body",
        )
    return None


def _is_chunked(response: Response) -> bool:
    return any(name == "transfer-encoding" and "chunked" in text.lower() for name, text in response.headers)


def _is_plain(sent: bytes) -> bool:
    """Return whether what should be compressed is a page or another text."""
    beginning = sent[:1024]
    if is_html(beginning, media_type=None, nosniff=False):
        return True
    if b"\0" in beginning:
        return False
    try:
        beginning.decode()
    except UnicodeDecodeError as error:
        return error.start > len(beginning) - 4 and len(sent) > len(beginning)
    return True
