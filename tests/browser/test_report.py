"""The report in a real browser: it runs, it serves, and what it shows is only shown.

Chromium comes from the system: ``apt-get install chromium`` on Debian, else any that is in the path.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

from scraper.record import Heading, LinkEntry, Outcome, Redirect
from scraper.report.render import render
from scraper.report.reporting import report_of
from tests.support.chromium import Opened, chromium, watched
from tests.support.reports import record, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from scraper.record import Record

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'\u202egpj.exe =1+1 "
NOTHING = "\N{EN DASH}"


def records() -> Iterator[Record]:
    """A run with something in every part of the report, and hostile texts where pages speak."""
    for seq in range(200):
        yield record(
            seq,
            url=f"https://h{seq % 30}.example/{seq}",
            elapsed=0.01 + 0.005 * seq,
            size=1280 + 40 * seq,
            wire_size=500,
            fetched_at=f"2026-01-31T09:{30 + seq // 60:02}:{seq % 60:02}.5Z",
            description=None if seq % 2 else f"What {seq} says",
            title=HOSTILE if seq < 3 else f"Page {seq}",
            lang=("en", "de", "nl")[seq % 3],
            jsonld=[{"@type": "Article"}],
            word_count=10 * seq,
            text_length=60 * seq,
            headings=[Heading(level=1, text=HOSTILE)] * (seq % 3),
            indexable=seq % 9 != 0,
            indexable_reason=None if seq % 9 else "noindex",
            meta_robots=[] if seq % 9 else ["noindex"],
            link_list=[LinkEntry(url="https://h0.example/200", text=HOSTILE, rel=None)] if seq < 4 else [],
        )
    for seq in range(200, 240):
        status = 404 if seq % 2 else 500
        yield record(
            seq, url=f"https://h0.example/{seq}", outcome=Outcome.HTTP_ERROR, status=status, reason=HOSTILE
        )
    yield record(240, url=None, input="javascript:alert(1)", outcome=Outcome.INVALID_URL, status=None)
    hop = Redirect(url="https://h1.example/old", status=301, location="/new", elapsed_s=0.1)
    yield record(241, url=hop.url, final_url="https://h1.example/new", redirects=[hop, hop])
    yield record(242, title="T" * 10_000, url="https://h2.example/" + "long/" * 400, description=None)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    new = write_run(folder / "new.jsonl", records())
    old = write_run(folder / "old.jsonl", list(records())[40:])
    page = folder / "report.html"
    page.write_bytes(render(report_of(new, against=old)).encode())
    return page


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A report that has all parts and few rows: each element takes its time to be judged."""
    run = list(records())
    new, old = (write_run(tmp_path / f"{seq}.jsonl", [*run[seq::9], *run[-3:]]) for seq in (0, 1))
    page = tmp_path / "small.html"
    page.write_bytes(render(report_of(new, against=old)).encode())
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@contextmanager
def opened(browser: Browser, report: Path, *, width: int = 1280, **options: Any) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page, troubles = watched(context.new_page())
    page.on("request", lambda request: troubles.append(request.url))
    page.goto(report.as_uri())
    assert troubles.pop(0) == report.as_uri()
    yield Opened(page, troubles)
    context.close()


def column(page: Page, table: str, number: int) -> list[str]:
    return page.locator(f"[data-table={table}] tbody td:nth-child({number})").all_inner_texts()


def test_it_runs_without_a_word_and_texts_stay_texts(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, troubles):
        assert page.locator("script").count() == 2
        assert page.locator("img").count() == 0
        assert page.locator("a[href^='javascript:']").count() == 0
        assert column(page, "broken", 4)[0] == HOSTILE.strip()
        assert HOSTILE.strip() in column(page, "shared", 1)
        page.locator("[data-table=broken]").get_by_role("searchbox").fill("javascript")
        assert column(page, "broken", 1) == ["javascript:alert(1)"]
        assert column(page, "broken", 3) == [NOTHING]
        assert page.locator("[data-table=broken] tbody a").count() == 0
        assert page.title() == "Crawl report: new.jsonl"
    assert troubles == []


def test_tables_sort_search_and_turn_pages(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, troubles):
        table = page.locator("[data-table=largest]")
        assert len(column(page, "largest", 1)) == 25
        head = table.get_by_role("columnheader", name="Size")
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        first = column(page, "largest", 3)[0]
        head.get_by_role("button").press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        assert column(page, "largest", 3)[0] != first
        table.get_by_role("button", name="Next").click()
        assert table.get_by_role("status").inner_text() == "26 to 50 of 100"
        table.get_by_role("searchbox").fill("H7.example")
        cells = column(page, "largest", 1)
        assert cells
        assert all("h7.example" in cell for cell in cells)
        table.get_by_role("searchbox").fill("nothing like it")
        assert column(page, "largest", 1) == ["Nothing matches."]
        page.locator("#outcomes").get_by_role("button", name="404").click()
        assert set(column(page, "broken", 3)) == {"404"}
        page.locator("#texts").get_by_role("button", name="too long").first.click()
        assert set(column(page, "lengths", 3)) == {"too long"}
    assert troubles == []


def test_numbers_and_blanks_are_in_order(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, _):
        head = page.locator("[data-table=broken]").get_by_role("columnheader", name="Status")
        head.get_by_role("button").click()
        assert column(page, "broken", 3)[0] == "500"
        head.get_by_role("button").click()
        assert column(page, "broken", 3)[0] == "404"


def test_the_time_line_is_read_with_the_keyboard(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, troubles):
        canvas, readout = page.locator("#time .canvas"), page.locator("#time .readout")
        canvas.focus()
        canvas.press("ArrowRight")
        assert readout.inner_text().startswith("09:30:00: 1.0 answers a second, 0 errors")
        canvas.press("End")
        assert readout.inner_text().startswith("09:33:18: ")
        canvas.press("Escape")
        canvas.hover(position={"x": 300, "y": 50})
        assert "answers a second" in readout.inner_text()
    assert troubles == []


def test_script_and_html_write_the_same(browser: Browser, report: Path) -> None:
    def rows(page: Page, table: str) -> list[str]:
        found: list[str] = page.locator(f"[data-table={table}] tbody tr").evaluate_all(
            "rows => rows.slice(0, 25).map(row => row.innerHTML.replace(/\\s+/g, ' ').replace(/> | </g, '|'))"
        )
        return found

    with (
        opened(browser, report) as (page, _),
        opened(browser, report, java_script_enabled=False) as (plain, _),
    ):
        names = page.locator("[data-table]").evaluate_all("all => all.map(one => one.dataset.table)")
        assert len(names) == 13
        for name in names:
            assert rows(page, name) == rows(plain, name), name
        assert plain.locator("[data-table=hosts] tbody tr").count() == 30
        assert plain.get_by_role("searchbox").count() == 0
        assert plain.get_by_text("The first 100 of").first.is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_and_is_accessible(browser: Browser, small: Path, width: int, scheme: Any) -> None:
    with opened(browser, small, width=width, color_scheme=scheme) as (page, troubles):
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Skip to the report"
    assert troubles == []


def test_on_paper_is_what_can_be_read_there(browser: Browser, report: Path) -> None:
    with opened(browser, report) as (page, troubles):
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert not page.get_by_role("searchbox").first.is_visible()
        assert page.locator("[data-table=broken] tbody tr").first.is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")
    assert troubles == []
