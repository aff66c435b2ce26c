"""``scraper plan`` as a program, against a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from scraper.cli.exits import Exit
from tests.support.polite_site import Answer, Ask, page, serving, text
from tests.support.processes import scrape
from tests.support.wire import refused_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ROBOTS = "User-agent: *\nDisallow: /private\nCrawl-delay: 7\n"
CLOSED, OPEN, BUSY = "127.0.0.1", "127.0.0.2", "127.0.0.3"


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.out)
        return told


def answer(ask: Ask) -> Answer:
    if ask.target != "/robots.txt":
        return page()
    if ask.host == BUSY:
        return text("", status=503)
    return text(ROBOTS) if ask.host == CLOSED else text("", status=404)


@contextlib.asynccontextmanager
async def started(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program, whose temporary files lie in a folder; killed if the block leaves it running."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPER_")}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scraper", "plan", *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, "TMPDIR": str(folder)},
    )  # fmt: skip
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
            await program.communicate()


async def plan(folder: Path, *arguments: str, piped: str = "") -> Ended:
    ended = await asyncio.to_thread(
        scrape, "plan", *arguments, stdin=piped.encode(), environment={"TMPDIR": str(folder)}
    )
    return Ended(*ended)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where temporary files go: what is left there was left behind."""
    made = tmp_path / "temporary"
    made.mkdir()
    return made


async def test_nobody_is_asked_for_anything_and_nothing_is_left(folder: Path) -> None:
    async with serving(answer) as site:
        pages = [site.url(OPEN, f"/{number}") for number in range(3)]
        ended = await plan(
            folder, "-", "--json", "--delay", "2", piped="\n".join([*pages, pages[0], "ftp://x/"])
        )
    assert ended.code == Exit.COMPLETE, ended.err
    assert (ended.json["lines"], ended.json["duplicates"], ended.json["invalid"]["lines"]) == (5, 1, 1)
    assert ended.json["least_s"] == 6.0
    assert ended.json["invalid"]["first"][0]["seq"] == 4
    assert ended.json["robots"] is None
    assert not ended.err
    assert site.log == []
    assert not left_in(folder)


async def test_robots_is_asked_for_once_an_origin_and_nothing_else_is(folder: Path) -> None:
    with refused_port() as dead:
        async with serving(answer) as site:
            lines = [site.url(host, f"/{number}") for number in range(20) for host in (CLOSED, OPEN)]
            lines += [site.url(CLOSED, f"/private/{number}") for number in range(12)]
            lines += [site.url(BUSY, "/"), f"http://127.0.0.1:{dead}/", "foo", lines[0]]
            piped = "\n".join(lines)
            ended = await plan(folder, "-", "--robots", "--json", "--retries", "0", piped=piped)
    assert ended.code == Exit.COMPLETE, ended.err
    assert sorted((entry.host, entry.target) for entry in site.log) == [
        (host, "/robots.txt") for host in (CLOSED, OPEN, BUSY)
    ]
    robots = ended.json["robots"]
    assert (robots["allowed"], robots["denied"], robots["unreachable"]) == (40, 12, 2)
    by_origin = {one["origin"]: one for one in robots["origins"]}
    told = {origin: (one["standing"], one["status"]) for origin, one in by_origin.items()}
    assert told == {
        site.origin(CLOSED): ("rules", 200),
        site.origin(OPEN): ("unavailable", 404),
        site.origin(BUSY): ("unreachable", 503),
        f"http://127.0.0.1:{dead}": ("unreachable", None),
    }
    assert by_origin[site.origin(CLOSED)]["crawl_delay_s"] == 7.0
    assert [line["seq"] for line in robots["denied_first"]] == list(range(40, 52))
    assert robots["denied_more"] == 0
    assert {line["rule"] for line in robots["denied_first"]} == {"Disallow: /private"}
    # Twenty pages and robots.txt: what is denied is not asked for.
    assert ended.json["least_s"] == 20 * 7.0
    assert ended.json["least_host"] == site.origin(CLOSED).removeprefix("http://")
    assert not left_in(folder)


async def test_a_robots_that_is_not_there_yet_is_tried_again_as_in_a_crawl(folder: Path) -> None:
    def late(ask: Ask) -> Answer:
        return text(ROBOTS) if ask.times else text("", status=503)

    async with serving(late) as site:
        ended = await plan(
            folder, site.url(OPEN, "/private"), "--robots", "--delay", "0", "--set", "retry.base_s=0.01"
        )
    assert site.targets(OPEN) == ["/robots.txt", "/robots.txt"]
    assert "0 lines allowed, 1 denied" in ended.out
    assert ended.err.splitlines()[0] == "asking 1 host for robots.txt"
    assert "Disallow: /private" in ended.out


