"""The records of a WARC file (ISO 28500, WARC/1.0 and 1.1), each for itself, over damage as well.

Nothing here knows HTTP. Whatever a file holds, memory is bounded by what is asked for of a block, and time by
the file's size.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from scraper.archives.unpacked import Exhausted, Torn, Unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

BEGINS = b"WARC/1."
_VERSION = re.compile(rb"WARC/1\.\d+[ \t]*\r?\n")
_MOST_HEAD_BYTES = 64 * 1024
"""Of a record's own fields; a URL is the longest of them."""
_MOST_LINES = 256
_BLOCK_END = b"\r\n\r\n"
_MAX_LENGTH = 1 << 62
ARC = b"filedesc://"


class WarcRecord(NamedTuple):
    """One record, with as much of its block as was asked for."""

    place: int | None
    """Where it can be read again (``record_at``); ``None`` inside of a compressed whole."""
    shown_place: int
    """About where it stands, for people."""
    fields: Mapping[str, str]
    """By lower-case name; the first value of each."""
    block: bytes
    length: int
    """Bytes that its block should have."""
    torn: str | None = None
    """What is wrong with the block, which has not the bytes that it should have."""
    behind: str | None = None
    """What is wrong with what follows, when the block is good by its digest."""


class Damage(NamedTuple):
    """A place where no record could be read."""

    place: int
    why: str


def warc_records(
    file: BinaryIO, *, wanted: Callable[[Mapping[str, str]], int], note_share: Callable[[float], None]
) -> Iterator[WarcRecord | Damage]:
    """Give the records of a file in its order, and what is damaged.

    Behind damage the next place is looked for that a record begins at.

    Args:
        file: At its beginning; it is not closed.
        wanted: Says by a record's fields how many bytes of its block to keep; 0 passes it over.
        note_share: Is told now and then how much of the file was read.
    """
    unpacked = Unpacked(file)
    search_from = 0
    while True:
        note_share(unpacked.read_share)
        try:
            if not _begin(unpacked):
                return
            search_from = unpacked.shown_place + 1
            record = _record(unpacked, wanted)
            yield record
            if record.torn is None and record.behind is None:
                continue
            # Its length may be wrong: then inside of it others begin.
            if record.behind is not None:
                yield Damage(record.shown_place, record.behind)
                search_from = max(search_from, unpacked.shown_place)
        except Torn as torn:
            yield Damage(unpacked.shown_place, str(torn))
            if isinstance(torn, Exhausted):
                return
        try:
            if not unpacked.seek_record(search_from, BEGINS):
                return
        except Exhausted as torn:
            yield Damage(unpacked.shown_place, str(torn))
            return


def record_at(file: BinaryIO, place: int, *, most_bytes: int) -> WarcRecord | None:
    """Return a record again by its place, ``None`` when there is none any more."""
    file.seek(place)
    unpacked = Unpacked(file)
    try:
        return _record(unpacked, lambda _: most_bytes) if unpacked.begin() else None
    except Torn:
        return None


def _begin(unpacked: Unpacked) -> bool:
    """Go to the next record, over the empty lines between two; ``False`` at the end."""
    while unpacked.begin():
        ahead = unpacked.peek(len(BEGINS))
        if ahead[:1] not in {b"\r", b"\n"}:
            return bool(ahead)
        unpacked.readline(2)
    return False


def _record(unpacked: Unpacked, wanted: Callable[[Mapping[str, str]], int]) -> WarcRecord:
    """Read a record.

    Raises:
        Torn: There is none, or its fields can't be read.
    """
    place, shown_place = unpacked.place, unpacked.shown_place
    fields = _fields(unpacked)
    text = fields.get("content-length", "")
    if not text.isascii() or not text.isdigit() or (length := int(text[:20])) > _MAX_LENGTH:
        raise Torn("a record does not say how long it is")
    kept = min(length, wanted(fields))
    block = bytearray()
    torn = behind = None
    try:
        unpacked.read_into(block, kept)
        there = len(block) + (unpacked.skip(length - kept) if len(block) == kept else 0)
        if there < length:
            torn = f"a record has {there:,} bytes where it says {length:,}"
        elif not _ends(unpacked):
            torn = "a record is longer than it says, or what follows is none"
    except Torn as error:
        torn = str(error)
    if torn is not None and len(block) == length and _is_proved(block, fields.get("warc-block-digest", "")):
        torn, behind = None, f"behind a whole record: {torn}"
    return WarcRecord(place, shown_place, fields, bytes(block), length, torn, behind)


def _is_proved(block: bytes | bytearray, digest: str) -> bool:
    """Return whether a block is what its digest says; digests of other kinds prove nothing."""
    kind, _, text = digest.partition(":")
    name = kind.strip().lower().replace("-", "")
    if name not in {"sha1", "sha256"}:
        return False
    found = hashlib.new(name, block, usedforsecurity=False)
    return text.strip().rstrip("=").upper() in {
        base64.b32encode(found.digest()).decode().rstrip("="),
        found.hexdigest().upper(),
    }


def _ends(unpacked: Unpacked) -> bool:
    """Return whether a block ends here: two line ends follow, of which some writers forget one or both."""
    ahead = unpacked.peek(len(_BLOCK_END) + len(BEGINS))
    rest = ahead.lstrip(b"\r\n")
    return not rest or (rest.startswith(BEGINS) if len(rest) >= len(BEGINS) else BEGINS.startswith(rest))


def _fields(unpacked: Unpacked) -> dict[str, str]:
    """Read a record's version and its fields (WARC 1.1, section 4).

    Raises:
        Torn: It is no record, or its fields have no end.
    """
    version = unpacked.readline(64)
    if not _VERSION.fullmatch(version):
        if ARC in version:
            raise Torn("this is an ARC file, the form before WARC: convert it first")
        raise Torn("here no WARC record begins")
    fields: dict[str, str] = {}
    name, left = "", _MOST_HEAD_BYTES
    for _ in range(_MOST_LINES):
        line = unpacked.readline(left)
        left -= len(line)
        if not line.endswith(b"\n"):
            raise Torn(
                "the fields of a record have no end" if left > 0 else "the fields of a record are too long"
            )
        text = line.decode("utf-8", "replace").strip("\r\n")
        if not text:
            return fields
        if text[0] in " \t" and name:
            fields[name] = f"{fields[name]} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name = name.strip().lower() if colon else ""
        if name:
            fields.setdefault(name, value.strip())
    raise Torn("the fields of a record are too many")
