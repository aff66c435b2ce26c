"""What to do about each outcome, for the reference of outcomes."""

from __future__ import annotations

from typing import Final

from scraper.record import Outcome

PARTLY_TRIED_AGAIN: Final = frozenset({Outcome.DNS_ERROR, Outcome.TLS_ERROR, Outcome.ROBOTS_UNREACHABLE})
"""Some of their causes are tried again: a resolver out of reach, a handshake that was broken off."""

REMEDIES: Final[dict[Outcome, str]] = {
    Outcome.OK: "Nothing.",
    Outcome.NOT_MODIFIED: "Nothing. To fetch all pages anew, leave `--history` out.",
    Outcome.HTTP_ERROR: (
        "Look at `status`. 404 and 410: mend the list, or the page in `parent` that links there. 401 "
        "and 403: the page is not for you as you ask; `--header` has credentials for hosts of your "
        "list. 429 and 5xx: `scraper retry`, later, with a longer `--delay`."
    ),
    Outcome.ROBOTS_DENIED: (
        "`robots.rule` is the line that decided. Ask the site's owner; `--robots ignore` is for sites "
        "that are yours."
    ),
    Outcome.ROBOTS_UNREACHABLE: (
        "`error` says why. A host that does not exist: mend the list. Else `scraper retry`, later."
    ),
    Outcome.DUPLICATE: "Nothing: the record whose `seq` is `duplicate_of` is the page's.",
    Outcome.FILTERED: "Nothing, or another `--include` or `--exclude`.",
    Outcome.INVALID_URL: (
        "`input` is the line as it stands in the list; `scraper plan` counts such lines beforehand. "
        "In a table it may be the wrong column: `--column`."
    ),
    Outcome.DNS_ERROR: "Look at the name; many of them at once: at your resolver, then `scraper retry`.",
    Outcome.CONNECT_ERROR: (
        "`scraper retry`, later. Many at once: your own network, a firewall, or the proxy."
    ),
    Outcome.TLS_ERROR: (
        "`error.message` says what is wrong with the certificate. Tell the site's owner. `--insecure` "
        "asks all the same, of all hosts: for those of your own."
    ),
    Outcome.TIMEOUT: (
        "`error.phase` says during what. `scraper retry --timeout 120`; one host alone may want a "
        "smaller `--per-host`."
    ),
    Outcome.DISCONNECTED: (
        "`scraper retry`, later; a host that does so often may want a smaller `--per-host`."
    ),
    Outcome.PROTOCOL_ERROR: (
        "`error.message` says what is not HTTP. Look at the port: it may serve something else."
    ),
    Outcome.REDIRECT_ERROR: (
        "`redirects` has the hops. A loop is often one that wants a cookie; none is kept."
    ),
    Outcome.TOO_LARGE: (
        "`--max-body`, if the rest matters: mostly it does not, since metadata stands in the head."
    ),
    Outcome.DECODE_ERROR: "`error.message` says what is broken. Tell the site's owner.",
    Outcome.BLOCKED_ADDRESS: (
        "If the host is yours, name it in the list: [private addresses](../guides/private-addresses.md)."
    ),
    Outcome.HOST_UNAVAILABLE: "`scraper retry --outcome host_unavailable`, when the host is there again.",
    Outcome.PARSE_ERROR: (
        "`error` says why. `--parser beautifulsoup` may read it; if not, please report the page."
    ),
}
