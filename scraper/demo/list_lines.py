"""The URL list of the sample site, as people keep them: commented, doubled, and not free of slips."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from scraper.demo.redirects import DEAD
from scraper.demo.truth import DEAD_PORT, PORT, Expected, Place, Resource
from scraper.record import Outcome

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from scraper.demo.robots_files import RobotsFile
    from scraper.record import Robots

_SITEMAP = "sitemap:"

INVALID = (
    "http://",
    "mailto:someone@example.org",
    "this is not a url",
    "ftp://127.0.0.1/file",
    "javascript:void(0)",
    "http://127.0.0.1:99999/",
    "http://[::1",
)
"""Lines that are no http or https URL by the WHATWG URL Standard."""

COMMENTS = (
    "# a list of pages to look at",
    "",
    "   # indented comment",
    "#",
    "",
    "# http://127.0.0.1/commented-out",
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list."""

    text: str
    expected: Expected | None = None
    """``None`` for comments and blank lines, which are no input."""
    resource: Resource | None = None
    """Where its redirects end, if they do."""


class Truth:
    """Follows redirects on the site and asks its robots.txt as a scraper has to."""

    def __init__(self, resources: Mapping[Place, Resource], *, robots: Mapping[str, RobotsFile]) -> None:
        self._resources = resources
        self._robots = robots
        self._by_url = {other.place.url: other for other in resources.values()}

    def line(self, resource: Resource) -> Line:
        """The line that asks for a resource, with what is found at the end of its redirects."""
        place, end, hops = resource.place, resource, 0
        while (robots := self._judge(place)).allowed and end.leads_to is not None:
            end, hops = self._by_url[end.leads_to], hops + 1
            place = end.place
        url = resource.place.url
        if not robots.allowed:
            refused = msgspec.structs.replace(_refused(robots), input=url, url=url, redirects=hops)
            return Line(text=url, expected=refused)
        whole = end.expected.status is not None
        expected = msgspec.structs.replace(
            end.expected,
            input=url,
            url=url,
            final_url=end.place.url if whole else None,
            redirects=hops + end.expected.redirects,
            robots=end.expected.robots or self._judge(end.ends_at or end.place),
        )
        return Line(text=url, expected=expected, resource=end if whole else None)

    def found(self, resource: Resource, *, parent: Place) -> Line:
        """The line that a sitemap gives for a resource: a page, or a sitemap of its own."""
        line = self.line(resource)
        assert line.expected is not None  # noqa: S101  an asked line has its truth
        nested = any(other.parent == resource.place for other in self._resources.values())
        expected = msgspec.structs.replace(
            line.expected,
            input=f"{_SITEMAP}{line.text}" if nested else line.text,
            parent=parent.url,
            depth=int(nested),
        )
        return msgspec.structs.replace(line, expected=expected)

    def _judge(self, place: Place) -> Robots:
        return self._robots[place.host].judge(place.path)


def _refused(robots: Robots) -> Expected:
    """What comes of a URL that robots.txt does not allow."""
    if robots.status == 200:  # noqa: PLR2004
        return Expected(outcome=Outcome.ROBOTS_DENIED, robots=robots)
    return Expected(outcome=Outcome.ROBOTS_UNREACHABLE, error_type="RobotsStatus", robots=robots)


def _same(line: Line) -> Iterator[str]:
    """Other spellings of a line's URL that mean the same (RFC 3986 6.2.2 and 6.2.3)."""
    url = line.text
    host_end = url.index("/", len("http://"))
    origin, path = url[:host_end], url[host_end:]
    yield url
    yield f"{url}#section-2"
    yield f"HTTP{url.removeprefix('http')}"
    yield f"{origin}/up/..{path}"
    yield f"{origin}/./{path[1:]}"
    yield f"{origin}/%{ord(path[1]):02x}{path[2:]}"
    yield f"  {url} "


