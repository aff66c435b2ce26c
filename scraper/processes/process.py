"""One child process: started, talked to, and waited for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from scraper.errors import RunError
from scraper.processes.black_box import BlackBox, new_box_file
from scraper.processes.frames import Line, News, Order, Start, decode_news, encode_order
from scraper.settings.child_environment import child_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_LEAVE_S = 5.0
"""What a child whose line is closed may take to end; it has nothing to do any more."""
_PROGRAM = """
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
from scraper.processes.child import main
main()
"""
"""Who stops the run stops its process, which then says when a child is to end: a terminal and a service
manager send their signals to all of us. Before anything else, since importing takes a second."""
_ITS_OWN = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGABRT,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGSYS,
        signal.SIGPROF,
    }
)
"""What a process does to itself, or has asked for. Others, SIGKILL most of all, come from outside."""


class Death:
    """How a child ended. Pure."""

    def __init__(self, code: int, *, is_given_up: bool = False) -> None:
        """Take the exit code, which is the negative number of a signal that killed it.

        ``is_given_up``: that was ours, because it did not answer any more.
        """
        self.is_bug = code > 0
        """It ended by an exception, whose traceback it has printed."""
        self._signal = -code if code < 0 else None
        self._is_given_up = is_given_up
        self.is_its_own = is_given_up or self._signal in _ITS_OWN
        """It died of what it was doing."""
        self.is_stall = is_given_up or self._signal == signal.SIGPROF
        """It was at a page for too long, or did not answer any more."""

    def __str__(self) -> str:
        if self._is_given_up:
            return "did not answer any more"
        if self._signal is None:
            return "ended"
        try:
            name = signal.Signals(self._signal).name
        except ValueError:  # a real-time signal has no name
            name = f"signal {self._signal}"
        return f"was killed by {name}"


class ChildProcess:
    """A running child. ``open`` gives one, and sees it to its end."""

    def __init__(
        self, process: asyncio.subprocess.Process, *, line: Line[Order, News], box: BlackBox
    ) -> None:
        self._process = process
        self._line = line
        self._box = box
        self._overdue: asyncio.TimerHandle | None = None
        self._is_given_up = False

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, start: Start, *, receive: Callable[[News], None]) -> AsyncIterator[Self]:
        """Start a child. In the end it is killed if it is still there: see ``leave``.

        Raises:
            RunError: No process can be started.
        """
        loop = asyncio.get_running_loop()
        line = Line[Order, News](encode=encode_order, decode=decode_news, receive=receive, lost=_nothing)
        async with contextlib.AsyncExitStack() as ours:
            try:
                with contextlib.ExitStack() as handed_down:
                    box_file = new_box_file()
                    handed_down.callback(os.close, box_file)
                    box = ours.enter_context(contextlib.closing(BlackBox(box_file)))
                    end, their_end = socket.socketpair()
                    handed_down.enter_context(their_end)
                    await loop.create_unix_connection(lambda: line, sock=end)
                    ours.callback(line.close)
                    process = await _started(their_end.fileno(), box_file)
            except OSError as error:
                raise RunError(f"no further process can be started: {error.strerror}") from error
            child = cls(process, line=line, box=box)
            ours.push_async_callback(child._end)
            line.send(start)
            yield child

    def order(self, order: Order) -> None:
        """Tell the child what to do."""
        self._line.send(order)

    def leave(self) -> None:
        """Have the child end: at once if it is at nothing, by force if it takes too long."""
        self._line.close()
        self._overdue = asyncio.get_running_loop().call_later(_LEAVE_S, self._kill)

    async def died(self) -> Death:
        """Wait for its end."""
        return Death(await self._process.wait(), is_given_up=self._is_given_up)

    def give_up(self) -> None:
        """End a child that does not answer."""
        self._is_given_up = True
        self._kill()

    @property
    def parsing(self) -> int:
        """The visit whose page it is parsing, or was when it died; 0 for none."""
        return self._box.number

    async def _end(self) -> None:
        if self._overdue:
            self._overdue.cancel()
        if self._process.returncode is None:
            self._kill()
            await self._process.wait()

    def _kill(self) -> None:
        """Kill the process, unless it is known to have ended.

        Not by asyncio's own way: that has ``subprocess`` look first whether it has ended, which takes its
        exit code from asyncio when it just has.
        """
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)


async def _started(end: int, box: int) -> asyncio.subprocess.Process:
    """Start a child with two descriptors to inherit."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-c",
        _PROGRAM,
        str(end),
        str(box),
        stdin=subprocess.DEVNULL,
        pass_fds=(end, box),
        env=child_environment(),
    )


def _nothing() -> None:
    """Say nothing of a lost line: the process that was behind it is waited for."""
