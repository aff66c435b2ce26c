"""The dashboard in a real browser: each page and each action, with the keyboard, without script, on a phone.

Chromium comes from the system: ``apt-get install chromium`` on Debian, else any that is in the path.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from scraper.observe.parts import Parts
from scraper.schedule.model import JobState, RunState
from tests.support.chromium import Opened, chromium, watched
from tests.support.fake_daemon import HOSTILE, run, sample_live, sample_parts
from tests.support.reports import record, write_run
from tests.support.served_dashboard import ServedDashboard, served_dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request

    from tests.support.fake_daemon import FakeDaemon

TOKEN = "correct horse battery staple"  # noqa: S105 nobody's


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDashboard]:
    folder = tmp_path_factory.mktemp("run")
    write_run(folder / "records.jsonl", [record(0, title=HOSTILE), record(1)])
    with served_dashboard(folder) as one:
        yield one


@contextmanager
def opened(
    browser: Browser, served: ServedDashboard, *, width: int = 1400, **options: Any
) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(10_000)
    page, troubles = watched(context.new_page())

    def look(request: Request) -> None:
        if not request.url.startswith(served.url):
            troubles.append(request.url)

    page.on("request", look)
    yield Opened(page, troubles)
    context.close()


def newest(served: ServedDashboard, job: str) -> str:
    def look(daemon: FakeDaemon) -> str:
        return next(one.recent[0].id for one in daemon.jobs() if one.name == job)

    return str(served.do(look))


def places(served: ServedDashboard) -> dict[str, str]:
    shop = f"/jobs/shop/runs/{newest(served, 'shop')}"
    return {
        "jobs": "/",
        "job": "/jobs/shop",
        "live run": f"/jobs/news/runs/{newest(served, 'news')}",
        "run": shop,
        "changes": f"{shop}/changes?status=changed",
        "search": "/search?job=shop&q=kettle",
        "page": "/jobs/shop/pages/p3",
        "drain": "/drain",
    }


FOCUSED = (
    "(({tagName, name, textContent}) => `${tagName} ${name ?? ''}${textContent}`)(document.activeElement)"
)
LOOKS = [(1400, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDashboard]:
    """One with few rows: each element takes its time to be judged."""
    with served_dashboard(tmp_path_factory.mktemp("run"), size=3) as one:
        yield one


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_fit_and_are_accessible(
    browser: Browser, small: ServedDashboard, width: int, scheme: Any
) -> None:
    with opened(browser, small, width=width, color_scheme=scheme) as (page, troubles):
        for name, place in places(small).items():
            page.goto(small.url + place)
            found = Axe().run(page, options={"resultTypes": ["violations"]})
            assert found.violations_count == 0, (name, found.generate_report())
            assert page.evaluate("document.documentElement.scrollWidth") == width, name
            assert troubles == [], name


def test_texts_of_pages_stay_texts(browser: Browser, served: ServedDashboard) -> None:
    with opened(browser, served) as (page, troubles):
        page.goto(served.url + places(served)["live run"])
        # Also where script has put it in anew.
        page.locator("[data-followed]").wait_for()
        assert HOSTILE in page.locator("[data-region=failures]").inner_text()
        page.goto(f"{served.url}/search?job=shop&q=evil")
        assert HOSTILE in page.locator("tbody tr").inner_text()
        page.get_by_role("link", name="https://evil.example/").click()
        assert HOSTILE in page.get_by_role("heading", level=1).inner_text()
        assert page.locator("script:not([src]), img:not([src^='/static/'])").count() == 0
        assert page.locator("a[href^='javascript:']").count() == 0
    assert troubles == []


def asked(served: ServedDashboard) -> list[tuple[str, str]]:
    def take(daemon: FakeDaemon) -> list[tuple[str, str]]:
        taken = list(daemon.asked)
        daemon.asked.clear()
        return taken

    return list(served.do(take))


def test_a_job_is_paused_and_resumed_and_run_by_hand(browser: Browser, served: ServedDashboard) -> None:
    asked(served)
    with opened(browser, served, width=390) as (page, troubles):
        page.goto(served.url)
        fresh = page.locator("[data-region='job:fresh']")
        fresh.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("status")).to_contain_text("paused")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("status")).to_contain_text("goes on when it is due")
        page.get_by_role("button", name="Run now").click()
        expect(page.get_by_role("status")).to_contain_text("begun")
        expect(page.locator("[data-region]")).to_contain_text("running")
        page.get_by_role("button", name="Stop the run").click()
        expect(page.get_by_role("status")).to_contain_text("being stopped")
        expect(page.get_by_role("table")).to_contain_text("stopped")
    assert troubles == []
    assert asked(served) == [("pause", "fresh"), ("resume", "fresh"), ("trigger", "fresh"), ("stop", "fresh")]


def test_all_is_done_with_the_keyboard(browser: Browser, served: ServedDashboard) -> None:
    def press_to(page: Page, name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if name in page.evaluate(FOCUSED):
                return
        pytest.fail(f"no Tab leads to {name}")

    asked(served)
    with opened(browser, served) as (page, troubles):
        page.goto(served.url)
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Skip to the content"
        page.keyboard.press("Enter")
        press_to(page, "Pause shop")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs/shop?done=pause")
        press_to(page, "Resume shop")
        page.keyboard.press("Space")
        page.wait_for_url("**/jobs/shop?done=resume")
        press_to(page, "A Search")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search")
        press_to(page, "INPUT q")
        page.keyboard.type("kettle 12")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=kettle+12*")
        press_to(page, "A https://shop.example/kitchen/kettles/kettle-12")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Kettle number 12")
    assert troubles == []
    assert asked(served) == [("pause", "shop"), ("resume", "shop")]


def test_all_is_done_without_script(browser: Browser, served: ServedDashboard) -> None:
    asked(served)
    with opened(browser, served, java_script_enabled=False, width=390) as (page, troubles):
        for place in places(served).values():
            page.goto(served.url + place)
            assert page.get_by_role("heading", level=1).inner_text()
        page.goto(served.url)
        page.locator("[data-region='job:shop']").get_by_role("button", name="Pause").click()
        assert "paused" in page.get_by_role("status").inner_text()
        page.get_by_role("button", name="Resume").click()
        page.goto(served.url + places(served)["live run"])
        assert "431 of 1,180" in page.locator("[data-region=figures]").inner_text()
        assert page.get_by_text("Without JavaScript this page stays as it is.").is_visible()
        page.goto(served.url + "/drain")
        page.get_by_role("button", name="Drain and end").click()
        assert page.get_by_role("heading", level=1).inner_text() == "The daemon ends"
    assert troubles == []
    assert asked(served) == [("pause", "shop"), ("resume", "shop"), ("drain", "")]


def test_a_run_is_followed_to_its_end(browser: Browser, served: ServedDashboard) -> None:
    due = datetime.now(UTC).replace(microsecond=0)
    row = run("fresh", due, state=RunState.RUNNING, lines=0, outcomes={}, changes={}, failed=0)

    def begin(daemon: FakeDaemon) -> None:
        daemon.put(row)
        daemon.set("fresh", state=JobState.RUNNING)

    served.do(begin)
    with opened(browser, served) as (page, troubles):
        page.goto(f"{served.url}/jobs/fresh/runs/{row.id}")
        figures, failures = page.locator("[data-region=figures]"), page.locator("[data-region=failures]")
        expect(figures).to_have_text("The run has just begun.")
        served.do(lambda daemon: daemon.show(sample_live(due, row, done=500), "fresh"))
        expect(figures).to_contain_text("500 of 1,180")
        expect(failures).to_contain_text("article-3")
        expect(page.locator("[data-region=hosts]")).to_contain_text("left alone for 42 s")
        # Who is in a part that comes anew stays where they were.
        link = failures.get_by_role("link", name=re.compile("article-3"))
        link.focus()
        served.do(lambda daemon: daemon.show(sample_live(due, row, done=777), "fresh"))
        expect(figures).to_contain_text("777 of 1,180")
        expect(failures.get_by_role("link", name=re.compile("article-3"))).to_be_focused()
        assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "777"
        done = msgspec.structs.replace(row, lines=1180, outcomes={"ok": 1180}, state=RunState.RUNNING)
        served.do(lambda daemon: daemon.put(done))
        served.do(lambda daemon: daemon.end("fresh"))
        # It loads itself again, and is a finished run's page.
        expect(page.locator("main .chip").first).to_have_text("complete")
        expect(page.locator(".figures")).to_contain_text("1,180")
    assert troubles == []


def test_the_parts_of_a_run_are_followed_and_kept(browser: Browser, served: ServedDashboard) -> None:
    now = datetime.now(UTC)
    row = run("fresh", now.replace(microsecond=1), state=RunState.RUNNING, lines=0, outcomes={}, failed=0)
    whole = sample_live(now, row)

    def show(daemon: FakeDaemon, **fields: Any) -> None:
        daemon.show(msgspec.structs.replace(whole, **fields), "fresh")

    def begin(daemon: FakeDaemon) -> None:
        daemon.put(row)
        daemon.set("fresh", state=JobState.RUNNING)
        show(daemon, parts=Parts(), cluster_page=None)

    served.do(begin)
    with opened(browser, served) as (page, troubles):
        page.goto(f"{served.url}/jobs/fresh/runs/{row.id}")
        page.locator("[data-followed]").wait_for()
        parts = page.get_by_role("region", name="Parts", exact=True)
        expect(page.get_by_role("heading", name="Parts")).to_be_hidden()  # a run in one part has none
        served.do(show)
        expect(page.get_by_role("heading", name="Parts")).to_be_visible()
        expect(page.locator("[data-region=standing]")).to_have_text(
            "5 parts: 2 at work, 1 lost, 1 waiting, 1 finished. The cluster's own page: http://10.0.0.5:8787/status"
        )
        lost = parts.get_by_role("row").nth(2)
        assert lost.get_by_role("cell").all_inner_texts() == [
            *(
                "1",
                "lost, begins again",
                "rack-2-node-11\nIt was killed by SIGKILL",
                "1",
                "2 (2 lost)",
                "120 of 262",
                "12",
            )
        ]
        link = page.get_by_role("link", name="8787/status")
        assert link.get_attribute("href") == "http://10.0.0.5:8787/status"
        assert link.get_attribute("rel") == "noreferrer noopener nofollow"
        # Whatever the scheduler says, nothing but an address of the web is led to, and a name stays a text.
        served.do(lambda daemon: show(daemon, cluster_page=f"javascript:alert(1)//{HOSTILE}"))
        expect(page.locator("[data-region=standing] a")).to_have_count(0)
        assert "<img src=x" in parts.inner_text()

        ended = msgspec.structs.replace(
            row, lines=1180, outcomes={"ok": 1180}, parts=sample_parts().at_rest()
        )
        served.do(lambda daemon: daemon.put(ended))
        served.do(lambda daemon: daemon.end("fresh"))
        expect(page.locator("main .chip").first).to_have_text("complete")
        expect(page.locator(".of-parts .lead")).to_have_text("5 parts: 4 waiting, 1 finished.")
        last = page.get_by_role("table", name="Parts of the run").get_by_role("row").last
        assert last.get_by_role("cell").all_inner_texts()[3:] == [
            "2",
            "4 (1 lost)",
            "67 of 300",
            "2",
            "160.0 KiB",
        ]
    assert troubles == []


def test_the_list_of_jobs_follows_them(browser: Browser, served: ServedDashboard) -> None:
    with opened(browser, served) as (page, troubles):
        page.goto(served.url)
        page.locator("[data-followed]").wait_for()
        served.do(lambda daemon: daemon.set("shop", problem="line 3: this is no schedule"))
        expect(page.locator("[data-region='job:shop']")).to_contain_text("this is no schedule")
        served.do(lambda daemon: daemon.set("shop", problem=None))
        expect(page.locator("[data-region='job:shop']")).not_to_contain_text("this is no schedule")
    assert troubles == []


def test_a_runs_report_and_changes_are_reached(browser: Browser, served: ServedDashboard) -> None:
    with opened(browser, served, width=390) as (page, troubles):
        page.goto(f"{served.url}/jobs/shop")
        page.get_by_role("table").get_by_role("link").first.click()
        page.get_by_role("link", name="See the changes").click()
        page.get_by_label("changed 31", exact=True).check()
        page.get_by_label("URL holds").fill("kettle-1")
        page.get_by_role("button", name="Show").click()
        assert page.locator(".change").count() == 10
        first = page.locator(".change").first
        assert first.locator(".old").first.inner_text().endswith("49.90 euro")
        assert first.locator(".new mark").first.inner_text() == "44.90 euro until Sunday"
        page.goto(f"{served.url}{places(served)['run']}/changes")
        page.get_by_role("link", name="More changes").click()
        assert page.locator(".change").count() == 50
        page.get_by_role("link", name="The first").click()
        page.goto(served.url + places(served)["run"])
        page.get_by_role("link", name="Open the report").click()
        assert page.title() == "Crawl report: records.jsonl"
        # The report's own script runs, in an origin of its own.
        assert page.locator("[data-table=hosts]").get_by_role("button", name="Records").count() == 1
        assert page.evaluate("self.origin") == "null"
    assert troubles == []


def test_older_runs_are_turned_to(browser: Browser, served: ServedDashboard) -> None:
    with opened(browser, served) as (page, troubles):
        page.goto(f"{served.url}/jobs/shop")
        assert page.locator("tbody tr").count() == 50
        page.get_by_role("link", name="Older runs").click()
        assert page.locator("tbody tr").count() == 14
        page.get_by_role("link", name="The newest").click()
        assert page.locator("tbody tr").count() == 50
    assert troubles == []


def test_a_token_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    with (
        served_dashboard(tmp_path, token=TOKEN) as served,
        opened(browser, served, width=390, color_scheme="dark") as (page, troubles),
    ):
        page.goto(f"{served.url}/jobs/shop?before=2030-01-01T00:00:00Z")
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
        page.get_by_label("Token").fill("something else altogether")
        page.keyboard.press("Enter")
        assert page.get_by_role("alert").inner_text() == "This is not the token."
        assert "401" in troubles.pop()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        # It goes on to where one wanted to go.
        assert page.get_by_role("heading", level=1).inner_text() == "shop"
        assert page.url.endswith("/jobs/shop?before=2030-01-01T00:00:00Z")
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Sign in"
        page.goto(served.url)
        assert page.get_by_role("heading", level=1).inner_text() == "Sign in"
        assert troubles == []
