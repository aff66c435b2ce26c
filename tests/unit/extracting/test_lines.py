"""Which answers of an archive are one line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from scraper.archives.archived import Place
from scraper.archives.ledger import Ledger
from scraper.archives.reading import ArchiveReader
from scraper.archives.sources import Archives, Damaged
from scraper.errors import StateError
from scraper.exchange import Exchange, Purpose, Truncation
from scraper.extracting.lines import Lines, Ready
from scraper.record import Outcome
from scraper.settings.model import Settings
from scraper.sinks.warc_records import WarcRecords
from scraper.verdict.retries import RunBudget
from scraper.visit.assembly import decider_for, retries_for
from tests.support.warcs import HTML, Archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETTINGS = replace(Settings(), retry=replace(Settings().retry, retries=0))
HOST = "https://example.com"


class Told(NamedTuple):
    """What came of a line, in short."""

    seq: int
    url: str
    way: tuple[str, ...]
    """The redirects, and where they ended, as paths."""
    body: str
    outcome: Outcome | None = None
    """When it is not the answer's to say."""


def lines_of(*paths: Path, settings: Settings = SETTINGS) -> tuple[Lines, list[Ready | Damaged]]:
    decider = decider_for(settings, retries=retries_for(settings, budget=RunBudget(settings.retry)))
    with Ledger() as ledger:
        lines = Lines(ArchiveReader(Archives(paths), settings.fetch), ledger, decider=decider)
        found = list(lines.ready())
    assert lines.begun == len([one for one in found if isinstance(one, Ready)])
    return lines, found


def told(found: list[Ready | Damaged]) -> list[Told]:
    return [
        Told(
            one.request.seq,
            (one.request.url or "").removeprefix(HOST),
            tuple(
                url.removeprefix(HOST)
                for url in (*(hop.url for hop in one.request.redirects), one.answer.response.url)
            ),
            one.answer.response.body.decode(),
            one.ended.outcome if one.ended else one.answer.broken.outcome if one.answer.broken else None,
        )
        for one in found
        if isinstance(one, Ready)
    ]


def read(tmp_path: Path, write: Callable[[Archive], None]) -> list[Told]:
    path = tmp_path / "a.warc.gz"
    with Archive(path) as archive:
        write(archive)
    return told(lines_of(path)[1])


def page(archive: Archive, path: str, body: str) -> None:
    archive.response(f"{HOST}{path}", body.encode())


def test_redirects_are_joined_with_the_next_answer_of_where_they_lead(tmp_path: Path) -> None:
    def write(archive: Archive) -> None:
        page(archive, "/c", "too early")
        archive.redirect(f"{HOST}/a", "/b")
        page(archive, "/x", "between")
        archive.redirect(f"{HOST}/b", f"{HOST}/c#part", status="308 Moved")
        page(archive, "/c", "first")
        page(archive, "/c", "second")

    assert read(tmp_path, write) == [
        Told(0, "/c", ("/c",), "too early"),
        Told(2, "/x", ("/x",), "between"),
        Told(1, "/a", ("/a", "/b", "/c"), "first"),
        Told(3, "/c", ("/c",), "second"),
    ]


def test_two_that_lead_to_one_page_both_have_it(tmp_path: Path) -> None:
    def write(archive: Archive) -> None:
        archive.redirect(f"{HOST}/a", "/c")
        archive.redirect(f"{HOST}/b", "/c")
        page(archive, "/c", "once")

    assert read(tmp_path, write) == [
        Told(0, "/a", ("/a", "/c"), "once"),
        Told(1, "/b", ("/b", "/c"), "once"),
    ]


def test_where_nothing_comes_any_more_what_was_before_is_taken(tmp_path: Path) -> None:
    def write(archive: Archive) -> None:
        page(archive, "/c", "before")
        archive.redirect(f"{HOST}/b", "/c")
        archive.redirect(f"{HOST}/a", "/b")

    assert read(tmp_path, write) == [
        Told(0, "/c", ("/c",), "before"),
        Told(1, "/b", ("/b", "/c"), "before"),
        Told(2, "/a", ("/a", "/b", "/c"), "before"),
    ]


