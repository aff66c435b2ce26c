"""How another process asks the daemon: a Unix socket in each job's folder, one line of JSON each way.

It is the user's own (mode 0600), and whoever may write to the folder may do worse than ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from scraper.errors import ScraperError, UsageError
from scraper.schedule.model import RunRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

NAME: Final = ".control"
_MOST_BYTES: Final = 1 << 20
_WAIT_S: Final = 30.0
"""How long an answer may take; a disk that is busy with a run's end makes it wait."""
_MOST_WAITING: Final = 16
_PRIVATE: Final = 0o177
_STEPS: Final = 5
"""So often the loop goes round until one that has just come has a task; a server that is closed trips over
it (Python 3.11)."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    do: Literal["trigger", "pause", "resume", "health"]
    job: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    error: str | None = None
    """Why it can't be done, in one line."""
    run: RunRow | None = None
    """The run that was begun."""


_decode_asked = msgspec.json.Decoder(Asked).decode
_decode_answer = msgspec.json.Decoder(Answer, dec_hook=lambda kind, value: kind(value)).decode


@contextlib.asynccontextmanager
async def listening(folder: Path, answer: Callable[[Asked], Awaitable[Answer]]) -> AsyncIterator[None]:
    """Answer what is asked in a folder while the block lasts; the caller holds the folder's lock.

    Raises:
        OSError: There can be no socket.
    """
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server calls this in a task
        under_way.add(task)
        try:
            with contextlib.suppress(OSError, TimeoutError, ValueError):
                async with asyncio.timeout(_WAIT_S):
                    writer.write(_encoded(await _answered(await reader.readline(), answer)))
                    await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            under_way.discard(task)

    with _address(folder) as address:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)  # noqa: PTH108 - one that a killed daemon has left
        listener = socket.socket(socket.AF_UNIX)
        try:
            # Private from its first moment. No other thread of ours makes files that others are to read.
            before = os.umask(_PRIVATE)
            try:
                listener.bind(address)
            finally:
                os.umask(before)
            server = await asyncio.start_unix_server(
                serve, sock=listener, limit=_MOST_BYTES, backlog=_MOST_WAITING
            )
        except BaseException:
            listener.close()
            raise
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / NAME).unlink()
        for _ in range(_STEPS):
            await asyncio.sleep(0)
        server.close()
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(list(under_way))


async def _answered(line: bytes, answer: Callable[[Asked], Awaitable[Answer]]) -> Answer:
    try:
        return await answer(_decode_asked(line))
    except msgspec.MsgspecError:
        return Answer(error="not understood: the daemon is of another version")
    except ScraperError as error:
        return Answer(error=str(error))


def _encoded(answer: Answer) -> bytes:
    return msgspec.json.encode(answer, enc_hook=str) + b"\n"


def ask(folder: Path, asked: Asked) -> Answer | None:
    """Ask the daemon that has a folder, and return its answer; ``None`` when there is no daemon. Blocking.

    Raises:
        UsageError: It does not answer, or can't be asked.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_WAIT_S)
        try:
            with _address(folder) as address:
                line.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise UsageError(f"{folder / NAME}: the daemon can't be asked: {error.strerror}") from error
        try:
            line.sendall(msgspec.json.encode(asked) + b"\n")
            with line.makefile("rb") as answer:
                return _decode_answer(answer.readline(_MOST_BYTES))
        except (OSError, msgspec.MsgspecError) as error:
            raise UsageError(f"{folder / NAME}: the daemon does not answer") from error


def is_there(folder: Path) -> bool:
    """Return whether a daemon has a folder, as far as it can be asked. Blocking."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_WAIT_S)
        try:
            with _address(folder) as address:
                line.connect(address)
        except OSError:
            return False
        return True


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Give the socket's address while the block lasts: a path may be longer than addresses can be.

    On Linux any folder has a short name by a descriptor of it (proc(5), ``/proc/self/fd``).
    """
    if sys.platform != "linux":
        yield str(folder / NAME)
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)
