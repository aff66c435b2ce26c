"""What has become of a page between two records of it. Pure: no file, no clock."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.comparing.names import FieldPath, field_paths, shown_path, value_at
from scraper.record import ChangeStatus, Outcome, Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NO_STATEMENTS = frozenset(
    {
        "charset",
        "charset_source",
        "cut",
        "encoding_errors",
        "metadata_sha256",  # of fields that are compared themselves, as the next is of the text
        "simhash",
    }
)
"""Fields of ``Page`` that say how it was read, or only repeat what others say."""
_OUTCOME_FIELDS = ("outcome", "status", "final_url", "indexable", "indexable_reason")
_GONE = (404, 410)  # no set: what a file has there may be a list
"""RFC 9110 15.5.5 and 15.5.11."""
_FETCHED = 200
"""What the answers were that a server lets be used again, but for a few odd ones (RFC 9110 15.1)."""
_THERE = (Outcome.OK, Outcome.NOT_MODIFIED)

DEFAULT_FIELDS = (
    *_OUTCOME_FIELDS,
    *(name for name in Page.__struct_fields__ if name not in _NO_STATEMENTS),
    "fields",
)
"""What is compared unless somebody wants others: what came of asking, and what the page says of itself.

Not when and how it came: times, headers, sizes, addresses, tries, and the hash of the body, which many
pages change with every answer."""


def compared_fields(names: Sequence[str]) -> list[FieldPath]:
    """Return which fields are compared.

    Names alone are compared in place of ``DEFAULT_FIELDS``. With ``+`` or ``-`` before the first of them,
    they are added to those or taken away from them, each by its own sign.

    Raises:
        UnknownField: A record has no such field.
    """
    defaults = field_paths(DEFAULT_FIELDS)
    if not names:
        return defaults
    if names[0][:1] not in {"+", "-"}:
        return field_paths(names)
    chosen = dict.fromkeys(defaults)
    for name in names:
        path = field_paths([name.lstrip("+-")])[0]
        if name.startswith("-"):
            chosen.pop(path, None)
        else:
            chosen[path] = None
    return list(chosen)


def compared_values(record: Mapping[str, Any], fields: Iterable[FieldPath]) -> list[Any]:
    """Return the values that are compared; what is empty is ``None``, as in a record it may be left out."""
    record = as_fetched(record)
    return [None if _is_empty(value) else value for value in (value_at(record, at) for at in fields)]


class Digests:
    """Tells whether records have the same values, by 16 bytes each."""

    def __init__(self, fields: Sequence[FieldPath]) -> None:
        """Take what is compared, by ``compared_fields``."""
        self._plain = frozenset(at[0] for at in fields if len(at) == 1)
        self._nested = [at for at in fields if len(at) > 1]

    def of(self, record: Mapping[str, Any]) -> bytes:
        """Return the same for two records precisely if ``compared_values`` are the same.

        In what order they come does not matter, nor that of the keys in them.
        """
        # From what the record has, of which there is much less than what it may have.
        plain, record = self._plain, as_fetched(record)
        values = {name: value for name, value in record.items() if name in plain and not _is_empty(value)}
        for at in self._nested:
            if not _is_empty(value := value_at(record, at)):
                values["\0".join(at)] = value
        return _digest(values)


def as_fetched(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record of a page that is not modified as if it had been fetched: it tells of the page."""
    if record.get("outcome") != Outcome.NOT_MODIFIED:
        return record
    return {**record, "outcome": Outcome.OK.value, "status": _FETCHED}


def _is_empty(value: Any) -> bool:
    return not value and (value is None or isinstance(value, (str, list, dict)))


def _digest(values: Any) -> bytes:
    return hashlib.blake2b(_encode(values), digest_size=16).digest()


_encode = msgspec.json.Encoder(order="deterministic").encode


def is_missing(record: Mapping[str, Any]) -> bool:
    """Return whether the server says that the page is not there."""
    return record.get("status") in _GONE


def differing_fields(
    old: Mapping[str, Any], new: Mapping[str, Any], fields: Sequence[FieldPath]
) -> list[str]:
    """Return the names of the fields, of those that are compared, that differ between two records."""
    before, after = compared_values(old, fields), compared_values(new, fields)
    trios = zip(fields, before, after, strict=True)
    return [shown_path(at) for at, one, other in trios if not is_same(one, other)]


def course(old: Mapping[str, Any], new: Mapping[str, Any]) -> ChangeStatus:
    """Return what a difference between two records means: gone, recovered, or merely changed."""
    if is_missing(new) and not is_missing(old):
        return ChangeStatus.GONE
    if new.get("outcome") in _THERE and old.get("outcome") not in _THERE:
        return ChangeStatus.RECOVERED
    return ChangeStatus.CHANGED


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are one by their ``Digests``: 1, 1.0 and true are three values in JSON."""
    return one is other or _digest(one) == _digest(other)
