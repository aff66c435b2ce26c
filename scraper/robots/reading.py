"""The lines of a robots.txt, and what they say to one crawler (RFC 9309 section 2.2).

One pass over at most ``MAX_BYTES`` of hostile input. Only ``Allow`` and ``Disallow`` close the user-agent
lines above them; no other record may change how those are read (2.2.4). So a ``Crawl-delay`` between two
user-agent lines leaves both in one group; the delay itself is taken for those named right above it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BYTES = 512_000
"""How much of a file is read: the 500 KiB that RFC 9309 2.5 asks for at least.

A body of this length or more counts as cut, so that it does not matter whether the caller cut it; the line
that the cut goes through is dropped."""

# Typos that Google's parser forgives, and the words without their hyphen.
_NAMES: dict[bytes, str] = {
    b"user-agent": "user-agent",
    b"useragent": "user-agent",
    b"user agent": "user-agent",
    b"allow": "Allow",
    b"disallow": "Disallow",
    b"dissallow": "Disallow",
    b"dissalow": "Disallow",
    b"disalow": "Disallow",
    b"diasllow": "Disallow",
    b"disallaw": "Disallow",
    b"sitemap": "sitemap",
    b"site-map": "sitemap",
    b"sitemaps": "sitemap",
    b"crawl-delay": "crawl-delay",
    b"crawldelay": "crawl-delay",
    b"crawl delay": "crawl-delay",
    b"request-rate": "request-rate",
    b"request rate": "request-rate",
}
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_leading_token = re.compile(rb"[A-Za-z_-]+").match
_seconds = re.compile(rb"\+?([0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})").fullmatch
_rate = re.compile(rb"([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*([smhd]?)(?:\s.*)?", re.IGNORECASE).fullmatch
_UNIT_S = {b"": 1, b"s": 1, b"m": 60, b"h": 3600, b"d": 86_400}

_unprintable = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Group:
    """What the lines for one product token, or for ``*``, say together."""

    __slots__ = ("delay_s", "named", "rules")

    def __init__(self) -> None:
        self.named = False
        self.rules: list[tuple[str, bytes]] = []
        self.delay_s: float | None = None

    def wait(self, delay_s: float | None) -> None:
        """Note a delay that is asked for; ``None`` is one that nobody can read."""
        if delay_s is not None and (self.delay_s is None or delay_s > self.delay_s):
            self.delay_s = delay_s


def read_groups(body: bytes, *, token: bytes) -> tuple[Group, Group, list[str]]:
    """Return what is said to the token, what to everyone, and the sitemaps."""
    ours, everyone = Group(), Group()
    groups: dict[bytes | None, Group] = {b"*": everyone, token: ours}
    current: set[Group] = set()
    waiting: set[Group] = set()
    naming = naming_for_delay = False
    sitemaps: dict[str, None] = {}
    for name, value in _directives(body):
        if name == "user-agent":
            if not naming:
                current, naming = set(), True
            if not naming_for_delay:
                waiting, naming_for_delay = set(), True
            group = groups.get(_product_token(value))
            if group is not None:
                group.named = True
                waiting.add(group)
                current.add(group)
        elif name == "sitemap":
            sitemaps[shown_text(value)] = None
        elif name in {"Allow", "Disallow"}:
            naming = naming_for_delay = False
            for group in current:
                group.rules.append((name, value))
        else:
            naming_for_delay = False
            for group in waiting:
                group.wait(_delay_s(name, value))
    sitemaps.pop("", None)
    return ours, everyone, list(sitemaps)


def _product_token(value: bytes) -> bytes | None:
    """Return the token that a user agent begins with, lower case: ``foo`` of ``Foo/1.0 (x)``; or ``*``."""
    if value[:1] == b"*" and not value[1:2].strip():
        return b"*"
    found = _leading_token(value)
    return found[0].lower() if found else None


def _directives(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the lines whose directive is known: its name, and the value without blanks around it."""
    for raw in _lines(body):
        line = raw.partition(b"#")[0]
        key, colon, value = line.partition(b":")
        name = _NAMES.get(key.strip().lower()) if colon else None
        if name is None:
            # The colon forgotten, as in 'Disallow /x', also where the value has one of its own.
            words = line.split(None, 2)
            if len(words) != 2 or (name := _NAMES.get(words[0].lower())) is None:  # noqa: PLR2004 - name and value
                continue
            value = words[1]
        yield name, value.strip()


def _lines(body: bytes) -> Iterable[bytes]:
    """Give the lines that are not empty; of a long body those that end before the limit.

    A cut line would say something else: ``Disallow: /x`` is ``Disallow: /`` one octet earlier. NULs go:
    nothing needs them, and ASCII text in UTF-16 becomes readable.
    """
    text = body[:MAX_BYTES].replace(b"\r", b"\n")
    if len(body) >= MAX_BYTES and body[MAX_BYTES : MAX_BYTES + 1] not in {b"\n", b"\r"}:
        text = text[: text.rfind(b"\n") + 1]
    for bom in _BOMS:
        text = text.removeprefix(bom)
    return filter(None, text.replace(b"\0", b"").split(b"\n"))


def _delay_s(name: str, value: bytes) -> float | None:
    """Return the seconds of a ``Crawl-delay``, or between two requests of a ``Request-rate``."""
    if name == "crawl-delay":
        return float(found[1]) if (found := _seconds(value)) else None
    found = _rate(value)
    if not found or not int(found[1]):
        return None
    return int(found[2]) * _UNIT_S[found[3].lower()] / int(found[1])


def shown_text(value: bytes) -> str:
    """Return a value of the file for people."""
    text = value.decode("utf-8", "replace")
    return text if text.isprintable() else _unprintable.sub("\ufffd", text)