def test_what_leads_out_of_the_archive_is_told(tmp_path: Path) -> None:
    def write(archive: Archive) -> None:
        archive.redirect(f"{HOST}/a", "/b")
        archive.redirect(f"{HOST}/b", "https://elsewhere.example/")

    assert read(tmp_path, write) == [Told(0, "/a", ("/a", "/b"), "", Outcome.REDIRECT_ERROR)]


@pytest.mark.parametrize("location", ["/a", "/b", "mailto:x@example.com", ""])
def test_redirects_that_lead_nowhere_end_as_in_a_crawl(tmp_path: Path, location: str) -> None:
    def write(archive: Archive) -> None:
        archive.redirect(f"{HOST}/a", location)
        if location == "/b":
            archive.redirect(f"{HOST}/b", "/a")

    (one,) = read(tmp_path, write)
    # The rules say it when the record is made: a circle, no target, not http.
    assert (one.seq, one.url, one.outcome) == (0, "/a", None)


def test_no_more_redirects_are_joined_than_are_followed(tmp_path: Path) -> None:
    def write(archive: Archive) -> None:
        for number in range(14):
            archive.redirect(f"{HOST}/{number}", f"/{number + 1}")

    found = read(tmp_path, write)
    assert [(one.url, len(one.way)) for one in found] == [("/0", 11), ("/11", 3)]


@pytest.mark.parametrize(
    "without",
    [(), ("WARC-Refers-To",), ("WARC-Refers-To", "WARC-Refers-To-Target-URI"), ("WARC-Payload-Digest",)],
)
def test_a_revisit_has_the_body_of_the_earlier_answer(tmp_path: Path, without: tuple[str, ...]) -> None:
    def write(archive: Archive) -> None:
        earlier = archive.response(f"{HOST}/a", b"the body", HTML, ("X-A", "1"))
        archive.revisit(f"{HOST}/b", earlier, HTML, ("X-A", "2"), by=without)

    path = tmp_path / "a.warc.gz"
    with Archive(path) as archive:
        write(archive)
    _, found = lines_of(path)
    assert told(found) == [Told(0, "/a", ("/a",), "the body"), Told(1, "/b", ("/b",), "the body")]
    assert isinstance(found[1], Ready)
    assert found[1].answer.response.header("x-a") == "2"
    assert found[1].answer.response.wire_bytes == 8


def test_a_revisit_may_come_before_the_file_that_has_the_body(tmp_path: Path) -> None:
    one, two = tmp_path / "1.warc", tmp_path / "2.warc"
    with Archive(one) as first:
        earlier = first.response(f"{HOST}/a", b"the body")
    with Archive(two) as second:
        second.revisit(f"{HOST}/b", earlier)
    assert told(lines_of(two, one)[1]) == [
        Told(1, "/a", ("/a",), "the body"),
        Told(0, "/b", ("/b",), "the body"),
    ]
    assert told(lines_of(two)[1]) == [Told(0, "/b", ("/b",), "", Outcome.PARSE_ERROR)]


def test_a_page_that_had_not_changed_is_told_to_be_so(tmp_path: Path) -> None:
    def write(archive: Archive) -> None:
        archive.response(f"{HOST}/a", b"", ("ETag", '"x"'), status="304 Not Modified")

    assert read(tmp_path, write) == [Told(0, "/a", ("/a",), "", Outcome.NOT_MODIFIED)]


def test_a_redirect_may_lead_to_a_revisit(tmp_path: Path) -> None:
    def write(archive: Archive) -> None:
        earlier = archive.response(f"{HOST}/a", b"the body")
        archive.redirect(f"{HOST}/r", "/b")
        archive.revisit(f"{HOST}/b", earlier)
        archive.redirect(f"{HOST}/s", "/b")

    assert read(tmp_path, write) == [
        Told(0, "/a", ("/a",), "the body"),
        Told(1, "/r", ("/r", "/b"), "the body"),
        Told(2, "/s", ("/s", "/b"), "the body"),
    ]


