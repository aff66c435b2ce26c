"""Pages that were made to hurt whoever reads them, each in any size.

Nearly all are one piece over and over between a beginning and an end, so that what is linear in the
size can be told from what is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HTML = "text/html; charset=utf-8"
_HEAD = b"<!doctype html><html><head><title>Hostile</title>"
_BODY = b"<!doctype html><html><head><title>Hostile</title></head><body>"


class HostilePage(NamedTuple):
    """A beginning, a piece that is repeated, and an end."""

    name: str
    piece: bytes
    """Where it holds ``%d``, that is the number of the repetition."""
    before: bytes = _BODY
    after: bytes = b""
    content_type: str = HTML

    def body(self, size_bytes: int) -> bytes:
        """Return the page with as many pieces as fit into a size, at least one."""
        left_bytes = max(0, size_bytes - len(self.before) - len(self.after))
        if b"%d" not in self.piece:
            return self.before + self.piece * max(1, left_bytes // len(self.piece)) + self.after
        count = max(1, left_bytes // (len(self.piece) + 4))
        return self.before + b"".join(_numbered(self.piece, count)) + self.after

    @property
    def charset(self) -> str | None:
        """The ``charset`` parameter of the content type."""
        return self.content_type.partition("charset=")[2] or None


def _numbered(piece: bytes, count: int) -> Iterator[bytes]:
    first, second = piece.split(b"%d", 1)
    for number in range(count):
        yield first + str(number).encode() + second


def _nested(*tags: str) -> Iterator[HostilePage]:
    for tag in tags:
        yield HostilePage(f"nested {tag}", f"<{tag}>".encode())


def _unended(*marks: bytes) -> Iterator[HostilePage]:
    for mark in marks:
        yield HostilePage(f"only {mark.decode()}", mark)
        yield HostilePage(
            f"ending in {mark.decode()}", b"x" if mark.startswith(b"<") else b"x ", _BODY + mark
        )


def _in_charset(name: str, label: str, piece: bytes, before: bytes = _BODY) -> HostilePage:
    return HostilePage(
        name, piece, before, content_type=f"text/html; charset={label}" if label else "text/html"
    )


NESTING = (
    *_nested("div", "b", "a", "font", "nobr", "table", "svg", "math", "template", "select", "frameset"),
    *_nested("p", "ul", "dl", "form", "button", "object", "noscript", "center", "title", "h1", "svg title"),
    *_nested("svg:foreignObject", "option", "optgroup", "ruby", "applet", "marquee", "plaintext", "iframe"),
    *_nested(
        "textarea", "xmp", "body", "html", "head", "caption", "colgroup", "span", "math><mi", "custom-x"
    ),
    HostilePage("nested b i p", b"<b><i><p>"),
    HostilePage("adoption of a", b"<a href=/%d><p>x</a>"),
    HostilePage("adoption of b", b"<b><p>x</b></p>"),
    HostilePage("adoption, many open", b"</b><p>", _BODY + b"<b class=%d>".replace(b"%d", b"1") * 1000),
    HostilePage("adoption, font", b"<font color=%d><div>"),
    HostilePage("formatting kept open", b"<p><b id=%d>"),
    HostilePage("nested li, dd", b"<ul><li><dl><dd>"),
    HostilePage("nested tables with cells", b"<table><tr><td>"),
    HostilePage("text in tables", b"<table>x<tr>y<td>"),
    HostilePage("foster parents", b"<table><b>x<div>"),
    HostilePage("foster parents, flat", b"x<b>y</b>", _BODY + b"<table>"),
    HostilePage("nested svg foreignObject", b"<svg><foreignObject>"),
    HostilePage("nested math annotation", b"<math><annotation-xml encoding='text/html'>"),
    HostilePage("nested templates in tables", b"<table><template>"),
    HostilePage("nested select in table", b"<table><tr><td><select>"),
    HostilePage("nested headings", b"<h1>x"),
    HostilePage("headings in divs", b"<h1><div>x"),
    HostilePage("nested hidden", b"<div hidden>x"),
    HostilePage("nested, then ended", b"</div>", _BODY + b"<div>" * 20_000),
    HostilePage("end tags that end nothing", b"</p></br></x>"),
    HostilePage("end tags over depth", b"</x>", _BODY + b"<i>" * 5_000),
    HostilePage("paragraphs over depth", b"<p>", _BODY + b"<span>" * 5_000),
    HostilePage("links over depth", b"<a href=/%d>", _BODY + b"<div>" * 5_000),
    HostilePage("titles over svg depth", b"<title>x</title>", _BODY + b"<svg><g>" + b"<g>" * 5_000),
)

MANY = (
    HostilePage("links", b"<a href=/%d>x</a>\n"),
    HostilePage("links to hosts", b"<a href=//h%d.example/>x</a>\n"),
    HostilePage("mailto links", b"<a href=mailto:%d@x>x</a>\n"),
    HostilePage("odd links", b"<a href=' \\\\h%d.example\\\t/..//'>x</a>\n"),
    HostilePage("links with long rel", b"<a href=/%d rel='" + b"nofollow " * 100 + b"'>x</a>"),
    HostilePage("one long title", b"title ", b"<title>", b"</title><p>x"),
    HostilePage("titles", b"<title>t%d</title>", b"<!doctype html>"),
    HostilePage("an element with attributes", b" a%d=x", _BODY + b"<div", b">x</div>"),
    HostilePage("an element with one attribute again", b" a=x", _BODY + b"<div", b">x</div>"),
    HostilePage("a meta with attributes", b" a%d", _HEAD + b"<meta name=description", b" content=found>"),
    HostilePage("html again with attributes", b"<html a%d=x>", _BODY),
    HostilePage("body again with attributes", b"<body a%d=x>", _BODY),
    HostilePage("one long attribute", b"y", _HEAD + b"<meta name=description content='", b"'><p>x"),
    HostilePage("one long href", b"/y", _HEAD + b"<link rel=canonical href='", b"'><p>x"),
    HostilePage("one long name of an attribute", b"y", _BODY + b"<div ", b"=1>x</div>"),
    HostilePage("one long name of an element", b"y", _BODY + b"<x", b">x"),
    HostilePage("one long class", b"c ", _BODY + b"<div class='", b"'>x</div>"),
    HostilePage("one long rel", b"icon ", _HEAD + b"<link href=/i rel='", b"'>"),
    HostilePage("one long keywords", b"k,", _HEAD + b"<meta name=keywords content='", b"'>"),
    HostilePage("one long robots", b"n,", _HEAD + b"<meta name=robots content='", b"'>"),
    HostilePage("metas", b"<meta name=n%d content=v>", _HEAD),
    HostilePage("descriptions", b"<meta name=description content='d%d'>", _HEAD),
    HostilePage("og properties", b"<meta property=og:p%d content=v>", _HEAD),
    HostilePage("og images", b"<meta property=og:image content=/%d.png>", _HEAD),
    HostilePage("og images, long", b"<meta property=og:image content='" + b"w" * 20_000 + b"%d.png'>", _HEAD),
    HostilePage("og properties, long", b"<meta property=og:p%d content='" + b"w" * 10_000 + b"'>", _HEAD),
    HostilePage(
        "og properties with long names", b"<meta property='og:%d" + b"n" * 5_000 + b"' content=v>", _HEAD
    ),
    HostilePage("twitter names", b"<meta name=twitter:p%d content='" + b"w" * 10_000 + b"'>", _HEAD),
    HostilePage("robots metas", b"<meta name=robots content='a%d,b,c'>", _HEAD),
    HostilePage("pragmas", b"<meta http-equiv=p%d content='" + b"w" * 5_000 + b"'>", _HEAD),
    HostilePage("headings", b"<h2>h%d</h2>"),
    HostilePage("headings, long", b"<h2>h%d " + b"w" * 10_000 + b"</h2>"),
    HostilePage("headings of astral text", b"<h2>h%d " + "😀".encode() * 9_000 + b"</h2>"),
    HostilePage("headings of quotes", b"<h2>h%d " + b'"\\' * 4_000 + b"</h2>"),
    HostilePage("hreflang", b"<link rel=alternate hreflang=l%d href=/x>", _HEAD),
    HostilePage("hreflang, long", b"<link rel=alternate hreflang=l%d href=/" + b"y" * 8_000 + b">", _HEAD),
    HostilePage("alternates, long", b"<link rel=alternate href=/%d" + b"y" * 8_000 + b">", _HEAD),
    HostilePage(
        "feeds",
        b"<link rel=alternate type=application/rss+xml title='"
        + b"t" * 5_000
        + b"' href=/%d"
        + b"y" * 8_000
        + b">",
        _HEAD,
    ),
    HostilePage("icons", b"<link rel=icon sizes=1x1 href=/%d>", _HEAD),
    HostilePage(
        "icons, long",
        b"<link rel=icon sizes='" + b"1x1 " * 2_000 + b"' href=/%d" + b"y" * 8_000 + b">",
        _HEAD,
    ),
    HostilePage("images", b"<img src=/%d>"),
    HostilePage("iframes", b"<iframe src=/%d></iframe>"),
    HostilePage("forms", b"<form><input name=n%d></form>"),
    HostilePage("inputs", b"<input>"),
    HostilePage("line breaks", b"<br>"),
    HostilePage("bases", b"<base href=/%d/../x/>", _HEAD),
    HostilePage("base upon base", b"../", _HEAD + b"<base href='", b"'><a href=x>x</a>"),
    HostilePage(
        "one base and links", b"<a href=x%d>x</a>", _HEAD + b"<base href='javascript:'></head><body>"
    ),
    HostilePage("refreshes", b"<meta http-equiv=refresh content='%d;url=/x'>", _HEAD),
    HostilePage("one long refresh", b"9", _HEAD + b"<meta http-equiv=refresh content='", b";url=/'>"),
    HostilePage("refresh of blanks", b" ", _HEAD + b"<meta http-equiv=refresh content='0", b"x'>"),
    HostilePage("refresh of dots", b".", _HEAD + b"<meta http-equiv=refresh content='0", b"x'>"),
    HostilePage("scripts", b"<script>x</script>"),
    HostilePage("comments", b"<!-- -->"),
    HostilePage("comments between letters", b"a<!-- -->"),
    HostilePage("inline between letters", b"a<b>c</b>"),
    HostilePage("JSON-LD, nested", b'{"a":[', _HEAD + b'<script type="application/ld+json">', b"</script>"),
    HostilePage(
        "JSON-LD, flat",
        b'{"a":1e999,"b":NaN},',
        _HEAD + b'<script type="application/ld+json">[',
        b"]</script>",
    ),
    HostilePage("a long script", b"<!--<script>", _HEAD + b"<script>"),
    HostilePage("a script that never ends", b"if (a</b) {}", _HEAD + b"<script>"),
    HostilePage("a style that never ends", b"a{}</", _HEAD + b"<style>"),
    HostilePage("a textarea that never ends", b"&amp;</text", _BODY + b"<textarea>"),
    HostilePage("a title that never ends", b"t</titl &lt;", b"<!doctype html><title>"),
    HostilePage("processing instructions", b"<?xml version=1.%d?>", b""),
    HostilePage("doctypes", b"<!doctype html>", b""),
    HostilePage("entity declarations", b"<!ENTITY e%d '&e;&e;'>", b"<!doctype html ["),
    HostilePage("templates", b"<template><p>x</p></template>"),
    HostilePage("frames", b"<frame>", b"<frameset>"),
)

MARKS = (
    *_unended(
        b"<", b"&", b"<a", b"</", b"<!--", b"<![CDATA[", b'"', b"'", b"<?", b"<!", b"&#", b"&#x", b"&am"
    ),
    HostilePage("only <a ", b"<a "),
    HostilePage("only <a b=", b"<a b="),
    HostilePage("only <a b='", b"<a b='"),
    HostilePage("only </a ", b"</a "),
    HostilePage("only <!-", b"<!-"),
    HostilePage("only <!--!>", b"<!--!>"),
    HostilePage("only <!--<!--", b"--!<!--", _BODY + b"<!--"),
    HostilePage("only - in a comment", b"-", _BODY + b"<!--"),
    HostilePage("only ] in CDATA", b"]", _BODY + b"<svg><![CDATA["),
    HostilePage("CDATA in svg", b"<![CDATA[x]]>", _BODY + b"<svg>"),
    HostilePage("attribute soup", b"<a='\"/ =\"x'/b=c d>"),
    HostilePage("slashes", b"/", _BODY + b"<br ", b">x"),
    HostilePage("equals signs", b"=", _BODY + b"<br ", b">x"),
    HostilePage("plain text", b"some words of text ", b""),
    HostilePage("one word", b"w", b""),
    HostilePage("blanks", b" ", _BODY),
    HostilePage("line ends", b"\r\n", _BODY),
    HostilePage("carriage returns", b"\r", _BODY),
)

ENTITIES = (
    HostilePage("entities", b"&amp;"),
    HostilePage("entities without an end", b"&amp"),
    HostilePage("unknown entities", b"&nosuch%d;"),
    HostilePage("one endless entity", b"a", _BODY + b"&"),
    HostilePage("one endless number", b"9", _BODY + b"<h1>&#", b";</h1>"),
    HostilePage("one endless hexadecimal number", b"f", _BODY + b"<h1>&#x", b";</h1>"),
    HostilePage("longest entity", b"&CounterClockwiseContourIntegral;"),
    HostilePage("entities beyond Unicode", b"&#x110000;&#1114112;&#99999999999;", b"<title>", b"</title>"),
    HostilePage("NUL entities", b"&#0;&#x00;", b"<title>", b"</title>"),
    HostilePage("surrogate entities", b"&#xD800;&#xDFFF;&#55357;&#56832;", b"<title>x", b"</title>"),
    HostilePage(
        "surrogate entities in attributes", b"&#xD800;", _HEAD + b"<meta name=description content='x", b"'>"
    ),
    HostilePage("control entities", b"&#1;&#27;&#127;&#128;&#155;", b"<title>", b"</title>"),
    HostilePage(
        "control entities in attributes",
        b"&#1;&#27;[31m&#x9b;",
        _HEAD + b"<meta property=og:title content='",
        b"'>",
    ),
    HostilePage("control entities in names", b"<meta property='og:&#27;[3%dm' content='x'>", _HEAD),
    HostilePage("control entities in URLs", b"<link rel=icon href='/&#27;&#0;&#xd800;%d'>", _HEAD),
    HostilePage("noncharacter entities", b"&#xFFFE;&#xFFFF;&#x1FFFE;&#xFDD0;", b"<title>", b"</title>"),
    HostilePage("combining entities", b"&NotEqualTilde;", b"<title>", b"</title>"),
)

BYTES = (
    HostilePage("NULs", b"\0", b""),
    HostilePage("NULs in markup", b"<\0a\0 href\0=\0/%d\0>x\0</a>"),
    HostilePage("NULs in a title", b"t\0", b"<title>", b"</title>"),
    HostilePage("NULs in raw text", b"t\0", _HEAD + b"<style>"),
    HostilePage("controls", bytes(range(1, 32)), b"<title>", b"</title>"),
    HostilePage("every byte", bytes(range(256)), b""),
    HostilePage("every byte, no charset", bytes(range(256)), b"", content_type="text/html"),
    HostilePage("surrogates in UTF-8", b"\xed\xa0\x80\xed\xbf\xbf", b"<title>x", b"</title>"),
    HostilePage("bad UTF-8", b"\xff\xc0\xaf\xf4\x90\x80\x80", b"<title>", b"</title>"),
    HostilePage("cut UTF-8", b"\xf0\x9f\x98\x80", b"<title>", b"\xf0\x9f\x98"),
    HostilePage("replacement characters", "\ufffd".encode(), b"<title>", b"</title>"),
    HostilePage("RTL overrides", "\u202e\u2066x".encode(), b"<title>", b"</title>"),
    HostilePage("combining marks", "\u0301\u0327".encode(), b"<title>e", b"</title>"),
    HostilePage("zero width", "\u200b\u200d\ufeff\u2060".encode(), b"<title>", b"</title>"),
    HostilePage("private use", "\ue000\U000f0000".encode(), b"<title>", b"</title>"),
    HostilePage("noncharacters", "\ufdd0\ufffe\uffff\U0010ffff".encode(), b"<title>", b"</title>"),
    HostilePage("line separators", "\u2028\u2029\x85".encode(), b"<title>x", b"x</title>"),
    HostilePage("escape sequences", b"\x1b[31m\x1b]0;x\x07", b"<title>", b"</title>"),
    HostilePage("C1 controls", "\x9b31m\x9d0;x\x9c".encode(), b"<title>", b"</title>"),
    HostilePage("rich markup", b"[red]x[/red]", b"<title>", b"</title>"),
    HostilePage("astral text", "😀 ".encode(), _BODY),
)

CHARSETS = (
    _in_charset("BOM against header", "shift_jis", "é".encode(), b"\xef\xbb\xbf<title>"),
    _in_charset("UTF-16 BOM against header", "utf-8", "é".encode("utf-16-le"), b"\xff\xfe"),
    _in_charset("UTF-16 BOM before bytes", "utf-8", b"abc", b"\xfe\xff<title>"),
    _in_charset("UTF-16 surrogates alone", "", b"\x00\xd8", b"\xff\xfe<\0t\0i\0t\0l\0e\0>\0"),
    _in_charset("UTF-16 in the header, bytes in the body", "utf-16", b"<p>x"),
    _in_charset("UTF-16 without BOM", "", "<title>é</title>".encode("utf-16-le"), b""),
    _in_charset("header against meta", "iso-8859-1", "é".encode(), b"<meta charset=gbk><title>"),
    _in_charset("meta against bytes", "", "é".encode(), b"<meta charset=big5><title>"),
    _in_charset(
        "metas against each other",
        "",
        b"<meta charset=koi8-r>\xe9",
        b"<meta charset=utf-16><title>\xe9</title>",
    ),
    _in_charset("utf-7", "utf-7", b"+ADw-script+AD4-", b"<meta charset=utf-7><title>"),
    _in_charset("utf-32", "utf-32", b"\0\0\0x", b"\0\0\xfe\xff"),
    _in_charset("x-user-defined", "x-user-defined", b"\x80\xff", b"<title>"),
    _in_charset("replacement by iso-2022-kr", "iso-2022-kr", b"\x0e\x21", b"<title>"),
    _in_charset("replacement by hz", "hz-gb-2312", b"~{<:~}", b"<title>"),
    _in_charset("replacement by name", "replacement", b"x", b"<title>"),
    _in_charset("iso-2022-jp", "iso-2022-jp", b"\x1b$B\x1b(B<", b"<title>"),
    _in_charset("iso-2022-jp, never back", "iso-2022-jp", b'$"', b"<title>\x1b$B"),
    _in_charset("iso-2022-jp, broken escapes", "iso-2022-jp", b"\x1b$", b"<title>"),
    _in_charset(
        "euc-jp, cut",
        "euc-jp",
        b"\x8f\xa2\xaf",
        b"<title>",
    ),
    _in_charset("euc-jp, invalid", "euc-jp", b"\x8f\xff\x8e", b"<title>"),
    _in_charset("shift_jis, swallowed quote", "shift_jis", b"<a title='\x81'>", b""),
    _in_charset("gb18030, four bytes", "gb18030", b"\x84\x31\xa4\x37\x81\x30", b"<title>"),
    _in_charset("gb18030, invalid", "gb18030", b"\x81\x30\x81", b"<title>"),
    _in_charset("big5", "big5", b"\x88\x62\x87", b"<title>"),
    _in_charset("euc-kr", "euc-kr", b"\xc8\xfe\x81", b"<title>"),
    _in_charset("windows-1252 holes", "windows-1252", b"\x81\x8d\x8f\x90\x9d", b"<title>"),
    _in_charset("nothing declared, to be detected", "", b"\xe9\xe8 \xc3", b"<title>"),
    _in_charset("nothing declared, much markup", "", b"<\xe9>", b"<title>x</title>"),
    _in_charset("an unknown label", "no-such-charset", "é".encode(), b"<title>"),
    _in_charset("a long label", "x" * 4_000, b"y", b"<title>"),
    _in_charset("a prescan of quotes", "", b"<meta charset='", b""),
    _in_charset("a prescan of attributes", "", b"<meta a=charset ", b""),
)

PAGES = (*NESTING, *MANY, *MARKS, *ENTITIES, *BYTES, *CHARSETS)
