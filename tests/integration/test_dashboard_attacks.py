"""The dashboard against those who would misuse it: one test for each way, a client that keeps no rules."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from scraper.dashboard import connections, streams
from scraper.dashboard.access import access_of
from scraper.dashboard.server import Limits, dashboard
from tests.support.fake_daemon import HOSTILE, FakeDaemon, sample
from tests.support.raw_client import Answer, ask, exchange, post
from tests.support.reports import record, write_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN = "correct horse battery staple"  # noqa: S105 nobody's
FORM = "application/x-www-form-urlencoded"


class Served(NamedTuple):
    url: str
    daemon: FakeDaemon
    folder: Path


@contextlib.asynccontextmanager
async def serving(
    folder: Path, *, token: str | None = None, names: tuple[str, ...] = (), limits: Limits | None = None
) -> AsyncIterator[Served]:
    write_run(folder / "records.jsonl", [record(0, title=HOSTILE), record(1)])
    daemon, pages = sample(datetime.now(UTC), folder)
    environment = {"SCRAPER_WEB_TOKEN": token} if token else {}
    access = access_of("127.0.0.1:0", environment, names)
    async with dashboard(daemon, pages, access, limits=limits) as url:
        yield Served(url, daemon, folder)


@pytest.fixture
async def free(tmp_path: Path) -> AsyncIterator[Served]:
    """One without a token."""
    async with serving(tmp_path) as served:
        yield served


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Served]:
    """One with a token, behind a proxy that is known as dash.example."""
    async with serving(tmp_path, token=TOKEN, names=("dash.example",)) as served:
        yield served


async def sign_in(url: str, token: str = TOKEN, **headers: str) -> Answer:
    page = await ask(url, "/sign-in")
    return await post(url, "/sign-in", {"token": token, "proof": proof_in(page)}, **headers)


def proof_in(page: Answer) -> str:
    found = re.search(r'name="proof" value="([0-9a-f]+)"', page.body)
    assert found
    return found[1]


async def proof_of(url: str, **headers: str) -> str:
    return str(json.loads((await ask(url, "/api/v1/session", **headers)).body)["proof"])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("evil.example:8600", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("192.0.2.1", 421),
        ("127.0.0.1:80@evil.example", 421),
        ("127.0.0.1, evil.example", 421),
        ("", 400),
        ("localhost", 200),
        ("LOCALHOST:9", 200),
        ("[::1]:8600", 200),
        ("127.0.0.2", 200),
    ],
)
async def test_a_name_that_was_rebound_gets_nothing(free: Served, host: str, status: int) -> None:
    for target in ("/", "/api/v1/jobs", "/healthz", "/static/style.css"):
        assert (await ask(free.url, target, host=host)).status == status, target


async def test_two_hosts_are_none(free: Served) -> None:
    hosts = f"Host: {urlsplit(free.url).netloc}\r\nHost: evil.example\r\n"
    head = f"GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n"
    assert (await exchange(free.url, head.encode())).status in {400, 421}


async def test_only_names_that_were_given_lead_here(closed: Served) -> None:
    assert (await ask(closed.url, "/sign-in", host="dash.example")).status == 200
    assert (await ask(closed.url, "/sign-in", host="other.example")).status == 421


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/events",
        "/search",
        "/drain",
        "/jobs/shop",
        "/jobs/nothing",
        "/jobs/news/events",
        "/api/v1/jobs",
        "/api/v1/openapi.json",
        "/metrics",
        "/nowhere",
    ],
)
async def test_nothing_is_seen_without_the_token(closed: Served, target: str) -> None:
    for headers in ({}, {"cookie": "scraper-session=guess"}, {"cookie": "scraper-session="}):
        answer = await ask(closed.url, target, **headers)
        assert answer.status == (401 if target.startswith(("/api", "/metrics")) else 303)
        assert "shop" not in answer.body
    answer = await ask(closed.url, target, authorization="Bearer wrong wrong wrong wrong")
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_nothing_is_done_without_the_token(closed: Served) -> None:
    for target in ("/jobs/shop/trigger", "/drain", "/sign-out", "/api/v1/jobs/shop/trigger", "/api/v1/drain"):
        assert (await post(closed.url, target)).status == 401, target
    assert closed.daemon.asked == []


async def test_the_token_itself_opens_for_programs(closed: Served) -> None:
    bearer = f"Bearer {TOKEN}"
    assert (await ask(closed.url, "/api/v1/jobs", authorization=bearer)).status == 200
    assert "scraper_records_total" in (await ask(closed.url, "/metrics", authorization=bearer)).body
    answer = await ask(closed.url, "/api/v1/jobs/shop/trigger", method="POST", authorization=bearer)
    assert answer.status == 202
    assert closed.daemon.asked == [("trigger", "shop")]
    # A page of another site can send neither.
    answer = await ask(
        closed.url,
        "/api/v1/jobs/shop/pause",
        method="POST",
        authorization=bearer,
        origin="https://evil.example",
    )
    assert answer.status == 403


async def test_the_session_is_in_a_cookie_that_scripts_and_other_sites_cannot_use(closed: Served) -> None:
    plain = await sign_in(closed.url)
    assert plain.status == 303
    parts = [part.strip() for part in plain.cookies[0].split(";")]
    assert parts[0].startswith("scraper-session=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(parts)
    assert "Secure" not in parts
    assert not any(part.startswith("Domain") for part in parts)
    secure = await sign_in(closed.url, x_forwarded_proto="https")
    parts = [part.strip() for part in secure.cookies[0].split(";")]
    assert parts[0].startswith("__Host-scraper-session=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Secure"} <= set(parts)
    for answer in (plain, secure):
        assert TOKEN not in str(answer)
        assert (await ask(closed.url, "/", cookie=answer.cookie)).status == 200


async def test_who_signs_out_is_out(closed: Served) -> None:
    cookie = (await sign_in(closed.url)).cookie
    proof = await proof_of(closed.url, cookie=cookie)
    assert (await post(closed.url, "/sign-out", {"proof": proof}, cookie=cookie)).status == 303
    assert (await ask(closed.url, "/", cookie=cookie)).status == 303


async def test_guessing_ends_after_ten_tries(closed: Served) -> None:
    for number in range(10):
        assert (await sign_in(closed.url, f"guess {number}")).status == 401
    answer = await sign_in(closed.url)
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 7
    assert answer.cookies == []
    assert (await ask(closed.url, "/api/v1/jobs", authorization=f"Bearer {TOKEN}")).status == 429


async def test_a_wrong_token_is_not_repeated(closed: Served) -> None:
    answer = await sign_in(closed.url, "<b>guess</b>")
    assert answer.status == 401
    assert "guess" not in answer.body


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "",
    ],
)
async def test_signing_in_leads_to_no_other_site(closed: Served, place: str) -> None:
    page = await ask(closed.url, "/sign-in?next=" + quote(place))
    assert 'href="/"' in page.body
    assert "evil.example" not in page.body
    form = {"token": TOKEN, "proof": proof_in(page), "next": place}
    answer = await post(closed.url, "/sign-in", form)
    assert answer.headers["location"] == "/"
    assert len(answer.cookies) == 1


FORGED = {
    "without proof": ({}, {}),
    "with a proof of another session": ({"proof": "0" * 64}, {}),
    "with what is no text": ({"proof": "\udcff".encode("utf-8", "surrogatepass").decode("latin-1")}, {}),
    "from another site": (None, {"origin": "https://evil.example"}),
    "from another port": (None, {"origin": "http://127.0.0.1:1"}),
    "from a sandbox": (None, {"origin": "null"}),
    "that says it is from elsewhere": (None, {"sec_fetch_site": "cross-site"}),
    "from a sister domain": (None, {"sec_fetch_site": "same-site"}),
}


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_request_does_nothing(free: Served, how: str) -> None:
    form, headers = FORGED[how]
    proof = proof_in(await ask(free.url, "/"))
    for target in (
        "/jobs/shop/trigger",
        "/jobs/shop/pause",
        "/drain",
        "/sign-out",
        "/api/v1/jobs/shop/trigger",
    ):
        answer = await post(free.url, target, {"proof": proof} if form is None else form, **headers)
        assert answer.status == 403, target
    assert free.daemon.asked == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("target", "how", "status"),
    [
        ("/events", "cors empty", 403),  # an EventSource: some of them would leave none for our pages
        ("/", "no-cors image", 403),
        ("/", "navigate iframe", 403),
        ("/api/v1/jobs", "cors empty", 403),
        ("/", "navigate document", 200),  # a link that somebody follows
    ],
)
async def test_other_sites_lead_here_and_load_nothing(
    free: Served, site: str, target: str, how: str, status: int
) -> None:
    mode, dest = how.split()
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    assert (await ask(free.url, target, **headers)).status == status


async def test_a_true_form_does_it(free: Served) -> None:
    proof = proof_in(await ask(free.url, "/"))
    origin = free.url.rstrip("/")
    answer = await post(
        free.url, "/jobs/shop/pause", {"proof": proof}, origin=origin, sec_fetch_site="same-origin"
    )
    assert answer.status == 303
    assert answer.headers["location"] == "/jobs/shop?done=pause"
    assert free.daemon.asked == [("pause", "shop")]
    answer = await ask(free.url, "/api/v1/jobs/shop/resume", method="POST", x_csrf_token=proof)
    assert answer.status == 200
    assert free.daemon.asked[-1] == ("resume", "shop")


async def test_a_form_of_one_session_is_none_of_another(closed: Served) -> None:
    first, second = [(await sign_in(closed.url)).cookie for _ in range(2)]
    proof = await proof_of(closed.url, cookie=first)
    assert (await post(closed.url, "/drain", {"proof": proof}, cookie=second)).status == 403
    assert (await post(closed.url, "/drain", {"proof": proof}, cookie=first)).status == 200
    assert closed.daemon.asked == [("drain", "")]


async def test_reading_does_nothing(free: Served) -> None:
    for target in ("/jobs/shop/trigger", "/jobs/shop/pause", "/api/v1/jobs/shop/trigger", "/api/v1/drain"):
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            headers = {} if method in {"GET", "HEAD"} else {"x_csrf_token": await proof_of(free.url)}
            assert (await ask(free.url, target, method=method, **headers)).status == 405
    assert (await ask(free.url, "/drain")).status == 200
    assert free.daemon.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/jobs/shop",
        "/jobs/nothing",
        "/search?q=x",
        "/sign-in",
        "/static/regions.js",
        "/api/v1/jobs",
        "/api/v1/nothing",
        "/healthz",
        "/metrics",
        "/jobs/../../etc/passwd",
    ],
)
async def test_every_answer_says_what_a_browser_may_do(free: Served, target: str) -> None:
    headers = (await ask(free.url, target)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["form-action"] == policy["style-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["server"] == "scraper"
    assert "access-control-allow-origin" not in headers
    if not target.startswith("/static/"):
        assert headers["cache-control"] == "no-store"


async def test_no_page_holds_a_script_or_a_style(free: Served) -> None:
    news = free.daemon.jobs()[1].recent[0].id
    shop = free.daemon.jobs()[0].recent[0].id
    for target in (
        "/",
        "/jobs/shop",
        f"/jobs/news/runs/{news}",
        f"/jobs/shop/runs/{shop}/changes",
        "/search?q=evil&job=shop",
        "/jobs/shop/pages/p0",
        "/drain",
        "/nothing/" + quote(HOSTILE),
    ):
        page = (await ask(free.url, target)).body
        assert re.findall(r"<script(?![^>]* src=\"/static/)", page) == [], target
        assert not re.search(r"<style|<img(?! src=\"/static/)| style=| on\w+=\"|<iframe|<object", page), (
            target
        )
        assert HOSTILE not in page
        assert not re.search(r"href=\"(?!/|#|https?://)", page), target
        for link in re.findall(r"<a [^>]*href=\"https?:[^>]*>", page):
            assert 'rel="noreferrer noopener nofollow"' in link


async def test_hostile_texts_are_shown_as_they_are(free: Served) -> None:
    escaped = "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
    news = free.daemon.jobs()[1].recent[0].id
    shop = free.daemon.jobs()[0].recent[0].id
    for target in (f"/jobs/news/runs/{news}", f"/jobs/shop/runs/{shop}/changes", "/jobs/shop/pages/p0"):
        page = (await ask(free.url, target)).body
        assert escaped in page
        assert "{{7*7}}" in page
    page = (await ask(free.url, "/search?job=shop&q=" + quote('"><script>alert(2)</script>'))).body
    assert "&#34;&gt;&lt;script&gt;alert(2)" in page
    assert (await ask(free.url, "/jobs/" + quote("<script>", safe=""))).status == 404


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/secret",
        "....//secret",
        "%00",
        "%ff",
        "x" * 3000,
    ],
)
async def test_no_name_is_a_path(free: Served, name: str) -> None:
    (free.folder.parent / "secret").write_text("secret")
    for before in ("/static/", "/jobs/", "/jobs/shop/runs/", "/jobs/shop/pages/", "/api/v1/jobs/shop/runs/"):
        answer = await ask(free.url, before + name)
        assert answer.status in {400, 404}, before
        assert "root:" not in answer.body
    for after in ("report", "changes", "events"):
        assert (await ask(free.url, f"/jobs/shop/runs/{name}/{after}")).status in {400, 404}


async def test_the_report_is_a_document_of_its_own(free: Served) -> None:
    shop = free.daemon.jobs()[0].recent[0].id
    answer = await ask(free.url, f"/jobs/shop/runs/{shop}/report")
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "allow-forms" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[^']+'(;|$)", policy)
    assert "unsafe" not in policy
    assert HOSTILE not in answer.body


async def test_a_request_has_a_size(free: Served) -> None:
    proof = await proof_of(free.url)
    large = await post(free.url, "/jobs/shop/pause", {"proof": proof, "more": "x" * 20_000})
    assert large.status == 413
    body = b"4001\r\n" + b"x" * 0x4001 + b"\r\n0\r\n\r\n"
    host = urlsplit(free.url).netloc
    head = f"POST /jobs/shop/pause HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {FORM}\r\n"
    chunked = await exchange(free.url, (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + body)
    assert chunked.status == 413
    assert (await ask(free.url, "/", cookie="x" * 20_000)).status == 400
    assert (await ask(free.url, "/?" + "x" * 20_000)).status == 400
    assert (await ask(free.url, "/", **{f"x-{n}": "x" for n in range(100)})).status == 400
    assert free.daemon.asked == []


async def test_forms_are_of_one_kind(free: Served) -> None:
    for kind in ("multipart/form-data; boundary=x", "text/plain", "application/json"):
        answer = await post(free.url, "/jobs/shop/pause", {"proof": "x"}, content_type=kind)
        assert answer.status == 415
    bad = await ask(
        free.url,
        "/jobs/shop/pause",
        method="POST",
        body=b"\xff=%ff",
        content_type=f"{FORM}; charset=no-such",
    )
    assert bad.status in {400, 403}


async def test_who_does_not_finish_asking_is_cut_off(tmp_path: Path) -> None:
    async with serving(tmp_path, limits=Limits(head_s=0.05)) as served:
        assert (await ask(served.url, "/healthz")).status == 200
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "):
            with contextlib.suppress(ConnectionError):
                assert (await exchange(served.url, sent)).status == 0
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(served.url).port)
        # The second request of a connection has the same time as the first.
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HTT")
        with contextlib.suppress(ConnectionError):
            assert (await reader.read()).count(b"HTTP/1.1 200") == 1
        writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async with serving(tmp_path, limits=Limits(answer_s=0.05)) as served:
        host = urlsplit(served.url).netloc
        head = f"POST /drain HTTP/1.1\r\nHost: {host}\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n"
        answer = await exchange(served.url, f"{head}Connection: close\r\n\r\nproof=".encode())
        assert answer.status == 503
        assert served.daemon.asked == []


async def test_connections_are_bounded(free: Served) -> None:
    port = urlsplit(free.url).port
    async with asyncio.timeout(20):
        opened = [
            await asyncio.open_connection("127.0.0.1", port) for _ in range(connections.MOST_CONNECTIONS)
        ]
        assert (await ask(free.url, "/healthz")).status == 0
        for _, writer in opened:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_followers_are_bounded(free: Served) -> None:
    head = f"GET /events HTTP/1.1\r\nHost: {urlsplit(free.url).netloc}\r\n\r\n".encode()
    opened = []
    async with asyncio.timeout(20):
        for _ in range(streams.MOST_STREAMS):
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(free.url).port)
            writer.write(head)
            assert b"text/event-stream" in await reader.readuntil(b"\r\n\r\n")
            opened.append(writer)
        answer = await ask(free.url, "/events")
        assert answer.status == 503
        assert answer.headers["retry-after"] == "30"
        for writer in opened:
            writer.close()


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 500, b"GET / HTTP/9.9\r\n\r\n"]
)
async def test_what_is_no_request_is_answered_or_cut(
    free: Served, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await exchange(free.url, sent)
    assert answer.status in {0, 400, 421}
    assert (await ask(free.url, "/healthz")).status == 200
    assert caplog.records == []


async def test_health_tells_strangers_no_names(closed: Served) -> None:
    stranger = json.loads((await ask(closed.url, "/healthz")).body)
    assert stranger == {"status": "silent", "jobs": 4, "running": 1, "silent": 1}
    friend = json.loads((await ask(closed.url, "/healthz", authorization=f"Bearer {TOKEN}")).body)
    assert friend["silent_jobs"] == ["docs-of-a-very-long-name-indeed"]
    assert (await ask(closed.url, "/healthz?silent=fail")).status == 503
