"""A message goes to a program's standard input."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Literal, Self

from scraper.notify.delivery import NotDelivered
from scraper.observe.printable import printable, printable_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scraper.notify.message import Message

_KEPT_BYTES = 2048
"""The end of what it says on standard error; the rest is read and dropped."""
_READ_BYTES = 1 << 16
_MOST_READS = 16
"""So many of them empty a pipe of the largest size that Linux gives without privileges, 1 MiB."""
_SAID = 200
_GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""


class CommandTarget:
    """A program that is run for each message, without a shell, in a process group of its own."""

    def __init__(self, command: Sequence[str], *, gets: Literal["json", "text"], timeout_s: float) -> None:
        self._command = tuple(command)
        self._gets = gets
        self._timeout_s = timeout_s

    @property
    def shown(self) -> str:
        """The program without its arguments, which may hold a secret."""
        return f"command {printable(self._command[0], limit=100)}"

    async def deliver(self, message: Message) -> None:
        """Run the program and wait for its end.

        Raises:
            NotDelivered: It can't be started, took too long, or ended with another code than 0.
        """
        told = message.body if self._gets == "json" else f"{message.title}\n{message.text}\n".encode()
        code, said = await run(self._command, told=told, timeout_s=self._timeout_s)
        if code != 0:
            how = f"ended with {code}" if code > 0 else f"was killed by signal {-code}"
            last = printable_sentence(said.decode("utf-8", "replace").strip(), limit=_SAID)
            raise NotDelivered(f"the command {how}" + (f": {last}" if last else ""))


async def run(
    command: Sequence[str], *, told: bytes, timeout_s: float, environment: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Run a program with bytes on its standard input; return its exit code and the end of what it said.

    When it takes too long, or who waits is cancelled, it ends with all that it has started in its group.
    What it says on standard output is dropped.

    Args:
        command: The program and its arguments.
        told: What it may read.
        timeout_s: What it may take.
        environment: Its variables; ``None`` for our own.

    Raises:
        NotDelivered: It can't be started, or took too long.
    """
    with contextlib.ExitStack() as ours:
        said = ours.enter_context(_Said())
        giving = ours.enter_context(_Giving(told))
        program = _Program(command, environment, reads=giving.their_end, errors=said.their_end)
        try:
            async with asyncio.timeout(timeout_s):
                await giving.begin()
                await program.ended.wait()
        except TimeoutError:
            raise NotDelivered(f"the command took more than {timeout_s:g} s and was ended") from None
        finally:
            if not program.ended.is_set():
                await program.end()
        said.read_rest()
        return program.code, bytes(said.last)


class _Program:
    """A program that runs, in a session and so a process group of its own.

    Not asyncio's: who is cancelled while that starts one loses its process group from sight; and it may hold
    back the news of a program's end until nobody has its pipes open any more, what it left running included.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None, *, reads: int, errors: int
    ) -> None:
        """Start it.

        Raises:
            NotDelivered: It can't be started.
        """
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                command,
                stdin=reads,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            is_final = isinstance(error, FileNotFoundError | PermissionError)
            raise NotDelivered(f"the command can't be run: {error.strerror}", is_final=is_final) from None
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # A thread for each, as asyncio has it on most systems; it is not waited for when Python ends.
        threading.Thread(target=self._wait, name=f"notify: {command[0]}", daemon=True).start()

    @property
    def code(self) -> int:
        """What it ended with; the negative number of a signal that killed it."""
        return self._process.wait()

    def _wait(self) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            self._loop.call_soon_threadsafe(self.ended.set)

    async def end(self) -> None:
        """End it and its group: asked first, then without asking."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_GRACE_S):
                await self.ended.wait()
        except TimeoutError:
            pass
        finally:
            self._signal(signal.SIGKILL)  # also for what it has started and is still there
        await self.ended.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class _Giving(asyncio.BaseProtocol):
    """A pipe that a program may read something from.

    No file: a full disk may be what there is to tell.
    """

    def __init__(self, told: bytes) -> None:
        self._told = told
        self._transport: asyncio.WriteTransport | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        self.their_end, ours = os.pipe()
        self._ours = io.FileIO(ours, "wb")
        return self

    async def begin(self) -> None:
        """Write all of it, as it is read; buffered without a bound, as it is one message."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_write_pipe(lambda: self, self._ours)
        self._transport.write(self._told)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """Note that it is closed: asyncio's can't be closed twice."""
        self._is_closed = True

    def __exit__(self, *_: object) -> None:
        """Close it, whatever is still in it."""
        os.close(self.their_end)
        if self._transport is None:
            self._ours.close()
        elif not self._is_closed:
            self._transport.abort()


class _Said:
    """A pipe that a program says something into, of which the end is kept.

    Its end is not waited for: what the program has left running may hold it open for ever.
    """

    def __init__(self) -> None:
        self.last = bytearray()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        self._ours, self.their_end = os.pipe()
        os.set_blocking(self._ours, False)
        self._loop.add_reader(self._ours, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._ours)
        os.close(self._ours)
        os.close(self.their_end)

    def read_rest(self) -> None:
        """Read what is in it now; whoever goes on writing is not listened to for ever."""
        for _ in range(_MOST_READS):
            if not self._read():
                return

    def _read(self) -> bool:
        try:
            piece = os.read(self._ours, _READ_BYTES)
        except BlockingIOError:
            return False
        self.last += piece
        del self.last[:-_KEPT_BYTES]
        return bool(piece)
