"""Who may be asked at a private address: whole crawls, read from the log of the server that was not asked.

All hosts are of 127.0.0.0/8, so each is private: what the list names is asked, and nothing else is.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from scraper import Outcome
from scraper.plan.survey import plan_crawl
from scraper.robots.access import Standing
from scraper.settings.model import SourceSettings
from scraper.sources.arguments import sources_from_arguments
from tests.support.crawling import crawled, run_to_file, settings
from tests.support.polite_site import NOT_FOUND, Answer, Ask, moved, page, serving, text
from tests.support.wire import refused_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scraper import Record

HOST, INNER, THIRD = "127.0.9.1", "127.0.9.2", "127.0.9.3"


def told(record: Record) -> tuple[str, str, str, str]:
    """Return a record's outcome and error."""
    error = record.error
    assert error is not None
    return record.outcome, error.type, error.message, error.phase


UNLISTED = ", and the list does not name it (odd spellings do not count)"


def blocked(host: str) -> tuple[str, str, str, str]:
    """Return what ``told`` says of a line that ended at a loopback address which nobody may be asked at."""
    return "blocked_address", "BlockedAddress", f"{host} is a loopback address", "connect"


def unlisted(host: str) -> tuple[str, str, str, str]:
    """Return the same where the list could have named it."""
    return "blocked_address", "BlockedAddress", f"{host} is a loopback address{UNLISTED}", "connect"


def pages(ask: Ask) -> Answer:
    """Answer everything with a page, but robots.txt with its absence."""
    return NOT_FOUND if ask.target == "/robots.txt" else page(title=f"{ask.host}{ask.target}")


# --- the list ----------------------------------------------------------------------------------


