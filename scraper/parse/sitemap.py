"""A sitemap, in any of its forms, as the URLs it lists (sitemaps.org protocol 0.9).

bytes ──inflate──► ──as UTF-8──► robots.txt | lines | XML (urlset, sitemapindex, RSS, Atom) ──► entries

Pure: nothing is fetched. The input is hostile. libxml2 is fed from the root element on, so it sees no
document type and no encoding declaration, and every reference but those of XML itself is made text
before: no entity can be declared or expanded. It builds no tree, and stops at the protocol's size, at
a number of events and errors, and at any one construct that is too long.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from scraper.parse.sitemap_text import GZIP, SitemapError, as_utf8, inflate
from scraper.references import resolve
from scraper.robots.reading import MAX_BYTES as ROBOTS_BYTES
from scraper.urls import MAX_URL_BYTES, drop_fragment

if TYPE_CHECKING:
    from collections.abc import Iterator

CAP_BYTES = 50 * 1024 * 1024
"""The protocol's limit of an uncompressed sitemap (52,428,800 bytes)."""
MAX_ENTRIES = 50_000
"""The protocol's limit."""

_STEP_BYTES = 1 << 16
_MAX_LAYERS = 2  # compressed on disk, and once more by a server that says nothing of it
_MAX_EVENTS = 4_000_000  # 50,000 entries with ten images each take three million
_MAX_LINES = 4 * MAX_ENTRIES  # of a text; 25 million blank ones fit into 50 MB and took 7 s
_MAX_ERRORS = 10_000  # lxml keeps every one in a list
_MAX_SILENT_STEPS = 16  # libxml2 holds a construct whole, be it a tag with 150,000 attributes
_MAX_DEPTH = 256
_MAX_PROLOG = 1000
_MAX_PROLOG_BYTES = 1 << 16  # of one of its comments, instructions and document types
_MAX_DECLARATION = 512  # of a namespace; no match of ``_odd_namespace`` looks further
_MAX_WRITTEN = 2 * MAX_URL_BYTES  # of a URL with the white space around and in it
_MAX_DATE = 100  # "Wed, 31 December 2025 23:59:59.123456 +0000" has 43

_space = re.compile(rb"[\s\x00]*").match
_doctype_end = re.compile(rb"[\[>]").search
_doctype_html = re.compile(rb"<!doctype\s+html", re.IGNORECASE).match
_root = re.compile(rb"<(?:([A-Za-z_][\w.-]{0,63}):)?([A-Za-z_][\w.-]{0,63})").match
_bare_ampersand = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
# One with a short name, as all real ones have. lxml writes the namespace out in every tag and attribute.
_odd_namespace = re.compile(
    rb"xmlns(?<=[\s\"']xmlns)(?=[\s:=])"
    rb"(?!(?::[^\s=:\"'<>]{1,64})?\s{0,16}=\s{0,16}(?:\"[^\"<&]{0,255}\"|'[^'<&]{0,255}'))"
).finditer
# Takes line ends along: searched for a line one by one, 50 MB of them took 2 s, under the interpreter's lock.
_line = re.compile(rb"([^\r\n]++)[\r\n]*+").finditer
_robots_line = re.compile(rb"(?:^|[\r\n])[ \t]*sitemap[ \t]*:([^\r\n#]*)", re.IGNORECASE).finditer
_absolute = re.compile(r"https?://", re.IGNORECASE).match
# Without the look behind, every blank of a run is tried as its beginning: 60,000 blanks took 47 s, under
# the interpreter's lock.
_line_break = re.compile(r"(?<![ \t])[ \t]*+[\r\n][ \t\r\n]*+|\t++")

_HTML = " a b base body br center div font h1 h2 head html link meta p pre script span style table title "
_PREFIXES = "atom content dc feedburner georss image itunes media mobile news pagemap sy video wfw xhtml xsi"
"""Prefixes that sitemaps and feeds use, often without declaring them: libxml2 would then drop them."""


