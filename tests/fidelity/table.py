"""The scores of all programs side by side. It does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.fidelity.fields import GROUPS, KINDS
from tests.fidelity.kinds import Kind
from tests.fidelity.score import Score, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.fidelity.corpus import CorpusPage

NONE: Final = "\N{EN DASH}"
"""What stands for a field that a program does not have."""


class Column(NamedTuple):
    """What one program says of all pages."""

    name: str
    fields: frozenset[str]
    """Those it can say anything of; the others are not judged."""
    said: Sequence[dict[str, Any]]
    """By page, in their order; a field that is not there is empty."""
    lent: frozenset[str] = frozenset()
    """Those of the fields for which one stands in that means more: nothing is made up there."""


class Miss(NamedTuple):
    """A field of a page that is not as expected."""

    page: str
    field: str
    verdict: Verdict
    expected: Any
    got: Any


def verdicts(column: Column, pages: Sequence[CorpusPage], field: str) -> dict[str, Verdict]:
    """Return the verdict on each page where the field is judged, by the page's name."""
    found = {
        page.name: judge(KINDS[field], page.expected[field], said.get(field), page_url=page.url)
        for page, said in zip(pages, column.said, strict=True)
        if field in page.expected
    }
    if field in column.lent:
        found = {name: Verdict.EMPTY if one is Verdict.MADE_UP else one for name, one in found.items()}
    return found


def misses(column: Column, pages: Sequence[CorpusPage]) -> list[Miss]:
    """Return what is not right, the pages with the most of it first."""
    wrong: dict[str, list[Miss]] = {}
    for field in KINDS:
        if field in column.fields:
            for (name, verdict), (expected, got) in zip(
                verdicts(column, pages, field).items(), _pairs(column, pages, field), strict=True
            ):
                if not verdict.is_right:
                    wrong.setdefault(name, []).append(Miss(name, field, verdict, expected, got))
    worst = sorted(wrong.values(), key=lambda found: (-len(found), found[0].page))
    return [miss for found in worst for miss in found]


def _pairs(column: Column, pages: Sequence[CorpusPage], field: str) -> Iterable[tuple[Any, Any]]:
    for page, said in zip(pages, column.said, strict=True):
        if field in page.expected:
            yield page.expected[field], said.get(field)


def shares(columns: Sequence[Column], pages: Sequence[CorpusPage]) -> list[list[str]]:
    """Return the table's rows, the head first: for each field the share of pages that are right."""
    rows = [["field", "pages", *(column.name for column in columns)]]
    for field, scores in _scored(columns, pages):
        judged = next(score.judged for score in scores if score)
        rows.append([field, str(judged), *(f"{_percent(score)} %" if score else NONE for score in scores)])
    return rows


def findings(columns: Sequence[Column], pages: Sequence[CorpusPage]) -> list[list[str]]:
    """Return the second table's rows: how many of the values there were found, how many were made up."""
    rows = [["field", "values", *(column.name for column in columns)]]
    for field, scores in _scored(columns, pages):
        there = next(score.there for score in scores if score)
        rows.append([field, str(there), *(_finding(score) for score in scores)])
    return rows


def _scored(
    columns: Sequence[Column], pages: Sequence[CorpusPage]
) -> Iterable[tuple[str, list[Score | None]]]:
    """Give each field that a program knows and a page has; where all is empty, anybody is right."""
    for field in KINDS:
        scores = [
            Score.of(verdicts(column, pages, field)) if field in column.fields else None for column in columns
        ]
        if any(score and score.there for score in scores):
            yield field, scores


def _percent(score: Score) -> int:
    """Return the share in per cent; 100 is said only where nothing is wrong."""
    return int(100 * score.share + 1e-9)


def _finding(score: Score | None) -> str:
    if score is None:
        return NONE
    made_up = f", {score.wrong} wrong" if score.wrong else ""
    made_up += f", {score.made_up} made up" if score.made_up else ""
    return f"{score.right}{made_up}"


def plain(rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, field names as code."""
    head, *body = rows
    lines = [head, ["---", *("---:" for _ in head[1:])], *([f"`{row[0]}`", *row[1:]] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def kinds_list() -> str:
    """Return a list in Markdown: which fields are compared how."""
    by_kind: dict[Kind, list[str]] = {}
    for fields in GROUPS.values():
        for field, kind in fields.items():
            by_kind.setdefault(kind, []).append(f"`{field}`")
    return "\n".join(f"- {', '.join(by_kind[kind])}: {kind.value}." for kind in Kind if kind in by_kind)
