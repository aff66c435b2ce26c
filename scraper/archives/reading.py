"""The answers of WARC files, one after the other, with what belongs to each; and one of them again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scraper.archives.answers import MAX_LINE_BYTES, AnswerReader, is_answer, line_of
from scraper.archives.sources import Damaged, LeftOut
from scraper.archives.warc import Damage, WarcRecord, record_at, warc_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from scraper.archives.archived import Archived, Line, Place
    from scraper.archives.sources import Archives
    from scraper.settings.model import FetchSettings

_BESIDE = frozenset({"request", "metadata", "warcinfo"})
"""Types of records that tell of others."""
_OURS = re.compile(rb"software: scraper/")
"""How the warcinfo begins of an archive that a crawl wrote."""
_ROBOTS = re.compile(r"https?://[^/?#]*/robots\.txt(?:[?#]|\Z)", re.IGNORECASE)


class ArchiveReader:
    """Reads archives in their order, and single answers again; blocking, for one thread at a time."""

    def __init__(self, archives: Archives, settings: FetchSettings) -> None:
        self._files = archives.files
        self._answers = AnswerReader(settings)
        self._sizes = [path.stat().st_size for path in self._files]

    def read(self, *, note_share: Callable[[float], None]) -> Iterator[Archived | Damaged | LeftOut]:
        """Give all answers, all damage, and what is left out.

        Args:
            note_share: Is told how much of all files was read.
        """
        whole = sum(self._sizes) or 1
        for number, path in enumerate(self._files):
            before, size = sum(self._sizes[:number]), self._sizes[number]

            def note(share: float, before: int = before, size: int = size) -> None:
                note_share((before + share * size) / whole)

            yield from self._read_file(number, path, note)

    def lines(self) -> Iterator[Line]:
        """Give what archives of ours say of the lines of their answers; those of others are not read for it.

        A line that was tried again, redirected, or asked once more after a crash has several answers, and
        the last of them is that of its record: to know it, all have to be seen.
        """
        for path in self._files:
            with path.open("rb") as file:
                records = warc_records(file, wanted=_wanted_of_lines, note_share=_ignored)
                first = next(records, None)
                if not isinstance(first, WarcRecord) or not _OURS.match(first.block):
                    continue
                for record in records:
                    if isinstance(record, WarcRecord) and (line := line_of(record)) is not None:
                        yield line

    def again(self, place: Place) -> Archived | None:
        """Return an answer once more, ``None`` when it is not there any more."""
        path = self._files[place.source]
        with path.open("rb") as file:
            record = record_at(file, place.at, most_bytes=self._answers.most_bytes)
        if record is None or not is_answer(record.fields):
            return None
        return self._answers.answer(record, line=None, source=place.source, else_at=_modified(path))

    def _read_file(
        self, number: int, path: Path, note_share: Callable[[float], None]
    ) -> Iterator[Archived | Damaged | LeftOut]:
        answers = _Answers(self._answers, number, path)
        with path.open("rb") as file:
            for record in warc_records(file, wanted=self._wanted, note_share=note_share):
                if isinstance(record, Damage):
                    yield Damaged(path.name, record.place, record.why)
                    continue
                yield from answers.of(record)
                if record.torn is not None:
                    yield Damaged(path.name, record.shown_place, record.torn)
        yield from answers.held()

    def _wanted(self, fields: Mapping[str, str]) -> int:
        """Return how much is wanted of a record's block."""
        if is_answer(fields):
            return self._answers.most_bytes
        return MAX_LINE_BYTES if fields.get("warc-type", "").lower() == "metadata" else 0


def _wanted_of_lines(fields: Mapping[str, str]) -> int:
    return MAX_LINE_BYTES if fields.get("warc-type", "").lower() in {"metadata", "warcinfo"} else 0


def _ignored(_: float) -> None:
    """Take no note: what is read before the beginning is no progress."""


class _Answers:
    """Makes the answers of one file: what an archive of ours says of a line stands behind the answer."""

    def __init__(self, reader: AnswerReader, number: int, path: Path) -> None:
        self._reader = reader
        self._number = number
        self._name = path.name
        self._else_at = _modified(path)
        self._held: WarcRecord | None = None
        self._has_lines = False

    def of(self, record: WarcRecord) -> Iterator[Archived | Damaged | LeftOut]:
        """Take a record; give the answer before it if that is whole with it."""
        kind = record.fields.get("warc-type", "").lower()
        if kind == "metadata" and self._held is not None and _is_of(record, self._held):
            yield from self.held(line_of(record))
        elif is_answer(record.fields):
            yield from self.held()
            self._held = record
        elif kind not in _BESIDE:
            yield LeftOut("other")

    def held(self, line: Line | None = None) -> Iterator[Archived | Damaged | LeftOut]:
        """Give the answer that was held back, with its line."""
        record, self._held = self._held, None
        if record is None:
            return
        answer = self._reader.answer(record, line=line, source=self._number, else_at=self._else_at)
        if answer is None:  # torn, which is told, before its head was whole
            return
        self._has_lines = self._has_lines or line is not None
        if line is None and self._has_lines:
            # Ours always say it: what comes after an answer was lost.
            yield Damaged(self._name, record.shown_place, "an answer that does not say which line it was for")
            return
        is_robots = line.kind == "robots" if line else _ROBOTS.match(answer.url)
        yield LeftOut("robots") if is_robots else answer


def _is_of(record: WarcRecord, answer: WarcRecord) -> bool:
    named = record.fields.get("warc-concurrent-to")
    return bool(named) and named == answer.fields.get("warc-record-id")


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
