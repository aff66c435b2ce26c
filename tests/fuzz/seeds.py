# ruff: noqa: E501 - a table keeps one case a line
"""Writes the corpus that fuzzing begins with: the sample site, the parser's fixtures, and tables of oddities.

To be run after a change here: ``python -m tests.fuzz.seeds``. A file that comes of nothing here goes; what
once broke a target lies in ``regressions``.
"""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]

from scraper.demo.answers import plain_body
from scraper.demo.pages import KINDS
from scraper.demo.site import build_site
from tests.fuzz.campaign import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.demo.truth import Resource

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FIXTURES = HERE.parent / "data" / "parse"
_MOST_BYTES = 5000
_TELLING = (*KINDS, "pages", "sitemap", "feed", "atom", "robots", "go-refresh", "files-image")
"""What of the sample site differs in its bytes, and not in how it is sent."""
_charset = re.compile(r"charset=\"?([\w-]+)", re.IGNORECASE).search

_URLS = (
    b"https://example.com/a?b=c\n../d?e#f",
    b"  HTTP://EXAMPLE.com:80/%7eA \n//other.example/x",
    b"example.com:8080\n?q=1",
    b"//host.example/x\nhttps:x",
    b"localhost\n/..//a/./b/%2e%2e/c",
    b"http:\\\\example.com\\a\\..\\b\n\\\\evil.example\\x",
    "http://b\u00fccher.de/\u00fc?\u00fc\nhttps://fa\u00df.de/\u3002".encode(),
    b"http://0x7f.1/\nhttp://2130706433/",
    b"http://[0:0::1]:80/\n//[::ffff:127.0.0.1]/",
    b"http://user:secret@host.example/\nhttps://a@b:c@d.example/?token=1&x=2#sig=3",
    b"http://a_b.com./x#y\nhttp://a..b/",
    b"mailto:a@b.example\njavascript:alert(1)",
    b"http://xn--bcher-kva.de/%zz%2f|\nhttps://xn--/",
    b"http://a.com/\xc3\xa9\xff?\x80\n/\xff\xed\xa0\x80",
    b"http://exa\tmple.com/a\rb\n \tx\r",
    b"/path\n#only",
    b"http://a:65536/\nhttps://a:443/",
    b"https://example.com/X-Amz-Signature=1?api_key=2&%74oken=3\nhttp://h?a=b&password=c",
)
_HEADERS = (
    b"503\nretry-after: 120\ndate: Sat, 31 Jan 2026 09:30:00 GMT",
    b"429\nretry-after: Sat, 31 Jan 2026 09:31:30 GMT, 5",
    b"429\nretry-after: Saturday, 31-Jan-26 09:31:30 GMT\nretry-after: Sat Jan 31 09:31:30 2026",
    b'200\nratelimit: "default";r=0;t=30, "b;,\\"";r=1;t=2\nage: 0',
    b"200\nratelimit: limit=9, remaining=0, reset=30",
    b"403\nx-ratelimit-remaining: 0, 5;w=60\nx-ratelimit-reset: 1769851860, 30",
    b"429\nx-rate-limit-remaining: 0.0\nx-rate-limit-reset: 1769851860123\nage: 7",
    b'200\ncontent-type: Text/HTML; Charset="UTF-8"; a=b\nx-robots-tag: noindex\nx-a: path=/; HttpOnly',
    b"301\nlocation: ../x?y#z",
    b"302\nlocation: //user:pw@other.example:8080/\xc3\xa9",
    b"308\nlocation: https://site.example/dir/page",
    b"200\nrefresh: 5; url='https://a.example/'\nrefresh: .5,u",
    b'200\ncache-control: public, max-age="60"\n\nUser-agent: *\nDisallow: /dir\n',
    b"200\nset-cookie: a=b; Path=/\nset-cookie: c\nauthorization: x\ncookie: y\ncookie2: z",
    b'500\nlink: </a>; rel=canonical\netag: "x"\nlast-modified: y\ncontent-encoding: gzip',
    b"304\n\nx",
)
_HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello",
    b"\r\nhttp/1 404\nServer : x\nno header\nbad name: y\nContent-Length: 5, 5\n\n",
    b"ab HTTP/2.0 200  all is \r well\r\nX: a\r\n b\r\n\tc\r\n\r\n",
    b"ICY 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\n",
    b"HTTP/1.1 200 OK\nContent-Length: -1\nTransfer-Encoding: identity\n\n",
    b"HTTP/1.1 101 Switching\r\n folded\r\nUpgrade: x\r\n: empty\r\n\n",
)
_ROBOTS = (
    b"/a/b\nUser-agent: *\nDisallow: /a\nAllow: /a/b$\n",
    b"/x.gif?y\nUser-Agent: *\nDisallow: *.gif$\n\nUser-agent: scraper\nUser-agent: x\nDisallow: /*?\n",
    b"/%7Eu\n\xef\xbb\xbfuser agent: Scraper/1.0 (x)\r\ndisalow: /~u\rCrawl-delay: 1.5\n",
    b"/\nUser-agent: scraper\nDisallow /\nRequest-rate: 1/5m 0800-1200\nSitemap: https://a/s.xml # c\n",
    b"/a\nUser-agent: *\nDisallow: /a\nAllow: /a\n",
    b"/abc\nUser-agent: *\nDisallow: /*b\nAllow: /*bc\nDisallow: /*abc\nAllow: *abc\n",
    b"/a%2Fb\nUser-agent: *\nDisallow: /a/b\nDisallow: /a%2fb\nAllow: /*%2F*b*$\n",
    b"/aaaaaaaaaaaaaaaaaaaaab\nUser-agent: *\nDisallow: /*a*a*a*a*b\nAllow: /**a$\n",
    "/\u00e9\nUser-agent: *\nDisallow: /\u00e9\nDisallow: /$\n".encode(),
    b"/\xff\nUser-agent: *\nDisallow: /\xff\nAllow: /%ff$$\n",
    b"/x\n\xff\xfeU\0s\0e\0r\0-\0a\0g\0e\0n\0t\0:\0 \0*\0\n\0D\0i\0s\0a\0l\0l\0o\0w\0:\0/\0\n\0",
)
_SITEMAPS = (
    (
        b"/s.xml\n<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>"
        b"<url><loc>http://a/?x=1&y=2&amp;z</loc><lastmod>2024-01-01</lastmod></url></urlset>"
    ),
    (
        b"/i.xml\n<sitemapindex><sitemap><loc>http://a/s</loc></sitemap><sitemap><loc>\n b.xml\n</loc></sitemap>"
        b"</sitemapindex>"
    ),
    b"/s.xml\n<!-- c --><s:urlset><s:url><s:loc><![CDATA[http://a/?x&y]]></s:loc></s:url></s:urlset>",
    (
        b"/s.xml\n<urlset><url><loc>http://a/</url><url><image:image><image:loc>http://i/</image:loc></image:image>"
        b"<loc>http://b/</loc></url>"
    ),
    b"/s.xml\n<!DOCTYPE urlset [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><urlset><url><loc>&x;</loc></url></urlset>",
    b"/list.txt\nhttp://a/\r\n# no\n\nhttps://b/?\xff\n",
    b"/robots.txt\nUser-agent: *\nSitemap: https://a/s.xml # c\rsitemap : /t.xml\n",
    b"/s.xml\n<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>http://a/\xe9</loc></url></urlset>",
    b"/s.xml\n" + gzip.compress(b"http://a/\n", mtime=0),
    b"/s.xml\n" + "<urlset><url><loc>http://a/\u00e9</loc></url></urlset>".encode("utf-16"),
    b"/feed\n<rss><channel><item><link>http://a/</link><pubDate>Wed, 1 Jan 2025</pubDate></item></channel></rss>",
    (
        b"/atom\n<feed xmlns='http://www.w3.org/2005/Atom'><entry><link rel='self' href='/no'/><link href='/y'/>"
        b"<updated>2025-01-01</updated></entry></feed>"
    ),
)
_DECODE = (
    b"utf-8\ncaf\xc3\xa9",
    b"\ncaf\xe9 au lait",
    b"iso-8859-1\n\x80\x93smart\x94\x81",
    b"\n\xef\xbb\xbf<meta charset=gbk>x",
    b"\n\xff\xfea\0\xd8\xd8",
    b"\n\xfe\xff\0a\xd8\0",
    b"x-user-defined\n\xff\x80",
    b"replacement\nx",
    b'iso-2022-jp\n\x1b$B$"$$\x1b(B',
    b"big5\n\x88\x62\x88\xa3\xa4\xa4",
    b"gb18030\n\x81\x30\x81\x30\x84\x31\xa4\x37\xd6\xd0",
    b"shift_jis\n\x83\x65\x83\x58\x83\x67\xf0\x40",
    b"euc-jp\n\x8f\xb0\xa1\xa4\xa2",
    b"euc-kr\n\xc7\xd1\xb1\xdb",
    b"\n<?xml version='1.0' encoding='koi8-r'?>\xf0\xf2",
    b"\n<!--><meta charset=x--><meta http-equiv=Content-Type content='text/html; charset=\"windows-1251\"'>\xcf",
    b"\n<meta content='charset=utf-16' http-equiv=content-type a=b / c>\xe9",
    b"\n<a title='<meta charset=big5>'></x a><?pi><meta/charset='shift_jis'/>\x83\x65",
    b"utf-7\n+AGEAYg-",
    b"\nend in the middle \xe2\x82",
)
_PAGES = (
    (
        b"\n<!doctype html><html lang=en><head><base href='/b/'><title>T</title><meta name=description content=D>"
        b"<link rel='canonical' href=c><link rel=alternate hreflang=de href=/de><link rel=icon sizes=16x16 href=i>"
        b"<meta property=og:title content=O><meta name=twitter:title content=W><meta http-equiv=refresh content='5;u'>"
        b"</head><body><h1>A<b>b</b></h1><a href='#x' rel=nofollow>l</a><img src=i><form></form></body></html>"
    ),
    b"\n<link rel='alternate icon' type=application/rss+xml hreflang=' x\ny' title=' a\n b' sizes='1  2' href=f>",
    b"\n<svg><title>s</title><foreignObject><title>t</title></foreignObject></svg><math><mi>x</math><title>u",
    b"\n<template><a href=x></template><noscript><a href=y></noscript><iframe><a href=z></iframe><textarea><a>",
    b"\n<table><tr><a href=x><td>1<table><select><option><h1>x</h2></table><p><b><p></b><nobr><nobr>",
    b"\n<div hidden>a</div><dialog open>b</dialog><dialog>c</dialog><!-- c --><![CDATA[ d ]]><?e?></f g><!x>",
    b"\n<frameset><frame src=a></frameset><noframes><a href=b></noframes>",
    b"\n<meta charset=utf-8><title>&#0;&#x80;&#xD800;&#x110000;&notin;&amp&lt</title><meta name='\x00' content=' '>",
    b'\n<script type=application/ld+json>{"@type":"Article","headline":"x"}</script><h1 itemprop=name>y</h1>',
)


