"""What servers write where a URL is due, over the wire: where it leads, what is noted, and what went out."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, NamedTuple

import trustme

from scraper import Outcome
from tests.support.crawling import crawled
from tests.support.polite_site import NOT_FOUND, Answer, Ask, moved, page, serving, text

if TYPE_CHECKING:
    from scraper import Record

HOST, OTHER, GOOD = "127.0.14.1", "127.0.14.2", "127.0.14.3"
PASSWORD = "s3cret"  # noqa: S105


class Trick(NamedTuple):
    """What one URL of ``HOST`` is redirected to, ``PORT`` being the site's, and what must come of it."""

    locations: tuple[str, ...]
    """Values of ``Location``: octets, written as Latin-1."""
    ends_at: str | None = None
    """Host and target that are asked for in the end, ``None`` when nobody is."""
    error: str | None = None
    """The error's type."""
    noted: str | None = None
    """``redirects[].location``, where it is not the header verbatim."""


TRICKS = (
    *(
        Trick((location,), error="BadLocation")
        for location in (
            "javascript:alert(1)",
            "data:text/html,<title>x</title>",
            "file:///etc/passwd",
            "blob:http://127.0.14.2:PORT/1",
            "about:blank",
            "mailto:ann@a.example",
            "ftp://127.0.14.2/",
            "view-source:http://127.0.14.2:PORT/",
            "http://",
            "http://127.0.14.2:65536/",
            "http://127.0.14.2:PORT:80/",
            "http://a%00b.example/",
            "http://127.0.14.300/",
            "/" + "x" * 20_000,
        )
    ),
    Trick((), error="NoLocation"),
    Trick(("",), error="NoLocation"),
    Trick(("  \t ",), error="NoLocation"),
    Trick(("/one", "/two"), error="SeveralLocations"),
    Trick(("http://127.0.14.3:PORT/", "http://127.0.14.2:PORT/"), error="SeveralLocations"),
    Trick(("/same", "/same"), ends_at=f"{HOST} /same"),
    Trick(("http://good@127.0.14.2:PORT/a",), f"{OTHER} /a", noted="http://***@127.0.14.2:PORT/a"),
    Trick(("http://u:s3cret@127.0.14.2:PORT/b",), f"{OTHER} /b", noted="http://***@127.0.14.2:PORT/b"),
    Trick(("http://127.0.14.2:PORT#@127.0.14.3:PORT/",), f"{OTHER} /"),
    Trick(("http://127.0.14.2:PORT\\@127.0.14.3",), f"{OTHER} /@127.0.14.3"),
    Trick(("http://127.0.14.2:PORT?@127.0.14.3",), f"{OTHER} /?@127.0.14.3"),
    Trick(("//127.0.14.2:PORT/c",), f"{OTHER} /c"),
    Trick(("///127.0.14.2:PORT/d",), f"{OTHER} /d"),
    Trick(("\\\\127.0.14.2:PORT\\e",), f"{OTHER} /e"),
    Trick(("/\t/127.0.14.2:PORT/f",), f"{OTHER} /f"),
    Trick(("http:relative",), f"{HOST} /trick/relative"),
    Trick(("HtTp:/rooted",), f"{HOST} /rooted"),
    Trick(("/x#fragment",), f"{HOST} /x"),
    Trick(("/%0d%0aSet-Cookie:%20a=b",), f"{HOST} /%0d%0aSet-Cookie:%20a=b"),
    Trick(("/cut\r\nX-Injected: yes",), f"{HOST} /cut", noted="/cut"),
    Trick(("/esc\x1b[2J",), f"{HOST} /esc%1B[2J"),
    Trick(("/%",), f"{HOST} /%"),
    Trick(("/%%2%zz",), f"{HOST} /%%2%zz"),
    Trick(("/%252e%252e/y",), f"{HOST} /%252e%252e/y"),
    Trick(("/caf\xc3\xa9",), f"{HOST} /caf%C3%A9", noted="/café"),
    Trick(("http://127\xef\xbc\x8e0.14.2:PORT/g",), f"{OTHER} /g", noted="http://127．0.14.2:PORT/g"),  # noqa: RUF001
    Trick(("http://0x7f.0.014.2:PORT/h",), "127.0.12.2 /h"),
    Trick(("http://127.0.14.2:000PORT/i",), f"{OTHER} /i"),
    Trick(("http://127.0.14.2:0/",), error="ECONNREFUSED"),  # its robots.txt is asked for first
)


