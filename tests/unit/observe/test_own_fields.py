"""What is told of the user's own fields at the end of a run, and in its log."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from scraper.messages import OwnFields
from scraper.observe.counts import Counts
from scraper.observe.events import RunEnded, Sealed
from scraper.observe.log import JsonLog
from scraper.observe.own_fields import MAX_FURTHER, FieldFigures, OwnFieldsTally
from scraper.observe.summary import print_check, print_summary
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import finished, started, written

if TYPE_CHECKING:
    from pathlib import Path

SELECTED = ("price", "sku")


def told(
    *pages: OwnFields | None, has_function: bool = True, before: int = 0, whole: bool = True
) -> list[str]:
    """The lines that the summary, or what stands for it, has for pages with these fields."""
    counts = Counts(clock=FakeClock(), fields=SELECTED, has_function=has_function)
    records = [finished(seq, own=own) for seq, own in enumerate(pages)]
    counts.notice(started(resumed=before > 0, already_done=before, known=before + len(pages)))
    for event in (Sealed(before + len(pages)), written(*records), RunEnded(complete=True, elapsed_s=1.0)):
        counts.notice(event)
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=False, legacy_windows=False, _environ={})
    if whole:
        print_summary(console, counts.snapshot(), output="out.jsonl")
    else:
        print_check(console, counts.snapshot())
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_a_table_says_on_how_many_pages_each_field_is() -> None:
    pages = [
        OwnFields(found=("price", "name"), lacking=("sku",), given=1),
        OwnFields(found=("name",), wrong=("price",), lacking=("sku",), given=1),
        OwnFields(found=("price",), failure="KeyError: 'x' (shop.py:5)"),
        None,
    ]
    lines = told(*pages)
    start = lines.index("Field Found Missing Wrong")
    assert lines[start + 2 : start + 5] == ["price 2 0 1", "sku 0 3 0", "name 2 1 0"]
    assert "extractor: 1 of 3 pages failed, first: KeyError: 'x' (shop.py:5)" in lines
    assert "Found on none of 3 pages: sku" in lines
    assert told(*pages, whole=False) == [
        "extractor: 1 of 3 pages failed, first: KeyError: 'x' (shop.py:5)",
        "Found on none of 3 pages: sku",
        "Complete: 4 lines in, 4 records out.",
    ]


def test_a_function_that_gives_nothing_is_told() -> None:
    both = OwnFields(found=SELECTED)
    assert told(both, whole=False)[0] == "extractor: no field on any of 1 page"
    assert told(both, has_function=False, whole=False) == ["Complete: 1 line in, 1 record out."]


def test_where_nothing_was_read_nothing_is_missing() -> None:
    assert told(None, whole=False) == ["Complete: 1 line in, 1 record out."]
    assert not any(line.startswith("Field") for line in told(None))


def test_a_resumed_run_tells_of_its_own_part() -> None:
    lines = told(OwnFields(found=("price",), given=1), before=4)
    assert "Field (in this part) Found Missing Wrong" in lines
    assert "Found on none of 1 page of this part of the run: sku" in lines


def test_what_a_page_names_is_harmless_on_a_terminal() -> None:
    lines = told(OwnFields(found=("a\x1b[2J",), given=1, failure="\x1b]0;x"))
    assert not any("\x1b" in line for line in lines)


def test_the_names_of_a_function_are_bounded_and_selected_ones_are_not() -> None:
    tally = OwnFieldsTally(["a"], has_function=True)
    for number in range(3 * MAX_FURTHER):
        tally.add(OwnFields(found=(f"n{number}",), given=1))
    tally.add(OwnFields(found=("a", "n0"), given=1))
    got = tally.figures()
    assert got is not None
    assert (len(got.fields), got.has_more, got.given) == (1 + MAX_FURTHER, True, 3 * MAX_FURTHER + 1)
    pages = 3 * MAX_FURTHER + 1
    assert got.fields[:2] == (
        FieldFigures(name="a", found=1, missing=pages - 1, wrong=0),
        FieldFigures(name="n0", found=2, missing=pages - 2, wrong=0),
    )


def test_without_fields_there_are_no_figures() -> None:
    assert Counts(clock=FakeClock()).snapshot().own is None


def test_the_log_names_what_is_wrong(tmp_path: Path) -> None:
    log = JsonLog(tmp_path / "log", clock=FakeClock(), report=print)
    wrong = OwnFields(found=("a",), wrong=("b\n",), lacking=("c",), failure="no")
    log.notice(written(finished(own=wrong), finished(own=OwnFields(found=("a",))), finished()))
    log.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert '"field_errors":["b ","c","extractor"]' in lines[0]
    assert all('"field_errors":null' in line for line in lines[1:])