def _extra(first: str, *, resources: Mapping[Place, Resource], truth: Truth) -> Iterator[Line]:
    """Lines that ask for something in an unusual way."""
    home = truth.line(resources[Place(first, "/")])
    if home.expected is not None:
        url = f"http://localhost:{PORT}/"
        expected = msgspec.structs.replace(home.expected, input=url, url=url, final_url=url)
        yield Line(text=url, expected=expected, resource=home.resource)
    bare = truth.line(resources[Place(first, "/bare")])
    if bare.expected is not None:
        text = bare.text.removeprefix("http://")
        yield Line(
            text=text, expected=msgspec.structs.replace(bare.expected, input=text), resource=bare.resource
        )
    for path in ("/a", "/b?c=d"):
        url = f"http://{first}:{DEAD_PORT}{path}"
        yield Line(text=url, expected=msgspec.structs.replace(DEAD, input=url, url=url))
    for text in INVALID:
        yield Line(text=text, expected=Expected(outcome=Outcome.INVALID_URL, input=text))


def _duplicates(lines: Sequence[Line], *, first: str) -> Iterator[tuple[str, Line]]:
    """Texts that double a line, each with the line it doubles."""
    good = [line for line in lines if line.expected is not None and line.expected.outcome is Outcome.OK]
    # A digit at the end: no home page, whose path has no letter to encode.
    plain = [line for line in good if line.text.startswith("http") and line.text[-1].isdigit()]
    plain = [line for line in plain if "%" not in line.text]
    for number, original in enumerate(plain[:21:3]):
        yield list(_same(original))[number], original
    for line in good:
        if line.text == f"http://{first}:{PORT}/":
            yield line.text.removesuffix("/"), line
        if line.text == f"http://localhost:{PORT}/":
            yield line.text.replace("localhost", "LOCALHOST"), line
    spelled = [line for line in good if "%D" in line.text]
    for line in spelled[:1]:
        yield unquote(line.text), line  # written in its own script, as people paste it


def list_lines(
    resources: Mapping[Place, Resource], *, hosts: Sequence[str], truth: Truth, chance: random.Random
) -> list[Line]:
    """Make the list: every listed resource once, in no order, and the slips strewn in between."""
    lines = [truth.line(resource) for resource in resources.values() if resource.listed]
    lines += _extra(hosts[0], resources=resources, truth=truth)
    chance.shuffle(lines)
    doubled: dict[int, Line] = {}
    for text, original in list(_duplicates(lines, first=hosts[0])):
        copy = Line(text=text, expected=Expected(outcome=Outcome.DUPLICATE, input=text))
        lines.insert(chance.randint(lines.index(original) + 1, len(lines)), copy)
        doubled[id(copy)] = original
    for text in COMMENTS:
        lines.insert(chance.randint(0, len(lines)), Line(text=text))
    # Last, so that no line of the list comes after those that are found and gets its number then.
    lines += [_as_sitemap(truth.line(r)) for r in resources.values() if r.listed_as_sitemap]
    return _numbered(lines, doubled=doubled)


def found_lines(resources: Mapping[Place, Resource], *, truth: Truth) -> list[Line]:
    """What the sitemaps in the list lead to; as lines that are not in it, without numbers."""
    return [truth.found(r, parent=r.parent) for r in resources.values() if r.parent is not None]


def _as_sitemap(line: Line) -> Line:
    assert line.expected is not None  # noqa: S101  an asked line has its truth
    text = _SITEMAP + line.text
    expected = msgspec.structs.replace(line.expected, input=text)
    return msgspec.structs.replace(line, text=text, expected=expected)


def _numbered(lines: Sequence[Line], *, doubled: Mapping[int, Line]) -> list[Line]:
    """Give each input line its number, and each duplicate that of the line it doubles."""
    seqs: dict[int, int] = {}
    numbered = []
    for line in lines:
        if line.expected is None:
            numbered.append(line)
            continue
        seqs[id(line)] = seq = len(seqs)
        original = doubled.get(id(line))
        expected = msgspec.structs.replace(
            line.expected, seq=seq, duplicate_of=seqs[id(original)] if original is not None else None
        )
        numbered.append(msgspec.structs.replace(line, expected=expected))
    return numbered
