"""A WARC file, plain or compressed. Input: the file."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from scraper.archives.answers import AnswerReader, is_answer, line_of
from scraper.archives.archived import Archived
from scraper.archives.warc import Damage, WarcRecord, record_at, warc_records
from scraper.settings.model import FetchSettings

if TYPE_CHECKING:
    from typing import BinaryIO

_LONGEST = 100_000
_SETTINGS = FetchSettings(max_wire_bytes=20_000, max_body_bytes=30_000)
_READER = AnswerReader(_SETTINGS)
_ELSE_AT = datetime(2024, 1, 1, tzinfo=UTC)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Archived).decode


def fuzz(data: bytes) -> None:
    data = data[:_LONGEST]
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        _read(file, data)


def _read(file: BinaryIO, data: bytes) -> None:
    shares: list[float] = []
    most = _READER.most_bytes
    found = list(warc_records(file, wanted=lambda _: most, note_share=shares.append))
    # A place costs at least the bytes that are passed over to find the next one.
    assert len(found) <= 2 * len(data) + 1
    assert all(0.0 <= share <= 1.0 for share in shares)
    for one in found:
        if isinstance(one, Damage):
            assert 0 <= one.place <= len(data)
        else:
            _look_at(one, file, most)


def _look_at(record: WarcRecord, file: BinaryIO, most: int) -> None:
    assert len(record.block) <= record.length
    if record.torn is None:
        assert len(record.block) == min(record.length, most)
        if record.place is not None:
            again = record_at(file, record.place, most_bytes=most)
            assert again is not None, "it can't be read again"
            assert (again.fields, again.block) == (record.fields, record.block)
    line = line_of(record)
    if not is_answer(record.fields):
        return
    answer = _READER.answer(record, line=line, source=0, else_at=_ELSE_AT)
    if answer is None:
        assert record.torn is not None, "an answer without a head is lost"
        return
    response = answer.response
    assert len(response.body) <= _SETTINGS.max_body_bytes
    assert answer.broken is None or not response.body
    assert response.fetched_at.tzinfo is UTC
    assert _decode(_encode(answer)) == answer, "it reads back as another"
