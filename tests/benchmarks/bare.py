"""The same work as ``scraper crawl``, as the shortest script on the same libraries: the yardstick.

It fetches, decodes, finds title, description, canonical, lang, headings, OpenGraph, counts and words,
hashes, and writes JSON Lines. It leaves out what makes a crawl reliable: no politeness, no state, no
deadlines, caps, retries, redirects of its own or tidy records, and it loads its list whole.

    python tests/benchmarks/bare.py urls.txt out.jsonl
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import turbohtml
import uvloop

WORKERS = 64
SELECTOR = "title, html, meta, link, h1, h2, h3, h4, h5, h6, a[href], area[href], img, form, script, iframe"


def extract(url: str, status: int, body: bytes) -> dict[str, Any]:
    tree = turbohtml.parse(body.decode("utf-8", "replace"))
    page: dict[str, Any] = {"url": url, "status": status, "headings": [], "og": {}, "links": 0, "images": 0}
    for node in tree.select(SELECTOR):
        match node.tag:
            case "a" | "area":
                page["links"] += 1
            case "img":
                page["images"] += 1
            case "title":
                page.setdefault("title", " ".join(node.text.split()))
            case "html":
                page["lang"] = node.attr("lang")
            case "meta":
                name = (node.attr("property") or node.attr("name") or "").lower()
                if name.startswith("og:"):
                    page["og"].setdefault(name[3:], []).append(node.attr("content"))
                elif name == "description":
                    page["description"] = node.attr("content")
            case "link" if node.attr("rel") == "canonical":
                page["canonical"] = node.attr("href")
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                page["headings"].append([node.tag, " ".join(node.text.split())])
    tree.remove("script, style, template, noscript, head")
    words = tree.text.split() if tree.root is not None else []
    page["word_count"] = len(words)
    page["text_sha256"] = hashlib.sha256(" ".join(words).encode("utf-8", "replace")).hexdigest()
    page["body_sha256"] = hashlib.sha256(body).hexdigest()
    return page


async def main(listed: str, written: str) -> None:
    urls: asyncio.Queue[str] = asyncio.Queue()
    for line in Path(listed).read_text().split():
        urls.put_nowait(line)
    encode = msgspec.json.Encoder().encode
    with Path(written).open("wb") as out:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def work() -> None:
                while not urls.empty():
                    url = urls.get_nowait()
                    async with session.get(url) as response:
                        body = await response.read()
                    out.write(encode(extract(url, response.status, body)) + b"\n")

            async with asyncio.TaskGroup() as pool:
                for number in range(WORKERS):
                    pool.create_task(work(), name=f"worker-{number}")


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
