"""HTTP/1.1 as the sample server speaks it: requests in, scripts of timed bytes out.

Hand-made because the sample site has to misbehave in ways that a server library prevents, and
because benchmarks need a server that costs next to nothing. No tasks: only timers, which a
connection owns and cancels, so nothing is left over when the server stops.
"""

from __future__ import annotations

import asyncio
import email.utils
import http
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from scraper.demo.truth import Answer, Behaviour

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_HEAD_BYTES = 64 * 1024
MOST_WAITING_BYTES = 256 * 1024
"""Pipelined requests that may wait behind a slow answer before reading pauses."""
_DRIP_PIECES = 10
_END_OF_HEAD = b"\r\n\r\n"


class Script(NamedTuple):
    """What to send, and when."""

    steps: tuple[tuple[float, bytes], ...]
    """Seconds to wait, then bytes to send."""
    close: bool = False
    """The connection ends after the last step."""


class RequestHead(NamedTuple):
    """The start of a request, as far as the sample server cares."""

    method: str
    target: str
    http_version: str
    headers: dict[str, str]
    """Lower-case names; of repeated headers the last."""

    @property
    def closes(self) -> bool:
        """The client wants the connection closed after the answer (RFC 9112 9.3)."""
        wish = self.headers.get("connection", "").lower()
        return wish == "close" or (self.http_version == "HTTP/1.0" and wish != "keep-alive")

    @property
    def has_body(self) -> bool:
        """Something follows the head, which this server does not read."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"


def parse_head(head: bytes) -> RequestHead | None:
    """Take a request's head apart; ``None`` when it is not HTTP/1."""
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):  # noqa: PLR2004  RFC 9112 3: method target version
        return None
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return RequestHead(parts[0], parts[1], parts[2], headers)


def _head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    try:
        reason = http.HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", f"Date: {email.utils.formatdate(usegmt=True)}", "Server: sample"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + _END_OF_HEAD


def _chunks(body: bytes) -> bytes:
    """A body in four chunks (RFC 9112 7.1), without the last, empty one."""
    size = max(1, -(-len(body) // 4))
    return b"".join(
        b"%x\r\n%b\r\n" % (len(p), p) for p in (body[i : i + size] for i in range(0, len(body), size))
    )


def script_of(answer: Answer, *, close: bool = False) -> Script:  # noqa: PLR0911  one for each behaviour
    """Turn an answer into what is sent, by its behaviour."""
    body, wait_s = answer.body, answer.delay_s
    sized = [*answer.headers]
    if answer.status not in {204, 304}:  # RFC 9110 8.6: these have no length
        sized.append(("Content-Length", str(len(body))))
    chunked = [*answer.headers, ("Transfer-Encoding", "chunked")]
    status = answer.status
    match answer.behaviour:
        case Behaviour.NORMAL:
            return Script(((wait_s, _head(status, sized) + body),), close)
        case Behaviour.CHUNKED:
            return Script(((wait_s, _head(status, chunked) + _chunks(body) + b"0\r\n\r\n"),), close)
        case Behaviour.UNTIL_CLOSE:
            headers = [*answer.headers, ("Connection", "close")]
            return Script(((wait_s, _head(status, headers) + body),), close=True)
        case Behaviour.DRIP:
            size = max(1, -(-len(body) // _DRIP_PIECES))
            pieces = [body[start : start + size] for start in range(0, len(body), size)]
            drops = tuple((wait_s / _DRIP_PIECES, piece) for piece in pieces)
            return Script(((0.0, _head(status, sized)), *drops), close)
        case Behaviour.TRUNCATED:
            return Script(((wait_s, _head(status, sized) + body[: len(body) // 2]),), close=True)
        case Behaviour.TRUNCATED_CHUNKED:
            return Script(((wait_s, _head(status, chunked) + _chunks(body)),), close=True)
        case Behaviour.DISCONNECT:
            return Script(((wait_s, b""),), close=True)
        case Behaviour.NOT_HTTP:
            return Script(((wait_s, b"SSH-2.0-sample_1.0\r\n"),), close=True)


def refusal(status: int) -> Script:
    """An answer to what is no request we take; the connection is closed."""
    answer = Answer(status=status, headers=(("Connection", "close"),), body=b"")
    return script_of(answer, close=True)


class Site(Protocol):
    """Whoever answers the requests of a connection."""

    def opened(self, connection: Connection) -> None:
        """A connection came about."""
        ...

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        ...

    def respond(self, host: str, head: bytes) -> Script:
        """Answer a request; called when it has come in whole."""
        ...

    def finished(self, host: str) -> None:
        """The answer to a request was sent, or the connection is gone before."""
        ...


class Connection(asyncio.Protocol):
    """One connection of one client. Answers go out in the order of the requests (RFC 9112 9.3.2)."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._transport: asyncio.Transport
        self._host = ""
        self._buffer = b""
        self._timer: asyncio.TimerHandle | None = None
        self._steps: list[tuple[float, bytes]] = []
        self._close_after = False
        self._answering = False
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless it was made to an address that is not loopback."""
        # asyncio's promise for streams; uvloop's transports keep it without the base class.
        self._transport = cast("asyncio.Transport", transport)
        self._host = transport.get_extra_info("sockname")[0]
        self._site.opened(self)
        if not self._host.startswith("127."):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Forget what was still to be sent."""
        self._stop_timer()
        self._finish()
        self._site.closed(self)

    def abort(self) -> None:
        """Cut the connection now."""
        self._closing = True
        self._stop_timer()
        self._transport.abort()

    def pause_writing(self) -> None:
        """The client does not read: take no more requests from it."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Collect bytes and answer what is whole."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._answering:
            self._answer_waiting()
        elif len(self._buffer) > MOST_WAITING_BYTES:
            self.abort()

    def _answer_waiting(self) -> None:
        """Answer whole requests in order, up to the first that takes time."""
        ready: list[bytes] = []
        while self._buffer and not self._closing:
            end = self._buffer.find(_END_OF_HEAD)
            if end < 0:
                # A TLS greeting never has an end of head: without this its sender would wait for ever.
                if len(self._buffer) > MOST_HEAD_BYTES or not self._buffer[:1].isalpha():
                    ready.append(refusal(400).steps[0][1])
                    self._closing = True
                break
            head, self._buffer = self._buffer[:end], self._buffer[end + len(_END_OF_HEAD) :]
            self._answering = True
            steps, self._close_after = self._site.respond(self._host, head)
            if len(steps) > 1 or steps[0][0] > 0:
                self._steps = list(reversed(steps))
                break
            ready.append(steps[0][1])
            self._finish()
            self._closing = self._close_after
        if ready:
            self._transport.write(ready[0] if len(ready) == 1 else b"".join(ready))
        if self._closing:
            self._transport.close()
        elif self._steps:
            self._next_step()

    def _next_step(self) -> None:
        """Wait for the next piece of a slow answer, or go on to the next request."""
        self._timer = None
        if self._steps:
            delay_s, _ = self._steps[-1]
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._send_step)
            return
        self._finish()
        if self._close_after:
            self._closing = True
            self._transport.close()
        else:
            self._answer_waiting()

    def _send_step(self) -> None:
        _, data = self._steps.pop()
        if data:
            self._transport.write(data)
        self._next_step()

    def _finish(self) -> None:
        if self._answering:
            self._answering = False
            self._site.finished(self._host)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