@pytest.mark.parametrize("body", [ROBOTS, "User-agent: *\nDisallow: /\n"])
@pytest.mark.parametrize("form", ["sitemap:{}/", "sitemap:{}/robots.txt", "{}/robots.txt"])
async def test_a_line_that_is_robots_itself_has_it_asked_for_and_is_allowed(
    folder: Path, form: str, body: str
) -> None:
    async with serving(lambda _: text(body)) as site:
        ended = await plan(folder, form.format(site.origin(OPEN)), "--robots", "--json")
    assert site.targets(OPEN) == ["/robots.txt"]
    robots = ended.json["robots"]
    assert (robots["allowed"], robots["denied"], robots["denied_first"]) == (1, 0, [])
    (origin,) = robots["origins"]
    assert (origin["standing"], origin["status"]) == ("rules", 200)


async def test_a_line_that_is_a_robots_that_can_not_be_had_is_unreachable(folder: Path) -> None:
    with refused_port() as dead:
        # Without a scheme: refused over https, it goes on over http.
        ended = await plan(folder, f"sitemap:127.0.0.1:{dead}", "--robots", "--json", "--retries", "0")
    robots = ended.json["robots"]
    assert (robots["allowed"], robots["denied"], robots["unreachable"]) == (0, 0, 1)
    assert {one["origin"]: one["standing"] for one in robots["origins"]} == {
        f"https://127.0.0.1:{dead}": "unreachable",
        f"http://127.0.0.1:{dead}": "unreachable",
    }


async def test_pages_settled_while_the_other_schemes_robots_is_under_way_all_count(folder: Path) -> None:
    # One host by its key, two origins, and the port speaks no TLS: while that is found out, pages of the
    # first are released and come back without having departed, and none of them may block their host.
    async with serving(answer) as site:
        lines = [
            f"{scheme}://{CLOSED}:{site.port}/{kind}{number}"
            for number in range(30)
            for scheme in ("http", "https")
            for kind in ("", "private/")
        ]
        arguments = ["-", "--robots", "--json", "--retries", "0", "--delay", "0.001"]
        arguments += ["--set", "fetch.connect_s=0.5"]
        ended = await plan(folder, *arguments, piped="\n".join(lines))
    robots = ended.json["robots"]
    assert (robots["allowed"], robots["denied"], robots["unreachable"]) == (30, 30, 60)


async def test_settings_that_change_nothing_here_are_taken_from_a_file_but_are_no_flags(
    folder: Path, tmp_path: Path
) -> None:
    toml = tmp_path / "crawl.toml"
    toml.write_text('[run]\nstrict = true\n[parse]\nparser = "beautifulsoup"\n[fetch]\nmax_body_bytes = 9\n')
    ended = await plan(folder, "https://a.example/", "--config", str(toml), "--set", "follow.same_site=true")
    assert (ended.code, ended.err) == (Exit.COMPLETE, "")


async def test_a_file_named_like_a_policy_is_a_list(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ignore").write_text("foo\n")
    monkeypatch.chdir(tmp_path)
    ended = await plan(folder, "ignore", "--robots")
    assert ended.code == Exit.COMPLETE, ended.err


async def test_a_list_that_breaks_off_is_one_line_and_nobody_is_asked(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.txt.gz"
    async with serving(answer) as site:
        broken.write_bytes(gzip.compress(f"{site.url(OPEN)}\n".encode() * 5000)[:-20])
        ended = await plan(folder, str(broken), "--robots")
    assert (ended.code, ended.out) == (Exit.USAGE, "")
    (line,) = ended.err.splitlines()
    assert line.startswith(f"scraper: {broken}")
    assert site.log == []
    assert not left_in(folder)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-list.txt"], "no such file"),
        (["https://a.example/", "--robots", "--set", "robots.policy=ignore"], "robots.policy"),
        (["https://a.example/", "--robots", "ignore"], "--robots takes no value here"),
        (["https://a.example/", "--robots=obey"], "'--robots' does not take a value"),
        (["https://a.example/", "--strict"], "--strict"),
        ([], "Missing argument"),
    ],
)
async def test_what_can_not_be_planned_is_one_line(folder: Path, arguments: list[str], told: str) -> None:
    ended = await plan(folder, *arguments)
    assert (ended.code, ended.out) == (Exit.USAGE, "")
    assert len(ended.err.splitlines()) == 1
    assert told in ended.err


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_it_and_leaves_nothing(folder: Path, number: signal.Signals, code: int) -> None:
    asked = asyncio.Event()

    def never(_: Ask) -> Answer:
        asked.set()
        return page(delay_s=500.0)

    async with serving(never) as site, started(folder, site.url(OPEN), "--robots") as program:
        await asked.wait()
        program.send_signal(number)
        out, err = await program.communicate()
    assert (program.returncode, out) == (code, b"")
    assert err.decode().splitlines()[-1] == "stopped: there is no plan"
    assert b"Traceback" not in err
    assert not left_in(folder)
