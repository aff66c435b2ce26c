"""Which limits hold for a host: the user's for all, or those of a pattern that names it. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from scraper.errors import InvalidUrl
from scraper.urls import host_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scraper.settings.model import PolitenessSettings


class Limits(NamedTuple):
    """What the settings say of one host."""

    per_host: int
    delay_s: float


def limits_for(host: str, settings: PolitenessSettings) -> Limits:
    """Return the limits of a host key (``example.com``, ``example.com:8080``, ``[::1]``).

    In the patterns of ``settings.hosts`` only ``*`` is special, and stands for any characters, none
    and dots included. Case does not matter, and an international name may be written as people read it. A
    pattern without a port means the host at every port. ``*.example.com`` means ``example.com`` too,
    as in the match patterns of browser extensions: who names a site so means all of it; a pattern
    ``example.com`` beside it goes before it there. Of several that match, the longest counts, of equally
    long ones that with fewer ``*``; what it leaves out is as for all hosts, whatever shorter ones say.
    """
    if settings.hosts:
        expression, names = _compiled(tuple(settings.hosts))
        if match := expression.fullmatch(host.lower()):
            found = settings.hosts[names[(match.lastindex or 1) - 1]]
            return Limits(
                settings.per_host if found.per_host is None else found.per_host,
                settings.delay_s if found.delay_s is None else found.delay_s,
            )
    return Limits(settings.per_host, settings.delay_s)


@lru_cache(maxsize=8)
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], list[str]]:
    """Return one expression for all patterns, a group each, and the pattern that each group is.

    One expression, since it is asked once for each host of a long list. Alternatives are tried from the
    left: the longest comes first.
    """
    spelt: dict[str, str] = {}
    for pattern in patterns:
        spelt.setdefault(_canonical(pattern), pattern)
    for pattern, name in list(spelt.items()):
        if pattern.startswith("*.") and len(pattern) > len("*."):
            spelt.setdefault(pattern.removeprefix("*."), name)
    ordered = sorted(spelt, key=lambda pattern: (-len(pattern), pattern.count("*")))
    alternatives = "|".join(f"({_expression(pattern.split('*'))})" for pattern in ordered)
    return re.compile(rf"(?:{alternatives})(?::[0-9]+)?"), [spelt[pattern] for pattern in ordered]


def _canonical(pattern: str) -> str:
    if not pattern.isascii():
        try:
            return host_key("https://" + pattern)  # host keys are in punycode
        except InvalidUrl:
            pass
    return pattern.lower()


def _expression(parts: Iterable[str]) -> str:
    """Write the fixed parts of a pattern, ``*`` being between them, as a regular expression.

    Each part but the last is taken where it is met first, and that is final: a pattern of many ``*``
    would else try all ways to distribute them.
    """
    first, *others = map(re.escape, parts)
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last
