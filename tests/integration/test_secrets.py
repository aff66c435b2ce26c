"""Secrets put in wherever one can be given or can come from, and then looked for in all that is left.

What may be there: a query parameter of the user's own list stands verbatim in the record and the state,
for it is part of the URL that was asked for. Terminal and log have it masked.
"""

from __future__ import annotations

import asyncio
import base64
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import pytest

from tests.support import wire
from tests.support.polite_site import NOT_FOUND, Answer, moved, page, serving, serving_in_thread, text
from tests.support.processes import SCRAPER, Ended, records_in, scrape, started, wait_until
from tests.support.proxy_server import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.polite_site import Ask, Site

CANARY = "cAn4ry"
"""In each secret; some more letters say which it is."""


def traces(found: bytes) -> list[str]:
    """Return where a canary is in some bytes: plain, in any case, percent-encoded or in base64."""
    plain = found.lower()
    at = [f"...{found[max(0, i - 60) : i + 40]!r}" for i in _places(plain, CANARY.lower().encode())]
    at += ["percent-encoded"] * (quote(CANARY).replace("4", "%34").lower().encode() in plain)
    for shift in range(3):  # base64 has three alignments; its inner characters are told by the canary alone
        coded = base64.b64encode(b"\0" * shift + CANARY.encode())
        at += ["base64"] * (coded[shift + 2 : -4] in found)
    return at


def _places(text_: bytes, part: bytes) -> Iterator[int]:
    place = text_.find(part)
    while place >= 0:
        yield place
        place = text_.find(part, place + 1)


class Left(NamedTuple):
    """All that a program has left behind and said."""

    files: dict[str, bytes]

    def check(self, *, may: tuple[str, ...] = ()) -> None:
        """Fail when a canary is in any file or word, but those named."""
        leaks = {
            name: found for name, data in self.files.items() if name not in may and (found := traces(data))
        }
        assert not leaks, leaks


def left_by(ended: Ended, folder: Path, *, given: tuple[str, ...] = ()) -> Left:
    """Collect what a program has said and every file under the folder but those that it was given."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in given
    }
    return Left({**files, "<stdout>": ended.out.encode(), "<stderr>": ended.err.encode()})


def secret(what: str) -> str:
    """Return user info with canaries in both parts."""
    return f"{CANARY}{what}:{CANARY}{what}pw"


SITEMAP = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'


def script(ask: Ask) -> Answer:
    """Answer with secrets in the server's own words."""
    here = f"{secret('srv')}@127.0.0.1:{ask.headers['host'].rpartition(':')[2]}"
    listed = (f"http://{here}/listed", f"http://{here.replace('@', '%40')}/odd")
    answers = {
        "/robots.txt": text(f"User-agent: *\nAllow: /\nSitemap: http://{here}/sitemap.xml\n"),
        "/sitemap.xml": text(SITEMAP.format("".join(f"<url><loc>{place}</loc></url>" for place in listed))),
        "/moved": moved(f"http://{here}/page"),
        "/moved-oddly": moved(f"\\/{here}/page"),
        "/moved-badly": moved(f"http://{here}/page\0{CANARY}"),
        "/bad-header": NOT_FOUND._replace(headers=(("X-B", f"{CANARY}\0"),)),
        "/page": secretive_page(here),
    }
    return answers.get(ask.target, NOT_FOUND)


def secretive_page(here: str) -> Answer:
    """Return a page with secrets in links and headers; ``here`` is a host with user info."""
    answer = page(
        f"http://{here}/linked",
        head=f'<base href="http://{here}/"><link rel=canonical href="//{here}/c">'
        f'<meta property="og:url" content="http://h/og">',
    )
    headers = (
        ("Set-Cookie", f"sid={CANARY}; Path=/"),
        ("Set-Cookie", "a=b; Path=/; HttpOnly"),
        ("Set-Cookie", f"{CANARY}; Secure; Note={CANARY}"),
        ("Refresh", f"900; url='http://{here}/later'"),
        ("Link", f'<http://{here}/x>; rel=next, <//{here}/y>; rel="prev"'),
        ("Content-Location", f"//{here}/page"),
        ("X-Pingback", f"http://{here}/ping"),
    )
    return answer._replace(headers=(*answer.headers, *headers))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving_in_thread(script) as one:
        yield one