def trick_of(ask: Ask, *, port: int) -> Answer:
    """Answer ``/trick/N`` with the redirect of that number, anything else with a page."""
    if ask.target == "/robots.txt":
        return NOT_FOUND
    if not ask.target.removeprefix("/trick/").isdigit():
        return page(title=f"{ask.host} {ask.target}")
    trick = TRICKS[int(ask.target.removeprefix("/trick/"))]
    headers = tuple(("Location", location.replace("PORT", str(port))) for location in trick.locations)
    return Answer(b"", 302, headers)


def kind(record: Record) -> str | None:
    return record.error.type if record.error else None


async def test_a_redirect_leads_where_browsers_go_or_nowhere_and_takes_nothing_along() -> None:
    async with serving(lambda ask: trick_of(ask, port=site.port)) as site:
        lines = [site.url(HOST, f"/trick/{number}") for number in range(len(TRICKS))]
        seen = [site.url(OTHER, "/own"), site.url(GOOD, "/own"), site.url("127.0.12.2", "/own")]
        records = await crawled([*lines, *seen], fetch={"headers": {"Authorization": f"Bearer {PASSWORD}"}})
    port = str(site.port)

    assert {record.outcome for record in records[len(lines) :]} == {Outcome.OK}
    for trick, record in zip(TRICKS, records, strict=False):
        assert kind(record) == trick.error, trick
        if trick.ends_at is None:
            expected = Outcome.ROBOTS_UNREACHABLE if trick.error == "ECONNREFUSED" else Outcome.REDIRECT_ERROR
            assert record.outcome is expected, trick
            if expected is Outcome.REDIRECT_ERROR:
                assert (record.redirects, record.final_url, record.status) == ([], record.url, 302), trick
            continue
        assert (record.outcome, record.title) == (Outcome.OK, trick.ends_at), trick
        noted = (trick.noted if trick.noted is not None else trick.locations[0]).replace("PORT", port)
        assert [(hop.url, hop.status, hop.location) for hop in record.redirects] == [(record.url, 302, noted)]
    # Nothing of a Location goes out but its URL: no user info, and the user's own only to the lines.
    basic = base64.b64encode(f"u:{PASSWORD}".encode()).decode()
    for entry in site.log:
        authorization = entry.headers.get("authorization", "")
        assert basic not in authorization, entry
        if not entry.target.startswith("/trick/") and entry.host != HOST and entry.target != "/own":
            assert not authorization, entry
        assert "@" not in entry.headers["host"], entry
    assert site.targets(GOOD) == ["/robots.txt", "/own"], "a host behind an @ is none"
    assert PASSWORD not in "".join(map(str, records))


async def test_statuses_that_are_no_redirects_lead_nowhere() -> None:
    statuses = (200, 201, 300, 304, 305, 404, 503)

    def script(ask: Ask) -> Answer:
        if ask.target[1:].isdigit():
            return moved("/elsewhere", status=int(ask.target[1:]))
        return NOT_FOUND

    async with serving(script) as site:
        records = await crawled(
            [site.url(HOST, f"/{status}") for status in statuses], retry={"retries": 0, "base_s": 0.0}
        )
    assert [record.status for record in records] == list(statuses)
    assert [record.outcome for record in records] == [Outcome.OK] * 2 + [Outcome.HTTP_ERROR] * 5
    assert not any(record.redirects for record in records)
    assert "/elsewhere" not in site.targets(HOST)


