"""A notice as it is sent: a title, a text for people, and JSON for programs. Pure.

URLs, fields and errors come from pages and servers: each is one line, without secrets of URLs, and bounded.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.clock import rfc3339
from scraper.notify.notice import (
    ChangeNotice,
    FailureNotice,
    FieldChange,
    Notice,
    PageChange,
    RecoveryNotice,
    SilenceNotice,
    TestNotice,
    kind_of,
)
from scraper.notify.readable import readable
from scraper.observe.figures import counted
from scraper.observe.printable import printable, printable_sentence, printable_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_BYTES = 512 << 10
"""Of the JSON; web servers commonly take 1 MiB. Pages are left out where it would be more."""
MAX_EARLIER = 20
"""So many notices that had no message of their own are named, the others are counted."""

_NAME = 100
_TITLE = 300
_URL = 500
_VALUE = 200
_VALUE_IN_TEXT = 80
_FIELDS = 10
"""So many fields of a page are told with their values, the others are left to the run's files."""
_FIELDS_IN_TEXT = 3
_AHEAD = 4
"""So many times as much as is shown is looked at: some characters are left out."""


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that had no message of its own: it came too soon after another, or could not be delivered."""

    kind: str
    at: datetime
    title: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent."""

    id: str
    """The same for each attempt, and for the same notice after a crash: who gets it twice can tell."""
    kind: str
    title: str
    """One line."""
    text: str
    """For people, the title not repeated; lines end in a line feed, but for the last."""
    body: bytes
    """For programs: JSON."""


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    id: str
    title: str
    text: str
    notice: Notice
    earlier: list[Earlier]
    earlier_total: int


