"""Requests through a proxy: what it and the hosts get to see, and each way in which it fails."""

from __future__ import annotations

import ssl
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import aiohttp.connector
import pytest
import trustme

from scraper.errors import FetchError, RunError
from scraper.fetch.proxy import TO_PROXY, TUNNEL, ProxyRoute
from scraper.record import Outcome
from tests.support.fetching import failed_fetch_by, fetch, fetch_by, fetching
from tests.support.proxy_server import Proxy
from tests.support.wire import (
    Recorded,
    Wire,
    answering,
    answering_then_silent,
    read_head,
    refused_port,
    serving,
    unanswered_port,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

SHORT_S = 0.1
"""A deadline that the test waits for."""
SECRET = "pass w@rd/ü"  # noqa: S105 - a password to look for
USER_INFO = "ann:pass%20w%40rd%2F%C3%BC"
BASIC = "Basic " + b64encode(f"ann:{SECRET}".encode()).decode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Site:
    """A host that answers one request on each connection, and keeps what was asked."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await read_head(reader))
        writer.write(OK)


class Certified:
    """Certificates of an authority that the client trusts, for as long as the test goes on."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def trusted(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names).configure_cert(context)
        return context


@pytest.fixture
def certified(monkeypatch: pytest.MonkeyPatch) -> Certified:
    made = Certified()
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", made.trusted())
    return made


def proxy_url(wire: Wire, *, user_info: str = "", scheme: str = "http") -> str:
    return f"{scheme}://{user_info}{'@' if user_info else ''}127.0.0.1:{wire.port}"


def told(error: FetchError) -> tuple[str, str, str]:
    message = str(error)
    assert "\n" not in message
    assert SECRET not in message
    assert "object at 0x" not in message
    return error.outcome, error.kind, error.phase


# --- what is sent --------------------------------------------------------------------------------


async def test_a_plain_page_is_asked_for_in_absolute_form_and_has_no_address() -> None:
    site = Site()
    async with serving(site) as origin:
        proxy = Proxy({"site.example:80": origin.port})
        async with serving(proxy) as wire:
            got = await fetch("http://site.example/a//b?c=%7e", proxy=proxy_url(wire))
    assert (got.status, got.body, got.ip) == (200, b"hi", None)
    assert [(one.method, one.target) for one in proxy.asked] == [("GET", "http://site.example/a//b?c=%7e")]
    assert proxy.asked[0].headers["host"] == "site.example"
    assert "proxy-authorization" not in proxy.asked[0].headers
    assert site.heads[0].startswith(b"GET /a//b?c=%7e HTTP/1.1\r\n")


async def test_a_page_over_tls_goes_through_a_tunnel_and_its_certificate_is_the_hosts(
    certified: Certified,
) -> None:
    site = Recorded(OK)
    async with serving(site, tls=certified.server("site.example")) as origin:
        proxy = Proxy({"site.example:443": origin.port})
        async with serving(proxy) as wire:
            got = await fetch("https://site.example/a", proxy=proxy_url(wire))
    assert (got.status, got.body, got.ip) == (200, b"hi", None)
    assert [(one.method, one.target) for one in proxy.asked] == [("CONNECT", "site.example:443")]
    assert site.heads[0].startswith(b"GET /a HTTP/1.1\r\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_way_to_the_proxy_may_itself_be_tls(certified: Certified, scheme: str) -> None:
    tls = certified.server("site.example") if scheme == "https" else None
    async with serving(answering(OK), tls=tls) as origin:
        proxy = Proxy({"site.example:80": origin.port, "site.example:443": origin.port})
        async with serving(proxy, tls=certified.server("127.0.0.1")) as wire:
            got = await fetch(f"{scheme}://site.example/", proxy=proxy_url(wire, scheme="https"))
    assert (got.status, got.body) == (200, b"hi")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_credentials_go_to_the_proxy_and_to_nobody_else(certified: Certified, scheme: str) -> None:
    site = Recorded(OK) if scheme == "https" else Site()
    tls = certified.server("site.example") if scheme == "https" else None
    async with serving(site, tls=tls) as origin:
        proxy = Proxy(
            {"site.example:80": origin.port, "site.example:443": origin.port}, credentials=f"ann:{SECRET}"
        )
        async with (
            serving(proxy) as wire,
            fetching(
                proxy=proxy_url(wire, user_info=USER_INFO),
                headers={"Authorization": "mine", "X-Key": "mine", "Accept-Language": "de"},
            ) as fetcher,
        ):
            for is_last in (False, False, True):
                got = await fetch_by(fetcher, f"{scheme}://site.example/", credentials=True, is_last=is_last)
                assert got.status == 200
    assert [one.headers["proxy-authorization"] for one in proxy.asked] == [BASIC] * len(proxy.asked)
    heads = b"".join(site.heads).lower()
    assert len(site.heads) == 3
    assert b"proxy-authorization" not in heads
    assert heads.count(b"authorization: mine") == 3
    if scheme == "https":
        tunnels = proxy.asked
        assert len(tunnels) == 1  # kept
        assert not {"authorization", "x-key"} & tunnels[0].headers.keys()


async def test_nothing_goes_to_a_host_that_the_proxy_sends_to_by_a_redirect() -> None:
    """The fetcher follows nothing; what it is asked for next goes to the proxy as well."""
    async with serving(
        answering(b"HTTP/1.1 302 Found\r\nLocation: http://b/\r\nContent-Length: 0\r\n\r\n")
    ) as origin:
        proxy = Proxy({"site.example:80": origin.port}, credentials=f"ann:{SECRET}")
        async with serving(proxy) as wire:
            got = await fetch("http://site.example/", proxy=proxy_url(wire, user_info=USER_INFO))
    assert got.status == 302
    assert len(proxy.asked) == 1


async def test_a_tunnel_is_kept_and_a_death_of_it_is_stale(certified: Certified) -> None:
    connections: list[int] = []

    async def once_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")  # and then it is closed

    async with serving(once_more, tls=certified.server("site.example")) as origin:
        proxy = Proxy({"site.example:443": origin.port})
        async with serving(proxy) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
            await fetch_by(fetcher, "https://site.example/")
            error = await failed_fetch_by(fetcher, "https://site.example/")
    assert error.is_stale
    assert len(connections) == len(proxy.asked) == 1


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with refused_port() as port:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        async with serving(answering(OK)) as origin:
            got = await fetch(origin.url(), private="allow")
    assert (got.status, got.ip) == (200, "127.0.0.1")


async def test_no_host_is_spared_the_proxy_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    async with serving(answering(OK)) as origin:
        proxy = Proxy({"site.example:80": origin.port})
        async with serving(proxy) as wire:
            assert (await fetch("http://site.example/", proxy=proxy_url(wire))).status == 200


# --- the address guard ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "https://10.0.0.1/",
        "http://localhost/",
        "https://a.localhost./",
        "http://[::1]/",
    ],
)
async def test_a_private_host_is_refused_by_what_it_is_called(url: str) -> None:
    proxy = Proxy()
    async with serving(proxy) as wire, fetching(proxy=proxy_url(wire), private="listed") as fetcher:
        error = await failed_fetch_by(fetcher, url)
    assert told(error)[:2] == (Outcome.BLOCKED_ADDRESS, "BlockedAddress")
    assert wire.connections == 0


