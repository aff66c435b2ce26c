"""The yardstick: what can be had from Python when nothing but the work is done.

aiohttp, uvloop, lexbor with one list of selectors, orjson, 64 workers. No robots.txt, limits for hosts,
retries, caps or state; the first error ends it.

    python bare_lexbor.py urls.txt out.jsonl
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson  # type: ignore[import-not-found,import-untyped,unused-ignore]
import uvloop
from selectolax.lexbor import LexborHTMLParser  # type: ignore[import-not-found,import-untyped,unused-ignore]

WORKERS = 64
SELECTORS = "html, title, meta, link[rel], h1, h2, h3, h4, h5, h6, a[href]"


def extract(body: bytes) -> dict[str, Any]:
    page: dict[str, Any] = {"title": None, "description": None, "canonical": None, "lang": None}
    og: dict[str, str] = {}
    headings: list[tuple[int, str]] = []
    links: list[dict[str, str | None]] = []
    for node in LexborHTMLParser(body).css(SELECTORS):
        tag, has = node.tag, node.attributes
        if tag == "a":
            links.append({"url": has["href"], "text": node.text(strip=True), "rel": has.get("rel")})
        elif tag == "meta":
            name = has.get("property") or has.get("name") or ""
            if name == "description":
                page["description"] = has.get("content")
            elif name.startswith("og:"):
                og[name] = has.get("content") or ""
        elif tag == "link":
            if has["rel"] == "canonical":
                page["canonical"] = has.get("href")
        elif tag == "html":
            page["lang"] = has.get("lang")
        elif tag != "title":
            headings.append((int(tag[1]), " ".join(node.text().split())))
        elif page["title"] is None:
            page["title"] = " ".join(node.text().split())
    return page | {"og": og, "headings": headings, "links": links}


async def main(listed: str, written: str) -> None:
    urls = iter(Path(listed).read_text().split())
    connector = aiohttp.TCPConnector(limit=0)
    with Path(written).open("wb") as out:
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout()
        ) as session:

            async def work() -> None:
                for url in urls:  # shared: each line goes to the worker that asks next
                    async with session.get(url) as response:
                        body = await response.read()
                    record = {"url": url, "status": response.status} | extract(body)
                    out.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

            async with asyncio.TaskGroup() as pool:
                for _ in range(WORKERS):
                    pool.create_task(work())


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
