from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.notify.message import MAX_BYTES, MAX_EARLIER, Earlier, as_earlier, compose
from scraper.notify.notice import (
    ChangeNotice,
    FailureNotice,
    FieldChange,
    Notice,
    PageChange,
    RecoveryNotice,
    SilenceNotice,
    TestNotice,
)
from scraper.observe.printable import printable
from scraper.record import ChangeStatus

AT = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
BEFORE = AT - timedelta(days=1)
CHANGES = ChangeNotice(
    job="shop",
    at=AT,
    run="r1",
    total=3,
    statuses={"changed": 2, "gone": 1},
    fields={"fields.price": 2, "title": 1},
    pages=(
        PageChange(
            url="https://ann:pw@example.com/p/7?token=abc",
            status=ChangeStatus.CHANGED,
            fields=(
                FieldChange(name="fields.price", old=100, new=None),
                FieldChange(name="title", old="a", new="b"),
            ),
        ),
        PageChange(url="https://example.com/p/8", status=ChangeStatus.GONE),
    ),
)


@pytest.mark.parametrize(
    ("notice", "title", "lines"),
    [
        (
            CHANGES,
            "shop: 3 pages: 2 changed, 1 gone",
            [
                "at 2026-11-29T09:30:00.000Z",
                "changed https://***@example.com/p/7?token=***",
                '  fields.price: "100" -> nothing',
                '  title: "a" -> "b"',
                "gone https://example.com/p/8",
                "and 1 page more",
                "fields: fields.price (2), title (1)",
                "run r1",
            ],
        ),
        (
            FailureNotice(
                job="shop",
                at=AT,
                run="r1",
                state="failed",
                error="the disk\nis full\x1b[2J: https://ann:pw@example.com/",
                in_a_row=3,
                lines=1200,
                failed=7,
            ),
            "shop: run failed, 3 times in a row: the disk is full: https://***@example.com/",
            ["at 2026-11-29T09:30:00.000Z", "1,200 lines, 7 failed", "run r1"],
        ),
        (
            FailureNotice(job="shop", at=AT, run="r1", state="overdue"),
            "shop: run overdue",
            ["at 2026-11-29T09:30:00.000Z", "run r1"],
        ),
        (
            SilenceNotice(job="shop", at=AT, since=BEFORE, missed=4),
            "shop: no success since 2026-11-28T09:30:00.000Z, due at least 4 times since",
            ["at 2026-11-29T09:30:00.000Z"],
        ),
        (
            RecoveryNotice(job="shop", at=AT, run="r2", after="failure", since=BEFORE, lines=5),
            "shop: succeeded again, after failure since 2026-11-28T09:30:00.000Z",
            ["at 2026-11-29T09:30:00.000Z", "5 lines, 0 failed", "run r2"],
        ),
        (
            TestNotice(job="shop", at=AT),
            "shop: test of a notification; nothing has happened",
            ["at 2026-11-29T09:30:00.000Z"],
        ),
    ],
)
def test_what_a_person_reads(notice: Notice, title: str, lines: list[str]) -> None:
    message = compose(notice)
    assert message.title == title
    assert message.text.splitlines() == lines


def test_what_a_program_reads() -> None:
    earlier = as_earlier(FailureNotice(job="shop", at=BEFORE, run="r0", state="failed"))
    message = compose(CHANGES, earlier=[earlier], earlier_total=5)
    body = json.loads(message.body)
    assert body.keys() == {"version", "id", "title", "text", "notice", "earlier", "earlier_total"}
    assert (body["version"], body["id"], body["title"], body["text"]) == (
        1,
        message.id,
        message.title,
        message.text,
    )
    assert body["notice"] == {
        "kind": "change",
        "job": "shop",
        "at": "2026-11-29T09:30:00Z",
        "run": "r1",
        "total": 3,
        "statuses": {"changed": 2, "gone": 1},
        "fields": {"fields.price": 2, "title": 1},
        "pages": [
            {
                "url": "https://***@example.com/p/7?token=***",
                "status": "changed",
                "fields": [
                    {"name": "fields.price", "old": "100", "new": None},
                    {"name": "title", "old": "a", "new": "b"},
                ],
            },
            {"url": "https://example.com/p/8", "status": "gone"},
        ],
    }
    assert body["earlier"] == [{"kind": "failure", "at": "2026-11-28T09:30:00Z", "title": "shop: run failed"}]
    assert body["earlier_total"] == 5
    assert message.text.splitlines()[-3:] == [
        "5 earlier, without messages of their own:",
        "  4 not named, and",
        "  2026-11-28T09:30:00.000Z shop: run failed",
    ]


