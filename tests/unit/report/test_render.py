"""The page: well-formed, alone, and deaf to what stands in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.record import LinkEntry, Outcome, Redirect
from scraper.report.charts import bars, moment_text, time_chart
from scraper.report.model import Count, Moment, Timeline
from scraper.report.render import render
from scraper.report.reporting import report_of
from scraper.report.tables import PAGE_ROWS, may_be_link, number, seconds, size
from tests.support.reports import record, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.record import Record

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'\u202egpj.exe =1+1 {{7*7}} &lt;"
VOID = {"meta", "link", "input", "br", "img", "rect", "path"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and keeps what they are and hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.held: dict[str, list[str]] = {"script": [], "style": [], "bdi": []}
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.held:
            self.held[tag].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.held:
            self.held[self.open[-1]][-1] += data


@pytest.fixture
def page(tmp_path: Path) -> Any:
    def make(*records: Record, against: list[Record] | None = None, limit: int = 1000) -> str:
        old = None if against is None else write_run(tmp_path / "old.jsonl", against)
        return render(report_of(write_run(tmp_path / "a.jsonl", records), against=old, limit=limit))

    return make


def hostile(seq: int) -> list[Record]:
    end = "javascript:alert(1)"
    hop = Redirect(url="https://a.example/", status=301, location=end, elapsed_s=0.1)
    return [
        record(seq, title=HOSTILE, description=HOSTILE, lang=HOSTILE, jsonld=[{"@type": HOSTILE}]),
        record(seq + 1, title=HOSTILE, content_type=HOSTILE, canonical=HOSTILE, elapsed=0.5, size=5),
        record(seq + 2, title=None, final_url=end, indexable=False, indexable_reason=HOSTILE),
        record(seq + 3, url=None, input=HOSTILE, outcome=Outcome.INVALID_URL, status=None),
        record(
            seq + 4, outcome=Outcome.HTTP_ERROR, status=500, reason=HOSTILE, parent=seq + 2, redirects=[hop]
        ),
        record(seq + 5, link_list=[LinkEntry(url=f"https://a.example/{seq + 4}", text=HOSTILE, rel=None)]),
    ]


@pytest.mark.parametrize("count", [0, 1, 6])
def test_the_page_is_well_formed_and_stands_alone(page: Any, count: int) -> None:
    read = Reader(page(*hostile(0)[:count], against=hostile(3)[:count]))
    tags = [tag for tag, _ in read.elements]
    assert tags.count("script") == 2
    assert not {"link", "img", "iframe", "object", "embed", "form", "base"} & {*tags}
    loads = {"src", "srcset", "data", "action", "style", "poster", "background"}
    for tag, attributes in read.elements:
        assert not loads & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
        if tag == "a":
            assert re.match(r"(https?://|#)", attributes["href"] or "")
    assert "url(" not in read.held["style"][0]
    assert "@import" not in read.held["style"][0]
    headings = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    named = {attributes.get("id") for _, attributes in read.elements}
    targets = {(attributes["href"] or "")[1:] for tag, attributes in read.elements
               if tag == "a" and (attributes["href"] or "").startswith("#")}  # fmt: skip
    assert targets <= named


def test_the_policy_lets_its_own_style_and_script_run_and_nothing_else(page: Any) -> None:
    read = Reader(page(*hostile(0)))
    (policy,) = (a["content"] for tag, a in read.elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in (policy or "").split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for rule, text in (("style-src", read.held["style"][0]), ("script-src", read.held["script"][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_what_pages_say_is_text(page: Any) -> None:
    text = page(*hostile(0), record(9, title=HOSTILE))
    read = Reader(text)
    assert HOSTILE in read.held["bdi"]
    data = json.loads(read.held["script"][0])
    assert data["tables"]["shared"]["rows"][0][0] == HOSTILE
    assert "<img" not in text
    assert text.count("</script>") == 2


def test_tables_hold_the_first_rows_and_the_data_holds_all(page: Any) -> None:
    records = [record(seq, title=None) for seq in range(PAGE_ROWS + 50)]
    read = Reader(page(*records, limit=PAGE_ROWS + 20))
    data = json.loads(read.held["script"][0])
    assert len(data["tables"]["missing"]["rows"]) == PAGE_ROWS + 20
    links = {a["href"] for tag, a in read.elements if tag == "a"}
    assert sum("https://a.example/" in (link or "") for link in links) == PAGE_ROWS


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://a.example/", True),
        ("http://a.example/", True),
        ("javascript:alert(1)", False),
        (" https://a.example/", False),
        ("data:text/html,x", False),
        ("https://a.example/?token=***", False),
        ("https://a.example/" + "x" * 20 + "…", False),
    ],
)
def test_only_whole_web_addresses_are_links(url: str, *, may: bool) -> None:
    assert may_be_link(url) == may


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (number(1234567), "1,234,567"),
        (size(0), "0 B"),
        (size(1023), "1023 B"),
        (size(1280), "1.3 KiB"),
        (size(5 * 1024**5), "5120.0 TiB"),
        (seconds(0.00974), "9.7 ms"),
        (seconds(0.0345), "35 ms"),
        (seconds(61.005), "61.01 s"),
    ],
)
def test_values_are_written_for_people(told: str, expected: str) -> None:
    assert told == expected


def test_the_rest_of_many_bars_goes_together() -> None:
    drawn = bars([Count(str(seq), 20 - seq) for seq in range(18)], 2000)
    assert [bar.number for bar in drawn[-2:]] == [6, 12]
    assert drawn[-1].name == "3 others"
    assert (drawn[0].width, drawn[0].share) == (1000, "1.0 %")
    assert bars([Count("a", 1)], 5000)[0].share == "< 0.1 %"
    assert bars([], 0) == []


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=5), max_size=5))
def test_the_time_line_fits_its_frame(answers: list[list[int]]) -> None:
    stretches = [
        [Moment(1e6 * place + step, count, 0, 0) for step, count in enumerate(stretch)]
        for place, stretch in enumerate(answers)
    ]
    chart = time_chart(Timeline(1.0, stretches))
    if chart is None:
        assert not answers
        return
    assert len(chart.steps) == sum(map(len, answers))
    assert len(chart.gaps) == len(answers) - 1
    assert all(step.x >= 0 and step.x + step.width <= 1000.1 and step.height <= 1000 for step in chart.steps)
    places = [step.x for step in chart.steps]
    assert places == sorted(places)


def test_times_are_utc_and_of_any_calendar() -> None:
    assert moment_text(0) == "1 Jan 1970, 00:00:00"
    assert moment_text(0.125, with_day=False, exact=True) == "00:00:00.125"
    assert moment_text(1e300) == ""
