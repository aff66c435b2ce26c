"""Records of WARC files: whatever is damaged, what stands before and behind it is read."""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]

from scraper.archives import unpacked
from scraper.archives.warc import Damage, WarcRecord, record_at, warc_records
from tests.support.warcs import Archive

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST = 1 << 20


def member(block: bytes, *, length: int | None = None, kind: str = "response", extra: str = "") -> bytes:
    """A record as it stands in a plain file."""
    size = len(block) if length is None else length
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\n{extra}Content-Length: {size}\r\n\r\n"
    return head.encode() + block + b"\r\n\r\n"


def read(path: Path, *, most: int = MOST) -> list[WarcRecord | Damage]:
    with path.open("rb") as file:
        return list(warc_records(file, wanted=lambda _: most, note_share=lambda _: None))


def shown(found: Iterable[WarcRecord | Damage]) -> list[str]:
    """Blocks of whole records, ``torn`` for others, ``!`` for damage."""
    return [
        "!"
        if isinstance(one, Damage)
        else "torn"
        if one.torn
        else one.block.decode() + (" and behind" if one.behind else "")
        for one in found
    ]


def as_plain(records: list[bytes]) -> bytes:
    return b"".join(records)


def by_record(records: list[bytes]) -> bytes:
    return b"".join(map(gzip.compress, records))


def as_a_whole(records: list[bytes]) -> bytes:
    return gzip.compress(b"".join(records))


THREE = [member(b"one"), member(b"two"), member(b"three")]
packed = pytest.mark.parametrize("pack", [as_plain, by_record, as_a_whole])


@packed
@pytest.mark.parametrize("version", [b"WARC/1.0", b"WARC/1.1"])
def test_all_records_are_read_in_order(tmp_path: Path, pack: Any, version: bytes) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(pack([one.replace(b"WARC/1.1", version) for one in THREE]))
    assert shown(read(path)) == ["one", "two", "three"]


@pytest.mark.parametrize(("pack", "has_places"), [(as_plain, True), (by_record, True), (as_a_whole, False)])
def test_a_record_can_be_read_again_by_its_place(tmp_path: Path, pack: Any, *, has_places: bool) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(pack(THREE))
    places = [one.place for one in read(path) if isinstance(one, WarcRecord)]
    assert [place is not None for place in places] == [True, has_places, has_places]
    with path.open("rb") as file:
        for place, block in zip(places, (b"one", b"two", b"three"), strict=True):
            if place is not None:
                again = record_at(file, place, most_bytes=MOST)
                assert again is not None
                assert again.block == block
        assert record_at(file, 3, most_bytes=MOST) is None


