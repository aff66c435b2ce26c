"""Which further lines a finished page or sitemap gives."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from scraper.frontier.scope import Scope
from scraper.messages import Found
from scraper.parse.directives import combined, said_in_headers
from scraper.parse.links import Target
from scraper.parse.sitemap import CAP_BYTES, Sitemap
from scraper.record import Outcome
from scraper.settings.model import FollowSettings
from scraper.verdict.page import Done
from scraper.visit.following import Follower
from tests.support.fakes import response
from tests.unit.verdict.errands import hops, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.messages import Request

PAGE = "https://a.example/dir/page"
SITEMAP = "https://a.example/sitemap.xml"
ROBOTS = "https://a.example/robots.txt"
OK = Done(outcome=Outcome.OK)


def follower(**settings: Any) -> Follower:
    chosen = FollowSettings(**settings)
    return Follower(chosen, Scope(chosen))


# --- links -------------------------------------------------------------------------------------


def linked(
    *targets: str | Target,
    request: Request | None = None,
    directives: Sequence[str] = (),
    **settings: Any,
) -> tuple[Found, ...]:
    request = request or line(PAGE)
    found = [Target(target, nofollow=False) if isinstance(target, str) else target for target in targets]
    chosen = {"depth": 3, **settings}
    return follower(**chosen).linked(request, response(request.target), found, directives=directives)


def names(found: tuple[Found, ...]) -> list[str]:
    return [one.input for one in found]


def test_a_link_is_a_line_one_deeper_than_its_page() -> None:
    url = "https://a.example/next"
    assert linked(url, request=line(PAGE, depth=1)) == (Found(url, url, 2, is_trusted=True),)
    assert linked(request=line(PAGE)) == ()


@pytest.mark.parametrize(
    ("limit", "depth", "wanted"), [(0, 0, False), (1, 0, True), (1, 1, False), (3, 2, True)]
)
def test_links_are_asked_for_and_taken_only_while_they_are_not_too_deep(
    *, limit: int, depth: int, wanted: bool
) -> None:
    request = line(PAGE, depth=depth)
    assert follower(depth=limit).wants_links(request) is wanted
    assert bool(linked("https://a.example/next", request=request, depth=limit)) is wanted


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://a.example/next", True),
        ("http://a.example/next", False),
        ("https://a.example:8443/next", False),
        ("https://www.a.example/next", False),
        ("https://b.example/next", False),
    ],
)
def test_the_users_credentials_go_on_to_the_same_origin_only(url: str, *, trusted: bool) -> None:
    assert [one.is_trusted for one in linked(url)] == [trusted]


def test_trust_goes_by_where_the_line_began_and_does_not_come_back() -> None:
    elsewhere = line("https://b.example/", redirects=hops(PAGE))
    found = linked("https://b.example/x", "https://a.example/x", request=elsewhere)
    assert [one.is_trusted for one in found] == [False, True]
    strange = line(PAGE, is_trusted=False)
    assert [one.is_trusted for one in linked("https://a.example/x", request=strange)] == [False]


def test_the_site_is_that_of_the_page_after_its_redirects() -> None:
    elsewhere = line("https://b.example/", redirects=hops(PAGE))
    found = linked("https://b.example/x", "https://a.example/x", request=elsewhere, same_site=True)
    assert names(found) == ["https://b.example/x"]


def test_links_are_held_to_the_scope() -> None:
    urls = ["https://a.example/in/1", "https://a.example/out", "https://a.example/in/secret"]
    assert names(linked(*urls, include="/in/", exclude="secret")) == urls[:1]


def test_links_marked_nofollow_are_left_out_where_that_is_honoured() -> None:
    links = (Target("https://a.example/1", nofollow=True), Target("https://a.example/2", nofollow=False))
    assert names(linked(*links, honour_nofollow=True)) == ["https://a.example/2"]
    assert names(linked(*links)) == ["https://a.example/1", "https://a.example/2"]


@pytest.mark.parametrize(
    ("meta", "tags", "leaves_out"),
    [
        ([], [], False),
        (["nofollow"], [], True),
        (["noindex", "none"], [], True),
        (["noindex", "follow"], [], False),
        ([], ["nofollow"], True),
        ([], ["NoIndex, NoFollow"], True),
        ([], ["none"], True),
        ([], ["noindex", "nofollow"], True),
        ([], ["noindex"], False),
        ([], ["nofollowing"], False),
        ([], ["googlebot: nofollow"], False),
        ([], ["googlebot: none"], False),
        ([], ["googlebot: noindex, nofollow"], False),
        ([], ["noindex, max-snippet: 5, nofollow"], True),
        ([], ["unavailable_after: Mon, 25 Jun 2040 15:00:00 GMT, nofollow"], True),
        ([], ["noindex, googlebot: nofollow"], False),
        ([], ["googlebot: nofollow", "nofollow"], True),
    ],
)
def test_a_page_that_asks_for_none_of_its_links_to_be_followed(
    *, meta: list[str], tags: list[str], leaves_out: bool
) -> None:
    directives = combined([*meta, *said_in_headers("scraper", headers=tags)])
    url = "https://a.example/1"
    honoured = linked(url, directives=directives, honour_nofollow=True)
    assert names(honoured) == ([] if leaves_out else [url])
    assert names(linked(url, directives=directives)) == [url]


# --- sitemaps ----------------------------------------------------------------------------------


def listed(
    body: str | bytes,
    *,
    url: str = SITEMAP,
    request: Request | None = None,
    done: Done = OK,
    truncated: bool = False,
    **settings: Any,
) -> tuple[Done, tuple[Found, ...]]:
    data = body.encode() if isinstance(body, str) else body
    request = request or line(url, is_sitemap=True)
    answer = response(request.target, body=data, truncated=truncated)
    return asyncio.run(follower(**settings).listed(request, answer, done))


def urlset(*locs: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>{loc}</loc></url>" for loc in locs) + "</urlset>"


def index(*locs: str) -> str:
    return (
        "<sitemapindex>" + "".join(f"<sitemap><loc>{loc}</loc></sitemap>" for loc in locs) + "</sitemapindex>"
    )


def test_more_of_a_sitemap_is_wanted_than_of_a_page() -> None:
    assert follower().cap_bytes(line(SITEMAP, is_sitemap=True)) == CAP_BYTES
    assert follower().cap_bytes(line(PAGE)) is None


def test_an_entry_is_a_line_as_if_the_list_had_it() -> None:
    """Its links are followed as far as those of the user's own lines, however deep the sitemap was."""
    body = (
        "<urlset><url><loc>HTTPS://A.example/x#y</loc><lastmod>2026-01-02</lastmod></url>"
        "<url><loc>https://b.example/</loc></url></urlset>"
    )
    done, found = listed(body, request=line(SITEMAP, is_sitemap=True, depth=2))
    assert done == OK
    assert found == (
        Found(
            "HTTPS://A.example/x#y",
            "https://a.example/x",
            0,
            is_trusted=True,
            extra={"lastmod": "2026-01-02"},
        ),
        Found("https://b.example/", "https://b.example/", 0),
    )


