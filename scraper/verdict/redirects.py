"""Where a redirect leads, and which ones are not followed (RFC 9110 section 15.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from scraper import urls
from scraper.record import Redirect

if TYPE_CHECKING:
    from scraper.messages import Errand, Response

STATUSES = frozenset({301, 302, 303, 307, 308})
"""The Fetch Standard's redirect statuses. All are asked for by GET, so that their differences in
method do not matter."""


class Astray(NamedTuple):
    """Why a redirect is not followed."""

    kind: str
    message: str


class RedirectRules(NamedTuple):
    """How far redirects are followed."""

    most: int
    refuse_downgrade: bool = False
    """None from https to http."""

    def onward(self, errand: Errand, response: Response) -> Errand | Astray:
        """Return the errand on its way to where a redirect leads."""
        location = response.header("location")
        if location is None:
            return Astray("NoLocation", "a redirect without a target")
        return self.toward(errand, response, location)

    def toward(self, errand: Errand, response: Response, location: str) -> Errand | Astray:
        """Return the errand on its way to a reference that an answer gave."""
        target = urls.resolve(response.url, location)
        if target is None:
            return Astray("BadLocation", "a redirect to what is no http or https URL")
        target = urls.drop_fragment(target)
        if self.refuse_downgrade and response.url.startswith("https:") and target.startswith("http:"):
            return Astray("Downgrade", "a redirect from https to http")
        hop = Redirect(
            url=response.url,
            status=response.status,
            location=urls.shown_location(location),
            elapsed_s=round(response.first_byte_s, 6),
        )
        redirects = (*errand.redirects, hop)
        if _leads_back(target, redirects):
            return Astray("RedirectLoop", "the redirects lead back to where they have been")
        if len(redirects) > self.most:
            return Astray("TooManyRedirects", f"more than {self.most} redirects")
        return aimed(errand, target, redirects=redirects)


def aimed(errand: Errand, target: str, *, redirects: tuple[Redirect, ...] = ()) -> Errand:
    """Return the errand on its way to another URL."""
    return replace(errand, target=target, host=urls.host_key(target), redirects=redirects, is_anew=False)


def _leads_back(target: str, redirects: tuple[Redirect, ...]) -> bool:
    """Whether the redirects go in a circle.

    By the key, but a key may be met once more in another spelling: ``/%7Ea`` sent on to ``/~a`` is
    a server that tidies up. The same URL a second time, or a third spelling, is a circle.
    """
    key = urls.dedup_key(target)
    met = [earlier.url for earlier in redirects]
    return target in met or sum(urls.dedup_key(url) == key for url in met) > 1
