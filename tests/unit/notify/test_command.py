from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from scraper import loop
from scraper.notify.command import CommandTarget, run
from scraper.notify.delivery import NotDelivered
from scraper.notify.message import compose
from scraper.notify.notice import TestNotice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MESSAGE = compose(TestNotice(job="shop", at=datetime(2026, 11, 29, tzinfo=UTC)))


async def failure(*command: str, timeout_s: float = 60) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await CommandTarget(command, gets="json", timeout_s=timeout_s).deliver(MESSAGE)
    return caught.value


async def test_it_gets_json_or_text_and_its_arguments_as_they_are(tmp_path: Path) -> None:
    told, asked = tmp_path / "told", tmp_path / "asked"
    script = 'cat > "$1"; printf %s "$2" > "$3"'
    command = ["sh", "-c", script, "sh", str(told), "a b; $HOME `id`", str(asked)]
    await CommandTarget(command, gets="json", timeout_s=60).deliver(MESSAGE)
    assert json.loads(told.read_bytes())["notice"]["kind"] == "test"
    assert asked.read_text() == "a b; $HOME `id`"
    await CommandTarget(command, gets="text", timeout_s=60).deliver(MESSAGE)
    assert told.read_text() == f"{MESSAGE.title}\n{MESSAGE.text}\n"


@pytest.mark.parametrize("run_loop", [asyncio.run, loop.run], ids=["asyncio", "uvloop"])
def test_a_program_need_not_read_what_it_is_told(run_loop: object) -> None:
    assert callable(run_loop)
    assert run_loop(run(["true"], told=bytes(1 << 20), timeout_s=60)) == (0, b"")
    # What it leaves running holds both pipes open, and is not waited for.
    left = ["sh", "-c", "sleep 1000 <&0 & echo $! >&2; exit 5"]
    code, said = run_loop(run(left, told=bytes(1 << 20), timeout_s=60))
    os.kill(int(said), signal.SIGKILL)
    assert code == 5


@pytest.mark.parametrize(
    ("command", "told", "is_final"),
    [
        (["false"], "the command ended with 1", False),
        (["sh", "-c", "kill -9 $$"], "the command was killed by signal 9", False),
        (
            ["sh", "-c", "printf 'no \\033[2Jroute\\nto https://a:b@mail/' >&2; exit 75"],
            "the command ended with 75: no route to https://***@mail/",
            False,
        ),
        (["/no/such/program"], "the command can't be run: No such file or directory", True),
        (["/"], "the command can't be run: Permission denied", True),
    ],
)
async def test_how_a_command_fails(command: list[str], told: str, *, is_final: bool) -> None:
    caught = await failure(*command)
    assert str(caught) == told
    assert caught.is_final == is_final


async def test_only_the_end_of_what_it_says_is_kept() -> None:
    script = "import sys; sys.stderr.write('x' * 1_000_000 + 'the end')"
    code, said = await run([sys.executable, "-c", script], told=b"", timeout_s=60)
    assert (code, len(said), said[-8:]) == (0, 2048, b"xthe end")


# It says its number, ignores a polite end, and leaves another in its group that is as stubborn. Both hold the
# pipe that was named to them open.
STUBBORN = "trap '' TERM; exec 5> \"$1\"; echo $$ >&5; sleep 1000 & while :; do wait; done"


@contextlib.asynccontextmanager
async def listening(pipe: Path) -> AsyncIterator[asyncio.StreamReader]:
    """Read from a pipe, which ends when nobody has it open for writing any more."""
    reader = asyncio.StreamReader()
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), io.FileIO(descriptor)
    )
    try:
        async with asyncio.timeout(60):
            yield reader
    finally:
        transport.close()


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("scraper.notify.command._GRACE_S", 0.05)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


async def test_one_that_takes_too_long_ends_with_all_it_has_started(pipe: Path) -> None:
    async with listening(pipe) as reader:
        told = await failure("sh", "-c", STUBBORN, "sh", str(pipe), timeout_s=0.5)
        assert str(told) == "the command took more than 0.5 s and was ended"
        assert len((await reader.read()).splitlines()) == 1


async def test_one_that_is_cancelled_ends_too(pipe: Path) -> None:
    command = CommandTarget(["sh", "-c", STUBBORN, "sh", str(pipe)], gets="json", timeout_s=1000)
    async with listening(pipe) as reader, asyncio.TaskGroup() as group:
        task = group.create_task(command.deliver(MESSAGE), name="command")
        number = int(await reader.readline())
        assert os.getpgid(number) == number, "it has a group of its own"
        task.cancel()
        assert await reader.read() == b""
    assert task.cancelled()
