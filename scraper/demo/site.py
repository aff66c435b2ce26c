"""The sample site as a whole: a small web made from a seed, its URL list, and the truth about both.

Pure: the same seed gives the same bytes. The server asks ``answer``; tests and the demo take the
list from ``list_text`` and compare what a scraper finds with ``expectations``.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from scraper.demo.answers import NOT_FOUND, answer_of, plain_body
from scraper.demo.charsets import COMMON, RARE, Charset
from scraper.demo.days import edition, is_gone
from scraper.demo.furniture import furniture
from scraper.demo.list_lines import Line, Truth, found_lines, list_lines
from scraper.demo.oddities import oddities
from scraper.demo.pages import KINDS, Subject, write
from scraper.demo.robots_files import BUSY, RATIONED, UNUSUAL_HOSTS, robots_files
from scraper.demo.truth import Answer, Expected, Place, Resource, bind, bind_expected
from scraper.demo.voices import BY_LANG, VOICES
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scraper.demo.robots_files import RobotsFile
    from scraper.record import Robots

_RARE_EVERY = 5
"""Each fifth page is in a rare encoding, as long as there are any."""


_APART = {
    "/status/503": BUSY,
    "/status/429": RATIONED,
    "/status/recovers": RATIONED,
    "/status/rationed": RATIONED,
}
"""Answers that slow a host down have hosts of their own, so that the others stay quick."""


class Site:
    """A finished sample site. Made by ``build_site``.

    Ports are known only when it is served, so every question takes them: ``port`` is where the
    site itself listens, on each of its hosts; at ``dead_port`` of 127.0.0.1 connections are refused.
    """

    def __init__(
        self,
        resources: Mapping[Place, Resource],
        *,
        robots: Mapping[str, RobotsFile],
        lines: Sequence[Line],
        found: Sequence[Line],
    ) -> None:
        self.hosts = tuple(robots)
        """Loopback addresses, each one host of the site. The first is 127.0.0.1."""
        self._robots = robots
        self._resources = resources
        self._found = tuple(found)
        self._lines = tuple(lines)

    @property
    def places(self) -> tuple[Place, ...]:
        """Everything that can be asked for."""
        return tuple(self._resources)

    @property
    def disallowed(self) -> tuple[Place, ...]:
        """What robots.txt of its host forbids."""
        return tuple(place for place in self._resources if not self.judge(place).allowed)

    def judge(self, place: Place) -> Robots:
        """What robots.txt says of a place; what is there need not be."""
        return self._robots[place.host].judge(place.path)

    def answer(self, host: str, path: str, *, port: int, dead_port: int) -> Answer:
        """What the server says to a request.

        Args:
            host: One of ``hosts``.
            path: The request target, percent-encoded or not, with its query. A page that is not
                told apart by its query is found under any.
            port: The site's port, written into links.
            dead_port: The port at which connections are refused, likewise.
        """
        plain = unquote(path)
        for candidate in (plain, plain.partition("?")[0]):
            resource = self._resources.get(Place(host, candidate))
            if resource is not None:
                return answer_of(resource, port=port, dead_port=dead_port)
        return NOT_FOUND

    def urls(self, port: int) -> list[str]:
        """The URLs of the list that answer ``ok`` in the end, each once, in the list's order."""
        urls = (e.url for e in self.expectations(port, dead_port=0) if e.outcome is Outcome.OK)
        return [url for url in urls if url is not None]

    def list_text(self, port: int, *, dead_port: int) -> str:
        """The list as a text file: comments, blank lines, duplicates and bad lines included."""
        return "".join(bind(line.text, port=port, dead_port=dead_port) + "\n" for line in self._lines)

    def expectations(self, port: int, *, dead_port: int) -> list[Expected]:
        """What a correct scraper finds, one for each input line of ``list_text``, in order."""
        return self._rows(self._lines, port=port, dead_port=dead_port)

    def found(self, port: int, *, dead_port: int) -> list[Expected]:
        """What a correct scraper finds beyond that: the lines that sitemaps in the list lead to.

        Their numbers are whatever comes after the list, in any order.
        """
        return self._rows(self._found, port=port, dead_port=dead_port)

    def _rows(self, lines: Sequence[Line], *, port: int, dead_port: int) -> list[Expected]:
        rows = []
        for line in lines:
            if line.expected is None:
                continue
            row = bind_expected(line.expected, port=port, dead_port=dead_port)
            if line.resource is not None and row.outcome is Outcome.OK:
                body = plain_body(line.resource, port=port, dead_port=dead_port)
                row = msgspec.structs.replace(row, size=len(body))
            rows.append(row)
        return rows


