"""Heads that a strict parser refuses, put right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.head import head_end, may_become_head, mended_head

LINE = b"HTTP/1.1 200 OK\r\n"


def test_a_head_without_fault_stays_as_it_is() -> None:
    head = LINE + b"Content-Type: text/html\r\nX: y\r\nContent-Length: 2\r\n\r\n"
    assert mended_head(head) == (200, head)


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (b"http/1.0 404 gone", b"HTTP/1.0 404 gone"),
        (b"\r\n\r\n\r\nHTTP/1.1 200", b"HTTP/1.1 200 "),
        (b"abcdHTTP/1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/3.0\t 200\t OK\r", b"HTTP/1.1 200 OK"),
        (b"HTTP/0.9 200 OK", b"HTTP/1.0 200 OK"),
        (b"ICY 200 OK", b"HTTP/1.0 200 OK"),
        (b"HTTP/1.1 200 a\rb", b"HTTP/1.1 200 a b"),
    ],
)
def test_the_status_line_is_read_as_chrome_does(sent: bytes, line: bytes) -> None:
    assert mended_head(sent + b"\n\n") == (int(line[9:12]), line + b"\r\n\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0",
        b"abcdeHTTP/1.1 200 OK",
        b"HTTP/1.1 OK",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 020 OK",
        b"HTTP/1.1 200 OK\r\nX: \0",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2",
    ],
)
def test_what_no_browser_takes_is_not_mended(sent: bytes) -> None:
    assert mended_head(sent + b"\r\n\r\n") is None


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        (b"X : y\n", b"X: y\r\n"),
        (b"X Y: z\nA: b\n", b"A: b\r\n"),
        (b"nonsense\n: y\nA:b \n", b"A: b\r\n"),
        (b" folded: first\nA: b\n c\n\td\n", b"A: b c d\r\n"),
        (b"A: b\rC: d\n", b"A: b C: d\r\n"),
        (b"Content-Length: 2\nContent-Length: 2, 2\n", b"Content-Length: 2\r\n"),
        (b"Content-Length: -2\n", b""),
        (b"Content-Length: \n", b""),
        (b"Content-Length: " + b"9" * 5000 + b"\n", b""),
        (b"Content-Length: 9223372036854775808\n", b""),
        (b"Content-Length: 9223372036854775807\n", b"Content-Length: 9223372036854775807\r\n"),
        (b"Content-Length: 2\nTransfer-Encoding: Chunked\n", b"Transfer-Encoding: chunked\r\n"),
        (b"transfer-encoding: chunked, gzip, chunked\n", b"Transfer-Encoding: gzip, chunked\r\n"),
        (b"Transfer-Encoding: foo\nContent-Length: 2\n", b"Content-Length: 2\r\n"),
    ],
)
def test_headers_are_read_as_browsers_do(sent: bytes, fields: bytes) -> None:
    assert mended_head(LINE + sent + b"\n") == (200, LINE + fields + b"\r\n")


@given(
    st.lists(
        st.sampled_from(
            [b"HTTP/1.1 200 OK", b"\r", b"\n", b"\r\n", b":", b" ", b"X", b"Content-Length", b"2"]
        )
    ).map(b"".join)
)
def test_what_was_mended_needs_no_mending(sent: bytes) -> None:
    if mended := mended_head(sent):
        assert mended_head(mended[1]) == mended
        assert head_end(mended[1]) == len(mended[1])


@pytest.mark.parametrize(
    "sent", [b"\r\n" * 100, b"", b"h", b"abcdHTTP", b"\n\nic", b"HTTP/1.1 2", b"abhttp/"]
)
def test_what_may_become_a_head_is_waited_for(sent: bytes) -> None:
    assert may_become_head(sent)


@pytest.mark.parametrize("sent", [b"\x15\x03\x03\x00\x02\x02\x46", b"<title>", b"SSH-2.0", b"HTTPS/1.1"])
def test_what_can_not_become_a_head_is_not_waited_for(sent: bytes) -> None:
    assert not may_become_head(sent)


@pytest.mark.parametrize(
    ("sent", "end"), [(b"a\n\nb", 3), (b"a\r\n\r\nb", 5), (b"a\n\r\nb", 4), (b"a\r\n\r", None)]
)
def test_the_head_ends_at_the_empty_line(sent: bytes, end: int | None) -> None:
    assert head_end(sent) == end