def test_entries_are_held_to_include_and_exclude_as_lines_are() -> None:
    body = urlset("https://a.example/in/1", "https://a.example/out", "https://a.example/in/secret")
    _, found = listed(body, include="/in/", exclude="secret")
    assert names(found) == ["https://a.example/in/1"]
    _, found = listed(body, include="/in/", exclude="secret", depth=1)
    assert names(found) == ["https://a.example/in/1", "https://a.example/out"]


@pytest.mark.parametrize(("depth", "taken"), [(0, True), (2, True), (3, False), (9, False)])
def test_an_index_names_further_sitemaps_and_not_for_ever(*, depth: int, taken: bool) -> None:
    url = "https://a.example/part.xml.gz"
    _, found = listed(index(url), request=line(SITEMAP, is_sitemap=True, depth=depth))
    nested = Found(f"sitemap:{url}", url, depth + 1, is_sitemap=True, is_trusted=True)
    assert found == ((nested,) if taken else ())


def test_sitemaps_of_an_index_are_not_held_to_what_pages_are_wanted() -> None:
    _, found = listed(index("https://a.example/part.xml"), include="/pages/", exclude="xml")
    assert names(found) == ["sitemap:https://a.example/part.xml"]


def test_robots_txt_names_sitemaps_also_on_other_hosts() -> None:
    body = "User-agent: *\nDisallow: /\nSitemap: /one.xml\nsitemap: https://b.example/two.xml\n"
    done, found = listed(body, url=ROBOTS)
    assert done == OK
    assert [(one.input, one.depth, one.is_sitemap, one.is_trusted) for one in found] == [
        ("sitemap:https://a.example/one.xml", 1, True, True),
        ("sitemap:https://b.example/two.xml", 1, True, False),
    ]


