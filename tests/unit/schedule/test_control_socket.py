"""How another process asks the daemon."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from scraper.errors import UsageError
from scraper.schedule.control_socket import NAME, Answer, Asked, ask, is_there, listening
from tests.unit.schedule.rows import a_row

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets of POSIX")


async def answer(asked: Asked) -> Answer:
    if asked.do == "pause":
        raise UsageError("it can't pause")
    return Answer(run=a_row(1, job=asked.job))


async def test_what_is_asked_is_answered(tmp_path: Path) -> None:
    async with listening(tmp_path, answer):
        assert stat.S_IMODE(os.stat(tmp_path / NAME).st_mode) == 0o600  # noqa: PTH116 - at once
        found = await asyncio.to_thread(ask, tmp_path, Asked(do="trigger", job="b"))
        assert found == Answer(run=a_row(1, job="b"))
        refused = await asyncio.to_thread(ask, tmp_path, Asked(do="pause", job="b"))
        assert refused == Answer(error="it can't pause")
        assert await asyncio.to_thread(is_there, tmp_path)
    assert ask(tmp_path, Asked(do="trigger", job="b")) is None
    assert not is_there(tmp_path)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing else runs


async def test_a_socket_that_a_killed_daemon_has_left_is_no_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / NAME))
    assert ask(tmp_path, Asked(do="trigger", job="b")) is None
    async with listening(tmp_path, answer):
        assert await asyncio.to_thread(is_there, tmp_path)


async def test_what_is_not_understood_is_told_and_ends_nothing(tmp_path: Path) -> None:
    def talk(text: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(tmp_path / NAME))
            line.sendall(text)
            line.shutdown(socket.SHUT_WR)
            return line.recv(500)

    async with listening(tmp_path, answer):
        for text in (b"", b"{}\n", b'{"do":"destroy","job":"b"}\n', b"\xff\xfe\n"):
            assert b"not understood" in await asyncio.to_thread(talk, text)
        assert await asyncio.to_thread(is_there, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="folders have short names there")
async def test_a_folder_may_have_a_long_name(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    async with listening(folder, answer):
        found = await asyncio.to_thread(ask, folder, Asked(do="trigger", job="b"))
        assert found == Answer(run=a_row(1, job="b"))
