"""What encoding a document declares in its first bytes, before anything is decoded.

After the HTML Standard, "prescan a byte stream to determine its encoding" and "get an XML encoding".
Labels come back as they stand in the document; what they mean is the business of ``decode``.
"""

from __future__ import annotations

import re

PRESCAN_BYTES = 1024
"""How far the standard looks."""

_SPACE = b"\t\n\x0c\r "
_SPACE_OR_SLASH = b"\t\n\x0c\r /"
_META = re.compile(rb"<meta[\t\n\x0c\r /]", re.IGNORECASE)
_TAG = re.compile(rb"</?[A-Za-z]")
_CONTENT_CHARSET = re.compile(rb"charset[\t\n\x0c\r ]*=[\t\n\x0c\r ]*", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"encoding[\x00-\x20]*=[\x00-\x20]*([\"'])([^\"'>\x00-\x20]+)\1")


def declared_label(body: bytes) -> str | None:
    """Find the encoding label of a ``<meta>``, else of an XML declaration.

    Returns:
        The label as written, ``None`` when there is none in the first 1024 bytes.
    """
    head = body[:PRESCAN_BYTES]
    # Nearly all bodies are told apart by this search; the scan below costs some 50 times as much.
    if b"charset" in head.lower():
        label = _scan(head)
        if label is not None:
            return label
    return _xml_label(head)


def _xml_label(head: bytes) -> str | None:
    if head.startswith(b"<\0?\0x\0"):
        return "utf-16le"
    if head.startswith(b"\0<\0?\0x"):
        return "utf-16be"
    if not head.startswith(b"<?xml"):
        return None
    end = head.find(b">")
    found = _XML_ENCODING.search(head, 0, end) if end >= 0 else None
    return found[2].decode("latin-1") if found else None


def _scan(head: bytes) -> str | None:
    """Walk over comments, tags and their attributes; a ``<meta>`` within them does not count."""
    at = 0
    while (at := head.find(b"<", at)) >= 0:
        if head.startswith(b"<!--", at):
            # "<!-->" is a whole comment: the two hyphens may be those of the opening.
            end = head.find(b"-->", at + 2)
            if end < 0:
                return None
            at = end + 3
        elif _META.match(head, at):
            at += 6
            label, at = _meta_label(head, at)
            if label:
                return label
        elif _TAG.match(head, at):
            at = _after_tag(head, at)
        elif head[at + 1 : at + 2] in (b"!", b"/", b"?"):
            at = head.find(b">", at)
            if at < 0:
                return None
        else:
            at += 1
    return None


def _after_tag(head: bytes, at: int) -> int:
    while at < len(head) and head[at] not in b"\t\n\x0c\r >":
        at += 1
    name: bytes | None = b"-"
    while name is not None:
        name, _, at = _attribute(head, at)
    return at


def _meta_label(head: bytes, at: int) -> tuple[str | None, int]:
    seen: set[bytes] = set()
    label: bytes | None = None
    needs_pragma: bool | None = None
    has_pragma = False
    while True:
        name, value, at = _attribute(head, at)
        if name is None:
            break
        if name in seen:
            continue
        seen.add(name)
        if name == b"http-equiv":
            has_pragma = value == b"content-type"
        elif name == b"content" and label is None:
            label = _label_in_content(value)
            if label is not None:
                needs_pragma = True
        elif name == b"charset":
            label, needs_pragma = value, False
    if needs_pragma is None or label is None or (needs_pragma and not has_pragma):
        return None, at
    return label.decode("latin-1"), at


def _label_in_content(value: bytes) -> bytes | None:
    """Take the label out of ``text/html; charset=...``, quoted or not."""
    found = _CONTENT_CHARSET.search(value)
    if found is None:
        return None
    rest = value[found.end() :]
    if rest[:1] in (b'"', b"'"):
        end = rest.find(rest[:1], 1)
        return rest[1:end] if end > 0 else None
    return re.split(rb"[\t\n\x0c\r ;]", rest, maxsplit=1)[0] or None


def _attribute(head: bytes, at: int) -> tuple[bytes | None, bytes, int]:
    """Read one attribute: lower-case name (``None`` at the tag's end), lower-case value, position."""
    size = len(head)
    while at < size and head[at] in _SPACE_OR_SLASH:
        at += 1
    if at >= size or head[at : at + 1] == b">":
        return None, b"", at
    start = at
    # An equals sign in the first place belongs to the name.
    at += 1
    while at < size and head[at] not in b"\t\n\x0c\r />=":
        at += 1
    name = head[start:at].lower()
    while at < size and head[at] in _SPACE:
        at += 1
    if head[at : at + 1] != b"=":
        return name, b"", at
    at += 1
    while at < size and head[at] in _SPACE:
        at += 1
    quote = head[at : at + 1]
    if quote in (b'"', b"'"):
        end = head.find(quote, at + 1)
        if end < 0:
            return None, b"", size
        return name, head[at + 1 : end].lower(), end + 1
    start = at
    while at < size and head[at] not in b"\t\n\x0c\r >":
        at += 1
    return name, head[start:at].lower(), at