def _demo() -> Iterator[tuple[str, Resource, bytes]]:
    """Give the documents of the sample site that are small, each kind once."""
    seen: set[str] = set()
    site = build_site(seed=1, pages=40, hosts=3)
    for place, resource in site._resources.items():
        kind = re.sub(r"[^a-z]+", "-", place.path.partition("?")[0].lower()).strip("-")
        kind = kind.partition("-")[0] if re.search("[0-9]", place.path) and "go-" not in kind else kind
        body = plain_body(resource, port=8000, dead_port=8001)
        if kind and kind.startswith(_TELLING) and kind not in seen and len(body) <= _MOST_BYTES:
            seen.add(kind)
            yield kind[:40], resource, body


def _body_seeds() -> Iterator[tuple[str, bytes]]:
    page = b"<title>squeezed</title>" + b"abc" * 50
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    coded = {
        "gzip": gzip.compress(page, mtime=0),
        "x-gzip": gzip.compress(page[:9], mtime=0) + gzip.compress(page[9:], mtime=0) + b"\0junk",
        "deflate": zlib.compress(page),
        "deflate raw": raw.compress(page) + raw.flush(),
        "br": bytes(brotli.compress(page, quality=5)),
        "zstd": bytes(zstd.compress(page[:9]) + zstd.compress(page[9:])),
        "gzip, br": bytes(brotli.compress(gzip.compress(page, mtime=0))),
        "identity": page,
    }
    for name, wire in coded.items():
        coding, stem = name.removesuffix(" raw"), name.replace(", ", "-").replace(" ", "-")
        yield f"wire-{stem}", f"wire {coding} 65536 65536 7\n".encode() + wire
        yield f"capped-{stem}", f"wire {coding} 40 90 3\n".encode() + wire
    for coding in ("gzip", "deflate", "br", "zstd", "zstd, gzip, br, deflate, gzip", "identity"):
        yield f"plain-{coding.replace(', ', '-')}", f"plain {coding} 0 65536 5\n".encode() + page
    for coding in ("gzip", "deflate", "br", "zstd"):
        yield f"large-{coding}", f"plain {coding} 2000 1000000 999\n".encode() + page[:100]
    yield "bomb", b"wire gzip 65536 1000 65536\n" + gzip.compress(bytes(300_000), mtime=0)
    yield "empty-members", b"wire gzip 65536 1000 8\n" + gzip.compress(b"", mtime=0) * 20


