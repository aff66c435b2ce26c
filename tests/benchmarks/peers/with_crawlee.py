"""Crawlee's ParselCrawler with 64 requests at all times and its storage in memory.

python with_crawlee.py urls.txt out.jsonl
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import orjson  # type: ignore[import-not-found,import-untyped,unused-ignore]
import uvloop
from crawlee import ConcurrencySettings  # type: ignore[import-not-found,import-untyped,unused-ignore]
from crawlee.crawlers import ParselCrawler  # type: ignore[import-not-found,import-untyped,unused-ignore]
from crawlee.storage_clients import MemoryStorageClient  # type: ignore[import-not-found,import-untyped,unused-ignore]

AT_ONCE = 64


# lxml's own elements: selectors made of them would take a third longer.
def roots(page: Any, css: str) -> list[Any]:
    return [node.root for node in page.css(css)]


def text_of(root: Any) -> str:
    return "".join(root.itertext())


def extract(page: Any) -> dict[str, Any]:
    return {
        "title": " ".join((page.css("title::text").get() or "").split()),
        "description": page.css("meta[name=description]::attr(content)").get(),
        "canonical": page.css("link[rel=canonical]::attr(href)").get(),
        "lang": page.css("html::attr(lang)").get(),
        "og": {
            meta.attrib["property"]: meta.attrib.get("content") for meta in page.css("meta[property^='og:']")
        },
        "headings": [
            [int(root.tag[1]), " ".join(text_of(root).split())]
            for root in roots(page, "h1, h2, h3, h4, h5, h6")
        ],
        "links": [
            {"url": root.get("href"), "text": text_of(root).strip(), "rel": root.get("rel")}
            for root in roots(page, "a[href]")
        ],
    }


async def main(listed: str, written: str) -> None:
    logging.getLogger("crawlee").setLevel(logging.ERROR)
    with Path(written).open("wb") as out:

        async def handle(context: Any) -> None:
            record = {"url": context.request.url, "status": context.http_response.status_code}
            out.write(orjson.dumps(record | extract(context.selector), option=orjson.OPT_APPEND_NEWLINE))

        crawler = ParselCrawler(
            request_handler=handle,
            storage_client=MemoryStorageClient(),
            concurrency_settings=ConcurrencySettings(
                min_concurrency=AT_ONCE, desired_concurrency=AT_ONCE, max_concurrency=AT_ONCE
            ),
            use_session_pool=False,
            retry_on_blocked=False,
            configure_logging=False,
        )
        await crawler.run(Path(listed).read_text().split())  # seven times quicker than its RequestList


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
