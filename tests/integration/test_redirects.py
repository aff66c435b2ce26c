"""Redirects over the wire: how far they are followed, and what goes along."""

from __future__ import annotations

from scraper import Outcome
from tests.support.crawling import crawled
from tests.support.polite_site import NOT_FOUND, Answer, Ask, moved, page, serving

HOST, OTHER = "127.0.8.1", "127.0.8.2"
ALL = {"private": "allow"}
"""Redirects lead to hosts that the list does not name."""


async def test_ten_hops_are_followed_and_no_more() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        left = int(ask.target.removeprefix("/hop/"))
        # Every other one leads to the other host.
        host = OTHER if left % 2 else HOST
        return moved(f"http://{host}:{site.port}/hop/{left - 1}", status=308) if left else page(title="End")

    async with serving(script) as site:
        ten, eleven = await crawled([site.url(HOST, "/hop/10"), site.url(HOST, "/hop/11")], fetch=ALL)

    assert (ten.outcome, ten.title, len(ten.redirects), ten.attempts) == (Outcome.OK, "End", 10, 1)
    assert [hop.status for hop in ten.redirects] == [308] * 10
    assert eleven.outcome is Outcome.REDIRECT_ERROR
    assert eleven.error is not None
    assert eleven.error.type == "TooManyRedirects"
    assert len(site.log) == 2 + 11 + 11


async def test_a_loop_ends_and_a_tidied_spelling_is_none() -> None:
    def script(ask: Ask) -> Answer:
        match ask.host, ask.target:
            case _, "/robots.txt":
                return NOT_FOUND
            case _, "/%7Ea":
                return moved("/~a")
            case _, "/itself":
                return moved("/itself#part")
            case "127.0.8.1", "/loop":
                return moved(f"http://{OTHER}:{site.port}/loop")
            case _, "/loop":
                return moved(f"http://{HOST}:{site.port}/loop")
        return page(title="Home of a")

    async with serving(script) as site:
        tidied, itself, loop = await crawled(
            [site.url(HOST, path) for path in ("/%7Ea", "/itself", "/loop")], fetch=ALL
        )

    assert (tidied.outcome, tidied.title) == (Outcome.OK, "Home of a")
    assert tidied.final_url == site.url(HOST, "/~a")
    for record, asked in ((itself, 1), (loop, 1)):
        assert record.outcome is Outcome.REDIRECT_ERROR
        assert record.error is not None
        assert record.error.type == "RedirectLoop"
        assert site.times[HOST, (record.url or "").removeprefix(site.origin(HOST))] == asked
    shown = [[(hop.url, hop.location) for hop in record.redirects] for record in (itself, loop)]
    there, back = site.url(OTHER, "/loop"), site.url(HOST, "/loop")
    assert shown == [[(site.url(HOST, "/itself"), "/itself#part")], [(back, there), (there, back)]]
    assert (itself.final_url, loop.final_url) == (site.url(HOST, "/itself"), there)
    assert site.times[OTHER, "/loop"] == 1


async def test_credentials_go_to_no_other_origin_and_to_no_robots_txt_of_one() -> None:
    def script(ask: Ask) -> Answer:
        match ask.host, ask.target:
            case "127.0.8.1", "/robots.txt":
                return moved(f"http://{OTHER}:{site.port}/robots-elsewhere.txt")
            case "127.0.8.1", "/out":
                return moved(f"http://{OTHER}:{site.port}/back")
            case "127.0.8.2", "/back":
                return moved(f"http://{HOST}:{site.port}/home")
            case "127.0.8.1", "/port":
                return moved(f"http://{HOST}:{elsewhere.port}/")
            case _, "/robots.txt" | "/robots-elsewhere.txt":
                return NOT_FOUND
        return page()

    headers = {"Authorization": "Bearer s3cret", "Cookie": "id=s3cret", "X-Tag": "s3cret", "DNT": "1"}
    async with serving(script) as elsewhere, serving(script) as site:
        records = await crawled(
            [site.url(HOST, "/out"), site.url(HOST, "/port"), site.url(HOST, "/")],
            fetch={"headers": headers, **ALL},
        )

    assert {record.outcome for record in records} == {Outcome.OK}
    trusted = {
        (entry.host, entry.target): entry.headers.get("authorization") for entry in site.log + elsewhere.log
    }
    assert trusted[HOST, "/out"] == "Bearer s3cret"
    for entry in (*site.at(OTHER), *elsewhere.log):
        assert "s3cret" not in " ".join(entry.headers.values()), entry.target
        assert entry.headers["dnt"] == "1", "what tells nobody who the user is goes everywhere"
    assert {entry.target for entry in site.at(OTHER)} == {"/back", "/robots.txt", "/robots-elsewhere.txt"}
    assert "/" in elsewhere.targets(HOST)
    assert "s3cret" not in "".join(str(record) for record in records)
