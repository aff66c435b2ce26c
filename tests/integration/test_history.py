"""Runs over one list, one after the other, with a history: what is asked, what is told, what is kept."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from scraper.comparing.changes import compared_fields
from scraper.errors import OutputExists, OutputLocked, StateError, UsageError
from scraper.history import update
from scraper.history.change_log import read_changes
from scraper.history.file import held
from scraper.history.reading import find_pages, timeline
from scraper.pairing import Comparison
from tests.support.changing_site import MODIFIED, Changing, tag_of, titled
from tests.support.crawling import crawled, run_to_file
from tests.support.polite_site import NOT_FOUND, Answer, Ending, moved, page
from tests.support.processes import records_in, scrape, write_list

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.run.execution import RunResult


class Series:
    """Runs over a site's pages, in one folder."""

    def __init__(self, folder: Path, changing: Changing) -> None:
        self.folder = folder
        self.changing = changing
        self.history = folder / "pages.sqlite"
        self.runs = 0
        self.result: RunResult

    async def run(
        self, *lines: str, by: timedelta | None = None, history: dict[str, Any] | None = None, **sections: Any
    ) -> list[dict[str, Any]]:
        """Crawl pages by their names, and return their records in the list's order."""
        self.runs += 1
        output = self.folder / f"r{self.runs}.jsonl"
        names = lines or tuple(name[1:] for name in self.changing.pages if name != "/robots.txt")
        urls = [name if ":" in name else self.changing.url(name) for name in names]
        known = {"file": str(self.history), **(history or {})}
        listed = write_list(self.folder / "urls.txt", urls)
        self.result = await run_to_file([str(listed)], output, by=by, history=known, **sections)
        return sorted(records_in(output), key=lambda record: record["seq"])

    def beside(self) -> list[str]:
        """Return what SQLite has left beside the history."""
        return [path.name for path in self.folder.glob("pages.sqlite-*")]

    def changes(self, run: int = 0) -> list[tuple[str, str]]:
        """Return the statuses and the page names that a run told of."""
        told = read_changes(self.folder / f"r{run or self.runs}.changes.jsonl")
        return [(entry.status.value, entry.url.rpartition("/")[2]) for entry in told.entries]


def statuses(records: list[dict[str, Any]]) -> list[str | None]:
    return [(record.get("change") or {}).get("status") for record in records]


def outcomes(records: list[dict[str, Any]]) -> list[str]:
    return [record["outcome"] for record in records]


async def test_what_has_not_changed_is_not_sent_again_and_has_its_metadata_all_the_same(
    tmp_path: Path,
) -> None:
    async with Changing(a=titled("A"), b=titled("B")).serving() as site:
        series = Series(tmp_path, site)
        first = await series.run()
        assert (outcomes(first), statuses(first)) == (["ok", "ok"], ["new", "new"])
        site.pages["/b"] = titled("B, anew")
        site.headers = (("X-Robots-Tag", "nosnippet"), ("Content-Language", "de"))
        second = await series.run()

        assert (outcomes(second), statuses(second)) == (["not_modified", "ok"], ["unchanged", "changed"])
        kept, old = second[0], first[0]
        assert (kept["title"], kept["body_sha256"], kept["fetched_at"]) == (
            "A",
            old["body_sha256"],
            old["fetched_at"],
        )
        assert kept["validated_at"] > kept["fetched_at"]
        assert series.beside() == []
        assert (kept["status"], kept["wire_size"], kept["size"]) == (304, 0, old["size"])
        # RFC 9111 3.2: the headers of the 304 take the place of those that are kept.
        assert (kept["headers"]["content-language"], kept["x_robots_tag"]) == (["de"], ["nosnippet"])
        assert kept["headers"]["content-type"] == ["text/html; charset=utf-8"]
        assert second[1]["change"]["fields"][:2] == ["headline", "title"]
        assert second[1]["change"]["previous_run"] == first[0]["run"]
        assert site.sent("a") == [(None, None), (tag_of(titled("A")), None)]
        assert series.changes() == [("changed", "b")]
        assert series.result.changes == {"new": 0, "changed": 1, "unchanged": 1, "gone": 0, "recovered": 0}

        third = await series.run()
        assert outcomes(third) == ["not_modified", "not_modified"]
        assert third[0]["fetched_at"] == old["fetched_at"]
        assert series.changes() == []


