"""A run beside an earlier one, as ``scraper diff`` sees it, in as many rows as a page can show."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from scraper.comparing.changes import compared_fields
from scraper.pairing import Comparison
from scraper.report.bounded import First, Tally
from scraper.report.model import Changed, Changes
from scraper.report.shown import shown_text, shown_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from scraper.pairing import Entry

_NO_WORDS = frozenset({"text_sha256"})
"""Fields whose values say nothing to people."""
_CALLED = {"text_sha256": "text"}
_MOST_FIELDS = 200
"""Names that are counted: the fields of a record are fewer, what a user's own may be called has no end."""
_SHOWN_VALUE = 120
_SHOWN_VALUES = 600
_SHOWN_FIELDS = 6


def compare_runs(old: Path, new: Path, *, limit: int) -> Changes:
    """Say what is new, gone, changed, moved and there again in ``new``; see ``scraper.pairing``.

    Args:
        old: A file of records.
        new: Another one, of a later run.
        limit: The most rows to give.

    Raises:
        UsageError: One of them can't be read.
        RunError: There is no room for the temporary database.
    """
    comparison = Comparison(old, new, fields=compared_fields([]))
    fields = Tally(_MOST_FIELDS)
    rows: First[Changed] = First(limit)
    for entry in comparison.entries():
        for name in entry.fields:
            fields.add(_CALLED.get(name, name))
        rows.add(_row(entry))
    totals = comparison.totals
    return Changes(
        against=shown_text(old.name),
        new=totals.new,
        gone=totals.gone,
        changed=totals.changed,
        moved=totals.moved,
        recovered=totals.recovered,
        unchanged=totals.unchanged,
        fields=fields.ranked(),
        rows=rows.rows(),
    )


def _row(entry: Entry) -> Changed:
    names = [_CALLED.get(name, name) for name in entry.fields]
    before = _values((name, difference.old) for name, difference in entry.fields.items())
    after = _values((name, difference.new) for name, difference in entry.fields.items())
    if entry.moved_from is not None:
        before = shown_url(entry.moved_from)
    elif not entry.fields:  # there is a record on one side only
        title = shown_text(entry.title or "", _SHOWN_VALUE)
        before, after = (title, "") if entry.status == "gone" else ("", title)
    return Changed(shown_url(entry.url), entry.status, names, before, after)


def _values(fields: Iterable[tuple[str, Any]]) -> str:
    """Return what can be read of the values, each on its own."""
    shown = (
        f"{name}: {shown_text(str(value), _SHOWN_VALUE)}"
        for name, value in fields
        if value is not None and not isinstance(value, list | dict) and name not in _NO_WORDS
    )
    return shown_text(" · ".join(itertools.islice(shown, _SHOWN_FIELDS)), _SHOWN_VALUES)
