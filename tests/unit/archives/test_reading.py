"""Answers of archives: as they were, however the program that wrote them kept them."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import brotli  # type: ignore[import-untyped]
import pytest
from msgspec.structs import replace

from scraper.archives.archived import Archived
from scraper.archives.reading import ArchiveReader
from scraper.archives.sources import Archives, Damaged, LeftOut
from scraper.record import Outcome
from scraper.settings.model import FetchSettings
from tests.support.warcs import HTML, Archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

URL = "https://example.com/"
PAGE = b"<title>A page</title>" + b"text " * 100
SETTINGS = FetchSettings()
CHUNKED = ("Transfer-Encoding", "chunked")


def chunks(body: bytes, *, size: int = 50, last: bytes = b"0\r\n\r\n") -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts) + last


def read(
    path: Path, write: Callable[[Archive], Any], settings: FetchSettings = SETTINGS
) -> list[Archived | Damaged | LeftOut]:
    with Archive(path) as archive:
        write(archive)
    return list(ArchiveReader(Archives((path,)), settings).read(note_share=lambda _: None))


def only(found: list[Archived | Damaged | LeftOut]) -> Archived:
    (one,) = (one for one in found if isinstance(one, Archived))
    return one


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.warc.gz"


def test_an_answer_is_as_it_was(path: Path) -> None:
    fields = {"WARC-Date": "2024-03-02T10:20:30.125Z", "WARC-IP-Address": "192.0.2.7"}
    headers = (HTML, ("X-A", "1"), ("x-a", "2"))
    answer = only(
        read(path, lambda a: a.response(URL, PAGE, *headers, status="404 Not  here", fields=fields))
    )
    response = answer.response
    assert answer.url == response.url == URL
    assert (response.status, response.reason, response.http_version) == (404, "Not  here", "1.1")
    assert response.headers == (("content-type", "text/html"), ("x-a", "1"), ("x-a", "2"))
    assert (response.body, response.wire_bytes, response.truncated) == (PAGE, len(PAGE), False)
    assert response.fetched_at == datetime(2024, 3, 2, 10, 20, 30, 125_000, UTC)
    assert (response.ip, response.is_timed) == ("192.0.2.7", False)
    assert answer.broken is None


CODED = {
    "gzip": gzip.compress(PAGE),
    "x-gzip": gzip.compress(PAGE),
    "deflate": zlib.compress(PAGE),
    "br": brotli.compress(PAGE),
}


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize("chunking", [None, True, False])
def test_codings_and_chunks_may_be_kept_or_gone(
    path: Path, coding: str, *, is_kept: bool, chunking: bool | None
) -> None:
    """``chunking``: said and true, said and not true, not said."""
    body = CODED[coding] if is_kept else PAGE
    headers = (HTML, ("Content-Encoding", coding), *([CHUNKED] if chunking is not None else []))
    sent = chunks(body) if chunking else body
    answer = only(read(path, lambda a: a.response(URL, sent, *headers)))
    assert answer.broken is None
    assert answer.response.body == PAGE
    assert answer.response.wire_bytes == len(body)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (chunks(PAGE, last=b""), b""),  # the last chunk never came
        (chunks(PAGE)[:-60], b""),
        (b"5\r\nhello, no chunk", b"5\r\nhello, no chunk"),
        (b"ffffffffffffff\r\nhello", b"ffffffffffffff\r\nhello"),
        (b"", b""),
        (b"0\r\n\r\n", b""),
    ],
)
def test_chunks_that_are_none(path: Path, sent: bytes, expected: bytes) -> None:
    answer = only(read(path, lambda a: a.response(URL, sent, HTML, CHUNKED)))
    assert answer.response.body == expected
    is_broken = len(sent) > 100
    assert (answer.broken is not None) == is_broken


def test_a_body_that_is_not_what_it_says_is_told(path: Path) -> None:
    sent = gzip.compress(PAGE)[:40]
    answer = only(read(path, lambda a: a.response(URL, sent, HTML, ("Content-Encoding", "gzip"))))
    assert answer.broken is not None
    assert (answer.broken.outcome, answer.broken.phase) == (Outcome.DECODE_ERROR, "decode")
    assert answer.response.status == 200


@pytest.mark.parametrize(
    ("truncated", "outcome"),
    [("time", Outcome.TIMEOUT), ("disconnect", Outcome.DISCONNECTED), ("unspecified", Outcome.DISCONNECTED)],
)
def test_what_was_cut_off_is_no_page(path: Path, truncated: str, outcome: Outcome) -> None:
    answer = only(read(path, lambda a: a.response(URL, PAGE, fields={"WARC-Truncated": truncated})))
    assert answer.broken is not None
    assert answer.broken.outcome is outcome
    assert answer.response.wire_bytes == len(PAGE)


def test_what_was_cut_for_its_length_is_read_as_far_as_it_goes(path: Path) -> None:
    sent = gzip.compress(PAGE + bytes(range(256)) * 40, 0)[:200]
    fields = {"WARC-Truncated": "length"}
    coded = ("Content-Encoding", "gzip")
    answer = only(read(path, lambda a: a.response(URL, sent, HTML, coded, fields=fields)))
    assert answer.broken is None
    assert answer.response.truncated
    assert answer.response.body.startswith(PAGE[:100])


@pytest.mark.parametrize("setting", ["max_wire_bytes", "max_body_bytes"])
def test_the_caps_of_the_settings_hold(path: Path, setting: str) -> None:
    settings = replace(SETTINGS, **{setting: 100})
    answer = only(read(path, lambda a: a.response(URL, PAGE), settings))
    assert answer.response.truncated
    assert answer.response.body == PAGE[:100]
    assert setting in str(answer.response.cut_by)


def test_a_bomb_in_a_body_is_cut_at_the_cap(path: Path) -> None:
    sent = gzip.compress(bytes(30 << 20), 9)
    answer = only(read(path, lambda a: a.response(URL, sent, HTML, ("Content-Encoding", "gzip"))))
    assert answer.response.truncated
    assert len(answer.response.body) <= 20 << 20


def test_a_page_saved_without_a_head_is_read_as_one(path: Path) -> None:
    answer = only(read(path, lambda a: a.record("resource", URL, PAGE, Content_Type="text/html")))
    assert (answer.response.status, answer.response.headers) == (200, (("content-type", "text/html"),))
    assert answer.response.body == PAGE


def test_what_is_no_page_is_left_out(path: Path) -> None:
    def write(archive: Archive) -> None:
        archive.info(software="x")
        archive.response("https://example.com/robots.txt", b"User-agent: *")
        archive.record("response", "dns:example.com", b"example.com. 1 IN A 192.0.2.1")
        archive.record("resource", "urn:pageinfo:https://example.com/", b"{}")
        archive.record("metadata", URL, b"outlink: x", Content_Type="application/warc-fields")
        archive.record("request", URL, b"GET / HTTP/1.1\r\n\r\n", Content_Type="application/http")
        archive.record("conversion", URL, b"text")

    found = read(path, write)
    assert sorted(one.kind for one in found if isinstance(one, LeftOut)) == ["other"] * 3 + ["robots"]
    assert len(found) == 4


def test_a_url_in_angle_brackets_is_one(path: Path) -> None:
    assert only(read(path, lambda a: a.response(f"<{URL}>", PAGE))).url == URL


def test_an_interim_answer_is_passed_over(path: Path) -> None:
    def write(archive: Archive) -> None:
        block = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nhello"
        archive.record("response", URL, block, Content_Type="application/http; msgtype=response")

    answer = only(read(path, write))
    assert (answer.response.status, answer.response.body) == (200, b"hello")
    assert answer.response.headers == (("a", "b"),)


@pytest.mark.parametrize(
    "block", [b"", b"<title>no head</title>", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 60_000]
)
def test_what_is_not_http_is_told(path: Path, block: bytes) -> None:
    kind = "application/http; msgtype=response"
    answer = only(read(path, lambda a: a.record("response", URL, block, Content_Type=kind)))
    assert answer.broken is not None
    assert answer.broken.outcome is Outcome.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("date", "header", "expected"),
    [
        ("2024-03-02T10:20:30Z", None, datetime(2024, 3, 2, 10, 20, 30, tzinfo=UTC)),
        ("2024-03-02", None, datetime(2024, 3, 2, tzinfo=UTC)),
        ("nonsense", "Sat, 02 Mar 2024 10:20:30 GMT", datetime(2024, 3, 2, 10, 20, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None, None),
        ("nonsense", "nonsense", None),
    ],
)
def test_when_it_was_fetched(path: Path, date: str, header: str | None, expected: datetime | None) -> None:
    headers = (HTML, *([("Date", header)] if header else []))
    answer = only(read(path, lambda a: a.response(URL, PAGE, *headers, fields={"WARC-Date": date})))
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert answer.response.fetched_at == (expected or modified)


def test_headers_of_odd_bytes_are_read_as_a_crawl_reads_them(path: Path) -> None:
    block = (
        b"HTTP/1.0 200 \xc3\xa4\xff\r\nX-Odd: caf\xe9\r\nBad Name: x\r\nnothing\r\nX: a\r\n b\r\n\r\nhello"
    )
    kind = "application/http; msgtype=response"
    response = only(read(path, lambda a: a.record("response", URL, block, Content_Type=kind))).response
    assert (response.reason, response.http_version) == ("ä\xff", "1.0")
    assert response.headers == (("x-odd", "café"), ("x", "a b"))


def test_a_torn_answer_is_told_with_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    with Archive(path) as archive:
        archive.response(URL, PAGE)
        whole = archive.tell()
    path.write_bytes(path.read_bytes()[: whole - 100])
    found = list(ArchiveReader(Archives((path,)), SETTINGS).read(note_share=lambda _: None))
    answer = only(found)
    assert answer.broken is not None
    assert (answer.broken.kind, answer.response.status, answer.response.body) == ("ArchiveTorn", 200, b"")
    (damage,) = (one for one in found if isinstance(one, Damaged))
    assert damage.name == "a.warc"