def _record(block: bytes, *fields: str, kind: str = "response") -> bytes:
    named = [f"WARC-Type: {kind}", "WARC-Target-URI: https://a.example/", "WARC-Date: 2024-01-01T00:00:00Z"]
    lines = ["WARC/1.1", *named, *fields, f"Content-Length: {len(block)}", "", ""]
    return "\r\n".join(lines).encode() + block + b"\r\n\r\n"


def _archive_seeds() -> Iterator[tuple[str, bytes]]:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>x</title>"
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(
        b"<title>y</title>", mtime=0
    )
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    digest = "WARC-Payload-Digest: sha1:AAAA"
    profile = "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    line = b'{"kind":"page","run":"r","seq":1,"url":"https://a.example/","redirects":[]}'
    records = [
        _record(b"software: x\r\n", kind="warcinfo"),
        _record(page, digest, "WARC-Record-ID: <urn:uuid:1>"),
        _record(line, "Content-Type: application/json", "WARC-Concurrent-To: <urn:uuid:1>", kind="metadata"),
        _record(packed, "WARC-Truncated: length"),
        _record(chunked, "WARC-IP-Address: 192.0.2.1"),
        _record(page.partition(b"<")[0], digest, profile, kind="revisit"),
        _record(b"<title>z</title>", "Content-Type: text/html", kind="resource"),
    ]
    yield "plain", b"".join(records)
    yield "by-record", b"".join(gzip.compress(record, mtime=0) for record in records)
    yield "as-a-whole", gzip.compress(b"".join(records), mtime=0)
    yield "torn", b"".join(records)[:-40]
    yield "junk-between", b"junk\r\n".join(records)


