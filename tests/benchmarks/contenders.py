"""Who is measured, how each is started, and what its records have to say."""

from __future__ import annotations

import fnmatch
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tests.support.processes import PYTHON, SCRAPER

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE: Final = Path(__file__).parent
PEERS_PYTHON: Final = _HERE.parents[1] / ".bench" / "venv" / "bin" / "python"
BARE: Final = "bare"
"""The key of the one that all are compared with."""
_SLOW: Final = 0.1
_OURS: Final = (
    "--fresh",
    "-q",
    "--delay",
    "0",
    "--per-host",
    "64",
    "--private",
    "listed",
    "--robots",
    "obey",
)


class Contender(NamedTuple):
    """A program with its settings; it is started with the list and the output as last arguments."""

    key: str
    """What ``--only`` names it by."""
    label: str
    """For tables and the chart."""
    command: tuple[str, ...]
    flags: tuple[str, ...] = ()
    share: float = 1.0
    """Of the list, from its beginning, that it gets: those that are many times slower get less."""
    needs: str = ""
    """The package that it stands on, in the peers' environment; empty for ours."""

    def words(self, listed: Path, output: Path) -> tuple[str, ...]:
        """Return its whole command line."""
        if self.command == SCRAPER:
            return (*self.command, "crawl", str(listed), "-o", str(output), *_OURS, *self.flags)
        return (*self.command, str(listed), str(output))


def _ours(key: str, label: str, *flags: str, share: float = 1.0) -> Contender:
    return Contender(key, label, SCRAPER, flags, share)


def _peer(key: str, label: str, script: str, needs: str, *, share: float = 1.0) -> Contender:
    return Contender(key, label, (str(PEERS_PYTHON), str(_HERE / "peers" / script)), (), share, needs)


CONTENDERS: Final = (
    _peer(BARE, "bare script: aiohttp + lexbor", "bare_lexbor.py", "selectolax"),
    _ours("ours", "scraper"),
    _ours("ours-links", "scraper, all links", "--links"),
    _ours("ours-2", "scraper, 2 processes", "--processes", "2"),
    _ours("ours-2-links", "scraper, 2 processes, all links", "--processes", "2", "--links"),
    Contender("bare-record", "bare script: our record", (*PYTHON, str(_HERE / "bare.py"))),
    _peer("scrapy", "Scrapy", "with_scrapy.py", "scrapy"),
    _peer("crawlee", "Crawlee (Parsel)", "with_crawlee.py", "crawlee"),
    _peer("textbook", "aiohttp + BeautifulSoup", "textbook.py", "beautifulsoup4", share=_SLOW),
    _ours("ours-soup", "scraper, BeautifulSoup", "--parser", "beautifulsoup", share=_SLOW),
)


def chosen(patterns: str) -> list[Contender]:
    """Return those whose keys match one of the patterns, such as ``ours*,bare``, in their order.

    Raises:
        ValueError: A pattern matches nobody.
    """
    names = [name.strip() for name in patterns.split(",")]
    keys = [contender.key for contender in CONTENDERS]
    for name in names:
        if not fnmatch.filter(keys, name):
            raise ValueError(f"nobody is called {name!r}; there are {', '.join(keys)}")
    return [one for one in CONTENDERS if any(fnmatch.fnmatchcase(one.key, name) for name in names)]


_ASK_VERSIONS: Final = """
import importlib.metadata, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
PACKAGES: Final = (
    "aiohttp", "beautifulsoup4", "crawlee", "lxml", "msgspec", "orjson", "parsel", "scrapy", "selectolax",
    "turbohtml", "uvloop",
)  # fmt: skip


def versions(python: str) -> dict[str, str]:
    """Return the versions of Python and of packages in an environment; empty when there is none."""
    if not Path(python).exists():
        return {}
    asked = subprocess.run(
        [python, "-c", _ASK_VERSIONS, *PACKAGES], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(asked.stdout)
    return found


CHARTED: Final = (BARE, "ours", "ours-links", "ours-2-links", "scrapy", "crawlee", "textbook")
"""Those with a bar in the chart: the tables have all."""


class VoidError(Exception):
    """A run that does not count; the message says why."""


class Essence(NamedTuple):
    """What all programs say of a page, in one form."""

    title: str | None
    headings: int


def checked(output: Path, urls: Sequence[str]) -> dict[str, Essence]:
    """Return what a run's records say, by URL.

    Raises:
        VoidError: There is not precisely one good record for each line of the list.
    """
    content = output.read_bytes() if output.exists() else b""
    if not content.endswith(b"\n"):
        raise VoidError("the output is not whole")
    lines = content.splitlines()
    if len(lines) != len(urls):
        raise VoidError(f"{len(lines)} records of {len(urls)} lines")
    found: dict[str, Essence] = {}
    decode = msgspec.json.Decoder().decode
    for line in lines:
        record: dict[str, Any] = decode(line)
        if record.get("status") != 200:
            raise VoidError(f"{record.get('url')} has the status {record.get('status')}")
        title = record.get("title")
        found[record["url"]] = Essence(title or None, len(record.get("headings") or ()))
    if missing := set(urls) - found.keys():
        raise VoidError(f"{len(missing)} lines have no record, such as {min(missing)}")
    return found


def differing(one: dict[str, Essence], other: dict[str, Essence]) -> list[str]:
    """Return the URLs that both have and say different things of."""
    return sorted(url for url in one.keys() & other.keys() if one[url] != other[url])
