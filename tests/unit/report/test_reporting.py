"""What a run comes to: figures from records, without HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import UsageError
from scraper.record import (
    Failure,
    JsonLdError,
    LinkEntry,
    Outcome,
    Record,
    Redirect,
    Refresh,
    Robots,
)
from scraper.report.model import Report, Rows
from scraper.report.reporting import report_of
from tests.support.reports import record, write_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def told(tmp_path: Path) -> Any:
    def make(*records: Record, limit: int = 100) -> Report:
        return report_of(write_run(tmp_path / "a.jsonl", records), limit=limit)

    return make


def gone(seq: int, **fields: Any) -> Record:
    fields = {"outcome": Outcome.HTTP_ERROR, "status": 404, "reason": "Not Found", **fields}
    return record(seq, title=None, description=None, **fields)


def hop(url: str, location: str, status: int = 301) -> Redirect:
    return Redirect(url=url, status=status, location=location, elapsed_s=0.1)


def links(*urls: str) -> list[LinkEntry]:
    return [LinkEntry(url=url, text=None, rel=None) for url in urls]


def test_an_empty_run_has_figures_too(told: Any) -> None:
    report = told()
    assert (report.records, report.ok, report.took, report.first_s) == (0, 0, None, None)
    assert report.timeline.stretches == []
    assert report.broken == Rows([], 0)


def test_records_are_counted(told: Any) -> None:
    report = told(
        record(0, wire_size=100, size=900, elapsed=0.2, fetched_at="2026-01-31T09:30:00Z"),
        record(1, wire_size=50, elapsed=0.2, fetched_at="2026-01-31T09:30:01Z", lang="de"),
        gone(2, wire_size=7, fetched_at="2026-01-31T09:30:02Z"),
        record(3, outcome=Outcome.DUPLICATE, duplicate_of=0, status=None),
        record(4, url=None, outcome=Outcome.INVALID_URL, status=None),
    )
    assert (report.records, report.ok, report.failed, report.size_bytes) == (5, 2, 2, 157)
    assert [tuple(one) for one in report.outcomes] == [
        ("ok", 2), ("duplicate", 1), ("http_error", 1), ("invalid_url", 1),
    ]  # fmt: skip
    assert [tuple(one) for one in report.statuses] == [("200", 2), ("404", 1)]
    assert [tuple(one) for one in report.languages] == [("(none)", 1), ("de", 1)]
    (host,) = report.hosts.shown
    assert (host.name, host.records, host.failed) == ("a.example", 3, 1)
    assert report.took.p50_s == pytest.approx(0.2, rel=0.02)
    assert report.last_s - report.first_s == 2
    assert report.runs == ["r1"]


def test_what_an_earlier_run_fetched_is_told_at_the_time_of_this_one(told: Any) -> None:
    old: dict[str, Any] = {"outcome": Outcome.NOT_MODIFIED, "fetched_at": "2025-12-01T00:00:00Z"}
    report = told(
        record(0, fetched_at="2026-01-31T09:30:00Z"),
        record(1, status=304, validated_at="2026-01-31T09:30:05Z", **old),
        record(2, status=None, attempts=0, validated_at="2026-01-20T00:00:00Z", **old),
    )
    assert report.last_s - report.first_s == 5
    assert report.ok == 3


@pytest.mark.parametrize(
    ("outcome", "is_broken"),
    [
        *((outcome, True) for outcome in (Outcome.HTTP_ERROR, Outcome.DNS_ERROR, Outcome.TIMEOUT)),
        *((outcome, True) for outcome in (Outcome.INVALID_URL, Outcome.REDIRECT_ERROR)),
        *((outcome, False) for outcome in (Outcome.OK, Outcome.TOO_LARGE, Outcome.DUPLICATE)),
        *((outcome, False) for outcome in (Outcome.FILTERED, Outcome.ROBOTS_DENIED, Outcome.PARSE_ERROR)),
    ],
)
def test_a_link_is_broken_where_no_page_is(told: Any, outcome: Outcome, *, is_broken: bool) -> None:
    assert told(record(outcome=outcome)).broken.total == is_broken


def test_a_broken_link_is_told_with_its_parent(told: Any) -> None:
    failure = Failure(type="x", message="no such name, see https://u:pw@a.example/", phase="dns")
    report = told(
        gone(0),
        gone(3, depth=1, parent=2),
        record(2, depth=1, parent=1),
        gone(4, outcome=Outcome.DNS_ERROR, status=None, error=failure, depth=1, parent=2),
    )
    assert [(row.url, row.found_on, row.sources) for row in report.broken.shown] == [
        ("https://a.example/3", ["https://a.example/2"], 1),
        ("https://a.example/4", ["https://a.example/2"], 1),
        ("https://a.example/0", [], 0),
    ]
    assert [row.why for row in report.broken.shown] == [
        "Not Found", "no such name, see https://***@a.example/", "Not Found",
    ]  # fmt: skip


def test_lists_of_links_tell_all_pages_and_each_counts_once(told: Any) -> None:
    target = "https://a.example/0"
    report = told(
        gone(0, depth=1, parent=1),
        *(
            record(seq, link_list=links(target + "#a", target + "#b", "https://b.example/"))
            for seq in range(1, 15)
        ),
        record(15, link_list=links(target + "?other")),
    )
    (row,) = report.broken.shown
    assert row.sources == 14
    assert row.found_on == [f"https://a.example/{seq}" for seq in range(1, 11)]


def test_chains_are_told_longest_first_with_where_each_hop_led(told: Any) -> None:
    a, b, c = (f"https://{name}.example/" for name in "abc")
    report = told(
        record(0, url=a, final_url=b, redirects=[hop(a, b)]),
        record(1, url=a, final_url=c, redirects=[hop(a, "/x"), hop(b, "../y", 302)]),
        gone(2, url=a, final_url=c, outcome=Outcome.REDIRECT_ERROR, status=302, redirects=[hop(a, "/loop")]),
    )
    assert report.redirected == 3
    assert [(row.hops, row.outcome) for row in report.redirects.shown] == [
        ([(301, b), (302, c)], "ok"),
        ([(301, b)], "ok"),
        ([(301, "/loop")], "redirect_error"),
    ]


def test_texts_are_missing_where_there_is_a_page(told: Any) -> None:
    report = told(
        record(0, title=None),
        record(1, title=None, description=None),
        record(2, title=None, content_type="application/pdf"),
        gone(3),
        record(4),
    )
    assert (report.html_pages, report.missing_titles, report.missing_descriptions) == (3, 2, 1)
    assert [row.missing for row in report.missing.shown] == [["title"], ["title", "description"]]


def test_a_text_is_shared_by_several_pages_not_by_ways_to_one(told: Any) -> None:
    first, end = "https://a.example/0", "https://a.example/end"
    report = told(
        record(0, title="Same", description="One"),
        record(1, title="Same", description="One"),
        record(2, title="Same", description="Two", outcome=Outcome.NOT_MODIFIED, status=304),
        record(3, title="Same", indexable=False, indexable_reason="canonicalised"),
        record(4, title="End", final_url=end, redirects=[hop("https://a.example/4", end)]),
        record(5, title="End", final_url=end, redirects=[hop("https://a.example/5", end)]),
        record(6, url=end, title="End"),
        record(7, title="Same", final_url=first, redirects=[hop("https://a.example/7", first)]),
    )
    assert report.html_pages == 7
    assert [tuple(row) for row in report.shared.shown] == [
        ("title", "Same", 3, [f"https://a.example/{seq}" for seq in range(3)]),
        ("description", "One", 2, [f"https://a.example/{seq}" for seq in range(2)]),
    ]


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"meta_robots": ["noindex"], "x_robots_tag": ["none"]}, "noindex", "noindex, none"),
        ({"canonical": "https://b.example/"}, "canonicalised", "https://b.example/"),
        ({"canonical_header": "https://c.example/"}, "canonicalised", "https://c.example/"),
        ({"robots": Robots(allowed=False, rule="Disallow: /")}, "blocked", "Disallow: /"),
        ({"refresh": Refresh(delay=0, url="https://d.example/")}, "redirected", "https://d.example/"),
    ],
)
def test_a_page_is_not_indexed_for_a_reason(
    told: Any, fields: dict[str, Any], reason: str, detail: str
) -> None:
    report = told(record(indexable=False, indexable_reason=reason, **fields), record(1, indexable=True))
    (row,) = report.unlisted.shown
    assert (row.reason, row.detail) == (reason, detail)
    assert [tuple(one) for one in report.unlisted_reasons] == [(reason, 1)]


def test_error_statuses_are_counted_as_not_indexed_and_shown_as_broken(told: Any) -> None:
    report = told(gone(0, indexable=False, indexable_reason="http_error"))
    assert [tuple(one) for one in report.unlisted_reasons] == [("http_error", 1)]
    assert report.unlisted == Rows([], 0)


def test_pages_are_ranked_by_size_and_time(told: Any) -> None:
    report = told(*(record(seq, size=size, elapsed=5 - seq) for seq, size in enumerate((10, 30, 20))))
    assert [page.size_bytes for page in report.largest] == [30, 20, 10]
    assert [page.took_s for page in report.slowest] == [5, 4, 3]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"jsonld": [{"@type": "Article"}, {"@type": ["Article", "schema:NewsArticle"]}, {"@type": 7}]},
         {("JSON-LD", "Article"), ("JSON-LD", "NewsArticle"), ("JSON-LD", "-")}),
        ({"microdata": [{"type": ["https://schema.org/Recipe"]}]}, {("Microdata", "Recipe")}),
        ({"og": {"type": ["video"]}}, {("OpenGraph", "video")}),
        ({"og": {"title": ["T"]}, "twitter": {"site": "@a"}}, {("OpenGraph", "-"), ("Twitter card", "-")}),
        ({"dublin_core": {"creator": ["A"]}, "citation": {"title": ["T"]}},
         {("Dublin Core", "-"), ("Citation", "-")}),
    ],
)  # fmt: skip
def test_structured_data_is_counted_by_page_and_type(
    told: Any, fields: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    report = told(record(0, **fields), record(1, **fields))
    assert {(row.syntax, row.type) for row in report.structured.shown} == expected
    assert {(row.pages, row.example) for row in report.structured.shown} == {(2, "https://a.example/0")}


def test_broken_jsonld_is_counted(told: Any) -> None:
    assert told(record(jsonld_errors=[JsonLdError(offset=0, message="m")])).repaired_jsonld == 1


def test_tables_are_bounded_and_totals_are_not(told: Any) -> None:
    several = [
        *(gone(seq, indexable=False, indexable_reason="noindex") for seq in range(5)),
        *(record(seq, title=None, redirects=[hop("https://x.example/", "/")]) for seq in range(5, 10)),
        *(record(seq, title=f"Twin {seq // 2}", url=f"https://h{seq}.example/") for seq in range(10, 20)),
    ]
    report = told(*several, limit=2)
    for rows in (report.broken, report.redirects, report.missing, report.shared, report.unlisted):
        assert (len(rows.shown), rows.total) == (2, 5)
    assert (len(report.hosts.shown), report.hosts.total) == (2, 11)


def test_hostile_text_is_bounded_and_secrets_are_masked(told: Any) -> None:
    report = told(
        record(0, title=None, url="https://a.example/?token=s3cret"),
        gone(1, reason="\x1b[31m" + "x" * 10_000),
        record(2, url=None, outcome=Outcome.INVALID_URL, input="a\u202e" + "b" * 1_000_000),
        record(3, title="T" * 10_000),
        record(4, title="T" * 10_000, fetched_at="yesterday"),
        record(5, fetched_at="9999-12-31T23:59:59-23:59", url="https://[broken/"),
    )
    assert report.missing.shown[0].url == "https://a.example/?token=***"
    assert max(len(row.why) for row in report.broken.shown) == 300
    assert max(len(row.url) for row in report.broken.shown) == 2048
    assert len(report.shared.shown[0].text) == 300


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("hello\n")
    with pytest.raises(UsageError, match="record 1 is none"):
        report_of(tmp_path / "a.jsonl")