async def test_what_goes_on_without_end_ends() -> None:
    circles = {"/fragment": "/fragment#x", "/there": "/back", "/back": "/there"}
    circles |= {"/spelt": "/sp%65lt", "/sp%65lt": "/s%70elt"}

    def script(ask: Ask) -> Answer:
        if ask.target == "/cookie":  # sends on to itself until the cookie comes back
            cookie = ("Set-Cookie", f"seen={PASSWORD}")
            return Answer(b"", 302, (("Location", "/cookie"), cookie))
        if ask.target.startswith("/grows"):
            return moved(f"{ask.target}{'&' if '?' in ask.target else '?'}a")
        if ask.target in circles:
            return moved(circles[ask.target])
        left = ask.target.removeprefix("/hops/")
        return moved(f"/hops/{int(left) - 1}") if left.isdigit() and left != "0" else NOT_FOUND

    paths = ("/cookie", "/grows", "/fragment", "/there", "/spelt", "/hops/30")
    async with serving(script) as site:
        records = await crawled([site.url(HOST, path) for path in paths])
    assert {record.outcome for record in records} == {Outcome.REDIRECT_ERROR}
    loop, many = "RedirectLoop", "TooManyRedirects"
    assert [kind(record) for record in records] == [loop, many, loop, loop, loop, many]
    assert [len(record.redirects) for record in records] == [1, 10, 1, 2, 2, 10]
    cookie = records[0]
    assert cookie.error is not None
    assert "a cookie was set" in cookie.error.message
    assert cookie.headers["set-cookie"] == ["seen=[redacted]"]
    assert all("cookie" not in entry.headers for entry in site.log)
    assert len(site.log) == 1 + 1 + 11 + 1 + 2 + 2 + 11


async def test_a_way_from_https_to_http_is_taken_or_refused_as_the_setting_says() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)

    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/robots.txt":
                return NOT_FOUND
            case "/up":
                return moved(secure.url(HOST, "/down"))
            case "/down":
                return moved(plain.url(HOST, "/end"))
        return page(title="End")

    async with serving(script) as plain, serving(script, tls=context) as secure:
        lines = [plain.url(HOST, "/up"), secure.url(HOST, "/down")]
        taken = await crawled(lines, fetch={"insecure": True})
        asked = len(plain.log)
        refused = await crawled(lines, fetch={"insecure": True, "refuse_downgrade": True})
    assert [(record.outcome, len(record.redirects)) for record in taken] == [(Outcome.OK, 2), (Outcome.OK, 1)]
    assert [(record.outcome, kind(record), len(record.redirects)) for record in refused] == [
        (Outcome.REDIRECT_ERROR, "Downgrade", 1),
        (Outcome.REDIRECT_ERROR, "Downgrade", 0),
    ]
    assert "/end" not in [entry.target for entry in plain.log[asked:]]


async def test_links_bases_refreshes_and_sitemaps_lead_to_http_alone() -> None:
    odd = (
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://127.0.14.2/",
        "about:blank",
    )

    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/links":
                good = f"http://u:{PASSWORD}@{OTHER}:{site.port}/linked"
                return page(*odd, "java&#9;script:x", "http://a%00b/", good, "%zz", "#x")
            case "/base":
                head = '<base href="javascript:x"><link rel="canonical" href="javascript:alert(1)">'
                return page("/from-base", head=head)
            case "/refresh":
                return page(head='<meta http-equiv="refresh" content="0;url=javascript:alert(1)">', title="R")
            case "/sitemap.txt":
                return text("\n".join([*odd, f"http://u:{PASSWORD}@{OTHER}/", site.url(HOST, "/listed")]))
        return page(title="Leaf") if ask.target != "/robots.txt" else NOT_FOUND

    async with serving(script) as site:
        lines = [site.url(HOST, "/links"), site.url(HOST, "/base"), site.url(HOST, "/refresh")]
        lines += [site.url(OTHER, "/own"), f"sitemap:{site.url(HOST, '/sitemap.txt')}"]
        records = await crawled(lines, follow={"depth": 1, "meta_refresh": True})
    by_url = {record.url: record for record in records if record.url}
    asked = {(entry.host, entry.target) for entry in site.log if entry.target != "/robots.txt"}
    assert asked == {
        *((HOST, target) for target in ("/links", "/base", "/refresh", "/sitemap.txt", "/listed")),
        *((HOST, target) for target in ("/%zz", "/from-base")),
        *((OTHER, target) for target in ("/own", "/linked")),
    }
    assert {record.outcome for record in by_url.values()} == {Outcome.OK}
    assert (by_url[lines[1]].base, by_url[lines[1]].canonical) == (None, None)
    assert by_url[lines[2]].refresh is None
    assert PASSWORD not in "".join(map(str, records))
    assert not any("authorization" in entry.headers for entry in site.log)