async def test_the_proxy_itself_may_be_anywhere_and_names_are_its_to_look_up() -> None:
    async with serving(answering(OK)) as origin:
        proxy = Proxy({"site.example:80": origin.port})
        async with serving(proxy) as wire:
            assert (await fetch("http://site.example/", proxy=proxy_url(wire), private="deny")).status == 200


async def test_a_private_host_of_the_list_is_asked() -> None:
    async with serving(answering(OK)) as origin:
        proxy = Proxy({f"127.0.0.1:{origin.port}": origin.port})
        async with serving(proxy) as wire, fetching(proxy=proxy_url(wire), private="listed") as fetcher:
            assert (await fetch_by(fetcher, origin.url(), is_listed=True)).status == 200


# --- failures of the proxy -----------------------------------------------------------------------


async def run_error(url: str, **changes: Any) -> str:
    """Fetch once, and return the words in which the run is ended."""
    with pytest.raises(RunError) as caught:
        await fetch(url, **changes)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert USER_INFO not in message
    assert "--resume" not in message  # whether it can be resumed only the command knows
    return message


@pytest.mark.parametrize("url", ["http://site.example/", "https://site.example/"])
async def test_a_proxy_that_refuses_ends_the_run_at_the_first_request(url: str) -> None:
    with refused_port() as port:
        message = await run_error(url, proxy=f"http://{USER_INFO}@127.0.0.1:{port}")
    assert message.startswith(f"the proxy http://***@127.0.0.1:{port} can't be reached: Connection refused;")


