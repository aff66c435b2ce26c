"""Bytes to text. Input: the ``charset`` of Content-Type, a line feed, the body."""

from __future__ import annotations

import codecs

from scraper.parse.decode import decode, encoding_of
from scraper.parse.sniff import is_html
from tests.fuzz.properties import split_line

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_SOURCES = {"bom", "header", "meta", "detected", "default"}


def fuzz(data: bytes) -> None:
    label, body = split_line(data)
    decoded = decode(body, http_charset=label or None)
    assert encoding_of(decoded.charset) == decoded.charset, f"{decoded.charset!r} is no encoding's name"
    assert decoded.source in _SOURCES
    decoded.text.encode()  # no lone surrogates
    assert 0 <= decoded.errors <= decoded.text.count("\ufffd")
    # Big5 has four characters that come as two: no more than one a byte also then.
    assert len(decoded.text) <= len(body) + 1
    _assert_precedence(label, body, charset=decoded.charset, source=decoded.source)
    if decoded.charset == "utf-8" and not decoded.errors:
        kept = body.removeprefix(codecs.BOM_UTF8) if decoded.source == "bom" else body
        assert decoded.text.encode() == kept, "read without an error, and not what was sent"
    is_html(body, media_type=label or None, nosniff=False)


def _assert_precedence(label: str, body: bytes, *, charset: str, source: str) -> None:
    """The byte-order mark, the header, what the page says, what it looks like: in this order."""
    mark = next((name for sign, name in _BOMS if body.startswith(sign)), None)
    named = encoding_of(label) if label else None
    if mark:
        assert (charset, source) == (mark, "bom")
    elif named:
        assert (charset, source) == (named, "header")
    else:
        assert source not in {"bom", "header"}
