"""What a visit was for, said with each exchange that goes into the archive."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from scraper.exchange import Purpose
from scraper.messages import Request
from scraper.redaction import without_user_info
from scraper.sinks.warc_records import WarcRecords

if TYPE_CHECKING:
    from scraper.exchange import Exchange, Keep, Put
    from scraper.messages import Errand


class Archivist:
    """Puts exchanges into the archive, each with the errand that it was made for."""

    def __init__(self, put: Put, *, run: str) -> None:
        """Take what puts records there; nothing is closed by this.

        Raises:
            UsageError: warcio is missing.
        """
        self._put = put
        self._run = run
        self._records = WarcRecords()

    def keeper(self, errand: Errand) -> Keep:
        """Return what is to take the exchange that an errand comes to."""
        return partial(self._keep, errand)

    async def _keep(self, errand: Errand, exchange: Exchange) -> None:
        # Made where it is put: what the records remember is for one thread at a time.
        await self._put(lambda: self._records.group(exchange, purpose_of(errand, run=self._run)))


def purpose_of(errand: Errand, *, run: str) -> Purpose:
    """Return what an errand is for, without secrets."""
    if not isinstance(errand, Request):
        return Purpose(kind="robots", run=run, origin=errand.origin)
    return Purpose(
        kind="sitemap" if errand.is_sitemap else "page",
        run=run,
        seq=errand.seq,
        input=without_user_info(errand.input),
        extra=errand.extra or {},
        url=errand.url,
        key=errand.key,
        depth=errand.depth,
        parent=errand.parent,
        redirects=list(errand.redirects),
        tries=list(errand.tries),
        robots=errand.robots,
    )