def odd_lines(host: str) -> list[str]:
    """Return spellings of user info, all of which some parser takes for such."""
    info = secret("list")
    return [
        f"http://{info}@{host}/",
        f"HTTP://{info}@{host}/",
        f"\u200b\ufeffhttp://{info}@{host}/",
        f"\u2060http://{info}@{host}/",
        f"\x01\x1b http://{info}@{host}/",
        f"ht\ttp://{info}@{host}/",
        f"ht\u200btp://{info}@{host}/",
        f"http:{info}@{host}/",
        f"http:/{info}@{host}/",
        f"http:\\\\{info}@{host}\\x",
        f"//{info}@{host}/",
        f"{info}@{host}/",
        f"http//{info}@{host}/",
        f"http://{info}%40{host}/",
        f"http://{info}%2540{host}/",
        f"http://{info}\uff20{host}/",
        f"http://{info}/{CANARY}@{host}/",
        f"http://{info}#{CANARY}?{CANARY}@{host}/",
        f"http://{info}@{CANARY}@{host}/",
        f"http://{info} @{host}/",
        f"sitemap:http://{info}@{host}/sitemap.xml",
        f"ftp://{info}@{host}/",
    ]


FAST = ("--delay", "0", "--retries", "0", "--set", "output.batch_s=0.02", "--set", "politeness.per_host=4")


def test_a_whole_run_tells_no_secret(site: Site, tmp_path: Path) -> None:
    host = f"127.0.0.1:{site.port}"
    places = ("moved", "moved-oddly", "moved-badly", "bad-header", "page")
    lines = [*odd_lines(host), *(f"http://{host}/{place}" for place in places)]
    lines.append(f"sitemap:http://{host}/sitemap.xml")
    (tmp_path / "urls.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (tmp_path / "own.toml").write_text(
        f'[fetch.headers]\nX-Api-Key = "{CANARY}toml"\nX-Door = "{CANARY}door"\n'
    )
    words = ["crawl", "urls.txt", f"http://{secret('arg')}@{host}/", "-o", "pages.jsonl", "-o", "pages.json"]
    words += [
        "--config",
        "own.toml",
        "--header",
        f"Authorization: Basic {CANARY}",
        "--header",
        f"Cookie: s={CANARY}",
    ]
    words += ["--log-json", "run.log", "--depth", "1", "--strict", *FAST]
    ended = scrape(*words, cwd=tmp_path)
    assert ended.code == 3, ended.err
    records = records_in(tmp_path / "pages.jsonl")
    assert [one["input"] for one in records if one["outcome"] == "ok"]
    assert sum(one["outcome"] == "invalid_url" for one in records) == len(odd_lines(host)) + 1 + 2
    assert {one["outcome"] for one in records if "bad" in one["input"]} == {"protocol_error"}
    (shown,) = (one["headers"] for one in records if one["input"] == f"http://{host}/page")
    assert shown["set-cookie"][2] == "=[redacted]; Secure"
    assert shown["refresh"] == [f"900; url='http://***@{host}/later'"]
    assert any(entry.headers.get("authorization") for entry in list(site.log)), (
        "the headers were not even sent"
    )
    left_by(ended, tmp_path, given=("urls.txt", "own.toml")).check()


