"""The head of an answer, put right where browsers take it and a strict parser does not. Pure."""

from __future__ import annotations

import re

MAX_HEAD_BYTES = 256 * 1024
"""Of one answer, with all interim answers before it. Chrome has the same limit; each line of its own
was bounded before, which with some hundred of them came to 32 MiB."""

_SLOP_BYTES = 4
"""Chrome looks for the status line so far into what came."""
_START = re.compile(rb"[\s\S]{0,%d}?(?=http/|icy )" % _SLOP_BYTES, re.IGNORECASE)
_STATUS_LINE = re.compile(
    rb"(?:http/(?P<major>\d)(?:\.(?P<minor>\d))?|icy)[ \t]+"
    rb"(?P<status>[1-9]\d\d)(?!\d)[ \t]*(?P<reason>[^\0]*)",
    re.IGNORECASE,
)
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_END = re.compile(rb"\n\r?\n")
_MAX_LENGTH = 1 << 63


def head_end(sent: bytes | bytearray, start: int = 0) -> int | None:
    """Return where the body begins, ``None`` when the empty line has not come yet.

    Nothing before ``start`` is looked at; the line's end may stand up to two bytes before what is new.
    """
    found = _END.search(sent, start)
    return found.end() if found else None


def may_become_head(sent: bytes | bytearray) -> bool:
    """Return whether what came so far begins with a status line, or may still come to."""
    begun = bytes(sent[:64]).lstrip(b"\r\n").lower()
    tails = [begun[at:] for at in range(_SLOP_BYTES + 1)]
    return any(name.startswith(tail[: len(name)]) for tail in tails for name in (b"http/", b"icy "))


def header_text(value: str | None) -> str:
    """Return a header's text as UTF-8 can write it: aiohttp passes odd bytes on as surrogates.

    Bytes that are no UTF-8 are taken as Latin-1, as HTTP once had it (RFC 9110 section 5.5).
    """
    if not value or value.isascii():
        return value or ""
    return "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in value)


def is_interim(status: int) -> bool:
    """Return whether a further answer follows (RFC 9110 section 15.2); after 101 it is no more HTTP."""
    return 100 <= status <= 199 and status != 101  # noqa: PLR2004 the numbers are the RFC's


def mended_head(sent: bytes) -> tuple[int, bytes] | None:
    """Return an answer's status and its head in strict form, ``None`` when no browser takes it.

    Version and status line as Chrome reads them; a header that has no colon or whose name is no token
    is left out, as all browsers do; lone carriage returns become spaces (RFC 9112 section 2.2); lengths
    that are no number do not count, chunks count more than a length (section 6.3), and lengths that
    contradict each other are refused (Fetch standard, "extract a length"), and so is a NUL.
    """
    sent = sent.lstrip(b"\r\n")
    start = _START.match(sent)
    if start is None or b"\0" in sent:
        return None
    lines = [line.removesuffix(b"\r").replace(b"\r", b" ") for line in sent[start.end() :].split(b"\n")]
    found = _STATUS_LINE.fullmatch(lines[0])
    if found is None:
        return None
    version = (int(found["major"] or 1), int(found["minor"] or 0))
    status_line = b"HTTP/1.%d %b %b" % (version >= (1, 1), found["status"], found["reason"])
    framed = _framed(_fields(lines[1:]))
    if framed is None:
        return None
    strict = [status_line, *(b"%b: %b" % field for field in framed), b"", b""]
    return int(found["status"]), b"\r\n".join(strict)


def parsed_head(sent: bytes) -> tuple[tuple[int, int], int, bytes, list[tuple[bytes, bytes]]] | None:
    """Return an answer's version, status, reason and headers as they were sent, ``None`` when it is none.

    As ``mended_head``, but for what is said of the body's length, which stays: an archive has its own.
    """
    sent = sent.lstrip(b"\r\n")
    start = _START.match(sent)
    if start is None:
        return None
    lines = [line.removesuffix(b"\r").replace(b"\r", b" ") for line in sent[start.end() :].split(b"\n")]
    found = _STATUS_LINE.fullmatch(lines[0])
    if found is None:
        return None
    version = (int(found["major"] or 1), int(found["minor"] or 0))
    return version, int(found["status"]), found["reason"].strip(), _fields(lines[1:])


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return names and values; folded lines joined (RFC 9112 section 5.2), what is no header left out."""
    unfolded: list[list[bytes]] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"}:
            if unfolded:
                unfolded[-1].append(line.strip(b" \t"))
        elif line:
            unfolded.append([line])
    fields = []
    for pieces in unfolded:
        name, colon, value = b" ".join(pieces).partition(b":")
        name = name.strip(b" \t")
        if colon and _TOKEN.fullmatch(name):
            fields.append((name, value.strip(b" \t")))
    return fields


def _framed(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]] | None:
    """Return the headers with one statement on where the body ends, ``None`` if they contradict."""
    codings = _members(fields, b"transfer-encoding")
    lengths = set(_members(fields, b"content-length"))
    others = [field for field in fields if field[0].lower() not in {b"content-length", b"transfer-encoding"}]
    if b"chunked" in codings:
        codings = [name for name in codings if name != b"chunked"]
        return [*others, (b"Transfer-Encoding", b", ".join([*codings, b"chunked"]))]
    if not all(text.isdigit() and int(text[:20]) < _MAX_LENGTH for text in lengths):
        return others
    if len(lengths) > 1:
        return None
    return [*others, *((b"Content-Length", text) for text in lengths)]


def _members(fields: list[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    """Return the members of a header that is a list, in lower case."""
    return [
        text.strip(b" \t").lower()
        for name, value in fields
        if name.lower() == wanted
        for text in value.split(b",")
    ]
