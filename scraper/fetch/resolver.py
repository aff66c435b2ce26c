"""Host names to addresses: the system's resolver in threads of its own, asked once for a name, remembered."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from aiohttp.abc import AbstractResolver

from scraper.errors import RunError
from scraper.fetch.known_names import Address, Answer, Failure, KnownNames
from scraper.fetch.lookup_threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.abc import ResolveResult

    from scraper.clock import Clock

_FRESH = 32
"""Look-ups that a resolver at home, or a company's, is asked at the same time."""
_SLOW_S = 1.0
"""From then on a look-up no longer counts among them: its name servers are most likely dead, and names
whose servers are well must not wait for it."""
_THREADS = 256
"""glibc gives a dead name server up after 10 to 40 s, so 32 a second can't pile up to this for long."""
_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})
_MOST_OF_A_FAMILY = 16
"""Some names have a thousand addresses; nobody tries more than a few."""

_Key: TypeAlias = tuple[str, int]


class _Lookup:
    """One name that is being looked up, for whoever waits for it."""

    def __init__(self, key: _Key, loop: asyncio.AbstractEventLoop) -> None:
        self.key = key
        self.is_taken_up: asyncio.Future[None] = loop.create_future()
        """Done when a thread is at it."""
        self.answer: asyncio.Future[Answer | None] = loop.create_future()
        """``None`` when the thread died of a bug, which it has told of on standard error."""
        self.waiting = 0
        self.slow: asyncio.TimerHandle | None = None
        """To come, as long as it counts among the fresh ones."""


class SystemResolver(AbstractResolver):
    """Asks what every program on the machine asks: ``getaddrinfo``, hosts file included.

    The threads are not those of asyncio's default pool, which write the output: a name server that is
    silent must not hold back the disk. c-ares is not used: where it and the system disagree, users
    side with the system. Who asks for a name that is being looked up waits for the same answer; a
    task that is cancelled takes it from nobody else. aiohttp's own cache would do this too, but it
    goes by name *and* port, knows no failures, and may fail when an entry leaves it too early.
    """

    def __init__(self, *, timeout_s: float, clock: Clock) -> None:
        self._timeout_s = timeout_s
        self._known = KnownNames(clock)
        self._threads = DaemonThreads(most=_THREADS, name="dns")
        self._lookups: dict[_Key, _Lookup] = {}
        """Under way or queued. Under way also when everyone has given it up: none is made twice."""
        self._queue: dict[_Key, _Lookup] = {}
        """In the order in which they came."""
        self._fresh = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, in the system's order of preference.

        The deadline is for the look-up alone, and begins when a thread is at it. Waiting for one
        has the same deadline, and is no fault of the name's: ``EAI_AGAIN``.

        Raises:
            OSError: There are none (``socket.gaierror``), no answer came in time (``TimeoutError`` with
                an ``errno``, by which aiohttp takes it for the resolver's), or no file can be opened.
            RunError: No thread can be started.
        """
        key = (host, int(family))
        answer = self._known.get(key) or await self._ask(key)
        if isinstance(answer, Failure):
            raise answer.error()
        return [
            {
                "hostname": host,
                "host": address.text,
                "port": port,
                "family": address.family,
                "proto": address.protocol,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for address in answer
        ]

    async def close(self) -> None:
        """Let go of the threads; a look-up under way ends in its own time, and holds up no exit."""
        self._threads.close()

    async def _ask(self, key: _Key) -> Answer:
        lookup = self._lookups.get(key) or self._begin(key)
        lookup.waiting += 1
        try:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await asyncio.shield(lookup.is_taken_up)
            except TimeoutError as error:
                raise socket.gaierror(
                    socket.EAI_AGAIN, "the resolver hangs on other names; this one was not looked up"
                ) from error
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await asyncio.shield(lookup.answer)
            except TimeoutError as error:
                raise TimeoutError(errno.ETIMEDOUT, "the resolver gave no answer in time") from error
        finally:
            lookup.waiting -= 1
            if not lookup.waiting and self._queue.get(key) is lookup:  # nobody wants it any longer
                del self._queue[key], self._lookups[key]
        if answer is None:
            raise RuntimeError("a look-up ended without an answer")
        return answer

    def _begin(self, key: _Key) -> _Lookup:
        lookup = self._lookups[key] = self._queue[key] = _Lookup(key, asyncio.get_running_loop())
        self._take_up()
        return lookup

    def _take_up(self) -> None:
        """Give queued look-ups to threads, as many as may be."""
        while self._queue and self._fresh < _FRESH and self._threads.has_room:
            self._start(self._queue.pop(next(iter(self._queue))))

    def _start(self, lookup: _Lookup) -> None:
        loop = lookup.answer.get_loop()

        def look_up() -> None:
            answer = None
            try:
                answer = _asked_of_the_system(*lookup.key)
            finally:
                _tell(loop, lambda: self._end(lookup, answer))

        try:
            self._threads.run(look_up)
        except RuntimeError as error:
            del self._lookups[lookup.key]
            raise RunError("no thread can be started: raise the limit (ulimit -u)") from error
        self._fresh += 1
        lookup.slow = loop.call_later(_SLOW_S, self._step_aside, lookup)
        lookup.is_taken_up.set_result(None)

    def _step_aside(self, lookup: _Lookup) -> None:
        lookup.slow = None
        self._fresh -= 1
        self._take_up()

    def _end(self, lookup: _Lookup, answer: Answer | None) -> None:
        del self._lookups[lookup.key]
        self._threads.note_end()
        if lookup.slow is not None:
            lookup.slow.cancel()
            self._fresh -= 1
        if answer is not None:
            self._known.note(lookup.key, answer)
        lookup.answer.set_result(answer)
        self._take_up()


def _tell(loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
    """Call into the loop from a thread, unless the loop was closed long ago."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(ended)


def _asked_of_the_system(host: str, family: int) -> Answer:
    """Look a name up; blocks for as long as the system likes."""
    try:
        found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return _no_file_left() or Failure(socket.gaierror, error.errno or 0, error.strerror or "")
    except OSError as error:  # glibc's EAI_SYSTEM
        return Failure(OSError, error.errno or 0, error.strerror or "")
    except ValueError:
        # Python's ``idna`` codec, which every name goes through: a label over 63 bytes, none, or a NUL.
        return Failure(socket.gaierror, socket.EAI_NONAME, "not a name that can be looked up")
    taken: Counter[int] = Counter()
    addresses: list[Address] = []
    for kind, _, protocol, _, address in found:
        if kind in _FAMILIES and taken[kind] < _MOST_OF_A_FAMILY:
            taken[kind] += 1
            addresses.append(Address(str(address[0]), kind, protocol))
    return tuple(addresses) or Failure(socket.gaierror, socket.EAI_NONAME, "the name has no address")


def _no_file_left() -> Failure | None:
    """Return the failure of opening a file, ``None`` when it works.

    glibc needs files for a look-up, and may blame the name server, or the name, when it gets none.
    """
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return Failure(OSError, error.errno or 0, error.strerror or "")
    return None
