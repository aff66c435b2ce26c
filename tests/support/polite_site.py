"""A scripted site on all of 127.0.0.0/8 at one port, and a log of every request that came.

The script says what a request is answered with; the log says when each came, when its answer ended, and
on which connection. What a crawler does to a host is judged by the log alone: by order, by gaps, by how
many were under way at once.

In the loop of the test (``serving``) a request is logged in the turn of the loop after the one that sent
it, so that the log's times are the crawler's own but for that turn. For programs of their own the site
runs in a thread (``serving_in_thread``).
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import http
import itertools
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator

_TLS_HANDSHAKE = b"\x16"
"""The first byte of a TLS connection (RFC 8446 section 5.1)."""
_END_OF_HEAD = b"\r\n\r\n"
_MOST_HEAD_BYTES = 1 << 16


class Ending(enum.Enum):
    """What becomes of the connection."""

    KEPT = enum.auto()
    """It is kept, unless the client asked for its end."""
    CLOSED = enum.auto()
    """The answer says that it is closed, and so it is."""
    HUNG_UP = enum.auto()
    """It is closed in place of an answer."""
    RESET = enum.auto()
    """It is reset in place of an answer."""


class Ask(NamedTuple):
    """One request as the script sees it."""

    host: str
    """The address that was asked."""
    target: str
    headers: dict[str, str]
    """By lower-case name."""
    times: int
    """How often this host was asked for this target before."""
    is_new: bool
    """It is the first on its connection."""


class Answer(NamedTuple):
    """What comes back, and when."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    """Before the first byte."""
    held_by: asyncio.Event | None = None
    """Nothing is sent before this is set."""
    ending: Ending = Ending.KEPT


Script: TypeAlias = "Callable[[Ask], Answer]"


def page(*links: str, head: str = "", title: str = "A page", delay_s: float = 0.0) -> Answer:
    """Return an HTML page with links, each ``href`` as given."""
    anchors = "".join(f'<a href="{link}">to {link}</a> ' for link in links)
    text = f"<!doctype html><title>{title}</title>{head}<body>{anchors}"
    return Answer(text.encode(), headers=(("Content-Type", "text/html; charset=utf-8"),), delay_s=delay_s)


def text(body: str | bytes, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Return plain text, such as a robots.txt."""
    octets = body.encode() if isinstance(body, str) else body
    return Answer(octets, status, (("Content-Type", "text/plain"), *headers))


def moved(location: str, *, status: int = 302, delay_s: float = 0.0) -> Answer:
    """Return a redirect."""
    return Answer(b"", status, (("Location", location),), delay_s)


NOT_FOUND = Answer(b"", 404)


@dataclass(slots=True)
class Entry:
    """One request in the log; times are monotonic seconds."""

    host: str
    target: str
    arrived_s: float
    connection: int
    is_new: bool
    headers: dict[str, str]
    ended_s: float = float("inf")
    """When the last byte of the answer was handed to the system, or the connection was cut."""


@dataclass(slots=True)
class Site:
    """What was asked so far; ``serving`` makes it."""

    script: Script
    scheme: str = "http"
    port: int = 0
    addresses: str = "127."
    """What the addresses begin with that it answers at."""
    log: list[Entry] = field(default_factory=list)
    connections: int = 0
    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    open: set[_Connection] = field(default_factory=set)

    def origin(self, host: str) -> str:
        """Return a host's origin."""
        return f"{self.scheme}://{host}:{self.port}"

    def url(self, host: str, target: str = "/") -> str:
        """Return a URL on this site."""
        return self.origin(host) + target

    def at(self, host: str) -> list[Entry]:
        """Return what one host was asked, in the order of arrival."""
        return [entry for entry in list(self.log) if entry.host == host]

    def targets(self, host: str) -> list[str]:
        """Return the targets that one host was asked for, in the order of arrival."""
        return [entry.target for entry in self.at(host)]

    def gaps_s(self, host: str) -> list[float]:
        """Return the times between the arrivals of one request and the next at a host."""
        arrived = [entry.arrived_s for entry in self.at(host)]
        return [later - earlier for earlier, later in itertools.pairwise(arrived)]

    def most_at_once(self, host: str) -> int:
        """Return how many requests were under way at a host at the same time, at the most."""
        most = now = 0
        # An answer that ends in the very moment when another request comes is over.
        moments = [(entry.arrived_s, 1) for entry in self.at(host)]
        moments += [(entry.ended_s, -1) for entry in self.at(host)]
        for _, change in sorted(moments):
            now += change
            most = max(most, now)
        return most

    def by_host(self) -> dict[str, list[str]]:
        """Return the targets of each host that was asked, in the order of arrival."""
        found: dict[str, list[str]] = defaultdict(list)
        for entry in list(self.log):
            found[entry.host].append(entry.target)
        return dict(found)