class Entry(NamedTuple):
    """One URL that a sitemap lists."""

    url: str
    """As written when it is an absolute http(s) URL, valid or not; else resolved. No line breaks."""
    extra: dict[str, str]
    """``lastmod`` as written, when there is one: of feeds ``pubDate`` (RSS) and ``updated`` (Atom).

    One of more than 100 characters is no date, and is left out."""
    is_sitemap: bool
    """Of an index or of robots.txt: another sitemap, to be read in turn."""


class Sitemap(NamedTuple):
    """What could be read of a sitemap."""

    entries: list[Entry]
    """In the order written; duplicates stay."""
    truncated: bool
    """There is or may be more: it passed a limit, was cut off, or is broken beyond recovery."""
    skipped: int
    """Entries without a usable URL: none given, no http(s), longer than ``MAX_URL_BYTES``."""


class _Form(NamedTuple):
    """By lower-case local names: what is an entry, and where its URL and date stand."""

    items: frozenset[str]
    link: str
    date: str


_SITEMAP_FORM = _Form(frozenset({"url", "sitemap"}), "loc", "lastmod")
_FORMS = {
    "urlset": _SITEMAP_FORM,
    "sitemapindex": _SITEMAP_FORM,
    "rss": _Form(frozenset({"item"}), "link", "pubdate"),
    "feed": _Form(frozenset({"entry"}), "link", "updated"),
}


def read_sitemap(body: bytes, *, url: str, cap_bytes: int = CAP_BYTES, cut: bool = False) -> Sitemap:
    """Read a sitemap, an index of sitemaps, a feed, a list of URLs, or the sitemaps of a robots.txt.

    Any of them may be compressed with gzip, which is told by its first bytes. To be called in a
    thread: 50 MB take seconds.

    Args:
        body: as fetched, content encoding undone.
        url: where it was found; relative URLs are resolved against it. One whose path ends with
            ``/robots.txt`` is read for its ``Sitemap`` lines (RFC 9309 2.2.4).
        cap_bytes: how much is read at the most, after decompression.
        cut: whoever fetched it stopped before the end; a last line without an end is then left out.

    Raises:
        SitemapError: It is empty, HTML, other XML, damaged gzip or text without a URL, or has a DTD.
    """
    for _ in range(_MAX_LAYERS):
        if body.startswith(GZIP):
            body, partly = inflate(body, cap_bytes=cap_bytes)
            cut = cut or partly
    cut = cut or len(body) > cap_bytes
    text, partly = as_utf8(body[:cap_bytes])
    cut = cut or partly
    text = text.lstrip(b" \t\r\n\f\v\0")
    if text.startswith(b"<"):
        return _read_xml(text, url=url, cut=cut)
    is_robots = drop_fragment(url).partition("?")[0].endswith("/robots.txt")
    if not text and not is_robots:
        raise SitemapError("is empty")
    if is_robots and len(text) > ROBOTS_BYTES:
        text, cut = text[:ROBOTS_BYTES], True
    if cut:
        text = text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1]
    if is_robots:
        return _read_lines((found[1] for found in _robots_line(text)), url=url, cut=cut, is_sitemap=True)
    found = _read_lines((line[1] for line in _line(text)), url=url, cut=cut, is_sitemap=False)
    if found.skipped and not found.entries:
        raise SitemapError("is neither XML nor a list of URLs")
    return found


def _read_lines(lines: Iterator[bytes], *, url: str, cut: bool, is_sitemap: bool) -> Sitemap:
    """Make entries of lines; in a mere list only absolute URLs count, or any text would be one."""
    entries: list[Entry] = []
    skipped = 0
    for number, raw in enumerate(lines):
        if number == _MAX_LINES:
            return Sitemap(entries, truncated=True, skipped=skipped)
        if not (raw := raw.strip()) or raw.startswith(b"#"):
            continue
        if len(entries) + skipped == MAX_ENTRIES:
            return Sitemap(entries, truncated=True, skipped=skipped)
        line = raw.decode(errors="replace") if len(raw) <= _MAX_WRITTEN else ""
        target = _target(line, url=url) if is_sitemap or _absolute(line) else None
        if target is None:
            skipped += 1
        else:
            entries.append(Entry(target, {}, is_sitemap))
    return Sitemap(entries, cut, skipped)


