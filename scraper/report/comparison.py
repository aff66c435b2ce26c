"""A run beside an earlier one, by ``key``."""

from __future__ import annotations

import itertools
from collections import Counter
from operator import attrgetter
from struct import Struct
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.record import Outcome
from scraper.report.bounded import First
from scraper.report.gathering import digest
from scraper.report.model import Changed, Changes, Count
from scraper.report.shown import shown_text, shown_url
from scraper.results import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scraper.record import Record

_READABLE = (
    "outcome", "status", "final_url", "content_type", "title", "description", "canonical", "lang",
    "headline", "published", "modified", "indexable", "indexable_reason",
)  # fmt: skip
"""Fields whose values are shown."""
_OTHERS = ("author", "headings", "hreflang", "og", "twitter", "jsonld", "microdata", "text_sha256")
_COMPARED = (*_READABLE, *_OTHERS)
_values_of = attrgetter(*_COMPARED)
_digests_format = Struct(f"{len(_COMPARED)}q")
_pack, _unpack = _digests_format.pack, _digests_format.unpack
_CALLED = {"text_sha256": "text"}
_SHOWN_VALUE = 120
_PASSED_OVER = frozenset({Outcome.DUPLICATE, Outcome.FILTERED, Outcome.INVALID_URL})


def compare_runs(old: Path, new: Path, *, limit: int) -> Changes:
    """Say what is new, gone and changed in ``new``.

    In memory there is a digest for each compared field of each URL of ``old``, some 300 bytes a URL. What is
    shown of ``old`` is read again.

    Args:
        old: A file of records.
        new: Another one, of a later run.
        limit: The most rows to give.

    Raises:
        UsageError: One of them can't be read.
    """
    compared = _Comparison(limit)
    for key, record in _by_key(old):
        compared.take_old(key, record)
    for key, record in _by_key(new):
        compared.take_new(key, record)
    if not compared.is_whole:
        for key, record in _by_key(old):
            compared.look_again(key, record)
    counts, rows = compared.counts, compared.rows.rows()
    fields = sorted(compared.fields.items(), key=lambda item: (-item[1], item[0]))
    return Changes(
        against=shown_text(old.name),
        new=counts["new"],
        gone=counts["gone"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        fields=[Count(*item) for item in fields],
        rows=rows,
    )


class _Comparison:
    """What differs; of several records with one key the first counts."""

    def __init__(self, limit: int) -> None:
        self.counts: Counter[str] = Counter()
        self.fields: Counter[str] = Counter()
        self.rows: First[Changed] = First(limit)
        self._known: dict[int, bytes] = {}
        self._seen: set[int] = set()
        self._places: dict[int, int] = {}
        """Where in the rows the changed URLs stand, by the digest of their key."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing more is wanted of the earlier run."""
        return not self._known and not self._places

    def take_old(self, key: int, record: Record) -> None:
        """Take a record of the earlier run."""
        if key not in self._known:
            self._known[key] = _digests(record)

    def take_new(self, key: int, record: Record) -> None:
        """Compare a record of the later run."""
        if key in self._seen:
            return
        self._seen.add(key)
        before = self._known.pop(key, None)
        if before is None:
            self.counts["new"] += 1
            self.rows.add(Changed(_url(record), "new", [], "", _title(record)))
            return
        names = _differing(before, _digests(record))
        self.counts["changed" if names else "unchanged"] += 1
        if not names:
            return
        self.fields.update(names)
        if not self.rows.is_full:
            self._places[key] = len(self.rows.shown)
        self.rows.add(Changed(_url(record), "changed", names, "", _values(record, names)))

    def look_again(self, key: int, record: Record) -> None:
        """Take what is shown of a record of the earlier run, of which only digests were known."""
        if key in self._places:
            place = self._places.pop(key)
            row = self.rows.shown[place]
            self.rows.shown[place] = row._replace(before=_values(record, row.fields))
        elif self._known.pop(key, None) is not None:
            self.rows.add(Changed(_url(record), "gone", [], _title(record), ""))
            self.counts["gone"] += 1


def _by_key(path: Path) -> Iterator[tuple[int, Record]]:
    for record in read_records(path):
        if record.key is not None and record.outcome not in _PASSED_OVER:
            yield digest(record.key), record


def _digests(record: Record) -> bytes:
    # Python's own hash is keyed for each process: nobody can make two values meet.
    return _pack(*map(_hash, _values_of(record)))


def _differing(one: bytes, other: bytes) -> list[str]:
    if one == other:
        return []
    pairs = zip(_COMPARED, _unpack(one), _unpack(other), strict=True)
    return [_CALLED.get(name, name) for name, before, after in pairs if before != after]


def _hash(value: Any) -> int:
    if value is None:
        return 0
    return hash(value if isinstance(value, str | int) else msgspec.json.encode(value))


def _url(record: Record) -> str:
    return shown_url(record.url or record.input)


def _title(record: Record) -> str:
    return shown_text(record.title or record.outcome, _SHOWN_VALUE)


def _values(record: Record, names: list[str]) -> str:
    """Return the values of the fields that can be read, each on its own."""
    shown = [
        f"{name}: {shown_text(str(value), _SHOWN_VALUE)}"
        for name in names
        if name in _READABLE and (value := getattr(record, name)) is not None
    ]
    return shown_text(" · ".join(itertools.islice(shown, 6)), 600)