def test_a_token_of_the_list_is_in_the_record_alone(site: Site, tmp_path: Path) -> None:
    line = f"http://127.0.0.1:{site.port}/none?token={CANARY}&next=http%3A%2F%2Fx%2F%3Fkey%3D{CANARY}"
    (tmp_path / "urls.txt").write_text(f"{line}\n")
    ended = scrape("crawl", "urls.txt", "-o", "pages.jsonl", "--log-json", "run.log", *FAST, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert records_in(tmp_path / "pages.jsonl")[0]["url"] == line
    left_by(ended, tmp_path, given=("urls.txt",)).check(may=("pages.jsonl",))


@pytest.mark.parametrize("ends", ["killed", "drained"])
def test_a_run_that_is_broken_off_keeps_no_secret(tmp_path: Path, ends: str) -> None:
    def slow(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND  # the state keeps the file as it came: what anyone may read is no secret of ours
        return script(ask)._replace(delay_s=30.0) if ask.target == "/slow" else script(ask)

    with serving_in_thread(slow) as site:
        host = f"127.0.0.1:{site.port}"
        lines = [*odd_lines(host), f"http://{host}/page", f"sitemap:http://{host}/sitemap.xml"]
        lines += [f"http://{host}/listed", f"http://{host}/slow"]
        (tmp_path / "urls.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
        words = ["crawl", "urls.txt", f"http://{secret('arg')}@{host}/", "-o", "pages.json", *FAST]
        words += ["--header", f"X-Api-Key: {CANARY}", "--log-json", "run.log", "--set", "run.drain_s=0.1"]
        with started(*words, cwd=tmp_path) as running:
            wait_until(lambda: "/slow" in site.targets("127.0.0.1"), what="/slow", running=running)
            if ends == "killed":
                running.kill()
            else:
                running.send(signal.SIGINT)
            ended = running.wait()
    assert ended.code == (-signal.SIGKILL if ends == "killed" else 130), ended.err
    assert (tmp_path / "pages.json.state").exists()
    left_by(ended, tmp_path, given=("urls.txt",)).check()


WRONG = {
    "a header without a colon": ["crawl", "http://127.0.0.1/", "--header", f"Authorization {CANARY}"],
    "a header of two lines": ["crawl", "http://127.0.0.1/", "--header", f"X-A: b\r\nX-B: {CANARY}"],
    "headers that are no JSON": [
        "crawl",
        "http://127.0.0.1/",
        "--set",
        f'fetch.headers={{"X-Key": "{CANARY}"',
    ],
    "a proxy that is none": ["crawl", "http://127.0.0.1/", "--proxy", f"socks5://{secret('p')}@127.0.0.1:1"],
    "a proxy with a path": ["crawl", "http://127.0.0.1/", "--proxy", f"http://{CANARY}:p@{CANARY}/w@h:1/x"],
    "a table without a header line": ["crawl", "list.csv", "-o", "a.jsonl"],
    "a table whose header can't be read": ["crawl", "list.tsv", "-o", "a.jsonl"],
    "a URL in place of a command": [f"http://{secret('c')}@h/"],
    "a URL too many": ["config", "show", f"http://{secret('c')}@h/"],
    "a URL too many without a scheme": ["config", "show", f"{secret('c')}@h"],
    "an odd URL too many": ["config", "show", f"http:/{CANARY}:p w/{CANARY}@h/"],
    "a URL as a number": ["crawl", "http://127.0.0.1/", "--workers", f"http://{secret('n')}@h/"],
    "a URL as a choice": ["crawl", "http://127.0.0.1/", "--robots", f"//{secret('n')}@h/"],
    "a URL behind an option that is none": ["crawl", f"--proxi=http://{secret('o')}@h/"],
    "a list that is not there": ["crawl", f"{secret('file')}@127.0.0.1/urls.txt", "-o", "a.jsonl"],
    "a key without a value": ["crawl", "http://127.0.0.1/", "--config", "broken.toml"],
    "a value that is wrong": ["config", "check", "wrong.toml"],
}


@pytest.mark.parametrize("what", list(WRONG))
def test_what_is_given_wrongly_is_not_repeated(tmp_path: Path, what: str) -> None:
    (tmp_path / "broken.toml").write_text(f'[fetch]\nproxy = "http://{secret("toml")}@h:1\n')
    (tmp_path / "wrong.toml").write_text(
        f'[fetch.headers]\nX-Api-Key = ["{CANARY}"]\nAuthorization = "a\\n{CANARY}"\n'
    )
    (tmp_path / "list.csv").write_text(f"http://{secret('csv')}@h/,{secret('cell')}@h\n")
    (tmp_path / "list.tsv").write_text(f"http://{secret('tsv')}@h/\t{'x' * 140_000}\n")
    ended = scrape(*WRONG[what], cwd=tmp_path)
    assert ended.code == 2, ended.err
    assert len(ended.err.splitlines() or ended.out.splitlines()) >= 1
    left_by(ended, tmp_path, given=("broken.toml", "wrong.toml", "list.csv", "list.tsv")).check()


@pytest.mark.parametrize("command", ["config show", "plan", "compare"])
def test_the_other_commands_tell_no_secret(site: Site, tmp_path: Path, command: str) -> None:
    host = f"127.0.0.1:{site.port}"
    (tmp_path / "urls.txt").write_text(
        "".join(f"{line}\n" for line in [*odd_lines(host), f"http://{host}/moved"])
    )
    words = command.split() + ([] if command == "config show" else ["urls.txt"])
    environment = {"SCRAPER_FETCH_HEADERS": f"X-Api-Key: {CANARY}\nX-Door: {CANARY}"}
    if command == "config show":
        environment["SCRAPER_FETCH_PROXY"] = f"http://{CANARY}:{CANARY}@127.0.0.1:1"
    ended = scrape(*words, cwd=tmp_path, environment=environment)
    assert ended.code == 0, ended.err
    left_by(ended, tmp_path, given=("urls.txt",)).check()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc")
async def test_a_proxys_password_is_in_no_output_and_no_command_line(tmp_path: Path) -> None:
    """The settings go to the children over their sockets; the parent has it in its environment."""
    held = asyncio.Event()

    def slow(ask: Ask) -> Answer:
        return script(ask)._replace(held_by=held) if ask.target == "/slow" else script(ask)

    async with serving(slow) as site:
        proxy = Proxy({"site.example:80": site.port}, credentials=secret("p"))
        async with wire.serving(proxy) as at:
            environment = ("env", f"SCRAPER_FETCH_PROXY=http://{secret('p')}@127.0.0.1:{at.port}")
            words = ["crawl", *(f"http://site.example/{name}" for name in ("page", "moved", "none", "slow"))]
            words += [
                "-o",
                "pages.jsonl",
                "-o",
                "pages.json",
                "--log-json",
                "run.log",
                "--processes",
                "2",
                *FAST,
            ]

            def run() -> tuple[Ended, dict[str, bytes]]:
                with started(*words, program=(*environment, *SCRAPER), cwd=tmp_path) as running:
                    wait_until(lambda: "/slow" in site.targets("127.0.0.1"), what="/slow", running=running)
                    seen = processes_below(running.popen.pid)
                    loop.call_soon_threadsafe(held.set)
                    return running.wait(), seen

            loop = asyncio.get_running_loop()
            ended, seen = await asyncio.to_thread(run)
    assert ended.code == 0, ended.err
    assert {one["outcome"] for one in records_in(tmp_path / "pages.jsonl")} >= {"ok"}
    assert all("proxy-authorization" in asked.headers for asked in proxy.asked)
    assert len(seen) >= 5, "no children were seen"
    Left(seen).check()
    left_by(ended, tmp_path).check()


def processes_below(parent: int) -> dict[str, bytes]:
    """Return the command lines of a process and all below it, and what these have in their environment.

    Left out is the variable by which the user gave the password: they inherit it.
    """
    found = {"the parent's command line": Path(f"/proc/{parent}/cmdline").read_bytes()}
    parents = [parent]
    while parents:
        children = Path(f"/proc/{(one := parents.pop())}/task/{one}/children").read_text().split()
        parents += map(int, children)
        for child in children:
            found[f"command line of {child}"] = Path(f"/proc/{child}/cmdline").read_bytes()
            given = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            own = [one for one in given if not one.startswith(b"SCRAPER_FETCH_PROXY=")]
            found[f"environment of {child}"] = b"\0".join(own)
    return found
