from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import SourceError
from scraper.sources.lines import CHUNK_BYTES, KEPT_BYTES, MAX_LINE_BYTES, _gunzipped, decoded, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable


class Pieces:
    """A raw stream that gives just these pieces, one a read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read(self, _size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def _lines(*pieces: bytes) -> list[bytes]:
    return list(read_lines(Pieces(pieces), name="list.txt"))


_pieces = st.lists(st.text("ab\r\n\x1f\x8b\ufeff").map(str.encode))


@given(_pieces)
def test_how_the_bytes_come_in_makes_no_difference(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert _lines(*pieces) == whole.removeprefix("\ufeff".encode()).splitlines(keepends=True)


@given(st.lists(st.text("ab\r\n").map(str.encode), max_size=4), st.integers(1, 60))
def test_gzip_is_read_whatever_its_members_and_however_it_comes_in(members: list[bytes], size: int) -> None:
    packed = b"".join(map(gzip.compress, members)) + bytes(len(members))
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    expected = b"".join(members).splitlines(keepends=True) if members else []
    assert _lines(*pieces) == expected


def test_a_line_without_an_end_comes_last() -> None:
    assert _lines(b"a\nb") == [b"a\n", b"b"]


@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_a_gzip_bomb_comes_in_bounded_pieces() -> None:
    bomb = gzip.compress(b"x" * (50 * 1024 * 1024))
    assert max(map(len, _gunzipped(iter([bomb])))) <= CHUNK_BYTES
    assert [len(line) for line in read_lines(Pieces([bomb]), name="bomb.gz")] == [KEPT_BYTES]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize("size", [1000, 65_536, 10_000_000])
@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_a_line_past_the_limit_is_cut_and_the_next_is_whole(end: bytes, size: int) -> None:
    data = b"x" * (MAX_LINE_BYTES + 70_000) + end + (b"next\n" if end else b"")
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert _lines(*pieces) == [b"x" * KEPT_BYTES, *([b"next\n"] if end else [])]


def test_a_line_at_the_limit_is_whole() -> None:
    line = b"x" * (MAX_LINE_BYTES - 1) + b"\n"
    assert _lines(line, b"y") == [line, b"y"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage after"])
def test_broken_gzip_names_the_file_and_the_last_whole_line(damage: str) -> None:
    packed = bytearray(gzip.compress(b"".join(b"line %d\n" % number for number in range(3))))
    if damage == "cut":
        del packed[-8:]
    elif damage == "flipped":
        packed[-6] ^= 0xFF
    else:
        packed += b"garbage"
    lines = read_lines(Pieces([bytes(packed)]), name="list.gz")
    got: list[bytes] = []
    with pytest.raises(SourceError, match=r"^list\.gz: broken gzip data after line \d: "):
        got.extend(lines)


def test_gzip_cut_in_the_middle_gives_its_lines_first() -> None:
    packed = gzip.compress(b"".join(b"%d\n" % (number * 7919) for number in range(50_000)))
    got: list[bytes] = []
    with pytest.raises(SourceError) as caught:
        got.extend(read_lines(Pieces([packed[:-100]]), name="list.gz"))
    assert got
    assert f"after line {len(got)}:" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_the_remedy(encoding: str) -> None:
    with pytest.raises(SourceError, match="save the list as UTF-8"):
        _lines("\ufeffhttp://a.com/".encode(encoding))


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\x01\0\0\nb", "a.com\n".encode("utf-16-le"), b"a.com\nb.com\0", b"\0"]
)
def test_what_is_no_text_is_refused_as_a_whole(data: bytes) -> None:
    for given_as in (data, gzip.compress(data)):
        with pytest.raises(SourceError, match=r"\Alist\.txt: .* NUL .*; save the list as UTF-8 text\Z"):
            _lines(given_as)


def test_a_nul_further_on_costs_its_line_only() -> None:
    line = b"a.com\n"
    many = CHUNK_BYTES // len(line) + 1
    assert _lines(line * many, b"\0\n", line) == [line] * many + [b"\0\n", line]


def test_a_read_that_fails_is_the_sources_error() -> None:
    class Broken:
        def read(self, _size: int, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(SourceError, match=r"list\.txt: can't be read after line 0: Input/output error"):
        list(read_lines(Broken(), name="list.txt"))


def test_what_may_block_is_announced_before_each_read() -> None:
    calls: list[int] = []
    got: list[bytes] = []
    raw = Pieces([b"a\nb", b"\n"])
    for line in read_lines(raw, name="-", before_read=lambda: calls.append(len(got))):
        got.append(line)  # noqa: PERF402 - the hook looks at it meanwhile
    assert calls == [0, 1, 2]


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert decoded(b"http://a.com/\xe9") == "http://a.com/\ufffd"


def test_a_real_file_object_will_do() -> None:
    assert list(read_lines(io.BytesIO(b"a\n"), name="x")) == [b"a\n"]
