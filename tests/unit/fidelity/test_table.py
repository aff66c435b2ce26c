from __future__ import annotations

from typing import Any

import pytest

from tests.fidelity.corpus import CorpusPage
from tests.fidelity.page import fidelity_page
from tests.fidelity.score import Verdict
from tests.fidelity.table import NONE, Column, findings, kinds_list, markdown, misses, plain, shares


def page(name: str, **expected: Any) -> CorpusPage:
    url = f"https://a.example/{name}"
    return CorpusPage(name=name, body=b"", url=url, headers=(), status=200, note="", expected=expected)


PAGES = [page("1", title="A", publisher=None), page("2", title="B", lang="en"), page("3", publisher="P")]
GOOD = Column(
    "good",
    frozenset(("title", "lang", "publisher")),
    [{"title": "A"}, {"title": "B", "lang": "en"}, {"publisher": "P"}],
)
POOR = Column(
    "poor", frozenset(("title", "publisher")), [{"title": "A", "publisher": "Q"}, {"title": "b"}, {}]
)
LENDER = POOR._replace(name="lender", lent=frozenset(("publisher",)))


def test_shares_are_of_the_pages_where_a_field_is_judged() -> None:
    assert shares([GOOD, POOR, LENDER], PAGES) == [
        ["field", "pages", "good", "poor", "lender"],
        ["title", "2", "100 %", "50 %", "50 %"],
        ["lang", "1", "100 %", NONE, NONE],
        ["publisher", "2", "100 %", "0 %", "50 %"],
    ]


def test_a_field_that_no_page_has_tells_nothing() -> None:
    corpus = [page("1", title="A", lang=None), page("2", title=None, lang=None)]
    said = Column("c", frozenset(("title", "lang", "charset")), [{"title": "A"}, {}])
    assert [row[0] for row in shares([said], corpus)] == ["field", "title"]
    assert [row[0] for row in findings([said], corpus)] == ["field", "title"]


def test_a_share_is_never_rounded_to_100() -> None:
    corpus = [page(str(number), title="A") for number in range(300)]
    said = Column("all but one", frozenset(("title",)), [{}, *([{"title": "A"}] * 299)])
    assert shares([said], corpus)[1] == ["title", "300", "99 %"]


def test_findings_are_of_the_values_there_are() -> None:
    assert findings([GOOD, POOR, LENDER], PAGES)[1:] == [
        ["title", "2", "2", "1, 1 wrong", "1, 1 wrong"],
        ["lang", "1", "1", NONE, NONE],
        ["publisher", "1", "1", "0, 1 made up", "0"],
    ]


def test_a_column_has_to_have_every_page() -> None:
    with pytest.raises(ValueError, match="zip"):
        shares([GOOD._replace(said=GOOD.said[:2])], PAGES)


def test_misses_begin_with_the_worst_page() -> None:
    column = Column("c", frozenset(("title", "lang", "publisher")), [{"publisher": "Q"}, {"title": "B"}, {}])
    assert [(miss.page, miss.field, miss.verdict) for miss in misses(column, PAGES)] == [
        ("1", "title", Verdict.MISSED),
        ("1", "publisher", Verdict.MADE_UP),
        ("2", "lang", Verdict.MISSED),
        ("3", "publisher", Verdict.MISSED),
    ]
    assert misses(GOOD, PAGES) == []


def test_tables_are_drawn_for_terminals_and_in_markdown() -> None:
    rows = [["field", "pages"], ["og", "2"]]
    assert plain(rows) == "field  pages\nog         2"
    assert markdown(rows) == "| field | pages |\n| --- | ---: |\n| `og` | 2 |"


def test_the_page_has_both_tables_the_kinds_and_the_versions() -> None:
    text = fidelity_page([GOOD, POOR], PAGES, ["poor 1.2"])
    assert "The others: poor 1.2." in text
    assert markdown(shares([GOOD, POOR], PAGES)) in text
    assert markdown(findings([GOOD, POOR], PAGES)) in text
    assert kinds_list() in text