def _target(written: str, *, url: str) -> str | None:
    """Return the URL of an entry, ``None`` without a usable one."""
    if len(written) > _MAX_WRITTEN or not (link := written.strip()):
        return None
    link = _line_break.sub("", link)
    if len(link) > MAX_URL_BYTES:
        return None
    return link if _absolute(link) else resolve(url, link)


def _read_xml(text: bytes, *, url: str, cut: bool) -> Sitemap:
    """Read the entries that are whole, from the root element on."""
    at = _root_at(text)
    root = _root(text, at)
    if root is None:
        raise SitemapError("has no element")
    name = root[2].decode("ascii").lower()
    if f" {name} " in _HTML:
        raise SitemapError("is HTML, not a sitemap")
    if name not in _FORMS:
        raise SitemapError(f"is XML with the root <{name[:40]}>, neither a sitemap nor a feed")
    prefixes = {*_PREFIXES.split(), (root[1] or b"x").decode("ascii")} - {"xml", "xmlns"}
    wrapper = "<wrapper" + "".join(f' xmlns:{prefix}="prefix:{prefix}"' for prefix in sorted(prefixes)) + ">"
    collector = _Collector(_FORMS[name], url=url)
    _feed(collector, chain([wrapper.encode()], _defused(_with_known_namespaces(text, at=at))))
    return Sitemap(collector.entries, cut or not collector.whole, collector.skipped)


def _root_at(text: bytes) -> int:
    """Return where the root element begins: behind declaration, comments and document type."""
    at = 0
    for _ in range(_MAX_PROLOG):
        found = _space(text, at)
        at = found.end() if found else at
        if text.startswith(b"<!--", at):
            end = text.find(b"-->", at, at + _MAX_PROLOG_BYTES) + 3
        elif text.startswith(b"<?", at):
            end = text.find(b"?>", at, at + _MAX_PROLOG_BYTES) + 2
        elif text[at : at + 9].upper() == b"<!DOCTYPE":
            if _doctype_html(text, at):
                raise SitemapError("is HTML, not a sitemap")
            if (mark := _doctype_end(text, at, at + _MAX_PROLOG_BYTES)) and mark[0] == b"[":
                raise SitemapError("declares entities of its own, which no sitemap needs")
            end = mark.end() if mark else -1
        else:
            return at
        if end <= at:
            break
        at = end
    raise SitemapError("has no element")


def _with_known_namespaces(text: bytes, *, at: int) -> bytearray:
    """Return what is from ``at`` on, with each odd declaration of a namespace made an attribute.

    In steps: one call for 50 MB held the interpreter's lock for up to 6 s.
    """
    out = bytearray()
    while at < len(text):
        end = at + _STEP_BYTES
        for found in _odd_namespace(text, at, end + _MAX_DECLARATION):
            if found.start() >= end:
                break
            out += text[at : found.start()] + b"nsdecl"
            at = found.end()
        end = max(at, end)
        out += text[at:end]
        at = end
    return out


def _defused(text: bytearray) -> Iterator[bytes]:
    """Make text of ampersands that begin no reference (often in ``loc``), except in CDATA sections.

    libxml2 would drop them together with the word behind them, and so change the URL.
    """
    at = 0
    buffer = bytearray()
    while at < len(text):
        begin = text.find(b"<![CDATA[", at, at + _STEP_BYTES)
        end = begin if begin >= 0 else _step_end(text, at)
        buffer += _bare_ampersand.sub(b"&amp;", text[at:end])
        at = end
        if begin >= 0:
            close = text.find(b"]]>", begin)
            at = close + 3 if close >= 0 else len(text)
            buffer += text[begin:at]
        if len(buffer) >= _STEP_BYTES:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


def _step_end(text: bytearray, at: int) -> int:
    """Return where a step may end: not within a reference or the mark that opens a CDATA section."""
    end = at + _STEP_BYTES
    mark = max(text.find(b"&", end - 12, end), text.find(b"<", end - 12, end))
    return mark if mark >= 0 and end < len(text) else end