async def test_a_host_of_the_list_is_asked_whatever_its_port_and_its_lines_form() -> None:
    with refused_port() as elsewhere:
        async with serving(pages) as site:
            records = await crawled(
                [
                    site.url(HOST, "/a"),
                    f"http://LocalHost:{site.port}/b",
                    f"{INNER}:{site.port}/c",
                    f"http://{THIRD}:{elsewhere}/elsewhere",
                    site.url(THIRD, "/d"),
                ]
            )
    good = [records[0], records[1], records[2], records[4]]
    assert [record.outcome for record in good] == [Outcome.OK] * 4
    assert set(site.by_host()) == {HOST, "127.0.0.1", INNER, THIRD}
    assert [record.robots and record.robots.status for record in good] == [404] * 4


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f000001",
        "0x7F.1",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "\uff11\uff12\uff17.0.0.1",
        "127\u3002\u0030\uff0e0.1",
        "%31%32%37.0.0.1",
        "127.0.0.1.",
        "127.00.0.1",
        "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
        "local\u00adhost",
        "%6cocalhost",
        "localhost.",
        "@127.0.0.1",
    ],
)
async def test_an_odd_spelling_lists_nobody(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(name: str, port: int, *_: Any, **__: Any) -> list[Any]:
        assert name.removesuffix(".") == "localhost"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    async with serving(pages) as site:
        (record,) = await crawled([f"http://{host}:{site.port}/"])
        assert site.connections == 0
    assert record.outcome is Outcome.BLOCKED_ADDRESS
    assert record.error is not None
    assert "127.0.0.1" in record.error.message
    assert "a loopback address" in record.error.message
    assert not record.retryable


@pytest.mark.parametrize("host", ["0", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::1]"])  # noqa: S104
async def test_denied_means_listed_hosts_too(host: str) -> None:
    async with serving(pages) as site:
        (record,) = await crawled([f"http://{host}:{site.port}/"], fetch={"private": "deny"})
        assert site.connections == 0
    assert record.outcome is Outcome.BLOCKED_ADDRESS


async def test_a_number_is_asked_where_the_list_also_names_its_host_or_all_is_allowed() -> None:
    async with serving(pages) as site:
        lines = [f"http://127.0.0.1:{site.port}/a", f"http://2130706433:{site.port}/b"]
        records = await crawled(lines)
        assert [record.outcome for record in records] == [Outcome.OK] * 2
        (record,) = await crawled([lines[1]], fetch={"private": "allow"})
        assert record.outcome is Outcome.OK


async def test_a_line_that_is_filtered_lists_nobody() -> None:
    def script(ask: Ask) -> Answer:
        return moved(f"http://{INNER}:{site.port}/x") if ask.target == "/on" else pages(ask)

    async with serving(script) as site:
        on, out = await crawled([site.url(HOST, "/on"), site.url(INNER, "/out")], follow={"exclude": "/out"})
        assert set(site.by_host()) == {HOST}
    assert told(on) == unlisted(INNER)
    assert out.outcome is Outcome.FILTERED


# --- what is not the list ----------------------------------------------------------------------


async def test_a_redirect_to_a_private_host_is_refused_at_any_hop() -> None:
    def script(ask: Ask) -> Answer:
        where = {
            "/straight": f"http://{INNER}:{site.port}/secret",
            "/twice": "/straight",
            "/number": f"http://2130706434:{site.port}/secret",
            "/mapped": f"http://[::ffff:7f00:902]:{site.port}/secret",
            "/metadata": "http://169.254.169.254/latest/meta-data/",
            "/zero": f"http://0:{site.port}/secret",
        }
        return moved(where[ask.target]) if ask.target in where else pages(ask)

    names = ["straight", "twice", "number", "mapped", "metadata", "zero"]
    async with serving(script) as site:
        records = await crawled([site.url(HOST, f"/{name}") for name in names])
        assert set(site.by_host()) == {HOST}
    assert [record.outcome for record in records] == [Outcome.BLOCKED_ADDRESS] * 6
    assert [record.error and record.error.message.removesuffix(UNLISTED) for record in records] == [
        f"{INNER} is a loopback address",
        f"{INNER} is a loopback address",
        "127.0.0.2 is a loopback address",
        "::ffff:7f00:902 is a form of 127.0.9.2, a loopback address",
        "169.254.169.254 is a metadata address",
        "0.0.0.0 is an unspecified address",
    ]
    assert [len(record.redirects) for record in records] == [1, 2, 1, 1, 1, 1]
    assert not any(record.retryable or record.tries for record in records)


async def test_a_redirect_is_followed_to_itself_and_to_a_host_of_the_list() -> None:
    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/itself":
                return moved("/end")
            case "/other":
                return moved(f"http://{INNER}:{site.port}/end")
        return pages(ask)

    async with serving(script) as site:
        lines = [site.url(INNER, "/first"), site.url(HOST, "/itself"), site.url(HOST, "/other")]
        records = await crawled(lines)
    assert [record.outcome for record in records] == [Outcome.OK] * 3


async def test_robots_ignored_is_no_way_around() -> None:
    def script(ask: Ask) -> Answer:
        return moved(f"http://{INNER}:{site.port}/secret") if ask.target == "/on" else pages(ask)

    async with serving(script) as site:
        (record,) = await crawled([site.url(HOST, "/on")], robots={"policy": "ignore"})
        assert set(site.by_host()) == {HOST}
    assert told(record) == unlisted(INNER)
    assert record.attempts == 1


async def test_a_page_that_sends_its_readers_to_a_private_host() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/on":
            head = f'<meta http-equiv=refresh content="0; url=http://{INNER}:{site.port}/secret">'
            return page(head=head)
        return pages(ask)

    async with serving(script) as site:
        (record,) = await crawled([site.url(HOST, "/on")], follow={"meta_refresh": True})
        assert set(site.by_host()) == {HOST}
    assert told(record) == unlisted(INNER)


async def test_links_and_sitemaps_list_nobody() -> None:
    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/robots.txt":
                return text(f"User-agent: *\nAllow: /\nSitemap: http://{INNER}:{site.port}/sitemap.xml\n")
            case "/own.xml":
                inner = f"<url><loc>http://{INNER}:{site.port}/listed</loc></url>"
                own = f"<url><loc>{site.url(HOST, '/listed')}</loc></url>"
                return text(f"<urlset>{inner}{own}</urlset>")
            case "/page":
                return page(
                    f"http://{INNER}:{site.port}/link", "/own-link", f"http://2130706433:{site.port}/"
                )
        return pages(ask)

    async with serving(script) as site:
        lines = [site.url(HOST, "/page"), f"sitemap:{site.url(HOST, '/own.xml')}"]
        lines += [f"sitemap:{site.origin(HOST)}"]
        records = await crawled(lines, follow={"depth": 1})
        assert set(site.by_host()) == {HOST}
    by_path = {(record.url or "").replace(str(site.port), ""): record.outcome for record in records}
    assert by_path[f"http://{INNER}:/link"] == Outcome.BLOCKED_ADDRESS
    assert by_path[f"http://{INNER}:/listed"] == Outcome.BLOCKED_ADDRESS
    assert by_path[f"http://{INNER}:/sitemap.xml"] == Outcome.BLOCKED_ADDRESS
    assert by_path["http://127.0.0.1:/"] == Outcome.BLOCKED_ADDRESS
    assert by_path[f"http://{HOST}:/listed"] == by_path[f"http://{HOST}:/own-link"] == Outcome.OK


async def test_a_robots_txt_that_leads_to_a_private_host_could_not_be_had() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return moved(f"http://{INNER}:{site.port}/robots.txt")
        return pages(ask)

    async with serving(script) as site:
        (record,) = await crawled([site.url(HOST, "/page")])
        assert site.by_host() == {HOST: ["/robots.txt"]}
        own, other = await crawled([site.url(HOST, "/page"), site.url(INNER, "/page")])
    assert told(record) == (
        "robots_unreachable",
        "BlockedAddress",
        f"robots.txt: {INNER} is a loopback address{UNLISTED}",
        "robots",
    )
    assert other.outcome in {Outcome.OK, Outcome.REDIRECT_ERROR, Outcome.ROBOTS_UNREACHABLE}
    assert own.outcome is Outcome.OK


# --- robots.txt, retries, the circuit, a guessed scheme ----------------------------------------


async def test_lines_of_a_blocked_host_are_each_told_so_and_cost_one_look() -> None:
    """Its robots.txt is blocked: that is not "unreachable", and no number of lines makes the host dead."""
    async with serving(pages) as site:
        lines = [site.url(HOST, f"/{number}") for number in range(40)]
        records = await crawled(
            lines,
            fetch={"private": "deny"},
            retry={"budget_floor": 0, "retries": 5},
            politeness={"circuit_failures": 2},
        )
        assert site.connections == 0
    assert {told(record) for record in records} == {blocked(HOST)}
    assert not any(record.retryable or record.tries or record.robots for record in records)


async def test_without_robots_no_number_of_blocked_lines_opens_the_circuit() -> None:
    async with serving(pages) as site:
        records = await crawled(
            [site.url(HOST, f"/{number}") for number in range(20)],
            fetch={"private": "deny"},
            robots={"policy": "ignore"},
            politeness={"circuit_failures": 2, "circuit_probes": 1, "circuit_pause_s": 0.0},
        )
        assert site.connections == 0
    assert {told(record) for record in records} == {blocked(HOST)}
    assert {record.attempts for record in records} == {1}


@pytest.mark.parametrize("policy", ["obey", "ignore"])
async def test_a_guessed_scheme_is_not_tried_the_other_way(policy: str) -> None:
    async with serving(pages) as site:
        (record,) = await crawled(
            [f"{HOST}:{site.port}/x"], fetch={"private": "deny"}, robots={"policy": policy}
        )
        assert site.connections == 0
    assert told(record) == blocked(HOST)
    assert record.url == f"https://{HOST}:{site.port}/x"


# --- listed later, resumed, names ---------------------------------------------------------------


async def test_a_host_that_is_listed_after_it_was_refused_is_asked_for_its_own_lines(tmp_path: Path) -> None:
    """The redirect comes while only one line is known, and may be refused; the host's own line may not."""

    def script(ask: Ask) -> Answer:
        return moved(f"http://{INNER}:{site.port}/redirected") if ask.target == "/on" else pages(ask)

    output = tmp_path / "pages.jsonl"
    async with serving(script) as site:
        listed = tmp_path / "urls.txt"
        listed.write_text(f"{site.url(HOST, '/on')}\n{site.url(INNER, '/own')}\n", "utf-8")
        await run_to_file([str(listed)], output, frontier={"lookahead": 1})
        assert "/own" in site.targets(INNER)
    assert '"title":"127.0.9.2/own"' in output.read_text("utf-8")


async def test_the_list_is_kept_over_an_interruption(tmp_path: Path) -> None:
    """Hosts are listed in the state: a resumed run knows those whose lines were done before it."""

    def script(ask: Ask) -> Answer:
        return moved(f"http://{INNER}:{site.port}/end") if ask.target.startswith("/on") else pages(ask)

    output = tmp_path / "pages.jsonl"
    async with serving(script) as site:
        lines = [site.url(INNER, "/first"), *(site.url(HOST, f"/on{number}") for number in range(8))]
        run, kept = {"workers": 1}, {"batch_records": 1}
        first = await run_to_file(lines, output, drain_after=1, run=run, output=kept)
        assert not first.complete
        assert site.targets(INNER)[:2] == ["/robots.txt", "/first"]
        assert (await run_to_file([], output, resume=True, run=run, output=kept)).complete
        assert site.targets(INNER).count("/end") == 8


def _looking_up(addresses: Callable[[str], list[str]]) -> Callable[..., list[Any]]:
    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses(host)]

    return getaddrinfo


async def test_names_of_the_list_may_be_private_and_others_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _looking_up(lambda _: ["127.0.0.1"]))

    def script(ask: Ask) -> Answer:
        return moved(f"http://hidden.example:{site.port}/x") if ask.target == "/on" else pages(ask)

    async with serving(script) as site:
        records = await crawled(
            [f"http://intranet.example:{site.port}{path}" for path in ("/", "/on")], retry={"retries": 0}
        )
        assert [entry.headers["host"].partition(":")[0] for entry in site.log] == ["intranet.example"] * 3
    assert records[0].outcome is Outcome.OK
    assert told(records[1]) == (
        "blocked_address",
        "BlockedAddress",
        (
            "hidden.example has the address 127.0.0.1, a loopback address,"
            " and the list does not name hidden.example"
        ),
        "dns",
    )


# --- plans ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("private", "standing"), [("listed", Standing.UNAVAILABLE), ("deny", Standing.BLOCKED)]
)
async def test_a_plan_asks_whom_a_crawl_would_ask(private: str, standing: Standing) -> None:
    async with serving(pages) as site:
        sources = sources_from_arguments([site.url(HOST, "/x")], SourceSettings())
        chosen = settings(fetch={"private": private})
        plan = await plan_crawl(sources, settings=chosen, ask_robots=True)
        assert (site.connections > 0) is (private == "listed")
    assert plan.robots is not None
    (origin,) = plan.robots.origins
    assert origin.standing is standing
    assert origin.why == (None if private == "listed" else f"{HOST} is a loopback address")


async def test_what_was_refused_is_not_kept_for_runs_with_other_settings(tmp_path: Path) -> None:
    cache = str(tmp_path / "robots.cache")
    async with serving(pages) as site:
        lines = [site.url(HOST, "/x")]
        (denied,) = await crawled(lines, fetch={"private": "deny"}, robots={"cache": cache})
        (listed,) = await crawled(lines, robots={"cache": cache})
    assert denied.outcome is Outcome.BLOCKED_ADDRESS
    assert listed.outcome is Outcome.OK