def test_what_is_no_url_that_we_ask_for_has_a_line_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    with Archive(path) as archive:
        archive.response("https://user:secret@example.com/", b"x")
        archive.response(f"{HOST}/{'x' * 9000}", b"x")
    _, found = lines_of(path)
    for one in found:
        assert isinstance(one, Ready)
        assert one.request.url is None
        assert one.request.settled is not None
        assert one.request.settled.outcome is Outcome.INVALID_URL
    assert len(found) == 2


def test_a_full_disk_for_temporary_files_is_one_line() -> None:
    with Ledger() as ledger:
        ledger._db.execute("PRAGMA max_page_count=20")
        with pytest.raises(StateError, match=r"can't keep what was read, in .*full"):
            ledger.note_place(Place(0, 0), map(str, range(10_000)))


# --- archives of ours ---------------------------------------------------------------------------------


class Ours:
    """An archive as a crawl writes it."""

    def __init__(self, path: Path, at: datetime) -> None:
        self._path, self._at = path, at
        self._records = WarcRecords()
        self._data = self._records.opening(
            path.name, date="2024-01-01T00:00:00Z", facts={"software": "scraper/0"}
        )

    def add(
        self,
        path: str,
        body: bytes,
        purpose: Purpose,
        *,
        status: int = 200,
        location: str = "",
        header: tuple[bytes, bytes] = (b"X", b"y"),
        truncation: Truncation | None = None,
    ) -> None:
        """Add an exchange."""
        to = [(b"Location", location.encode())] if location else []
        headers = ((b"Content-Type", b"text/html"), header, *to)
        exchange = Exchange(
            url=f"{HOST}{path}",
            target=path,
            request_headers=(),
            http_version="1.1",
            status=status,
            reason="",
            headers=headers,
            body=body,
            truncation=truncation,
            at=self._at,
            ip=None,
        )
        self._data += self._records.group(exchange, purpose)

    def read(self, *, cut: int = 0) -> tuple[Lines, list[Ready | Damaged]]:
        """Write it, without so many bytes at its end, and read it."""
        self._path.write_bytes(self._data[: len(self._data) - cut])
        return lines_of(self._path)


@pytest.fixture
def ours(tmp_path: Path) -> Ours:
    return Ours(tmp_path / "a.warc.gz", datetime(2024, 1, 1, tzinfo=UTC))


def line(seq: int, url: str = "/a", **more: Any) -> Purpose:
    return msgspec.convert(
        {"kind": "page", "run": "r", "seq": seq, "input": f"{HOST}{url}", "url": f"{HOST}{url}", **more},
        Purpose,
    )


HOP = {"url": f"{HOST}/a", "status": 301, "location": "/b", "elapsed_s": 0.5}
TRY = {"at": "2024-01-01T00:00:00.000Z", "status": 503, "error": "http_error", "waited_s": 0.0}


def test_an_archive_of_ours_says_what_belongs_to_a_line(ours: Ours) -> None:
    robots = {"allowed": True, "rule": None, "status": 404, "crawl_delay": None}
    more: dict[str, Any] = {"extra": {"n": 10**30}, "depth": 2, "parent": 3, "robots": robots}
    ours.add("/robots.txt", b"", Purpose(kind="robots", run="r", origin=HOST))
    ours.add("/a", b"", line(7), status=301, location="/b")
    ours.add("/c", b"another", line(8, "/c"))
    ours.add("/b", b"busy", line(7, redirects=[HOP]), status=503)
    ours.add("/a", b"", line(7, tries=[TRY]), status=301, location="/b")
    ours.add("/b", b"the page", line(7, redirects=[HOP], tries=[TRY], **more))
    lines, found = ours.read()
    assert told(found) == [Told(8, "/c", ("/c",), "another"), Told(7, "/a", ("/a", "/b"), "the page")]
    assert (lines.joined, lines.robots) == (3, 1)
    assert isinstance(found[1], Ready)
    request = found[1].request
    assert (request.extra, request.depth, request.parent) == ({"n": 10**30}, 2, 3)
    assert (len(request.tries), request.robots and request.robots.status) == (1, 404)
    assert request.redirects[0].elapsed_s == 0.5


