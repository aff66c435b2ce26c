"""The ``Link`` header (RFC 8288): links that a response announces outside of its document.

The reading is tolerant, as that of browsers: what is no link is passed over up to the next comma, an open
quotation ends with the header, single quotes are taken for double ones. It takes time in proportion to the
header. This module does no I/O.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from scraper.references import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LINKS = 1000
"""The most links that are read of a response's headers."""
_MAX_VALUE = 100_000  # characters of one header; its size is bounded where it is received
_MAX_PARAMETERS = 50

_INNER = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
_start = re.compile(r"[\s,]*+").match
_rest = re.compile(rf'(?:[^",]++|"{_INNER}"?+)*+', re.DOTALL).match
_parameter = re.compile(
    rf"\s*+;\s*+([^\s=;,\"<>]*+)\s*+(?:=\s*+(?:\"({_INNER})\"?+|'([^';,]*+)'|([^\s;,\"]*+)))?+", re.DOTALL
).match
_escape = re.compile(r"\\(.)", re.DOTALL)
_extended = re.compile(r"([A-Za-z0-9_-]{1,20})'[^']{0,100}'(.*)", re.DOTALL).fullmatch


class Link(NamedTuple):
    """One link from a page to something else, in the terms that header and ``link`` element share."""

    url: str
    """Absolute."""
    rels: tuple[str, ...]
    """The relation types, lower case, in order."""
    hreflang: tuple[str, ...] = ()
    """Several only in the header (RFC 8288 3.4.1)."""
    type: str | None = None
    title: str | None = None
    sizes: str | None = None
    """Of an icon; the header has it as an extension."""
    media: str | None = None


def links_of(values: Iterable[str], *, base: str) -> list[Link]:
    """Return the links of all ``Link`` headers of a response, in order.

    Left out are those to what is not http(s), those without a relation, and those whose context
    (``anchor``) is not the page itself (RFC 8288 3.2): they say nothing of it. Of a parameter that stands
    there twice the first counts, and ``title*`` (RFC 8187) before ``title``. Texts come as they are sent.

    Args:
        values: the headers as received; each may hold several links.
        base: the response's URL; a ``<base href>`` does not count here.
    """
    links: list[Link] = []
    for value in values:
        for target, parameters in _targets(value[:_MAX_VALUE]):
            if len(links) == MAX_LINKS:
                return links
            link = _link(target, parameters, base=base)
            if link:
                links.append(link)
    return links


def _targets(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Split a header (RFC 8288, appendix B.2): the target as written, and its parameters."""
    last = text.rfind(">")
    at = 0
    while (at := _end(_start(text, at))) < last:
        if text[at] == "<":
            close = text.index(">", at)
            target, at = text[at + 1 : close], close + 1
            parameters: list[tuple[str, str]] = []
            while found := _parameter(text, at):
                at = found.end()
                if len(parameters) < _MAX_PARAMETERS:
                    parameters.append((found[1].lower(), _value(found)))
            yield target, parameters
        skipped = _end(_rest(text, at))
        # What stops there is a comma, or a backslash that ends an open quotation and the text.
        at = skipped if skipped < len(text) and text[skipped] == "," else len(text)


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0  # both patterns match the empty text: there always is one


def _value(found: re.Match[str]) -> str:
    quoted: str | None = found[2]
    if quoted is None:
        return found[3] or found[4] or ""
    return _escape.sub(r"\1", quoted) if "\\" in quoted else quoted


def _link(target: str, parameters: list[tuple[str, str]], *, base: str) -> Link | None:
    first: dict[str, str] = {}
    for name, value in parameters:
        first.setdefault(name, value)
    rels = tuple(first.get("rel", "").lower().split())
    anchor = first.get("anchor")
    if not rels or (anchor is not None and resolve(base, anchor.strip()) != base):
        return None
    url = resolve(base, target.strip())
    if url is None:
        return None
    return Link(
        url,
        rels,
        hreflang=tuple(value for name, value in parameters if name == "hreflang" and value),
        type=first.get("type") or None,
        title=_extended_text(first.get("title*")) or first.get("title") or None,
        sizes=first.get("sizes") or None,
        media=first.get("media") or None,
    )


def _extended_text(value: str | None) -> str | None:
    """Read ``UTF-8'en'%e2%82%ac`` (RFC 8187 3.2.1); ``None`` when it can't be."""
    found = _extended(value) if value else None
    if found is None or found[1].lower() not in {"utf-8", "iso-8859-1"}:
        return None
    try:
        return unquote_to_bytes(found[2].encode("ascii")).decode(found[1])
    except UnicodeError:
        return None