async def test_a_proxy_whose_name_is_not_known_ends_the_run() -> None:
    message = await run_error("http://site.example/", proxy="http://a.invalid:3128")
    assert message.startswith("the proxy http://a.invalid:3128 can't be reached: ")


async def test_a_proxy_that_does_not_answer_the_connection_ends_the_run() -> None:
    with unanswered_port() as port:
        message = await run_error(
            "https://site.example/", proxy=f"http://127.0.0.1:{port}", connect_s=SHORT_S
        )
    assert "can't be reached: no answer in time;" in message


async def test_a_proxy_whose_certificate_does_not_verify_ends_the_run(certified: Certified) -> None:
    async with serving(Proxy(), tls=certified.server("elsewhere.example")) as wire:
        message = await run_error("http://site.example/", proxy=proxy_url(wire, scheme="https"))
    assert "can't be reached: IP address mismatch" in message
    assert "(--insecure takes it)" in message


async def test_a_proxy_that_has_worked_may_be_missed_some_times_in_a_row_but_not_for_ever() -> None:
    async with serving(answering(OK)) as origin:
        proxy = Proxy({"site.example:80": origin.port})
        with refused_port() as port:
            async with fetching(proxy=f"http://127.0.0.1:{port}") as fetcher:
                route = fetcher._route
                assert route is not None
                route.note_answer("http://site.example/", status=200)
                for _ in range(4):
                    error = await failed_fetch_by(fetcher, "http://site.example/")
                    assert told(error) == (Outcome.CONNECT_ERROR, "ECONNREFUSED", "proxy")
                    assert str(error) == (f"the proxy 127.0.0.1:{port} can't be reached: Connection refused")
                route.note_answer("http://site.example/", status=503)  # an answer: it is there again
                for _ in range(4):
                    await failed_fetch_by(fetcher, "http://site.example/")
                with pytest.raises(RunError, match="can't be reached any more: Connection refused"):
                    await fetch_by(fetcher, "http://site.example/")
    assert not proxy.asked


async def test_a_proxy_that_takes_no_one_over_a_tunnel_ends_the_run() -> None:
    async with serving(Proxy(credentials="ann:b")) as wire:
        bare = await run_error("https://site.example/", proxy=proxy_url(wire))
        wrong = await run_error("https://site.example/", proxy=proxy_url(wire, user_info=USER_INFO))
    remedy = "put user:password@ before the host in SCRAPER_FETCH_PROXY"
    assert bare.endswith(f"wants a user name and password (407): {remedy}")
    assert wrong.endswith(f"wants other credentials (407): {remedy}")


