"""Whole runs behind a proxy, and with what a run's summary has to state."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import sys
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.support.processes import SCRAPER, Ended, records_in, started, write_list
from tests.support.proxy_server import Proxy
from tests.support.wire import read_head, refused_port, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="env")

SECRET = "pr0xys3cret"  # noqa: S105 - a password to look for
TRACES = (SECRET.encode(), base64.b64encode(f"ann:{SECRET}".encode()))
QUICK = ("--delay", "0", "--set", "retry.base_s=0", "--timeout", "20")


class Site:
    """A host of pages; ``/away`` redirects. It keeps what was asked."""

    def __init__(self, away: str = "") -> None:
        self.heads: list[bytes] = []
        self._away = away

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        self.heads.append(head)
        path = head.split(b" ")[1]
        if path == b"/robots.txt":
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif path == b"/away":
            writer.write(
                b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                % self._away.encode()
            )
        else:
            page = b"<title>%b</title>" % path
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(page), page)
            )


async def scraped(*words: str | Path, proxy: str | None = None, afresh: bool = False) -> Ended:
    """Run the program to its end beside the servers of this loop; the proxy stands in its environment."""

    def run() -> Ended:
        environment = None if proxy is None else {"SCRAPER_FETCH_PROXY": proxy}
        with started(*words, program=SCRAPER if afresh else None, environment=environment) as running:
            return running.wait()

    return await asyncio.to_thread(run)


def has_secret(folder: Path, ended: Ended) -> bool:
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return any(trace in written + (ended.out + ended.err).encode() for trace in TRACES)


async def test_a_list_through_a_proxy_with_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("safe.example").configure_cert(tls)
    out = tmp_path / "run"
    plain, safe = Site(away="https://safe.example/from"), Site()
    lines = ["http://plain.example/a", "http://plain.example/away", "https://safe.example/b"]
    out.mkdir()
    async with serving(plain) as plain_wire, serving(safe, tls=tls) as safe_wire:
        proxy = Proxy(
            {"plain.example:80": plain_wire.port, "safe.example:443": safe_wire.port},
            credentials=f"ann:{SECRET}",
        )
        async with serving(proxy) as wire:
            ended = await scraped(
                "crawl",
                write_list(tmp_path / "urls.txt", lines),
                *("-o", out / "pages.jsonl", "--log-json", out / "log.jsonl", *QUICK),
                proxy=f"http://ann:{SECRET}@127.0.0.1:{wire.port}",
                afresh=True,  # the authorities that are trusted are read with the first import
            )
    assert ended.code == 0, ended.err
    records = {record["input"]: record for record in records_in(out / "pages.jsonl")}
    assert [records[line]["outcome"] for line in lines] == ["ok", "ok", "ok"]
    assert records["http://plain.example/away"]["final_url"] == "https://safe.example/from"
    assert records["https://safe.example/b"]["title"] == "/b"
    assert {record.get("ip") for record in records.values()} == {None}
    assert f"Through the proxy http://***@127.0.0.1:{wire.port}" in ended.err.splitlines()
    assert not has_secret(out, ended)
    heads = b"".join(plain.heads + safe.heads).lower()
    assert b"proxy-authorization" not in heads
    assert heads.count(b"/robots.txt") == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_dead_proxy_ends_the_run_in_one_line_and_it_goes_on_when_there_is_one(
    tmp_path: Path, scheme: str
) -> None:
    lines = [f"{scheme}://site{number}.example/" for number in range(60)]
    listed, out = write_list(tmp_path / "urls.txt", lines), tmp_path / "run" / "pages.jsonl"
    with refused_port() as port:
        ended = await scraped(
            "crawl", listed, "-o", out, "-q", *QUICK, proxy=f"http://ann:{SECRET}@127.0.0.1:{port}"
        )
    assert ended.code == 1
    assert ended.only_line == (
        f"scraper: the proxy http://***@127.0.0.1:{port} can't be reached: Connection refused;"
        " is fetch.proxy (--proxy) right, and is it running? (--resume goes on)"
    )
    assert not has_secret(out.parent, ended)
    async with serving(Site()) as site:
        ports = {f"site{number}.example:80": site.port for number in range(60)}
        async with serving(Proxy(ports)) as wire:
            again = await scraped(
                "crawl", listed, "-o", out, "-q", "--resume", *QUICK, proxy=f"http://127.0.0.1:{wire.port}"
            )
    assert (again.code, again.err) == (0, "")
    records = records_in(out)
    assert sorted(record["input"] for record in records) == sorted(lines)
    if scheme == "http":
        assert {record["outcome"] for record in records} == {"ok"}


async def test_a_proxy_that_wants_credentials_says_where_to_put_them(tmp_path: Path) -> None:
    async with serving(Proxy(credentials="ann:b")) as wire:
        ended = await scraped(
            *("crawl", "https://site.example/", "-o", tmp_path / "pages.jsonl", "-q", *QUICK),
            proxy=f"http://ann:{SECRET}@127.0.0.1:{wire.port}",
        )
    assert ended.code == 1
    assert ended.only_line == (
        f"scraper: the proxy http://***@127.0.0.1:{wire.port} wants other credentials (407):"
        " put user:password@ before the host in SCRAPER_FETCH_PROXY (--resume goes on)"
    )


@pytest.mark.parametrize(
    "words", [("crawl", "http://site.example/"), ("plan", "http://site.example/", "--robots")]
)
async def test_nothing_is_said_of_resuming_what_can_not_be_resumed(words: tuple[str, ...]) -> None:
    with refused_port() as port:
        ended = await scraped(*words, *QUICK, proxy=f"http://127.0.0.1:{port}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-1].endswith("is it running?")


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (f"socks5://ann:{SECRET}@127.0.0.1:1080", "SOCKS proxies are not supported"),
        (f"ann:{SECRET}@127.0.0.1:3128", "expected a URL with a scheme"),
        ("http://127.0.0.1", "name the proxy's port too"),
        ("http://127.0.0.1:3128/proxy.pac", "a proxy has no path"),
    ],
)
async def test_a_bad_value_is_a_line_with_the_remedy(tmp_path: Path, value: str, remedy: str) -> None:
    ended = await scraped("crawl", "http://a.example/", "-o", tmp_path / "pages.jsonl", "--proxy", value)
    assert ended.code == 2
    assert ended.only_line.startswith("scraper: fetch.proxy = ")
    assert remedy in ended.only_line
    assert not has_secret(tmp_path, ended)
    assert not list(await asyncio.to_thread(os.listdir, tmp_path))


@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_config_show_masks_it(tmp_path: Path, form: tuple[str, ...]) -> None:
    ended = await scraped("config", "show", *form, proxy=f"http://ann:{SECRET}@{SECRET}@127.0.0.1:3128")
    assert ended.code == 0
    assert "http://***@127.0.0.1:3128" in ended.out
    assert not has_secret(tmp_path, ended)


async def test_a_run_says_that_it_did_not_verify_did_not_ask_and_took_headers_along(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(tls)
    site = Site()
    async with serving(site, tls=tls) as wire:
        words = ("crawl", wire.url("/a", scheme="https"), *QUICK, "--robots", "ignore")
        headers = ("--header", f"Authorization: {SECRET}", "--header", "X-Api-Key: k")
        strict = await scraped(*words, "-o", tmp_path / "strict.jsonl", *headers)
        loose = await scraped(*words, "-o", tmp_path / "loose.jsonl", *headers, "--insecure")
    (refused,), (taken,) = records_in(tmp_path / "strict.jsonl"), records_in(tmp_path / "loose.jsonl")
    assert (refused["outcome"], refused["error"]["type"]) == ("tls_error", "CERTIFICATE_VERIFY_FAILED")
    assert (taken["outcome"], taken["title"]) == ("ok", "/a")
    assert len(site.heads) == 1
    assert f"authorization: {SECRET}".encode() in site.heads[0].lower()
    lines = loose.err.splitlines()
    at = lines.index("robots.txt was ignored (--robots ignore)")
    assert lines[at + 1 : at + 3] == [
        "Certificates were not verified (--insecure)",
        "Headers of your own: Authorization, X-Api-Key (values not shown)",
    ]
    assert "Certificates" not in strict.err
    assert not has_secret(tmp_path, loose)
