"""What an audit finds in titles, headings and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scraper.record import Heading, Record
from scraper.report.audit import Auditing, width, words_of
from tests.support.reports import record

if TYPE_CHECKING:
    from scraper.report.model import Audit

FITS = {
    "title": "T" * 45,
    "description": "D" * 100,
    "headings": [Heading(level=1, text="Tea")],
    "word_count": 400,
    "text_length": 2400,
}


def page(seq: int = 0, **fields: Any) -> Record:
    """A page that an audit has nothing against, or what the fields make of it."""
    return record(seq, **{**FITS, **fields})


def audit(*pages: Record, limit: int = 100) -> Audit:
    auditing = Auditing(limit)
    for one in pages:
        auditing.add(one)
    return auditing.figures()


def test_a_page_that_fits_is_not_named() -> None:
    found = audit(page())
    assert (found.pages, found.titles, found.descriptions) == (1, [("fitting", 1)], [("fitting", 1)])
    assert (found.lengths.total, found.headings.total, found.thin.total) == (0, 0, 0)


@pytest.mark.parametrize(
    ("length", "kind"),
    [(0, "missing"), (1, "too short"), (29, "too short"), (30, "fitting"), (60, "fitting"), (61, "too long")],
)
def test_titles_are_measured(length: int, kind: str) -> None:
    found = audit(page(title="T" * length or None))
    assert found.titles == [(kind, 1)]
    named = [(row.kind, row.what, row.length) for row in found.lengths.shown]
    assert named == ([("title", kind, length)] if kind.startswith("too") else [])


@pytest.mark.parametrize(
    ("length", "kind"), [(69, "too short"), (70, "fitting"), (155, "fitting"), (156, "too long")]
)
def test_descriptions_are_measured(length: int, kind: str) -> None:
    assert audit(page(description="D" * length)).descriptions == [(kind, 1)]


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("Tea", 3), ("茶の本", 6), ("e\N{COMBINING ACUTE ACCENT}t", 2)]
)
def test_wide_characters_count_twice_and_marks_not(text: str, columns: int) -> None:
    assert width(text) == columns


def test_a_text_without_end_is_not_measured_to_its_end() -> None:
    assert width("x" * 1_000_000) == width("茶" * 1_000_000) / 2 == 2000


def test_pages_have_one_h1() -> None:
    several = [Heading(level=1, text="Tea"), Heading(level=2, text="Green"), Heading(level=1, text="Coffee")]
    found = audit(
        page(0),
        page(1, headings=several),
        page(2, headings=[Heading(level=2, text="Green")]),
        page(3, headings=[]),
    )
    assert (found.without_h1, found.several_h1, found.headings.total) == (2, 1, 3)
    assert [(row.url[-1], row.h1s, row.text) for row in found.headings.shown] == [
        ("1", 2, "Tea · Coffee"), ("2", 0, "Green"), ("3", 0, ""),
    ]  # fmt: skip


def test_thin_pages_are_named_the_thinnest_first() -> None:
    counts = (199, 3, 200, 50)
    found = audit(
        *(page(seq, word_count=count, text_length=6 * count) for seq, count in enumerate(counts)), limit=2
    )
    assert [(row.url[-1], row.words) for row in found.thin.shown] == [("1", 3), ("3", 50)]
    assert found.thin.total == 3


@pytest.mark.parametrize(
    ("word_count", "text_length", "words"),
    [(None, None, None), (0, 0, 0), (300, 1800, 300), (4, 1000, 500), (1, 12, 1)],
)
def test_words_are_counted_where_writing_has_no_spaces(
    word_count: int | None, text_length: int | None, words: int | None
) -> None:
    assert words_of(page(word_count=word_count, text_length=text_length)) == words


def test_what_is_not_to_be_indexed_and_what_was_not_read_is_left_out() -> None:
    bad: dict[str, Any] = {"title": None, "headings": [], "word_count": 1, "text_length": 4}
    assert audit(page(**bad, indexable=False)).pages == 0
    found = audit(page(**bad, truncated=True))
    assert (found.titles, found.headings.total, found.thin.total) == ([("missing", 1)], 0, 0)


def test_rows_are_bounded_and_totals_are_not() -> None:
    found = audit(
        *(page(seq, title="T", headings=[], word_count=seq, text_length=seq) for seq in range(100)), limit=7
    )
    for rows in (found.lengths, found.headings, found.thin):
        assert (len(rows.shown), rows.total) == (7, 100)