async def test_one_tunnel_refused_for_its_credentials_is_one_failure_when_others_were_opened(
    certified: Certified,
) -> None:
    async with serving(answering(OK), tls=certified.server("site.example")) as origin:
        proxy = Proxy({"site.example:443": origin.port})
        async with serving(proxy) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
            await fetch_by(fetcher, "https://site.example/", is_last=True)
            proxy.misbehave = answering_at_once(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
            error = await failed_fetch_by(fetcher, "https://site.example/")
    assert told(error) == (Outcome.CONNECT_ERROR, "ProxyAuthenticationRequired", "tunnel")
    assert str(error) == f"the proxy 127.0.0.1:{wire.port} wants other credentials (407)"


async def test_credentials_that_are_wanted_for_a_plain_page_are_no_page() -> None:
    async with serving(Proxy(credentials="ann:b")) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
        for _ in range(8):  # one host alone proves nothing: it could say so itself
            error = await failed_fetch_by(fetcher, "http://site.example/robots.txt")
            assert told(error) == (Outcome.CONNECT_ERROR, "ProxyAuthenticationRequired", "headers")
        for number in range(3):
            await failed_fetch_by(fetcher, f"http://{number}.example/")
        with pytest.raises(RunError, match="wants a user name and password"):
            await fetch_by(fetcher, "http://last.example/")


async def test_what_hosts_say_never_ends_a_run_whose_proxy_has_worked() -> None:
    says_407 = b"HTTP/1.1 407 Mine\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(OK)) as good, serving(answering(says_407)) as bad:
        proxy = Proxy({"good.example:80": good.port} | {f"{n}.example:80": bad.port for n in range(9)})
        async with serving(proxy) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
            await fetch_by(fetcher, "http://good.example/")
            for number in range(9):
                error = await failed_fetch_by(fetcher, f"http://{number}.example/")
                assert error.kind == "ProxyAuthenticationRequired"
            await fetch_by(fetcher, "http://good.example/")


async def test_a_407_inside_a_tunnel_is_the_hosts_own(certified: Certified) -> None:
    says_407 = b"HTTP/1.1 407 Mine\r\nContent-Length: 0\r\n\r\n"
    proxy = Proxy()
    async with (
        serving(answering(says_407), tls=certified.server("site.example")) as origin,
        serving(proxy) as wire,
    ):
        proxy.ports["site.example:443"] = origin.port
        assert (await fetch("https://site.example/", proxy=proxy_url(wire))).status == 407


async def test_without_a_proxy_a_407_is_a_status_like_others() -> None:
    async with serving(answering(b"HTTP/1.1 407 Mine\r\nContent-Length: 0\r\n\r\n")) as origin:
        assert (await fetch(origin.url(), private="allow")).status == 407


def answering_at_once(*pieces: bytes) -> Callable[..., Any]:
    """Answer a head that the proxy has read, and close."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


@pytest.mark.parametrize(
    ("sent", "kind", "said"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nabc", "ProxyError", "502 Bad Gateway"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "ProxyError", "403 Forbidden"),
        (b"HTTP/1.1 503\r\n\r\n", "ProxyError", "503"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n", "ProxyError", "302 Found"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", None, None),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", None, None),
        (b"HTTP/1.1 200 O", None, None),
        (b"", "ServerDisconnectedError", "the server closed the connection"),
    ],
)
async def test_a_tunnel_that_is_not_opened(sent: bytes, kind: str | None, said: str | None) -> None:
    proxy = Proxy(misbehave=answering_at_once(sent))
    async with (
        serving(proxy) as wire,
        fetching(proxy=proxy_url(wire, user_info=USER_INFO)) as fetcher,
    ):
        error = await failed_fetch_by(fetcher, "https://site.example/")
    outcome, found, phase = told(error)
    assert (outcome, phase) == (Outcome.CONNECT_ERROR, "tunnel")
    assert kind in {None, found}
    begin = f"the proxy 127.0.0.1:{wire.port} opened no way to the host: "
    assert str(error).startswith(begin)
    assert said is None or str(error) == begin + said
    assert str(error) != begin


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 O"])
async def test_a_tunnel_that_does_not_come_about_ends_at_connect_s(sent: bytes) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await reader.read()

    async with (
        serving(Proxy(misbehave=wait)) as wire,
        fetching(proxy=proxy_url(wire), connect_s=SHORT_S) as fetcher,
    ):
        for _ in range(8):  # the host may well be at fault: the run goes on
            error = await failed_fetch_by(fetcher, "https://site.example/")
    assert told(error)[0::2] == (Outcome.TIMEOUT, "tunnel")
    assert str(error).endswith("opened no way to the host: no answer in time")


async def test_an_endless_answer_to_connect_is_not_taken_in() -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"X: y\r\n" * 1000)
            await writer.drain()

    async with serving(Proxy(misbehave=flood)) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
        error = await failed_fetch_by(fetcher, "https://site.example/")
    assert told(error)[0::2] == (Outcome.CONNECT_ERROR, "tunnel")


async def test_a_host_that_the_proxy_can_not_reach_is_a_502_page_over_plain_http() -> None:
    async with serving(Proxy()) as wire:
        got = await fetch("http://dead.example/", proxy=proxy_url(wire))
    assert (got.status, got.body) == (502, b"alas!")


async def test_a_certificate_of_the_host_that_does_not_verify_inside_a_tunnel(certified: Certified) -> None:
    async with serving(answering(OK), tls=certified.server("other.example")) as origin:
        proxy = Proxy({"site.example:443": origin.port})
        async with serving(proxy) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
            error = await failed_fetch_by(fetcher, "https://site.example/")
    assert told(error) == (Outcome.TLS_ERROR, "CERTIFICATE_VERIFY_FAILED", "connect")
    assert "proxy" not in str(error)


async def test_a_tunnel_that_is_closed_in_the_handshake(certified: Certified) -> None:
    said = answering_at_once(b"HTTP/1.1 200 OK\r\n\r\n")
    async with serving(Proxy(misbehave=said)) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
        error = await failed_fetch_by(fetcher, "https://site.example/")
    assert told(error)[0::2] == (Outcome.CONNECT_ERROR, "connect")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_tunnel_to_a_host_that_does_not_go_on_with_the_handshake_ends_at_connect_s(
    certified: Certified, scheme: str
) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read()

    tls = certified.server("127.0.0.1") if scheme == "https" else None
    async with (
        serving(Proxy(misbehave=wait), tls=tls) as wire,
        fetching(proxy=proxy_url(wire, scheme=scheme), connect_s=0.3) as fetcher,
    ):
        error = await failed_fetch_by(fetcher, "https://site.example/")
    assert told(error)[0::2] == (Outcome.TIMEOUT, "connect")


async def test_a_tunnel_that_is_closed_within_the_page(certified: Certified) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"
    async with serving(answering(half), tls=certified.server("site.example")) as origin:
        proxy = Proxy({"site.example:443": origin.port})
        async with serving(proxy) as wire, fetching(proxy=proxy_url(wire)) as fetcher:
            error = await failed_fetch_by(fetcher, "https://site.example/")
    assert told(error)[0::2] == (Outcome.DISCONNECTED, "body")


async def test_a_proxy_that_is_silent_about_a_plain_page_ends_at_read_s() -> None:
    silent = answering_then_silent()
    async with serving(silent) as wire, fetching(proxy=proxy_url(wire), read_s=SHORT_S) as fetcher:
        error = await failed_fetch_by(fetcher, "http://site.example/")
    assert told(error)[0::2] == (Outcome.TIMEOUT, "headers")


# --- certificates --------------------------------------------------------------------------------


def expired(certified: Certified) -> ssl.SSLContext:
    from datetime import UTC, datetime  # noqa: PLC0415 - for this one alone

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    certified._authority.issue_cert("127.0.0.1", not_after=past).configure_cert(context)
    return context


def self_signed(_: Certified) -> ssl.SSLContext:
    return Certified().server("127.0.0.1")


def for_another_host(certified: Certified) -> ssl.SSLContext:
    return certified.server("other.example")


@pytest.mark.parametrize("made", [expired, self_signed, for_another_host])
async def test_a_bad_certificate_is_refused_and_taken_only_when_told_so(
    certified: Certified, made: Callable[[Certified], ssl.SSLContext]
) -> None:
    async with serving(Recorded(OK), tls=made(certified)) as wire:
        async with fetching(private="allow") as fetcher:
            error = await failed_fetch_by(fetcher, wire.url(scheme="https"))
        got = await fetch(wire.url(scheme="https"), private="allow", insecure=True)
    assert told(error) == (Outcome.TLS_ERROR, "CERTIFICATE_VERIFY_FAILED", "connect")
    assert got.status == 200


async def test_insecure_takes_the_proxys_certificate_too(certified: Certified) -> None:
    async with serving(answering(OK), tls=self_signed(certified)) as origin:
        proxy = Proxy({"site.example:443": origin.port})
        async with serving(proxy, tls=self_signed(certified)) as wire:
            got = await fetch("https://site.example/", proxy=proxy_url(wire, scheme="https"), insecure=True)
    assert got.status == 200


# --- the rules alone -----------------------------------------------------------------------------


def test_a_route_shows_no_secret() -> None:
    route = ProxyRoute.of(f"http://{USER_INFO}@127.0.0.1:3128")
    assert route is not None
    assert route.url == "http://127.0.0.1:3128"
    assert repr(route._proxy) == "<Proxy http://***@127.0.0.1:3128>"
    assert ProxyRoute.of("") is None


@pytest.mark.parametrize("phase", [TO_PROXY, TUNNEL])
def test_a_long_word_of_the_proxy_is_cut(phase: str) -> None:
    route = ProxyRoute.of("http://127.0.0.1:3128")
    assert route is not None
    route.note_answer("http://a/", status=200)
    error = route.failure(phase, outcome=Outcome.PROTOCOL_ERROR, kind="X", status=0, message="y" * 900)
    assert len(str(error)) == 300