class _Connection(asyncio.Protocol):
    """One client's connection; its requests are answered one after the other."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._transport: asyncio.Transport
        self._host = ""
        self._number = 0
        self._asked = 0
        self._buffer = b""
        self._entry: Entry | None = None
        """What is being answered."""
        self._timer: asyncio.TimerHandle | None = None
        self._holding: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._host = transport.get_extra_info("sockname")[0]
        self._site.connections += 1
        self._number = self._site.connections
        self._site.open.add(self)
        if not self._host.startswith(self._site.addresses):
            self._transport.abort()  # the port is open on all interfaces, the site is not

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._site.open.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._holding is not None:
            self._holding.cancel()
        self._end()

    def cut(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.startswith(_TLS_HANDSHAKE):
            # As real servers do: who guessed https is not kept waiting for what will not come.
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            self._transport.close()
        elif len(self._buffer) > _MOST_HEAD_BYTES:
            self.cut()
        elif self._entry is None:
            self._take()

    def _take(self) -> None:
        end = self._buffer.find(_END_OF_HEAD)
        if end < 0:
            return
        arrived_s = time.monotonic()
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        self._buffer = self._buffer[end + len(_END_OF_HEAD) :]
        target = first.split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        site, is_new = self._site, not self._asked
        self._asked += 1
        times = site.times[self._host, target]
        site.times[self._host, target] += 1
        self._entry = Entry(self._host, target, arrived_s, self._number, is_new, headers)
        site.log.append(self._entry)
        answer = site.script(Ask(self._host, target, headers, times, is_new))
        loop = asyncio.get_running_loop()
        if answer.held_by is not None:
            self._holding = loop.create_task(self._hold(answer, answer.held_by))
        elif answer.delay_s:
            self._timer = loop.call_later(answer.delay_s, self._send, answer)
        else:
            self._send(answer)

    async def _hold(self, answer: Answer, held_by: asyncio.Event) -> None:
        await held_by.wait()
        self._holding = None
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        assert self._entry is not None
        if answer.ending in {Ending.HUNG_UP, Ending.RESET}:
            self._end()
            if answer.ending is Ending.RESET:
                self.cut()
            else:
                self._transport.close()
            return
        closes = (
            answer.ending is Ending.CLOSED or self._entry.headers.get("connection", "").lower() == "close"
        )
        lines = [f"HTTP/1.1 {answer.status} {http.HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        lines += [f"Content-Length: {len(answer.body)}", *(["Connection: close"] if closes else [])]
        # Before the write: what the answer brings about must not seem to overlap with it.
        self._end()
        self._transport.write("\r\n".join(lines).encode("latin-1") + _END_OF_HEAD + answer.body)
        if closes:
            self._transport.close()
        elif self._buffer:
            self._take()

    def _end(self) -> None:
        if self._entry is not None:
            self._entry.ended_s = time.monotonic()
            self._entry = None


@contextlib.asynccontextmanager
async def serving(
    script: Script, *, tls: ssl.SSLContext | None = None, port: int = 0, addresses: str = "127."
) -> AsyncIterator[Site]:
    """Serve by a script while the block lasts, in this loop; ``port`` 0 takes a free one."""
    site = Site(script, "https" if tls else "http", addresses=addresses)
    loop = asyncio.get_running_loop()
    # On Linux every address of 127.0.0.0/8 is the machine's own, so one socket has all hosts.
    server = await loop.create_server(lambda: _Connection(site), "0.0.0.0", port, ssl=tls, backlog=1024)  # noqa: S104
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for connection in list(site.open):
            connection.cut()
        await server.wait_closed()
        await asyncio.sleep(0)  # for the callbacks of what was cut


@contextlib.contextmanager
def serving_in_thread(script: Script, *, port: int = 0, addresses: str = "127.") -> Iterator[Site]:
    """Serve by a script while the block lasts, in a thread: for tests that wait for a program.

    Of the site only the log may be read, and only copied first, as its methods do.
    """
    ready = threading.Event()
    found: list[tuple[Site, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        async with serving(script, port=port, addresses=addresses) as site:
            found.append((site, asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="polite-site")
    thread.start()
    ready.wait()
    assert found, "the site could not be opened"
    site, loop, stop = found[0]
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
