"""What a run's summary says of settings that a reader of its records should know of. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.settings.proxy import parse_proxy

if TYPE_CHECKING:
    from scraper.settings.model import Settings


def statements(settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each setting by which the run asked otherwise than by default.

    Whether it was careful (certificates, private addresses, robots.txt), as whom it asked (headers), and
    which way. No secret is in them.
    """
    fetch = settings.fetch
    found = []
    if settings.robots.policy == "ignore":
        found.append("robots.txt was ignored (--robots ignore)")
    if fetch.insecure:
        found.append("Certificates were not verified (--insecure)")
    if fetch.private == "allow":
        found.append("Private addresses were asked, whoever named them (--private allow)")
    if fetch.headers:
        found.append(f"Headers of your own: {', '.join(fetch.headers)} (values not shown)")
    if proxy := parse_proxy(fetch.proxy):
        found.append(f"Through the proxy {proxy}")
    return tuple(found)