async def test_headers_that_come_with_a_304_may_be_a_change(tmp_path: Path) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        site.headers = (("X-Robots-Tag", "noindex"),)
        (record,) = await series.run()
        assert (record["outcome"], record["change"]["status"]) == ("not_modified", "changed")
        assert record["change"]["fields"] == ["indexable", "indexable_reason"]
        (record,) = await series.run()
        assert (record["indexable"], record["change"]["status"]) == (False, "unchanged")
        site.tags = False
        (record,) = await series.run()
        assert (record["outcome"], record["change"]["status"]) == ("ok", "unchanged")


async def test_what_is_kept_of_a_page_is_how_it_was_fetched(tmp_path: Path) -> None:
    odd = Answer(b"<title>A</title>", 203, (("Content-Type", "text/html"), ("ETag", '"1"')))
    async with Changing(a=odd).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        site.pages["/a"] = Answer(status=304)
        (record,) = await series.run()
        assert (record["outcome"], record["change"]["status"]) == ("not_modified", "unchanged")
        site.pages["/a"] = odd._replace(body=b"<title>B</title>")
        (record,) = await series.run()
        assert record["change"]["fields"] == ["headline", "title"]


@pytest.mark.parametrize("processes", [0, 1])
async def test_dates_serve_where_there_are_no_tags_also_in_child_processes(
    tmp_path: Path, processes: int
) -> None:
    async with Changing(a=titled("A")).serving() as site:
        site.tags, site.dates = False, True
        series = Series(tmp_path, site)
        await series.run(run={"processes": processes})
        again = await series.run(run={"processes": processes})
        assert (outcomes(again), again[0]["title"], statuses(again)) == (["not_modified"], "A", ["unchanged"])
        assert site.sent("a") == [(None, None), (None, MODIFIED)]