def compose(notice: Notice, *, earlier: Sequence[Earlier] = (), earlier_total: int | None = None) -> Message:
    """Make the message of a notice.

    Args:
        notice: What it is about; its texts may be as they came.
        earlier: Those that had no message of their own, the latest last.
        earlier_total: How many there were, when that is more than are given.
    """
    named = list(earlier[-MAX_EARLIER:])
    total = len(earlier) if earlier_total is None else earlier_total
    told, message_id = shown(notice), _id(notice)
    message = _composed(told, message_id, named, total)
    while isinstance(told, ChangeNotice) and told.pages and len(message.body) > MAX_BYTES:
        told = msgspec.structs.replace(told, pages=told.pages[: len(told.pages) // 2])
        message = _composed(told, message_id, named, total)
    return message


def _composed(told: Notice, message_id: str, earlier: list[Earlier], earlier_total: int) -> Message:
    title = title_of(told)
    text = "\n".join([*_lines(told), *_earlier_lines(earlier, earlier_total)])
    body = _Body(
        version=1,
        id=message_id,
        title=title,
        text=text,
        notice=told,
        earlier=earlier,
        earlier_total=earlier_total,
    )
    return Message(id=message_id, kind=kind_of(told), title=title, text=text, body=_encode(body))


def as_earlier(notice: Notice) -> Earlier:
    """Return what is left of a notice that has no message of its own."""
    if isinstance(notice, ChangeNotice):
        notice = msgspec.structs.replace(notice, pages=())  # it counts them
    return Earlier(kind=kind_of(notice), at=notice.at, title=title_of(shown(notice)))


def title_of(notice: Notice) -> str:
    """Return a notice in one line."""
    return printable(f"{notice.job}: {_said(notice)}", limit=_TITLE)


def _said(notice: Notice) -> str:
    match notice:
        case ChangeNotice():
            of_each = ", ".join(f"{number:,} {status}" for status, number in notice.statuses.items())
            return f"{counted(notice.total, one='page', many='pages')}: {of_each}"
        case FailureNotice():
            again = f", {notice.in_a_row} times in a row" if notice.in_a_row > 1 else ""
            return f"run {notice.state}{again}" + (f": {notice.error}" if notice.error else "")
        case SilenceNotice():
            times = counted(notice.missed, one="time", many="times")
            due = f", due at least {times} since" if notice.missed else ""
            return f"no success since {_time(notice.since)}{due}"
        case RecoveryNotice():
            return f"succeeded again, after {notice.after} since {_time(notice.since)}"
        case TestNotice():
            return "test of a notification; nothing has happened"


def shown(notice: Notice) -> Notice:
    """Return a notice whose texts are bounded, printable and without secrets of URLs.

    Of long and hostile texts that takes some tenths of a second, of what it returned very little.
    """
    replaced: dict[str, Any] = {"job": printable(notice.job, limit=_NAME)}
    if isinstance(notice, ChangeNotice | FailureNotice | RecoveryNotice):
        replaced["run"] = printable(notice.run, limit=_NAME)
    if isinstance(notice, FailureNotice):
        replaced["state"] = printable(notice.state, limit=_NAME)
        replaced["error"] = printable_sentence(notice.error, limit=_TITLE) if notice.error else None
    if isinstance(notice, ChangeNotice):
        # Names that are the same when cut are counted as one: which of them it was is in the run's files.
        fields: dict[str, int] = {}
        for name, number in notice.fields.items():
            cut = _name(name)
            fields[cut] = fields.get(cut, 0) + number
        replaced["fields"] = fields
        replaced["pages"] = tuple(map(_shown_page, notice.pages))
    return msgspec.structs.replace(notice, **replaced)


def _shown_page(page: PageChange) -> PageChange:
    fields = tuple(map(_shown_field, page.fields[:_FIELDS]))
    # Cut long before what is shown ends, so that user info is not taken for something else.
    url = printable_url(page.url[: _AHEAD * _URL], limit=_URL)
    return PageChange(url=url, status=page.status, fields=fields)


def _name(name: str) -> str:
    return printable(name[: _AHEAD * _NAME], limit=_NAME)


def _shown_field(field: FieldChange) -> FieldChange:
    old, new = readable(field.old, field.new, limit=_AHEAD * _VALUE)
    return FieldChange(name=_name(field.name), old=_value(old), new=_value(new))


def _value(text: str | None) -> str | None:
    return None if text is None else printable_sentence(text, limit=_VALUE)


def _lines(notice: Notice) -> Iterator[str]:
    yield f"at {_time(notice.at)}"
    match notice:
        case ChangeNotice():
            for page in notice.pages:
                yield f"{page.status.value} {page.url}"
                for field in page.fields[:_FIELDS_IN_TEXT]:
                    yield f"  {field.name}: {_quoted(field.old)} -> {_quoted(field.new)}"
                if (more := len(page.fields) - _FIELDS_IN_TEXT) > 0:
                    yield f"  and {counted(more, one='field', many='fields')} more"
            if notice.pages and (more := notice.total - len(notice.pages)) > 0:
                yield f"and {counted(more, one='page', many='pages')} more"
            if notice.fields:
                yield "fields: " + ", ".join(f"{name} ({number:,})" for name, number in notice.fields.items())
        case FailureNotice() | RecoveryNotice() if notice.lines:
            yield f"{counted(notice.lines, one='line', many='lines')}, {notice.failed:,} failed"
    if isinstance(notice, ChangeNotice | FailureNotice | RecoveryNotice):
        yield f"run {notice.run}"


def _quoted(value: str | None) -> str:
    return "nothing" if value is None else f'"{printable(value, limit=_VALUE_IN_TEXT)}"'


def _earlier_lines(earlier: Sequence[Earlier], total: int) -> Iterator[str]:
    if not total:
        return
    yield ""
    yield (
        "earlier, without a message of its own:"
        if total == 1
        else f"{total:,} earlier, without messages of their own:"
    )
    if total > len(earlier):
        yield f"  {total - len(earlier):,} not named, and"
    for one in earlier:
        yield f"  {_time(one.at)} {one.title}"


def _time(moment: datetime) -> str:
    return rfc3339(moment)


def _id(notice: Notice) -> str:
    what = getattr(notice, "run", None) or rfc3339(notice.at)
    digest = hashlib.sha256("\0".join((notice.job, kind_of(notice), what)).encode("utf-8", "replace"))
    return f"msg_{digest.hexdigest()[:32]}"


_encode = msgspec.json.Encoder().encode