def seeds() -> dict[str, bytes]:
    """Return the corpus: file names below ``corpus``, and what is in them."""
    found: dict[str, bytes] = {}
    tables = (
        ("urls", _URLS),
        ("headers", _HEADERS),
        ("robots", _ROBOTS),
        ("sitemap", _SITEMAPS),
        ("head", _HEADS),
    )
    for target, table in (*tables, ("decode", _DECODE), ("page", _PAGES)):
        found.update({f"{target}/table-{number:02}": data for number, data in enumerate(table)})
    for name, resource, body in _demo():
        labels = [value for key, value in resource.headers if key.lower() == "content-type"]
        label = match[1] if labels and (match := _charset(labels[0])) else ""
        if name.startswith("robots"):
            found[f"robots/demo-{name}"] = b"/private/x\n" + body
            found[f"sitemap/demo-{name}"] = b"/robots.txt\n" + body
        elif labels and "xml" in labels[0]:
            found[f"sitemap/demo-{name}"] = f"/{name}.xml\n".encode() + body
        else:
            found[f"page/demo-{name}"] = f"{label}\n".encode() + body
    for path in sorted(_FIXTURES.glob("*.html")):
        found[f"page/{path.stem}"] = b"\n" + path.read_bytes()
        found[f"decode/{path.stem}"] = b"\n" + path.read_bytes()[:600]
    found.update({f"body/{name}": data for name, data in _body_seeds()})
    found.update({f"archive/{name}": data for name, data in _archive_seeds()})
    return found


def main() -> None:
    """Write the corpus, and take away what is no seed any more."""
    corpus = HERE / "corpus"
    wanted = seeds()
    for path in corpus.glob("*/*"):
        if str(path.relative_to(corpus)) not in wanted:
            path.unlink()
    for name, data in wanted.items():
        path = corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
