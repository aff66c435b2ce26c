"""What the whole record of a page costs beside its title alone, with both parsers, by the size of the page.

    python -m tests.benchmarks.per_page [--rounds 9] [--pages 12]

Processor time, which other work on the machine touches least: for each size the median over the rounds, in
milliseconds a page. The two of a parser take turns, so the ratio is that of one run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import turbohtml
from bs4 import BeautifulSoup

from scraper.parse.page import PageParser
from scraper.settings.model import ParseSettings
from tests.benchmarks.real_pages import real_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZES: Final = (20_000, 100_000, 500_000)
_URL: Final = "https://www.example.com/a/page.html"


def title_fast(body: bytes) -> str | None:
    """Return the title as the shortest program on the same parser does."""
    node = turbohtml.parse(body.decode("utf-8", "replace")).select_one("title")
    return node.text if node else None


def title_soup(body: bytes) -> str | None:
    """The same with Beautiful Soup over lxml."""
    node = BeautifulSoup(body, "lxml").title
    return node.string if node else None


def whole(parser: PageParser, body: bytes) -> str | None:
    """Return the title of the whole record."""
    found = parser.parse(body=body, url=_URL, content_type_charset="utf-8")
    return found.page.title


def took_ms(work: Callable[[bytes], object], pages: Sequence[bytes]) -> float:
    """Return the processor time a page, in milliseconds."""
    began_s = time.process_time()
    for body in pages:
        work(body)
    return (time.process_time() - began_s) / len(pages) * 1000


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--pages", type=int, default=12)
    asked = arguments.parse_args()
    programs: dict[str, tuple[Callable[[bytes], object], Callable[[bytes], object]]] = {
        "fast": (title_fast, partial(whole, PageParser(ParseSettings()))),
        "beautifulsoup": (title_soup, partial(whole, PageParser(ParseSettings(parser="beautifulsoup")))),
    }
    say = partial(print, file=sys.stdout, flush=True)
    say(f"{'page':>7}  {'parser':<14}{'title, ms':>10}{'record, ms':>12}{'ratio':>7}")
    for size in SIZES:
        pages = [real_page(number, about_bytes=size) for number in range(asked.pages)]
        for name, (title, record) in programs.items():
            rounds = [(took_ms(title, pages), took_ms(record, pages)) for _ in range(asked.rounds + 1)][1:]
            titles, records = (statistics.median(column) for column in zip(*rounds, strict=True))
            ratio = statistics.median(one[1] / one[0] for one in rounds)
            say(f"{size // 1000:>4} KB  {name:<14}{titles:>10.2f}{records:>12.2f}{ratio:>7.1f}")


if __name__ == "__main__":
    main()