USUAL = Found(f"sitemap:{SITEMAP}", SITEMAP, 1, is_sitemap=True, is_trusted=True)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("User-agent: *\nDisallow: /x\n", Outcome.OK),
        ("", Outcome.OK),
        ("Not found", Outcome.HTTP_ERROR),
        ("Sitemap: https://a.example/error-page.xml", Outcome.HTTP_ERROR),
    ],
)
def test_where_robots_txt_names_none_or_is_missing_the_usual_place_is_asked(
    body: str, outcome: Outcome
) -> None:
    done = Done(outcome=outcome)
    assert listed(body, url=ROBOTS, done=done) == (done, (USUAL,))


def test_the_usual_place_is_that_of_the_line_wherever_its_robots_txt_was() -> None:
    request = line("https://b.example/robots.txt", redirects=hops(ROBOTS), is_sitemap=True)
    assert listed("", request=request)[1] == (USUAL,)


@pytest.mark.parametrize("outcome", [Outcome.HTTP_ERROR, Outcome.REDIRECT_ERROR])
def test_an_error_page_lists_nothing(outcome: Outcome) -> None:
    done = Done(outcome=outcome)
    assert listed(urlset("https://a.example/x"), done=done) == (done, ())


@pytest.mark.parametrize("body", ["<html><body>no</body></html>", "", "no URL here", b"\x1f\x8bbroken"])
def test_what_is_no_sitemap_is_told_and_lists_nothing(body: str | bytes) -> None:
    done, found = listed(body)
    assert found == ()
    assert done.outcome is Outcome.PARSE_ERROR
    assert done.failure is not None
    assert (done.failure.type, done.failure.phase) == ("SitemapError", "parse")
    assert len(done.failure.message.splitlines()) == 1


def test_of_a_sitemap_that_was_cut_off_the_whole_entries_are_taken() -> None:
    text = "https://a.example/1\nhttps://a.example/2\nhttps://a.example/3"
    too_large = Done(outcome=Outcome.TOO_LARGE)
    done, found = listed(text, done=too_large, truncated=True)
    assert done == too_large
    assert names(found) == ["https://a.example/1", "https://a.example/2"]


def test_a_broken_sitemap_gives_what_could_be_read_and_says_that_there_may_be_more() -> None:
    done, found = listed("<urlset><url><loc>https://a.example/1</loc></url><url><loc>https://a.ex")
    assert names(found) == ["https://a.example/1"]
    assert done.outcome is Outcome.PARSE_ERROR
    assert done.failure is not None
    assert done.failure.message == "there may be more than the 1 entries read"


def test_two_sitemaps_are_read_at_the_same_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()
    all_asked = threading.Event()

    def read(*_: object, **_named: object) -> Sitemap:
        threads.add(threading.get_ident())
        all_asked.wait(timeout=1)
        return Sitemap([], truncated=False, skipped=0)

    monkeypatch.setattr("scraper.visit.following.read_sitemap", read)

    async def ask() -> list[tuple[Done, tuple[Found, ...]]]:
        reader, request = follower(), line(SITEMAP, is_sitemap=True)
        tasks = [asyncio.create_task(reader.listed(request, response(SITEMAP), OK)) for _ in range(8)]
        await asyncio.sleep(0)  # now each has handed its sitemap over
        all_asked.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(ask()) == [(OK, ())] * 8
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_the_lines_of_a_sitemap_are_made_off_the_event_loop() -> None:
    threads: set[int] = set()

    class Watched(Scope):
        def takes_line(self, url: str) -> bool:
            threads.add(threading.get_ident())
            return super().takes_line(url)

    chosen = FollowSettings()
    request = line(SITEMAP, is_sitemap=True)
    answer = response(SITEMAP, body=urlset("https://a.example/1", "https://a.example/2").encode())
    _, found = asyncio.run(Follower(chosen, Watched(chosen)).listed(request, answer, OK))
    assert len(found) == 2
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_entry_that_is_no_url_is_a_line_that_says_so() -> None:
    _, found = listed(urlset("http://[bad", "https://a.example/x"))
    bad, good = found
    assert (bad.input, bad.url, bad.depth, bad.is_trusted) == ("http://[bad", None, 0, False)
    assert bad.why
    assert good.url == "https://a.example/x"


def test_a_start_page_in_place_of_robots_txt_leads_to_the_usual_place() -> None:
    done, found = listed("<!doctype html><html><body>Welcome</body></html>", url=ROBOTS)
    assert done.outcome is Outcome.PARSE_ERROR
    assert found == (USUAL,)