def test_the_id_is_that_of_the_notice_whenever_it_is_sent() -> None:
    again = compose(CHANGES, earlier=[Earlier(kind="silence", at=BEFORE, title="t")])
    assert compose(CHANGES).id == again.id
    others: list[Notice] = [
        ChangeNotice(job="shop", at=AT, run="r2", total=1, statuses={}, fields={}, pages=()),
        FailureNotice(job="shop", at=AT, run="r1", state="failed"),
        SilenceNotice(job="shop", at=AT, since=BEFORE),
        SilenceNotice(job="shop", at=BEFORE, since=BEFORE),
    ]
    assert len({compose(notice).id for notice in [CHANGES, *others]}) == 5


def test_an_error_without_end_is_cut() -> None:
    body = compose(FailureNotice(job="j" * 999, at=AT, run="r" * 999, state="failed", error="e" * 9999)).body
    notice = json.loads(body)["notice"]
    assert (len(notice["job"]), len(notice["run"]), len(notice["error"])) == (100, 100, 300)


VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.integers()
    | st.text(st.characters(), max_size=300)
    | st.lists(st.text(), max_size=3)
    | st.dictionaries(st.text(), st.text(), max_size=3)
)
NOTICES = st.builds(
    ChangeNotice,
    job=st.text(),
    at=st.just(AT),
    run=st.text(),
    total=st.integers(1, 10**9),
    statuses=st.dictionaries(
        st.sampled_from([status.value for status in ChangeStatus]), st.integers(1, 10**9)
    ),
    fields=st.dictionaries(st.text(st.characters(), max_size=200), st.integers(1, 10**9), max_size=5),
    pages=st.lists(
        st.builds(
            PageChange,
            url=st.text(st.characters(), max_size=1000),
            status=st.sampled_from(ChangeStatus),
            fields=st.lists(
                st.builds(FieldChange, name=st.text(st.characters()), old=VALUES, new=VALUES), max_size=12
            ).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
)


@given(NOTICES, st.integers(0, 30))
def test_whatever_pages_say_a_message_is_lines_that_can_only_be_shown(
    notice: ChangeNotice, before: int
) -> None:
    earlier = [as_earlier(notice)] * before
    message = compose(notice, earlier=earlier)
    for line in (message.title, *message.text.split("\n")):
        assert printable(line) == line
    assert len(message.text.split("\n")) <= 7 + 5 * len(notice.pages) + MAX_EARLIER
    body = json.loads(message.body)
    assert len(body["earlier"]) == min(before, MAX_EARLIER)
    assert body["earlier_total"] == before
    assert len(body["notice"]["pages"]) == len(notice.pages)


def test_a_message_that_would_be_too_long_names_fewer_pages() -> None:
    fields = tuple(
        FieldChange(name="\U0001f600" * 200, old="\U0001f600" * 5000, new='"' * 5000) for _ in range(30)
    )
    pages = (
        PageChange(
            url="https://example.com/" + "\U0001f600" * 900, status=ChangeStatus.CHANGED, fields=fields
        ),
    )
    notice = ChangeNotice(job="j", at=AT, run="r", total=100, statuses={}, fields={}, pages=pages * 100)
    message = compose(notice)
    named = len(json.loads(message.body)["notice"]["pages"])
    assert 0 < named < 100
    assert MAX_BYTES // 3 < len(message.body) <= MAX_BYTES
    assert f"and {100 - named} pages more" in message.text
