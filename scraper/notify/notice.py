"""What there is to tell of a job. Pure: no file, no clock. Times are zone-aware.

As JSON a notice is an object with its ``kind``; see ``scraper.notify.message``.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from scraper.record import ChangeStatus


class Kind(enum.StrEnum):
    """What a notice is about."""

    CHANGE = "change"
    """A run found pages that are not what they were."""
    FAILURE = "failure"
    """A run did not come to its end."""
    SILENCE = "silence"
    """There was no success for longer than the job's alarm allows."""
    RECOVERY = "recovery"
    """A run succeeded after that."""


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a page that differs."""

    name: str
    """As a record has it: ``title``, ``fields.price``."""
    old: Any = None
    """As read from JSON; in a notice that is composed, text for people that was cut."""
    new: Any = None


class PageChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has become of one page."""

    url: str
    status: ChangeStatus
    fields: tuple[FieldChange, ...] = ()


class ChangeNotice(msgspec.Struct, frozen=True, kw_only=True, tag="change", tag_field="kind"):
    """The digest of a run: how many pages have changed, and some of them."""

    job: str
    at: datetime
    run: str
    total: int
    """How many pages the target's filter lets through."""
    statuses: dict[str, int]
    """How many of these have each status."""
    fields: dict[str, int]
    """How many of these changed in each field, of the first ``digest.MAX_NAMES`` fields."""
    pages: tuple[PageChange, ...]
    """The first of them."""


class FailureNotice(msgspec.Struct, frozen=True, kw_only=True, tag="failure", tag_field="kind"):
    """A run did not come to its end."""

    job: str
    at: datetime
    run: str
    state: str
    """What became of it: ``failed``, ``overdue``, ``abandoned``."""
    error: str | None = None
    """Why, in one line."""
    in_a_row: int = 1
    """How many runs have failed since the last that did not, this one included."""
    lines: int = 0
    failed: int = 0
    """How many records tell of a failure, as far as it came."""


class SilenceNotice(msgspec.Struct, frozen=True, kw_only=True, tag="silence", tag_field="kind"):
    """There was no success for too long."""

    job: str
    at: datetime
    since: datetime
    """When it last succeeded, or was first known."""
    missed: int = 0
    """How many times it was due since then."""


class RecoveryNotice(msgspec.Struct, frozen=True, kw_only=True, tag="recovery", tag_field="kind"):
    """A run succeeded after failures or silence."""

    job: str
    at: datetime
    run: str
    after: Literal["failure", "silence"]
    since: datetime
    """When the trouble began."""
    lines: int = 0
    failed: int = 0


class TestNotice(msgspec.Struct, frozen=True, kw_only=True, tag="test", tag_field="kind"):
    """Somebody wants to see whether it arrives."""

    __test__ = False  # pytest takes classes by this name for tests

    job: str
    at: datetime


Notice: TypeAlias = ChangeNotice | FailureNotice | SilenceNotice | RecoveryNotice | TestNotice


def kind_of(notice: Notice) -> str:
    """Return a notice's kind, as its JSON has it."""
    return str(type(notice).__struct_config__.tag)
