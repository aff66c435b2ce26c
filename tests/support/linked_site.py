"""A site of pages that link to each other, and what is wrong with a crawl of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.support.polite_site import NOT_FOUND, Answer, Ask, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.polite_site import Site

HOSTS: Final = tuple(f"127.0.11.{number}" for number in range(1, 11))
_LINKS: Final = 9


class LinkedSite(NamedTuple):
    """So many pages; the page with number 0 leads to all of them."""

    pages: int

    def answer(self, ask: Ask) -> Answer:
        """Return the page of a number, which links to others; each page is on one host.

        Links stay near the page's own number, so that the crawl is never done with
        finding pages before its end; every page is linked to from the one before.
        """
        if not ask.target[1:].isdigit():
            return NOT_FOUND
        number = int(ask.target[1:])
        port = ask.headers["host"].rpartition(":")[2]
        others = {number + 1, *(number + (number * k) % 23 - 11 for k in range(2, _LINKS + 1))}
        links = [
            f"http://{HOSTS[other % len(HOSTS)]}:{port}/{other}"
            for other in sorted(others)
            if 0 <= other < self.pages
        ]
        # At different times, so that more batches are written and more kills meet a write.
        return page(*links, title=f"Page {number}", delay_s=0.01 + (number * 7 % 10) / 200)

    def wrong_with(self, records: Sequence[dict[str, Any]], site: Site) -> list[str]:
        """Return what is wrong with the records of a whole crawl of the site, in lines for people."""
        expected = {site.url(HOSTS[number % len(HOSTS)], f"/{number}") for number in range(self.pages)}
        times = Counter(record["url"] for record in records)
        wrong = [f"{url} has {count} records" for url, count in times.items() if count != 1]
        wrong += [f"{url} has no record" for url in sorted(expected - set(times))]
        wrong += [f"{url} is no page of the site" for url in times if url not in expected]
        wrong += [
            f"{record['url']} is {record['outcome']}" for record in records if record["outcome"] != "ok"
        ]
        if sorted(record["seq"] for record in records) != list(range(len(records))):
            wrong.append("the numbers of the records are not those from 0 on, each once")
        by_seq = {record["seq"]: record for record in records}
        for record in records:
            parent = by_seq.get(record["parent"])
            if (parent is None) != (record["depth"] == 0):
                wrong.append(f"{record['url']}: depth {record['depth']}, and its parent {record['parent']}")
            elif parent is not None and record["depth"] != parent["depth"] + 1:
                wrong.append(f"{record['url']}: depth {record['depth']}, its parent's {parent['depth']}")
        return wrong