def build_site(seed: int = 1, pages: int = 240, *, hosts: int = 12, day: int = 0) -> Site:
    """Make a sample site.

    Args:
        seed: The same seed, ``pages``, ``hosts`` and ``day`` give the same site, byte for byte.
        pages: How many ordinary pages; some 150 redirects, errors, files and oddities come on top.
        hosts: How many ordinary hosts, from 127.0.0.1 on; the unusual ones come on top unless it is
            1. On Linux all of 127.0.0.0/8 is loopback; macOS answers on 127.0.0.1 alone unless further
            addresses are set up: use 1 there.
        day: The site as it is so many days later: some ordinary pages are changed, some are gone (404).
            The list is the same.

    Raises:
        ValueError: ``pages`` is less than 1, or ``hosts`` is not within 1 to 254.
    """
    if pages < 1:
        raise ValueError(f"a site needs at least 1 page, not {pages}")
    if not 1 <= hosts <= 254:  # noqa: PLR2004  the last octet of the address
        raise ValueError(f"a site has 1 to 254 hosts, not {hosts}")
    names = tuple(f"127.0.0.{last}" for last in range(1, hosts + 1))
    chance = random.Random(seed)  # noqa: S311  repeatable, nothing secret
    ordinary = list(_ordinary(pages, hosts=names, chance=chance, day=day))

    robots = robots_files((*names, *(UNUSUAL_HOSTS if hosts > 1 else ())))

    def locate(path: str) -> Place:
        apart = _APART.get(path, "")
        return Place(apart if apart in robots else names[zlib.crc32(path.encode()) % len(names)], path)

    everything = [*furniture(names, pages=ordinary, robots=robots), *ordinary, *oddities(locate)]
    resources = {resource.place: resource for resource in everything}
    truth = Truth(resources, robots=robots)
    return Site(
        resources,
        robots=robots,
        lines=list_lines(resources, hosts=names, truth=truth, chance=chance),
        found=found_lines(resources, truth=truth),
    )


def _charset(number: int) -> Charset:
    """The encoding of a page: the rare ones in turn, each once, the others in UTF-8."""
    turn, rest = divmod(number, _RARE_EVERY)
    if rest == 0 and turn < len(RARE):
        return RARE[turn]
    return COMMON[number % len(COMMON)]


def _path(number: int, *, kind: str, topic: str) -> str:
    """A path as sites have them: a number, a slug in any script, or a query."""
    if number % 7 == 0:
        slug = "".join("-" if c in " ?¿#%,:" else c for c in topic)
        return f"/{kind}/{slug}-{number}"
    if number % 11 == 0:
        return f"/{kind}/item?id={number}&view=full"
    return f"/{kind}/{number}"


def _ordinary(count: int, *, hosts: Sequence[str], chance: random.Random, day: int) -> Iterator[Resource]:
    """Ordinary pages, spread over the hosts, kinds, languages and encodings."""
    kinds = tuple(KINDS)
    plan = []
    for number in range(count):
        charset = _charset(number)
        langs = charset.langs
        voice = BY_LANG[langs[number % len(langs)]] if langs else VOICES[number % len(VOICES)]
        # The second term keeps a language from meeting the same kind each time round.
        kind = kinds[(number + number // len(VOICES)) % len(kinds)]
        path = _path(number, kind=kind, topic=voice.topics[number % len(voice.topics)])
        plan.append((charset, voice, kind, Place(hosts[number % len(hosts)], path)))
    for number, (charset, voice, kind, place) in enumerate(plan):
        near = (number + len(hosts), number + 1, chance.randrange(count))
        subject = Subject(
            place=place,
            number=number,
            voice=voice,
            chance=chance,
            neighbours=tuple(plan[index % count][3] for index in near),
            extra=charset.extra,
            edition=edition(number, day=day),
        )
        written = write(subject, kind=kind, meta_charset=charset.meta)
        if is_gone(number, day=day):  # after it was written: the chance of the pages behind it is the same
            yield Resource(
                place=place,
                status=404,
                expected=Expected(outcome=Outcome.HTTP_ERROR, status=404, content_type=None),
            )
            continue
        media_type = "text/html" + (f"; charset={charset.header}" if charset.header else "")
        yield Resource(
            place=place,
            headers=(("Content-Type", media_type),),
            content=written.html,
            codec=charset.codec,
            bom=charset.bom,
            has_tag=number % 3 > 0,
            expected=Expected(
                status=200,
                content_type="text/html",
                parsed=True,
                title=written.title,
                description=written.description,
                lang=written.lang,
                canonical=written.canonical,
                headings=written.headings,
                charset=charset.name,
                charset_source=charset.source,
            ),
        )
