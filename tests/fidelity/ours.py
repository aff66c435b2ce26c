"""The record that the program makes of a page of the corpus."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, Literal

from scraper.messages import Finished
from scraper.record import Record
from scraper.settings.model import ParseSettings, RetrySettings, Settings
from scraper.verdict.retries import RunBudget
from scraper.visit.assembly import product_token, visitor_for
from tests.support.fakes import FakeClock, FakeFetcher, request, response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.corpus import CorpusPage

Backend = Literal["fast", "beautifulsoup"]
FIELDS: Final = frozenset(Record.__struct_fields__)


def records(pages: Sequence[CorpusPage], *, parser: Backend, language: bool = False) -> list[dict[str, Any]]:
    """Visit each page as a crawl does, but for the network; return what its line of JSON says.

    Fields that are empty are left out of a record, as they are in an output.
    """
    parse = ParseSettings(parser=parser, language=language)
    settings = Settings(parse=parse, retry=RetrySettings(retries=0))
    return asyncio.run(_visit(pages, settings))


async def _visit(pages: Sequence[CorpusPage], settings: Settings) -> list[dict[str, Any]]:
    return [await _record(page, settings) for page in pages]


async def _record(page: CorpusPage, settings: Settings) -> dict[str, Any]:
    answer = response(page.url, status=page.status, headers=page.headers, body=page.body)
    visitor = visitor_for(
        settings,
        FakeFetcher(lambda _: answer),
        token=product_token(settings),
        run="fidelity",
        clock=FakeClock(),
        budget=RunBudget(settings.retry),
    )
    verdict, _ = await visitor.visit(request(page.url), departs=lambda: None)
    if not isinstance(verdict, Finished):
        raise TypeError(f"{page.name}: the visit ended as {type(verdict).__name__}, not with a record")
    record: dict[str, Any] = json.loads(verdict.line)
    return record
