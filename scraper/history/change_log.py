"""What has changed in a run, one page a line: how it is written, bounded, and read again.

A run's file holds the pages that are new, changed, gone or recovered; the history keeps the last changes of
each page.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper.comparing.changes import as_fetched
from scraper.comparing.names import UnknownField, field_path, value_at
from scraper.errors import UsageError
from scraper.record import ChangeStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

ENDING = ".changes.jsonl"
"""How the file's name ends beside ``pages.jsonl``."""
NAME = "changes.jsonl"
"""What it is called in a folder of its own run."""
MAX_VALUE = 2_000
"""Characters of a value: of a text itself, of anything else its JSON."""
MAX_ENTRY = 64_000
"""Characters of all values of a page."""
_MAX_READ = 1_000
_MAX_LOOKED_AT = 20_000
"""Lines of a file, for one part of it."""


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after; ``None`` where it was not there."""

    old: Any
    new: Any


class ChangeEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has become of one page in one run."""

    status: ChangeStatus
    """Never ``unchanged``."""
    url: str
    run: str
    at: str
    """When the page answered, or was found to be gone: UTC, RFC 3339."""
    key: str | None = None
    seq: int | None = None
    """The number of its record in the run; ``None`` when it has none: nothing leads to the page any more."""
    outcome: str | None = None
    http_status: int | None = None
    title: str | None = None
    """What the page calls itself now, or did when it was there last; bounded."""
    fields: dict[str, FieldChange] = {}
    """By name, what differs; empty unless the page has ``changed`` or ``recovered``."""
    cut: list[str] = []
    """Those of them whose values were too long: texts are shortened, others are their JSON, shortened."""
    previous_run: str | None = None
    first_seen: str | None = None
    last_changed: str | None = None
    """When it changed for the last time before this."""


def field_changes(
    old: Mapping[str, Any] | None, new: Mapping[str, Any], names: Sequence[str]
) -> tuple[dict[str, FieldChange], list[str]]:
    """Return the values of fields in two records, bounded, and the names of those that were cut.

    ``old`` is ``None`` when it is not there any more; the old values are then.
    """
    found: dict[str, FieldChange] = {}
    cut: list[str] = []
    left = MAX_ENTRY
    before, after = as_fetched(old or {}), as_fetched(new)
    for name in names:
        try:
            path = field_path(name)
        except UnknownField:  # of another version of the program
            continue
        pair = [_bounded(value_at(record, path), most=min(MAX_VALUE, left)) for record in (before, after)]
        left = max(0, left - sum(value.size for value in pair))
        found[name] = FieldChange(pair[0].value, pair[1].value)
        if pair[0].is_cut or pair[1].is_cut:
            cut.append(name)
    return found, cut


class _Bounded(NamedTuple):
    value: Any
    size: int
    is_cut: bool


def _bounded(value: Any, *, most: int) -> _Bounded:
    text = value if isinstance(value, str) else _json(value)
    if len(text) <= most:
        return _Bounded(value, len(text), is_cut=False)
    return _Bounded(f"{text[: max(0, most - 1)]}…", most, is_cut=True)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class ChangePage(NamedTuple):
    """A part of a run's changes."""

    entries: list[ChangeEntry]
    next_offset: int | None
    """Where the next part begins; ``None`` behind the last."""


def read_changes(
    path: Path,
    *,
    offset: int = 0,
    limit: int = 100,
    statuses: Collection[str] = (),
    words: Collection[str] = (),
) -> ChangePage:
    """Return a part of the changes of a run, in the order of its records. Blocking.

    Args:
        path: The run's file of changes.
        offset: Where to begin: 0, or the ``next_offset`` of the part before.
        limit: No more entries than this, nor than 1,000.
        statuses: Only these; all when empty.
        words: Only pages with all of these in their URL, in any case. Where few have, a part may be short or
            even empty before the last: so many are looked at for it and no more.

    Raises:
        UsageError: It can't be read, or holds something else.
    """
    entries: list[ChangeEntry] = []
    limit = max(1, min(limit, _MAX_READ))
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset))
            for line in islice(iter(file.readline, b""), _MAX_LOOKED_AT):
                entry = decode_entry(line)
                url = entry.url.lower()
                if (not statuses or entry.status in statuses) and all(word.lower() in url for word in words):
                    entries.append(entry)
                if len(entries) >= limit:
                    break
            at = file.tell()
            return ChangePage(entries, at if file.read(1) else None)
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: holds no changes: {error}") from error


encode_entry = msgspec.json.Encoder().encode
decode_entry = msgspec.json.Decoder(ChangeEntry).decode