@packed
def test_no_more_of_a_block_is_kept_than_was_asked_for(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(pack([member(b"x" * 300_000), member(b"two")]))
    (first, second) = (one for one in read(path, most=100) if isinstance(one, WarcRecord))
    assert (len(first.block), first.length, first.torn) == (100, 300_000, None)
    assert second.block == b"two"


@given(blocks=st.lists(st.binary(max_size=3000), max_size=6), compressed=st.booleans())
def test_what_warcio_writes_is_read_as_warcio_reads_it(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[bytes], *, compressed: bool
) -> None:
    path = tmp_path_factory.mktemp("warc") / ("a.warc.gz" if compressed else "a.warc")
    with Archive(path) as archive:
        archive.info(software="a test")
        for number, block in enumerate(blocks):
            archive.response(f"https://example.com/{number}", block)
    with path.open("rb") as file:
        theirs = [
            (one.rec_type, one.rec_headers.get_header("WARC-Target-URI"), one.content_stream().read())
            for one in ArchiveIterator(file)
        ]
    ours = [one for one in read(path) if isinstance(one, WarcRecord)]
    assert len(ours) == len(theirs)
    for one, (kind, url, content) in zip(ours, theirs, strict=True):
        assert (one.fields["warc-type"], one.fields.get("warc-target-uri"), one.torn) == (kind, url, None)
        assert one.block.endswith(content)


DAMAGED = {
    "the first record's version": ([b"\r\nNONSENSE/1.1" + THREE[0], *THREE[1:]], ["!", "two", "three"]),
    "a record without a length": (
        [THREE[0], member(b"two").replace(b"Content-Length", b"Content-Width"), THREE[2]],
        ["one", "!", "three"],
    ),
    "a length that is none": ([THREE[0], member(b"two", length=-3), THREE[2]], ["one", "!", "three"]),
    "a length beyond the end": (
        [THREE[0], member(b"two", length=10**15), THREE[2]],
        ["one", "torn", "three"],
    ),
    "a length that no file has": (
        [THREE[0], member(b"two").replace(b"Length: 3", b"Length: " + b"9" * 40), THREE[2]],
        ["one", "!", "three"],
    ),
    "a length within the next record": (
        [THREE[0], member(b"two", length=60), THREE[2]],
        ["one", "torn", "three"],
    ),
    "a length that is too short": (
        [THREE[0], member(b"twotwo", length=3), THREE[2]],
        ["one", "torn", "three"],
    ),
    "fields without an end": ([THREE[0], b"WARC/1.1\r\nA: b\r\n" * 300, THREE[2]], ["one", "!", "three"]),
    "a field that is too long": (
        [THREE[0], member(b"two", extra=f"X: {'y' * 70_000}\r\n"), THREE[2]],
        ["one", "!", "three"],
    ),
}


@pytest.mark.parametrize("what", DAMAGED)
@pytest.mark.parametrize("pack", [as_plain, by_record])
def test_behind_damage_it_goes_on(tmp_path: Path, pack: Any, what: str) -> None:
    records, expected = DAMAGED[what]
    path = tmp_path / "a.warc"
    path.write_bytes(pack(records))
    found = shown(read(path))
    # Junk within a compressed file is found once where it stands and once where it ends.
    assert [one for one in found if one != "!"] == [one for one in expected if one != "!"]
    assert ("!" in found) == ("!" in expected)


def test_bytes_that_are_lost_cost_only_their_own_record(tmp_path: Path) -> None:
    blocks = [bytes(f"block {number} ", "ascii") * 50 for number in range(5)]
    whole = by_record([member(block) for block in blocks])
    starts = [at for at in range(len(whole)) if whole.startswith(b"\x1f\x8b\x08", at)]
    path = tmp_path / "a.warc.gz"
    for cut in (20, 40):
        at = starts[2] + cut
        path.write_bytes(whole[:at] + whole[at + 5 :])
        found = shown(read(path))
        assert [one for one in found if one.startswith("block")] == [
            block.decode() for number, block in enumerate(blocks) if number != 2
        ]
        assert len(found) > 4


@pytest.mark.parametrize("pack", [as_plain, by_record])
def test_a_file_that_breaks_off_gives_what_was_whole(tmp_path: Path, pack: Any) -> None:
    whole = pack(THREE)
    path = tmp_path / "a.warc"
    path.write_bytes(whole[:-12])
    found = read(path)
    assert shown(found)[:2] == ["one", "two"]
    assert len(found) <= 3


def test_a_block_that_its_digest_proves_is_whole_whatever_follows(tmp_path: Path) -> None:
    digest = f"WARC-Block-Digest: sha1:{base64.b32encode(hashlib.sha1(b'two').digest()).decode()}\r\n"  # noqa: S324
    path = tmp_path / "a.warc"
    path.write_bytes(THREE[0] + member(b"two", extra=digest) + b"some junk\r\n" + THREE[2])
    assert shown(read(path)) == ["one", "two and behind", "!", "three"]
    path.write_bytes(THREE[0] + member(b"two") + b"some junk\r\n" + THREE[2])
    assert shown(read(path)) == ["one", "torn", "three"]


def test_a_record_inside_of_a_block_that_is_whole_is_none(tmp_path: Path) -> None:
    block = b"an archive:\n" + member(b"inside")
    digest = f"WARC-Block-Digest: sha256:{hashlib.sha256(block).hexdigest()}\r\n"
    path = tmp_path / "a.warc"
    path.write_bytes(member(block, extra=digest) + b"some junk\r\n" + THREE[2])
    first, damage, last = read(path)
    assert isinstance(first, WarcRecord)
    assert (first.block, first.torn) == (block, None)
    assert shown([damage, last]) == ["!", "three"]


def test_a_bomb_is_given_up_and_what_is_behind_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacked, "_RATIO_FREE_BYTES", 1 << 20)
    inside = zlib.compressobj(9, wbits=31)
    head = b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 3000000\r\n\r\n"
    bomb = inside.compress(head) + inside.compress(bytes(3_000_000)) + inside.flush()
    path = tmp_path / "a.warc.gz"
    path.write_bytes(by_record(THREE[:1]) + bomb + by_record(THREE[2:]))
    found = read(path)
    assert shown(found) == ["one", "torn", "three"]
    assert "unpacks to more than 200 times" in str(found[1])


def test_damage_within_damage_does_not_read_a_file_over_and_over(tmp_path: Path) -> None:
    """Each of these claims to go on to the end, so that each is read to there and searched again."""
    once = bytes(zlib.compress(member(bytes(100), length=1 << 40), wbits=31))[:-9]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(once * 1000)
    found = read(path)
    assert len(found) <= 2001


def test_an_arc_file_is_told_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "a.arc"
    path.write_bytes(b"filedesc://a.arc 0.0.0.0 20100101000000 text/plain 76\n1 0 x\n")
    (damage,) = read(path)
    assert isinstance(damage, Damage)
    assert "ARC file" in damage.why


@pytest.mark.parametrize("content", [b"", b"\r\n\r\n", gzip.compress(b"", mtime=0), bytes(100)])
def test_an_empty_file_has_no_records(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(content)
    assert shown(read(path)) in ([], ["!"])


@given(data=st.data())
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([as_plain(THREE), by_record(THREE), as_a_whole(THREE)]))
    at = data.draw(st.integers(0, len(whole)))
    upto = data.draw(st.integers(at, len(whole)))
    junk = data.draw(st.one_of(st.binary(max_size=50), st.sampled_from([b"WARC/1.0\r\n", b"\x1f\x8b\x08"])))
    path = tmp_path_factory.mktemp("warc") / "a.warc"
    path.write_bytes(whole[:at] + junk + whole[upto:])
    for one in read(path):
        assert isinstance(one, WarcRecord | Damage)
