"""The head of an answer that a strict parser refuses, put right. Input: what came up to the empty line."""

from __future__ import annotations

import re

from scraper.fetch.head import head_end, is_interim, may_become_head, mended_head

_field = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: (?:[^\r\n\0]*)").fullmatch
_status_line = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2} [^\r\n\0]*").fullmatch


def fuzz(data: bytes) -> None:
    end = head_end(data)
    assert end is None or data[:end].endswith((b"\n\n", b"\n\r\n"))
    may_become_head(data)
    mended = mended_head(data if end is None else data[:end])
    if mended is None:
        return
    status, head = mended
    assert 100 <= status <= 999
    is_interim(status)
    first, *lines, nothing, rest = head.split(b"\r\n")
    assert (nothing, rest) == (b"", b"")
    assert _status_line(first), f"no status line: {first!r}"
    for line in lines:
        assert _field(line), f"no header: {line!r}"
    assert head_end(head) == len(head), "it ends before its end: what follows would be another answer"
    _assert_one_length(lines)
    assert mended_head(head) == mended, "put right once more it is another head"


def _assert_one_length(lines: list[bytes]) -> None:
    """One statement on where the body ends (RFC 9112 section 6.3), or two readers see two answers."""
    names = [line.partition(b":")[0].lower() for line in lines]
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    for line in lines:
        name, _, value = line.partition(b": ")
        if name.lower() == b"content-length":
            assert value.isdigit()
