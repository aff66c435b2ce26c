"""Bytes to text, after the HTML Standard's sniffing and the Encoding Standard's labels and decoders.

In this order: byte-order mark, HTTP ``charset``, ``<meta>`` or XML declaration, valid UTF-8, the
detector, windows-1252. A label that the Encoding Standard does not know counts as absent.

The decoders are turbohtml's, because those of Python by the same names are other encodings (its
cp1252 has five holes, its gb2312 and shift_jis lack what pages use). The detector is too, a port of
the one in Firefox: of twelve legacy encodings it read eleven right, on 20 and on 200 KB of mostly
markup. faust-cchardet read eleven and nine (it took windows-1250 for valid UTF-8 and windows-1252
for IBM852), four times as fast; charset-normalizer took windows-1252 for windows-1257.
"""

from __future__ import annotations

import codecs
from typing import Literal, NamedTuple, TypeAlias

import turbohtml.detect
from webencodings.labels import LABELS  # type: ignore[import-untyped]

from scraper.parse.prescan import declared_label

Source: TypeAlias = Literal["bom", "header", "meta", "detected", "default"]

DETECTOR_BYTES = 256 * 1024
"""How much of what is not ASCII the detector sees; it takes 5 MB a second."""

_REPLACEMENT = "\ufffd"
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_UNICODE = {
    "utf-8": "utf-8",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "gbk": "gb18030",
    "gb18030": "gb18030",
}
"""Encodings in which a page may itself have U+FFFD, and Python's decoder for them."""
# What a <meta> can't mean, since it was read as ASCII (HTML Standard, prescan).
_META_MEANS = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}


class Decoded(NamedTuple):
    """A body as text, and how it was read."""

    text: str
    charset: str
    """By the Encoding Standard's name, lower case."""
    source: Source
    errors: int
    """Replacement characters put in by the decoding; those of the page itself don't count."""


def encoding_of(label: str) -> str | None:
    """Look a label up in the Encoding Standard: its encoding's name, ``None`` for an unknown label."""
    name: str | None = LABELS.get(label.strip("\t\n\x0c\r ").lower())
    return name


def decode(body: bytes, *, http_charset: str | None) -> Decoded:
    """Decode a body; nothing is raised whatever the bytes.

    Args:
        body: after content decoding; it may end within a character.
        http_charset: the ``charset`` parameter of ``Content-Type``, as sent, ``None`` without it.
    """
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return _decoded(body[len(mark) :], charset, "bom")
    if http_charset and (named := encoding_of(http_charset)):
        return _decoded(body, named, "header")
    label = declared_label(body)
    if label and (named := encoding_of(label)):
        return _decoded(body, _META_MEANS.get(named, named), "meta")
    try:
        # Not final: a cap may have cut the last character in two.
        _, used = codecs.utf_8_decode(body, "strict", False)
    except UnicodeDecodeError:
        used = -1
    if used >= 0:
        return _decoded(body, "utf-8", "detected")
    guess = _detect(body)
    if guess:
        return _decoded(body, guess, "detected")
    return _decoded(body, "windows-1252", "default")


def _decoded(body: bytes, charset: str, source: Source) -> Decoded:
    if charset == "utf-8":
        try:
            return Decoded(body.decode(), charset, source, 0)
        except UnicodeDecodeError:
            text = body.decode(errors="replace")
    elif charset in {"utf-16le", "utf-16be"}:
        text = body.decode(_UNICODE[charset], "replace")
    else:
        text = codecs.decode(body, "whatwg-" + charset)
    errors = text.count(_REPLACEMENT)
    if errors and charset in _UNICODE:
        errors -= body.decode(_UNICODE[charset], "ignore").count(_REPLACEMENT)
    return Decoded(text, charset, source, max(errors, 0))


def _detect(body: bytes) -> str | None:
    """Guess from what is not ASCII, all over the body.

    Markup and English tell nothing of an encoding and are most of a page: without them 200 KB take
    a fraction of the 40 ms that they took whole.
    """
    telling: list[bytes] = []
    size = 0
    for piece in body.split(b"<"):
        if not piece.isascii():
            telling.append(piece)
            size += len(piece)
            if size > DETECTOR_BYTES:
                break
    # The space keeps the first bytes from being taken for a byte-order mark.
    match = turbohtml.detect.detect(b" " + b" ".join(telling)[:DETECTOR_BYTES])
    if match.encoding is None or match.confidence <= 0:
        return None
    return encoding_of(match.encoding)
