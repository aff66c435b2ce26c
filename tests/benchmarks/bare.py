"""The same work as ``scraper crawl``, as the shortest script on the same libraries: the yardstick.

For each page it gives the record's main fields: the answer with its headers and times, title,
description, canonical, lang, headings, OpenGraph and Twitter, how many links, images, forms, scripts and
iframes, the words of the visible text, and the hashes. On well-formed pages in UTF-8 they are what the
program finds; the tests hold the two together.

It leaves out what makes a crawl reliable: no politeness, state, deadlines, caps, retries or redirects of
its own, the list is loaded whole, the first error ends it, and odd pages are taken as they come.

    python tests/benchmarks/bare.py urls.txt out.jsonl
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import aiohttp
import msgspec
import turbohtml
from yarl import URL

WORKERS = 64
HEADINGS = {f"h{level}": level for level in range(1, 7)}
WANTED = frozenset({"base", "form", "html", "iframe", "img", "link", "meta", "script", "title", *HEADINGS})
# fmt: off
HIDDEN = frozenset((
    "audio", "canvas", "datalist", "head", "iframe", "noembed", "noframes", "noscript", "rp", "rt", "script",
    "style", "template", "title", "video",
))
INLINE = frozenset((
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
))
# fmt: on

Page: TypeAlias = dict[str, Any]
encode = msgspec.json.Encoder().encode


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fold(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text else None


def extract(body: bytes, *, url: str, charset: str | None) -> Page:  # noqa: PLR0912 calls would be slower
    tree = turbohtml.parse(body.decode(charset or "utf-8", "replace"), scripting=True, positions=False)
    head: Page = {"title": None, "description": None, "canonical": None, "lang": None}
    meta: dict[str, str] = {}
    og: dict[str, list[str]] = {}
    headings: list[Page] = []
    anchors: list[tuple[str | None, str | None]] = []
    base = url
    images = missing_alt = 0
    count = {"form": 0, "script": 0, "iframe": 0}
    tags = set()
    for node in tree.iter_elements():
        tag = node.tag
        tags.add(tag)
        if tag in {"a", "area"}:
            anchors.append((node.attr("href"), node.attr("rel")))
        elif tag not in WANTED:
            continue
        elif tag == "img":
            images += 1
            missing_alt += node.attr("alt") is None
        elif tag in HEADINGS:
            if text := fold(node.text):
                headings.append({"level": HEADINGS[tag], "text": text})
        elif tag == "meta":
            name, content = node.attr("property") or node.attr("name"), fold(node.attr("content"))
            if name and content:
                if (name := name.lower()).startswith("og:"):
                    og.setdefault(name[3:], []).append(content)
                else:
                    meta.setdefault(name, content)
        elif tag in count:
            count[tag] += 1
        elif tag == "link" and (node.attr("rel") or "").lower() == "canonical":
            head["canonical"] = node.attr("href")
        elif tag == "base":
            base = node.attr("href") or base
        elif tag == "html":
            head["lang"] = node.attr("lang")
        elif tag == "title" and head["title"] is None:
            head["title"] = fold(node.text)
    if head["canonical"]:
        head["canonical"] = str(URL(url).join(URL(base)).join(URL(head["canonical"])))
    head["description"] = meta.get("description") or next(iter(og.get("description", ())), None)
    twitter = {name[8:]: content for name, content in meta.items() if name.startswith("twitter:")}
    words = visible_text(tree, tags=tags).split()
    text = " ".join(words)
    return {
        **head,
        "headings": headings,
        "og": og,
        "twitter": twitter,
        "links": count_links(anchors, url=url),
        "images": {"total": images, "missing_alt": missing_alt},
        "forms": count["form"],
        "scripts": count["script"],
        "iframes": count["iframe"],
        "word_count": len(words),
        "text_length": len(text),
        "text_sha256": sha256(text.encode()),
        "metadata_sha256": sha256(encode([head, headings, og, twitter])),
    }


def count_links(anchors: list[tuple[str | None, str | None]], *, url: str) -> dict[str, int]:
    host = url.split("/", 3)[2]
    internal = external = nofollow = 0
    for href, rel in anchors:
        if href is None:
            continue
        if href.startswith(("http://", "https://", "//")):
            if href.split("/", 3)[2] == host:
                internal += 1
            else:
                external += 1
        elif href[:1] in {"/", "#"} or ":" not in href:
            internal += 1
        else:
            continue
        if rel and "nofollow" in rel:
            nofollow += 1
    total = internal + external
    return {"internal": internal, "external": external, "nofollow": nofollow, "total": total}


def visible_text(tree: turbohtml.Document, *, tags: set[str]) -> str:
    """Strip the tree to what is read; only tags that occur are named, which is quicker."""
    tree.remove(",".join(["[hidden]", "dialog:not([open])", *(tags & HIDDEN)]))
    if inline := tags & INLINE:
        tree.strip_tags(",".join(inline))
    if tree.root is not None:
        tree.root.normalize()
    return "\n".join(tree.strings)


async def visit(session: aiohttp.ClientSession, url: str, *, seq: int) -> Page:
    began_s = perf_counter()
    async with session.get(url) as response:
        fetched_at = datetime.now(UTC)
        body = await response.read()
    elapsed_s = perf_counter() - began_s
    headers: dict[str, list[str]] = {}
    for name, value in response.headers.items():
        headers.setdefault(name.lower(), []).append(value)
    page: Page = {
        "seq": seq,
        "url": url,
        "final_url": str(response.url),
        "status": response.status,
        "headers": headers,
        "content_type": response.content_type,
        "size": len(body),
        "fetched_at": fetched_at,
        "elapsed": elapsed_s,
        "body_sha256": sha256(body),
    }
    if response.content_type == "text/html":
        page |= extract(body, url=page["final_url"], charset=response.charset)
    return page


async def main(listed: str | Path, written: str | Path) -> None:
    lines = iter(list(enumerate(Path(listed).read_text().split())))
    with Path(written).open("wb") as out:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),
        ) as session:

            async def work() -> None:
                for seq, url in lines:  # shared: each line goes to the worker that asks next
                    page = await visit(session, url, seq=seq)
                    out.write(encode(page) + b"\n")

            async with asyncio.TaskGroup() as pool:
                for _ in range(WORKERS):
                    pool.create_task(work())


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1], sys.argv[2]))
