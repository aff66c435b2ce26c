"""Standard output: as it is for programs, harmless on a terminal."""

from __future__ import annotations

import os
import sys

import msgspec
import pytest

from scraper.sinks.stdout import StandardOutputJournal

TITLE = "\x9b2J\u202eabc Grüße"
LINE = msgspec.json.encode({"title": TITLE}) + b"\n"


async def test_a_pipe_gets_the_bytes_of_the_record() -> None:
    reading, writing = os.pipe()
    await StandardOutputJournal(writing).append([LINE])
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == LINE


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
@pytest.mark.parametrize(("encoding", "umlaut"), [("utf-8", "ü".encode()), ("latin-1", b"\\u00fc")])
async def test_a_terminal_gets_the_same_with_controls_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, umlaut: bytes
) -> None:
    class Stream:
        pass

    stream = Stream()
    stream.encoding = encoding  # type: ignore[attr-defined]
    monkeypatch.setattr("scraper.sinks.stdout.sys.stdout", stream)
    outside, inside = os.openpty()
    try:
        await StandardOutputJournal(inside).append([LINE])
        shown = os.read(outside, 1000)
    finally:
        os.close(inside)
        os.close(outside)
    assert b"\\u009b2J\\u202eabc Gr" + umlaut in shown
    assert msgspec.json.decode(shown) == {"title": TITLE}
