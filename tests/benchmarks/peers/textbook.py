"""The script that tutorials end with: aiohttp and BeautifulSoup, a semaphore and gather.

python textbook.py urls.txt out.jsonl
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import IO, Any

import aiohttp
from bs4 import BeautifulSoup

AT_ONCE = 64


def extract(html: str) -> dict[str, Any]:
    soup = BeautifulSoup(html, "lxml")
    description = soup.find("meta", attrs={"name": "description"})
    canonical = soup.find("link", rel="canonical")
    return {
        "title": " ".join(soup.title.get_text().split()) if soup.title else None,
        "description": description.get("content") if description else None,
        "canonical": canonical.get("href") if canonical else None,
        "lang": soup.html.get("lang") if soup.html else None,
        "og": {
            meta["property"]: meta.get("content")
            for meta in soup.find_all("meta", property=lambda name: name and name.startswith("og:"))
        },
        "headings": [
            [int(tag.name[1]), " ".join(tag.get_text().split())]
            for tag in soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])
        ],
        "links": [
            {"url": a["href"], "text": a.get_text(strip=True), "rel": a.get("rel")}
            for a in soup.find_all("a", href=True)
        ],
    }


async def visit(session: aiohttp.ClientSession, url: str, *, slots: asyncio.Semaphore, out: IO[str]) -> None:
    async with slots, session.get(url) as response:
        html = await response.text()
        record = {"url": url, "status": response.status} | extract(html)
        out.write(json.dumps(record) + "\n")


async def main(listed: str, written: str) -> None:
    urls = Path(listed).read_text().split()
    slots = asyncio.Semaphore(AT_ONCE)
    with Path(written).open("w") as out:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(visit(session, url, slots=slots, out=out) for url in urls))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