def _feed(collector: _Collector, steps: Iterator[bytes]) -> None:
    """Parse until the collector has enough, or going on would cost too much."""
    from lxml import etree  # type: ignore[import-untyped]  # noqa: PLC0415 - most runs read no sitemap

    limits = {"load_dtd": False, "no_network": True, "huge_tree": False, "resolve_entities": False}
    parser = etree.XMLParser(target=collector, encoding="utf-8", recover=True, **limits)
    silent = 0
    with suppress(etree.XMLSyntaxError):
        for step in steps:
            before = collector.events
            parser.feed(step)
            silent = silent + 1 if collector.events == before else 0
            if collector.full or collector.events > _MAX_EVENTS or silent == _MAX_SILENT_STEPS:
                return
            if len(parser.feed_error_log) > _MAX_ERRORS:
                return


@lru_cache(maxsize=256)
def _split(tag: str) -> tuple[str, str]:
    """Return the namespace and the lower-case local name of a tag as lxml writes it."""
    space, _, name = tag.rpartition("}")
    return space, name.lower()


class _Collector:
    """Takes the parser's events and keeps the entries that are whole.

    An entry is found by its name and the root's namespace, at any depth: where an end tag is missing
    libxml2 nests what follows. Its fields are its children in its own namespace, so that parts of
    images, videos and news do not count.
    """

    def __init__(self, form: _Form, *, url: str) -> None:
        self.entries: list[Entry] = []
        self.skipped = self.events = 0
        self.full = self.whole = False
        self._form, self._url = form, url
        self._space = ""
        self._depth = -1  # the wrapper has 0, the root 1
        self._item, self._item_depth = "", 0
        self._field, self._field_depth = "", 0
        self._text: list[str] = []
        self._length = 0
        self._values: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.events += 1
        self._depth += 1
        self.full = self.full or self._depth > _MAX_DEPTH
        space, name = _split(tag)
        if self._depth == 1:
            self._space = space
        elif name in self._form.items and space == self._space and self._depth > 1:
            self._finish()
            self._item, self._item_depth, self._field = name, self._depth, ""
        elif self._item and self._depth == self._item_depth + 1 and space == self._space:
            self._begin_field(name, attributes)

    def _begin_field(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._form.link and (href := attributes.get("href")) is not None:
            # RFC 4287 4.2.7.2: a link without a relation is an alternate.
            if attributes.get("rel", "alternate").strip().lower() == "alternate":
                # Without resolve_entities libxml2 hands every ampersand of an attribute over as this.
                # Cut so that one that is too long is so still when all of it is ampersands.
                self._values.setdefault(name, href[: 5 * _MAX_WRITTEN + 5].replace("&#38;", "&"))
        elif name in {self._form.link, self._form.date}:
            self._field, self._field_depth = name, self._depth
            self._text, self._length = [], 0

    def data(self, text: str) -> None:
        self.events += 1
        if self._field and self._length <= _MAX_WRITTEN:
            # One more than allowed, by which what is too long is told from what was cut to fit.
            text = text[: _MAX_WRITTEN + 1 - self._length]
            self._text.append(text)
            self._length += len(text)

    def comment(self, _text: str) -> None:
        self.events += 1

    def end(self, _tag: str) -> None:
        self.events += 1
        if self._field and self._depth == self._field_depth:
            value = "".join(self._text)
            if value.strip():
                self._values.setdefault(self._field, value)
            self._field = ""
        if self._item and self._depth == self._item_depth:
            self._finish()
        self._depth -= 1
        if self._depth == 0:
            self.whole = not self.full

    def close(self) -> None:
        """Part of lxml's interface of a target; nothing is left to do."""

    def _finish(self) -> None:
        item, self._item = self._item, ""
        values, self._values = self._values, {}
        if not item or self.full:
            return
        if len(self.entries) + self.skipped == MAX_ENTRIES:
            self.full = True
            return
        target = _target(values.get(self._form.link, ""), url=self._url)
        if target is None:
            self.skipped += 1
            return
        date = " ".join(values.get(self._form.date, "").split())
        extra = {"lastmod": date} if 0 < len(date) <= _MAX_DATE else {}
        self.entries.append(Entry(target, extra, item == "sitemap"))