def test_bodies_of_ours_have_no_chunks_whatever_they_look_like(ours: Ours) -> None:
    ours.add("/a", b"5\r\nhello\r\n0\r\n\r\n", line(0), header=(b"Transfer-Encoding", b"chunked"))
    (one,) = ours.read()[1]
    assert isinstance(one, Ready)
    assert one.answer.response.body == b"5\r\nhello\r\n0\r\n\r\n"
    assert one.answer.response.header("transfer-encoding") == "chunked"


@pytest.mark.parametrize(
    ("truncation", "outcome"),
    [
        (Truncation.TIME, Outcome.TIMEOUT),
        (Truncation.DISCONNECT, Outcome.DISCONNECTED),
        (Truncation.UNSPECIFIED, Outcome.PROTOCOL_ERROR),
        (Truncation.LENGTH, None),
    ],
)
def test_what_was_cut_off_ends_as_in_the_crawl(
    ours: Ours, truncation: Truncation, outcome: Outcome | None
) -> None:
    ours.add("/a", b"half", line(0), truncation=truncation)
    (one,) = ours.read()[1]
    assert isinstance(one, Ready)
    assert (one.answer.broken.outcome if one.answer.broken else None) is outcome
    assert one.answer.response.truncated is (truncation is Truncation.LENGTH)


def test_the_last_try_of_a_line_is_its_answer(ours: Ours) -> None:
    ours.add("/a", b"busy", line(0), status=503)
    ours.add("/a", b"still busy", line(0, tries=[TRY]), status=503)
    lines, found = ours.read()
    assert told(found) == [Told(0, "/a", ("/a",), "still busy")]
    assert lines.joined == 1


def test_a_line_that_was_asked_again_after_a_crash_has_the_last_answer(ours: Ours) -> None:
    """The first may never have come to a record; the last has, or nobody would have stopped asking."""
    ours.add("/a", b"before the crash", line(0))
    ours.add("/b", b"", line(1, "/b"), status=301, location="/c")
    ours.add("/c", b"another", line(1, "/b", redirects=[HOP]))
    ours.add("/a", b"after it", line(0))
    lines, found = ours.read()
    assert told(found) == [Told(1, "/b", ("/a", "/c"), "another"), Told(0, "/a", ("/a",), "after it")]
    assert lines.joined == 2


def test_a_page_that_sent_its_readers_on_is_not_the_end(ours: Ours) -> None:
    ours.add("/a", b"<meta http-equiv=refresh content='0; /b'>", line(0))
    ours.add("/b", b"the page", line(0, redirects=[HOP]))
    assert told(ours.read()[1]) == [Told(0, "/a", ("/a", "/b"), "the page")]


def test_a_redirect_whose_target_never_answered_is_told(ours: Ours) -> None:
    ours.add("/a", b"", line(0), status=301, location="/b")
    assert told(ours.read()[1]) == [Told(0, "/a", ("/a",), "", Outcome.REDIRECT_ERROR)]


def test_an_answer_that_has_lost_its_line_is_damage(ours: Ours) -> None:
    ours.add("/a", b"the page", line(0))
    ours.add("/b", b"another", line(1, "/b"))
    lines, found = ours.read(cut=30)
    assert told(found) == [Told(0, "/a", ("/a",), "the page")]
    assert lines.damaged == 2


@pytest.mark.parametrize(
    "more",
    [
        {"url": "nonsense"},
        {"redirects": [{"url": "http://[", "status": 301, "location": "", "elapsed_s": 0}]},
    ],
)
def test_a_line_with_what_is_no_url_is_not_ours(ours: Ours, more: dict[str, Any]) -> None:
    ours.add("/a", b"the page", msgspec.structs.replace(line(9), **more))
    assert told(ours.read()[1]) == [Told(0, "/a", ("/a",), "the page")]


def test_metadata_of_others_says_nothing_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    with Archive(path) as archive:
        record = archive.response(f"{HOST}/a", b"x")
        answer = record.rec_headers.get_header("WARC-Record-ID")
        for block in (b"{}", b"[1]", b'{"seq": 3}', b'{"run": "r", "seq": -1}', b"\xff", b'{"kind": 3}'):
            archive.record(
                "metadata", f"{HOST}/a", block, Content_Type="application/json", WARC_Concurrent_To=answer
            )
    assert told(lines_of(path)[1]) == [Told(0, "/a", ("/a",), "x")]
