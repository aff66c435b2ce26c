"""The process of a run, from the daemon's side: started, told, listened to, and seen to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final, Self

import msgspec

from scraper.errors import RunError
from scraper.schedule.pipes import MOST_BYTES, Begin, Drain, Ended, Remark, decode_news, encode
from scraper.settings.child_environment import child_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from scraper.schedule.model import LiveRun

_PROGRAM: Final = """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
from scraper.schedule.child import main
main()
"""
"""A terminal and a service manager send their signals to all of us; the daemon says what a run is to make of
them. Before anything else, since importing takes a second."""


class RunProcess:
    """A running child. ``open`` gives one, and kills it if it is still there in the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, begin: Begin) -> AsyncIterator[Self]:
        """Start a child with its first order.

        Raises:
            RunError: No process can be started.
        """
        try:
            process = await _started()
        except OSError as error:
            raise RunError(f"no process can be started: {error.strerror}") from error
        run = cls(process)
        try:
            run._send(begin)
            yield run
        finally:
            run.kill()
            await process.wait()

    async def listen(self, note: Callable[[LiveRun], None], say: Callable[[str], None]) -> Ended:
        """Take news until the child has ended, and return its last word; ``say`` is given remarks.

        A child that dies without one has died of something: that is told in its place.
        """
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - tells the type checker what the call below has asked for
        last: Ended | None = None
        try:
            while line := await stdout.readline():
                news = decode_news(line)
                if isinstance(news, Ended):
                    last = news
                elif isinstance(news, Remark):
                    say(news.text)
                else:
                    note(news.live)
        except (msgspec.MsgspecError, ValueError):  # ValueError: a line beyond the limit
            self.kill()
        code = await self._process.wait()
        return last or Ended(complete=False, error=_died(code))

    def drain(self, reason: str) -> None:
        """Have the run finish what is under way; said again, give that up too."""
        self._send(Drain(reason))

    def kill(self) -> None:
        """End the child on the spot, if it is still there."""
        # Not by asyncio's own way: that has ``subprocess`` look first whether it has ended, which takes its
        # exit code from asyncio when it just has.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def _send(self, order: Begin | Drain) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - as above
        if not stdin.is_closing():
            stdin.write(encode(order) + b"\n")


def _died(code: int) -> str:
    if code >= 0:
        return f"its process has ended with exit code {code} and said nothing"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        name = f"signal {-code}"
    return f"its process was killed by {name}"


async def _started() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-c",
        _PROGRAM,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=MOST_BYTES,
        env=child_environment(),
    )