async def test_equal_pages_with_other_tags_have_not_changed_and_equal_tags_prove_nothing(
    tmp_path: Path,
) -> None:
    tags = iter(['"1"', '"2"', '"2"'])

    def answer(title: str) -> Answer:
        return page(title=title)._replace(
            headers=(("Content-Type", "text/html"), ("ETag", next(tags))),
        )

    async with Changing(a=answer("A")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        site.pages["/a"] = answer("A")
        assert statuses(await series.run()) == ["unchanged"]
        site.pages["/a"] = answer("B")
        assert statuses(await series.run()) == ["changed"]
        assert [tag for tag, _ in site.sent("a")] == [None, '"1"', '"2"']


async def test_a_304_that_nobody_asked_for_is_an_error(tmp_path: Path) -> None:
    async with Changing(a=Answer(status=304)).serving() as site:
        (record,) = await Series(tmp_path, site).run()
        assert (record["outcome"], record["status"], record.get("change")) == ("http_error", 304, None)


@pytest.mark.parametrize(
    "answer",
    [Answer(status=304, headers=(("ETag", '"another"'),)), Answer(status=412)],
    ids=["a 304 of another page", "a condition refused"],
)
async def test_an_odd_answer_to_a_condition_has_the_page_fetched(tmp_path: Path, answer: Answer) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        honest = site.script
        site.site.script = lambda ask: answer if "if-none-match" in ask.headers else honest(ask)
        (record,) = await series.run()
        assert (record["outcome"], record["attempts"], record["title"]) == ("ok", 1, "A")
        assert record["change"]["status"] == "unchanged"
        assert [tag is None for tag, _ in site.sent("a")] == [True, False, True]


async def test_a_weak_tag_is_sent_as_it_is_and_may_come_back_strong(tmp_path: Path) -> None:
    weak = Answer(b"<title>A</title>", headers=(("Content-Type", "text/html"), ("ETag", 'W/"x"')))
    async with Changing(a=weak).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        site.pages["/a"] = Answer(status=304, headers=(("ETag", '"x"'),))
        (record,) = await series.run()
        assert (record["outcome"], record["etag"]) == ("not_modified", '"x"')
        assert site.sent("a")[1][0] == 'W/"x"'


@pytest.mark.parametrize("status", [404, 500])
async def test_after_an_error_the_page_itself_is_asked_for(tmp_path: Path, status: int) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        site.pages["/a"] = Answer(status=status)
        await series.run(retry={"retries": 0})
        site.pages["/a"] = titled("A")
        (record,) = await series.run()
        assert (record["outcome"], statuses([record])) == ("ok", ["unchanged"])
        (record,) = await series.run()
        assert record["outcome"] == "not_modified"
        assert [tag is None for tag, _ in site.sent("a")] == [True, False, True, False]


async def test_a_try_after_an_error_of_this_run_asks_for_the_page_itself(tmp_path: Path) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        honest = site.script
        site.site.script = lambda ask: Answer(status=503) if "if-none-match" in ask.headers else honest(ask)
        (record,) = await series.run()
        assert (record["outcome"], record["attempts"]) == ("ok", 2)


async def test_validators_belong_to_where_redirects_end(tmp_path: Path) -> None:
    async with Changing(a=moved("/b"), b=titled("B"), c=titled("C")).serving() as site:
        series = Series(tmp_path, site)
        await series.run("a")
        (record,) = await series.run("a")
        assert (record["outcome"], record["final_url"], len(record["redirects"])) == (
            "not_modified",
            site.url("b"),
            1,
        )
        assert site.sent("a") == [(None, None)] * 2
        assert [tag is None for tag, _ in site.sent("b")] == [True, False]
        site.pages["/a"] = moved("/c")
        (record,) = await series.run("a")
        assert (record["outcome"], record["title"]) == ("ok", "C")
        assert "final_url" in record["change"]["fields"]
        assert site.sent("c") == [(None, None)]


async def test_what_is_extracted_otherwise_is_fetched_in_full_and_is_no_change_of_the_page(
    tmp_path: Path,
) -> None:
    async with Changing(a=titled("A", more="<h2>Two</h2>")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        (record,) = await series.run(parse={"select": {"two": {"css": "h2"}}})
        assert (record["outcome"], record["fields"], statuses([record])) == (
            "ok",
            {"two": "Two"},
            ["unchanged"],
        )
        (record,) = await series.run(parse={"select": {"two": {"css": "h2"}}})
        assert (record["outcome"], record["fields"]) == ("not_modified", {"two": "Two"})
        site.pages["/a"] = titled("A", more="<h2>Three</h2>")
        (record,) = await series.run(parse={"select": {"two": {"css": "h2"}}})
        assert {"headings", "fields"} <= set(record["change"]["fields"])


async def test_a_change_of_the_users_function_has_all_fetched_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = tmp_path / "history_fields.py"
    parse = {"extractor": "history_fields:fields"}
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        module.write_text("def fields(page):\n    return {'n': 1}\n")
        await series.run(parse=parse)
        assert outcomes(await series.run(parse=parse)) == ["not_modified"]
        module.write_text("def fields(page):\n    return {'n': 2}\n")
        assert outcomes(await series.run(parse=parse)) == ["ok"]


@pytest.mark.parametrize(
    ("fetch", "sent_headers", "vary", "outcome"),
    [
        ({"user_agent": "another/1.0"}, {}, "", "ok"),
        ({"headers": {"Accept-Language": "fr"}}, {}, "", "not_modified"),
        ({"headers": {"Accept-Language": "fr"}}, {}, "Accept-Language", "ok"),
        ({"headers": {"X-Token": "other"}}, {"X-Token": "one"}, "", "ok"),
        ({}, {}, "*", "ok"),
        ({}, {}, "Accept-Encoding, Cookie", "not_modified"),
    ],
)
async def test_who_asks_otherwise_gets_the_page_itself(
    tmp_path: Path, fetch: dict[str, Any], sent_headers: dict[str, str], vary: str, outcome: str
) -> None:
    async with Changing(a=titled("A")).serving() as site:
        site.headers = (("Vary", vary),) if vary else ()
        series = Series(tmp_path, site)
        await series.run(fetch={"headers": sent_headers})
        assert outcomes(await series.run(fetch=fetch)) == [outcome]


async def test_a_page_is_gone_after_some_runs_and_recovers(tmp_path: Path) -> None:
    async with Changing(a=titled("A"), b=titled("B")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        site.pages["/a"] = NOT_FOUND
        told = [statuses(await series.run("a", "b"))[0] for _ in range(3)]
        assert told == [None, "gone", "unchanged"]
        assert series.changes(3) == [("gone", "a")]
        site.pages["/a"] = titled("A")
        (record, _) = await series.run("a", "b")
        assert (record["outcome"], record["change"]["status"], record["change"]["fields"]) == (
            "ok",
            "recovered",
            [],
        )
        known = timeline(series.history, site.url("a"))
        assert known is not None
        assert [entry.status.value for entry in known.entries] == ["recovered", "gone", "new"]
        assert known.entries[0].run == record["run"]
        assert known.record["title"] == "A"


async def test_what_fails_has_not_changed(tmp_path: Path) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        (first,) = await series.run()
        for failure in (Answer(ending=Ending.RESET), Answer(status=503), Answer(status=403)):
            site.pages["/a"] = failure
            (record,) = await series.run(retry={"retries": 0})
            assert record.get("change") is None
            assert series.changes() == []
        site.pages["/a"] = titled("A")
        (record,) = await series.run()
        assert record["change"]["status"] == "unchanged"
        assert record["change"]["previous_run"] == first["run"]


async def test_what_nothing_leads_to_any_more_is_gone_after_some_runs_and_forgotten_after_more(
    tmp_path: Path,
) -> None:
    async with Changing(a=titled("A"), b=titled("B")).serving() as site:
        series = Series(tmp_path, site)
        history = {"gone_after": 1, "forget_after": 2}
        await series.run(history=history)
        assert len(await series.run("a", history=history)) == 1
        assert series.changes() == [("gone", "b")]
        assert series.result.changes["gone"] == 1
        assert len(find_pages(series.history, "").pages) == 2
        await series.run("a", history=history)
        assert series.changes() == []
        await series.run("a", history=history)
        assert len(find_pages(series.history, "").pages) == 1
        assert timeline(series.history, site.url("b")) is None
        assert statuses(await series.run("a", "b", history=history)) == ["unchanged", "new"]


async def test_what_was_found_on_a_page_that_fails_is_not_missing(tmp_path: Path) -> None:
    async with Changing(top=page("/one"), one=page("/two"), two=titled("Two")).serving() as site:
        series = Series(tmp_path, site)
        ways: Any = {"follow": {"depth": 2}, "history": {"gone_after": 1}, "retry": {"retries": 0}}
        assert len(await series.run("top", **ways)) == 3
        site.pages["/top"] = Answer(status=503)
        assert len(await series.run("top", **ways)) == 1
        assert series.changes() == []
        site.pages["/top"] = page()
        await series.run("top", **ways)
        assert sorted(series.changes()) == [("changed", "top"), ("gone", "one"), ("gone", "two")]


async def test_pages_whose_links_are_followed_are_fetched_and_the_last_ones_are_not(tmp_path: Path) -> None:
    async with Changing(
        top=titled("Top", more="<a href=/leaf>leaf</a>"), leaf=titled("Leaf")
    ).serving() as site:
        series = Series(tmp_path, site)
        await series.run("top", follow={"depth": 1})
        records = await series.run("top", follow={"depth": 1})
        assert outcomes(records) == ["ok", "not_modified"]
        assert statuses(records) == ["unchanged", "unchanged"]


async def test_duplicates_and_lines_that_are_no_page_have_no_change(tmp_path: Path) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        lines = ("a", f"{site.url('a')}#top", "ftp://a.example/")
        for told in ("new", "unchanged"):
            records = await series.run(*lines)
            assert statuses(records) == [told, None, None]
        assert len(find_pages(series.history, "").pages) == 1


async def test_a_page_that_seldom_changes_is_seldom_asked_for(tmp_path: Path) -> None:
    """Its interval is a day, then a day and a half, then half of that."""
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        adaptive = {"adaptive": True}

        async def after(hours: float) -> dict[str, Any]:
            (record,) = await series.run(by=timedelta(hours=hours), history=adaptive)
            return record

        first = await after(0)
        asked = len(site.site.log)
        idle = await after(20)
        assert len(site.site.log) == asked, "not even robots.txt is asked for"
        assert (idle["outcome"], idle["attempts"], idle["title"]) == ("not_modified", 0, "A")
        assert (idle.get("status"), idle["fetched_at"], idle.get("validated_at")) == (
            None,
            first["fetched_at"],
            None,
        )
        assert idle["change"]["status"] == "unchanged"
        assert len(site.sent("a")) == 1
        assert (await after(24))["attempts"] == 1
        assert (await after(24 + 32))["attempts"] == 0
        site.pages["/a"] = titled("B")
        assert (await after(24 + 36))["change"]["status"] == "changed"
        assert (await after(60 + 15))["attempts"] == 0
        assert (await after(60 + 18))["attempts"] == 1
        # Without the option all are asked for.
        (record,) = await series.run(by=timedelta(hours=78))
        assert record["attempts"] == 1
        found = find_pages(series.history, "/A")
        assert [one.url for one in found.pages] == [site.url("a")]


@pytest.mark.parametrize("adaptive", [True, False], ids=["not due", "not modified"])
async def test_what_is_kept_may_be_damaged_and_the_page_is_fetched(tmp_path: Path, *, adaptive: bool) -> None:
    async with Changing(a=titled("A"), b=titled("B")).serving() as site:
        series = Series(tmp_path, site)
        history = {"adaptive": adaptive}
        await series.run(history=history)
        with sqlite3.connect(series.history) as db:
            db.execute("UPDATE contents SET record = x'00'")
        db.close()
        records = await series.run(history=history)
        assert (outcomes(records), statuses(records)) == (["ok", "ok"], ["unchanged", "unchanged"])
        unconditional = [True, True] if adaptive else [True, False, True]
        assert [tag is None for tag, _ in site.sent("a")] == unconditional


async def test_a_run_that_is_stopped_changes_nothing_until_it_is_complete(tmp_path: Path) -> None:
    site = Changing(**{str(number): titled(f"{number}") for number in range(40)})
    async with site.serving():
        output, history = tmp_path / "r.jsonl", {"file": str(tmp_path / "pages.sqlite")}
        listed = write_list(tmp_path / "urls.txt", [site.url(str(number)) for number in range(40)])
        ways: dict[str, Any] = {"output": {"batch_records": 4}, "run": {"workers": 2}}
        stopped = await run_to_file([str(listed)], output, drain_after=4, history=history, **ways)
        assert not stopped.complete
        assert len(find_pages(tmp_path / "pages.sqlite", "").pages) == 0
        with pytest.raises(UsageError, match=r"begun with history\.file"):
            await run_to_file([str(listed)], output, resume=True, **ways)
        result = await run_to_file([str(listed)], output, resume=True, history=history, **ways)
        assert result.complete
        assert len(find_pages(tmp_path / "pages.sqlite", "").pages) == 40
        assert result.changes["new"] == 40


async def test_a_history_that_can_not_be_updated_leaves_a_run_to_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Changing(a=titled("A")).serving() as site:
        output, history = tmp_path / "r.jsonl", {"file": str(tmp_path / "pages.sqlite")}
        with monkeypatch.context() as patch:
            patch.setattr(update._Update, "carry_out", _no_room)
            with pytest.raises(StateError, match=r"pages\.sqlite: database or disk is full"):
                await run_to_file([site.url("a")], output, history=history)
        assert len(find_pages(tmp_path / "pages.sqlite", "").pages) == 0
        result = await run_to_file([site.url("a")], output, resume=True, history=history)
        assert (result.complete, result.changes["new"], len(site.sent("a"))) == (True, 1, 1)


def _no_room(_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


async def test_one_history_serves_one_run_at_a_time(tmp_path: Path) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        with held(series.history), pytest.raises(OutputLocked, match="another run"):
            await series.run()
        await series.run()
        (tmp_path / "r3.changes.jsonl").write_text("mine\n")
        with pytest.raises(OutputExists, match=r"r3\.changes\.jsonl"):
            await series.run()


async def test_a_history_needs_an_output_that_can_be_read_again(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="output in a file"):
        await crawled(["http://127.0.0.1:9/"], history={"file": str(tmp_path / "pages.sqlite")})


async def test_what_is_compared_can_be_chosen(tmp_path: Path) -> None:
    async with Changing(a=titled("A")).serving() as site:
        series = Series(tmp_path, site)
        compare = {"compare": "description, fields.price"}
        await series.run(history=compare)
        site.pages["/a"] = titled("B")
        assert statuses(await series.run(history=compare)) == ["unchanged"]
        site.pages["/a"] = titled("B", more='<meta name=description content="New">')
        (record,) = await series.run(history=compare)
        assert record["change"]["fields"] == ["description"]
        # Other fields are other values, and what was before is known all the same.
        assert statuses(await series.run(history={"compare": "title"})) == ["unchanged"]
    with pytest.raises(UsageError, match="titel"):
        await series.run(history={"compare": "titel"})


async def test_records_that_are_carried_over_are_pages_to_all_who_read_them(tmp_path: Path) -> None:
    async with Changing(a=titled("A"), b=titled("B")).serving() as site:
        series = Series(tmp_path, site)
        await series.run()
        site.pages["/b"] = titled("C")
        await series.run()
    old, new = tmp_path / "r1.jsonl", tmp_path / "r2.jsonl"
    entries = list(Comparison(old, new, fields=compared_fields([])).entries())
    assert [(entry.status, entry.url[-1]) for entry in entries] == [("changed", "b")]
    shown = scrape("show", new, "--where", 'change.status == "changed"', "--fields", "title,change.fields")
    assert shown.out.splitlines()[1].startswith("C\t[")
    for ending in ("csv", "parquet", "sqlite", "json"):
        made = tmp_path / f"made.{ending}"
        assert scrape("export", new, "-o", made).code == 0
        if ending != "csv":
            told = scrape("show", made, "--fields", "change.status", "--json").out.split("\n")
            assert [json.loads(line) for line in told if line] == [
                {"change.status": "unchanged"},
                {"change.status": "changed"},
            ]
    report = scrape("report", new, "-o", tmp_path / "report.html")
    assert report.code == 0
    assert "not_modified" in (tmp_path / "report.html").read_text()
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("r2.jsonl", "r2.changes.jsonl"):
        (tmp_path / name).rename(folder / name)
    assert scrape("show", folder).code == 0


def test_the_history_is_one_option_on_the_command_line(tmp_path: Path) -> None:
    with Changing(a=titled("A")).serving_in_thread() as site:
        listed = write_list(tmp_path / "urls.txt", [site.url("a")])
        for number, told in enumerate(("1 new", "1 unchanged")):
            words = ("crawl", listed, "-o", tmp_path / f"{number}.jsonl", "--history", tmp_path / "h.sqlite")
            ended = scrape(*words, "--log-json", tmp_path / "log")
            assert ended.code == 0, ended.err
            assert f"Pages since the run before: {told}" in ended.err
            assert f"\nChanges: {tmp_path / str(number)}.changes.jsonl\n" in ended.err
            assert '"event":"changes"' in (tmp_path / "log").read_text()
        ended = scrape("crawl", site.url("a"), "--history", tmp_path / "h.sqlite")
        assert ended.code == 2
        assert "needs an output in a file" in ended.only_line
        with_list = scrape("crawl", listed, "-o", tmp_path / "2.jsonl", "--history", listed)
        assert (with_list.code, "urls.txt" in with_list.only_line) == (2, True)
        (tmp_path / "h2").write_text("not a database, but text of some length " * 100)
        other = scrape("crawl", listed, "-o", tmp_path / "2.jsonl", "--history", tmp_path / "h2")
        assert (other.code, "h2" in other.only_line) == (2, True)
        assert not (tmp_path / "2.jsonl").exists()
