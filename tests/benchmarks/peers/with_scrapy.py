"""Scrapy, set for speed as its documentation on broad crawls says, but for the number of requests.

python with_scrapy.py urls.txt out.jsonl
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import scrapy  # type: ignore[import-not-found,import-untyped,unused-ignore]
from scrapy.crawler import CrawlerProcess  # type: ignore[import-not-found,import-untyped,unused-ignore]

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SETTINGS = {
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
    "CONCURRENT_ITEMS": 1,  # so many tasks are made for each answer, and a page gives one item
    "DOWNLOAD_DELAY": 0,
    "ROBOTSTXT_OBEY": False,
    "COOKIES_ENABLED": False,
    "RETRY_ENABLED": False,
    "HTTPPROXY_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "LOG_LEVEL": "WARNING",
    "LOGSTATS_INTERVAL": 0,
    "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
    "ASYNCIO_EVENT_LOOP": "uvloop.Loop",
}


# lxml's own elements: selectors made of them would take a third longer.
def roots(page: Any, css: str) -> list[Any]:
    return [node.root for node in page.css(css)]


def text_of(root: Any) -> str:
    return "".join(root.itertext())


class Pages(scrapy.Spider):  # type: ignore[misc,unused-ignore]
    name = "pages"
    listed: str

    async def start(self) -> AsyncIterator[Any]:
        for url in Path(self.listed).read_text().split():
            yield scrapy.Request(url)

    def parse(self, response: Any) -> Iterator[dict[str, Any]]:
        yield {
            "url": response.url,
            "status": response.status,
            "title": " ".join(response.css("title::text").get("").split()),
            "description": response.css("meta[name=description]::attr(content)").get(),
            "canonical": response.css("link[rel=canonical]::attr(href)").get(),
            "lang": response.css("html::attr(lang)").get(),
            "og": {
                meta.attrib["property"]: meta.attrib.get("content")
                for meta in response.css("meta[property^='og:']")
            },
            "headings": [
                [int(root.tag[1]), " ".join(text_of(root).split())]
                for root in roots(response, "h1, h2, h3, h4, h5, h6")
            ],
            "links": [
                {"url": root.get("href"), "text": text_of(root).strip(), "rel": root.get("rel")}
                for root in roots(response, "a[href]")
            ],
        }


if __name__ == "__main__":
    feed = {"format": "jsonlines", "overwrite": True}
    process = CrawlerProcess(SETTINGS | {"FEEDS": {Path(sys.argv[2]): feed}})
    process.crawl(Pages, listed=sys.argv[1])
    process.start()
