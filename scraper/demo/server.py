"""Serves the sample site on loopback, for the demo, the tests and, as a program, for benchmarks.

    python -m scraper.demo.server --seed 1 --port 0 [--any-host] [--log]

prints ``port=N dead_port=M`` once it listens, and serves until SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import email.utils
import json
import signal
import socket
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from scraper.demo.bulk import PREFIX, BulkPage, bulk_page
from scraper.demo.site import Site, build_site
from scraper.demo.truth import Answer, Expected, Refusal
from scraper.demo.wire import Connection, RequestHead, Script, parse_head, refusal, script_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_BACKLOG = 4096
_PORT_TRIES = 50
_STOP_S = 1.0
_BULK_REQUEST = b"GET " + PREFIX
LOG_PATH = "/-/requests"
"""Where the log can be read from another process: JSON Lines."""
_ROBOTS_REQUEST = b"GET /robots.txt "
_NO_ROBOTS = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
"""On hosts that have bulk pages alone: a benchmark with many hosts asks for one on each."""


class LoggedRequest(NamedTuple):
    """One request as the server saw it."""

    at: float
    """Monotonic seconds, when it had come in whole."""
    host: str
    """The local address that the client had connected to."""
    path: str
    """The request target, as sent."""
    user_agent: str | None


class SampleServer:
    """The sample site on one port of several loopback addresses; an async context manager.

    Entering binds and listens, leaving cuts all connections, also those of slow answers, and
    returns within a second. The server starts no task.

    Args:
        site: What to serve; ``build_site()`` when not given.
        port: The port on every host; 0 chooses one that is free on all of them.
        any_host: Answer on all of 127.0.0.0/8 through one socket. What is connected to another
            address of this machine is cut at once. The site itself stays on its hosts, ``/bulk/``
            is everywhere.
        extra_delay_s: Seconds that every answer, bulk pages included, comes later.
        log: Keep ``requests_log`` and ``peak_per_host``; without it a request costs less.

    Raises:
        OSError: On entering, when the port is taken or an address is not of this machine.
    """

    def __init__(
        self,
        site: Site | None = None,
        *,
        port: int = 0,
        any_host: bool = False,
        extra_delay_s: float = 0.0,
        log: bool = True,
    ) -> None:
        self.site = site or build_site()
        self._site_hosts = frozenset(self.site.hosts)
        self.port = port
        """The port that is listened at, once entered."""
        self.dead_port = 0
        """A port of 127.0.0.1 that refuses connections: bound, so that nobody else gets it."""
        self.requests_log: list[LoggedRequest] = []
        self.peak_per_host: Counter[str] = Counter()
        """The most requests that were under way at a host at the same time."""
        self._any_host = any_host
        self._extra_delay_s = extra_delay_s
        self._log = log
        self._under_way: Counter[str] = Counter()
        self._asked: Counter[tuple[str, str]] = Counter()
        self._connections: set[Connection] = set()
        self._idle = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._dead: socket.socket | None = None
        self._answers: dict[tuple[str, str], Answer] = {}

    async def __aenter__(self) -> Self:
        addresses = ("0.0.0.0",) if self._any_host else self.site.hosts  # noqa: S104  others are cut in Connection
        listening = _listen(addresses, port=self.port)
        self.port = int(listening[0].getsockname()[1])
        self._dead = _bound_beside(self.port)
        self.dead_port = int(self._dead.getsockname()[1])
        loop = asyncio.get_running_loop()
        for sock in listening:
            self._servers.append(
                await loop.create_server(lambda: Connection(self), sock=sock, backlog=_BACKLOG)
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.abort()
        if self._dead is not None:
            self._dead.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                while self._connections:
                    self._idle.clear()
                    await self._idle.wait()
                for server in self._servers:
                    await server.wait_closed()

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        """The URL of a path on a host."""
        return f"http://{host}:{self.port}{path}"

    def urls(self) -> list[str]:
        """``Site.urls`` with this server's port."""
        return self.site.urls(self.port)

    def list_text(self) -> str:
        """``Site.list_text`` with this server's ports."""
        return self.site.list_text(self.port, dead_port=self.dead_port)

    def expectations(self) -> list[Expected]:
        """``Site.expectations`` with this server's ports."""
        return self.site.expectations(self.port, dead_port=self.dead_port)

    def found(self) -> list[Expected]:
        """``Site.found`` with this server's ports."""
        return self.site.found(self.port, dead_port=self.dead_port)

    def opened(self, connection: Connection) -> None:
        """Part of ``wire.Site``."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """Part of ``wire.Site``."""
        self._connections.discard(connection)
        if not self._connections:
            self._idle.set()

    def finished(self, host: str) -> None:
        """Part of ``wire.Site``."""
        if self._log:
            self._under_way[host] -= 1

    def respond(self, host: str, head: bytes) -> Script:
        """Part of ``wire.Site``: bulk pages by a short way, everything else by the site."""
        if not self._log:
            page: BulkPage | None = None
            if head.startswith(_BULK_REQUEST):
                page = bulk_page(head[4 : head.find(b" ", 4)])
            elif head.startswith(_ROBOTS_REQUEST) and host not in self._site_hosts:
                page = BulkPage(_NO_ROBOTS, 0.0)
            if page is not None:
                close = b"close" in head and _wants_close(head)
                return Script(((page.delay_s + self._extra_delay_s, page.payload),), close)
        request = parse_head(head)
        if self._log:
            self._note(host, request)
        if request is None:
            return refusal(400)
        if request.has_body:
            return refusal(413)
        if request.method != "GET":
            return refusal(405)
        return self._later(self._script(host, request))

    def _note(self, host: str, request: RequestHead | None) -> None:
        self._under_way[host] += 1
        self.peak_per_host[host] = max(self.peak_per_host[host], self._under_way[host])
        if request is not None and request.target != LOG_PATH:
            agent = request.headers.get("user-agent")
            self.requests_log.append(LoggedRequest(time.monotonic(), host, request.target, agent))

    def _later(self, script: Script) -> Script:
        if not self._extra_delay_s:
            return script
        (wait_s, data), *rest = script.steps
        return Script(((wait_s + self._extra_delay_s, data), *rest), script.close)

    def _script(self, host: str, request: RequestHead) -> Script:
        """What is sent in answer to a well-formed request."""
        target = request.target
        if target.encode("latin-1").startswith(PREFIX):
            page = bulk_page(target.encode("latin-1"))
            if page is None:
                return refusal(400)
            return Script(((page.delay_s, page.payload),), request.closes)
        if target == LOG_PATH:
            return script_of(self._log_answer(), close=request.closes)
        answer = self._answer(host, target)
        if answer.fails_first:
            self._asked[host, target] += 1
            if self._asked[host, target] <= answer.fails_first:
                return script_of(_refused(answer.refusal), close=request.closes)
        if _not_modified(request, answer=answer):
            answer = msgspec.structs.replace(answer, status=304, body=b"")
        return script_of(answer, close=request.closes)

    def _answer(self, host: str, target: str) -> Answer:
        """The site's answer; kept, since pages are asked for repeatedly in tests."""
        known = self._answers.get((host, target))
        if known is None:
            known = self.site.answer(host, target, port=self.port, dead_port=self.dead_port)
            if known.status != 404:  # noqa: PLR2004  paths that are made up would fill the memory
                self._answers[host, target] = known
        return known

    def _log_answer(self) -> Answer:
        lines = "".join(json.dumps(entry._asdict()) + "\n" for entry in self.requests_log)
        return Answer(status=200, headers=(("Content-Type", "application/jsonl"),), body=lines.encode())


