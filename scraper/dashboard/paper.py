"""Makes answers of templates: what every page shows is put in here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from scraper.dashboard.places import IS_IN, SESSION
from scraper.dashboard.rendering import render

if TYPE_CHECKING:
    from scraper.dashboard.door import Door
    from scraper.dashboard.problems import Refusal


class Paper:
    """Makes pages.

    Args:
        door: Gives the proof that forms carry.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def page(self, request: web.Request, template: str, *, place: str = "", **values: object) -> web.Response:
        """Return a page.

        Args:
            request: Who asked.
            template: The name of the page's template.
            place: Where in the navigation it stands: ``jobs``, ``search``.
            values: What the template shows.
        """
        session = request.get(SESSION, "")
        common = {
            "place": place,
            "note": None,
            "is_in": request.get(IS_IN, False),
            "can_leave": bool(session),
            "proof": self._door.proof(request),
        }
        text = render(template, common | values, now=now())
        # Text from pages may hold halves of surrogate pairs, which UTF-8 has not.
        return web.Response(body=text.encode("utf-8", "replace"), content_type="text/html", charset="utf-8")

    def refused(self, request: web.Request, refusal: Refusal) -> web.Response:
        """Tell a person why something was not done."""
        page = self.page(request, "refused.html", title=refusal.status.phrase, detail=refusal.detail)
        page.set_status(refusal.status)
        page.headers.update(refusal.headers)
        return page


def now() -> datetime:
    """Return the time that pages count from."""
    return datetime.now(UTC)
