"""Where a redirect leads, and which ones are not followed (RFC 9110 section 15.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from scraper import urls
from scraper.record import Redirect
from scraper.redaction import shown_location
from scraper.references import resolve

if TYPE_CHECKING:
    from scraper.messages import Errand, Response

STATUSES = frozenset({301, 302, 303, 307, 308})
"""The Fetch Standard's redirect statuses. All are asked for by GET, so that their differences in
method do not matter."""

# URL Standard 4.4: control characters and blanks around it are dropped, tabs and line ends also inside.
_scheme = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\t\n\r-]{0,39}):").match


class Astray(NamedTuple):
    """Why a redirect is not followed."""

    kind: str
    message: str
    repeated: Redirect | None = None
    """The hop that leads back, of a circle: what was met before is known by it."""


class RedirectRules(NamedTuple):
    """How far redirects are followed."""

    most: int
    refuse_downgrade: bool = False
    """None from https to http."""

    def onward(self, errand: Errand, response: Response) -> Errand | Astray:
        """Return the errand on its way to where a redirect leads.

        A blank ``Location`` is none, as in Chrome: taken for a reference, it would lead to where it
        stands. Several that differ are not chosen from: that is what an answer looks like into which
        somebody else could write a line (RFC 9110 section 5.3 allows one; Chrome refuses them as well).
        """
        locations = {text for name, text in response.headers if name == "location" and text.strip(" \t")}
        if not locations:
            return Astray("NoLocation", "a redirect without a target")
        if len(locations) > 1:
            return Astray("SeveralLocations", f"a redirect to {len(locations)} targets at once")
        return self.toward(errand, response, locations.pop())

    def toward(self, errand: Errand, response: Response, location: str) -> Errand | Astray:
        """Return the errand on its way to a reference that an answer gave."""
        target = resolve(response.url, location)
        if target is None:
            return Astray("BadLocation", f"a redirect to {_what(location)}")
        target = urls.drop_fragment(target)
        if self.refuse_downgrade and response.url.startswith("https:") and target.startswith("http:"):
            return Astray("Downgrade", "a redirect from https to http")
        hop = Redirect(
            url=response.url,
            status=response.status,
            location=shown_location(location),
            elapsed_s=round(response.first_byte_s, 6),
        )
        redirects = (*errand.redirects, hop)
        if _leads_back(target, redirects):
            message = f"the redirects lead back to where they have been{_why(response)}"
            return Astray("RedirectLoop", message, repeated=hop)
        if len(redirects) > self.most:
            return Astray("TooManyRedirects", f"more than {self.most} redirects")
        return aimed(errand, target, redirects=redirects)


def aimed(errand: Errand, target: str, *, redirects: tuple[Redirect, ...] = ()) -> Errand:
    """Return the errand on its way to another URL."""
    return replace(errand, target=target, host=urls.host_key(target), redirects=redirects, is_anew=False)


def _what(location: str) -> str:
    """Return what a reference is that leads nowhere.

    Of the reference only the scheme is repeated, and not that where it might be a user's name.
    """
    if len(location) > urls.MAX_URL_BYTES:
        return f"a URL longer than {urls.MAX_URL_BYTES} bytes"
    found = None if "@" in location else _scheme(location)
    scheme = re.sub(r"[\t\n\r]", "", found[1]).lower() if found else "http"
    if scheme in {"http", "https"}:
        return "what is no http or https URL"
    return f"the scheme {scheme!r}, only http and https are asked for"


def _why(response: Response) -> str:
    """Return what may be behind a circle: many a server sends on to itself until its cookie comes back."""
    return "; a cookie was set, and none are kept" if response.header("set-cookie") is not None else ""


def _leads_back(target: str, redirects: tuple[Redirect, ...]) -> bool:
    """Whether the redirects go in a circle.

    By the key, but a key may be met once more in another spelling: ``/%7Ea`` sent on to ``/~a`` is
    a server that tidies up. The same URL a second time, or a third spelling, is a circle.
    """
    key = urls.dedup_key(target)
    met = [earlier.url for earlier in redirects]
    return target in met or sum(urls.dedup_key(url) == key for url in met) > 1