def _refused(refusal: Refusal) -> Answer:
    headers = (("Retry-After", str(refusal.retry_after_s)),)
    return Answer(status=refusal.status, headers=headers, body=b"")


def _wants_close(head: bytes) -> bool:
    request = parse_head(head)
    return request is None or request.closes


def _not_modified(request: RequestHead, *, answer: Answer) -> bool:
    """Decide a conditional request (RFC 9110 13.2.2): the tag before the date."""
    own = {name: value for name, value in answer.headers if name in {"ETag", "Last-Modified"}}
    if not own or answer.status != 200:  # noqa: PLR2004
        return False
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or own.get("ETag", "").removeprefix("W/") in known
    since = request.headers.get("if-modified-since")
    if since is None or "Last-Modified" not in own:
        return False
    try:
        asked = email.utils.parsedate_to_datetime(since)
    except ValueError:
        return False
    return email.utils.parsedate_to_datetime(own["Last-Modified"]) <= asked


def _listen(addresses: Sequence[str], *, port: int) -> list[socket.socket]:
    """Listen at one port of every address; with port 0, at one that is free on all of them."""
    for attempt in range(_PORT_TRIES):
        chosen, sockets = port, list[socket.socket]()
        try:
            for address in addresses:
                sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                sockets.append(sock)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, chosen))
                sock.listen(_BACKLOG)
                chosen = sock.getsockname()[1]
        except OSError as error:
            for sock in sockets:
                sock.close()
            # A port free on the first address may be taken on another: then choose again.
            if port or len(sockets) == 1 or attempt == _PORT_TRIES - 1:
                raise OSError(
                    error.errno, f"cannot listen at {address}:{chosen}: {error.strerror}"
                ) from error
        else:
            return sockets
    raise AssertionError("unreachable: the last try returns or raises")


def _bound_beside(port: int) -> socket.socket:
    """Keep a port that nobody listens at: the next one, so that the site has the same one the next day."""
    kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    for chosen in (port + 1, 0):
        try:
            kept.bind(("127.0.0.1", chosen))
        except (OSError, OverflowError):  # taken, or past the last one
            if not chosen:
                kept.close()
                raise
        else:
            break
    return kept


def stop_asked() -> asyncio.Event:
    """Return what is set by SIGINT or SIGTERM, from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def serve_forever(server: SampleServer) -> None:
    """Serve until SIGINT or SIGTERM; prints the ports on standard output once it listens."""
    stop = stop_asked()
    async with server:
        sys.stdout.write(f"port={server.port} dead_port={server.dead_port}\n")
        sys.stdout.flush()
        await stop.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The quick event loop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415  not on every platform
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server as a program; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scraper.demo.server", description="Serve the sample site on loopback."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pages", type=int, default=240, help="ordinary pages")
    parser.add_argument("--hosts", type=int, default=12, help="loopback addresses, from 127.0.0.1 on")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--any-host", action="store_true", help="answer /bulk/ on all of 127.0.0.0/8")
    parser.add_argument(
        "--extra-delay", type=float, default=0.0, metavar="SECONDS", help="every answer comes later"
    )
    parser.add_argument("--log", action="store_true", help=f"keep a log, to be read at {LOG_PATH}")
    options = parser.parse_args(arguments)
    try:
        site = build_site(options.seed, options.pages, hosts=options.hosts)
    except ValueError as error:
        parser.error(str(error))
    server = SampleServer(
        site, port=options.port, any_host=options.any_host, extra_delay_s=options.extra_delay, log=options.log
    )
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve_forever(server))
    except OSError as error:
        sys.stderr.write(f"{parser.prog}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
