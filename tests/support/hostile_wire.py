"""What servers send that they should not: each a script for ``raw_server``, and what is to come of it.

Expected is what Chrome, Firefox or curl make of it, where they agree to take a page. The deadlines that
``SETTINGS`` sets decide which of two limits a server comes to.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any, NamedTuple

from scraper.record import Outcome
from tests.support.raw_server import (
    Drip,
    Endless,
    HalfClose,
    ReadHead,
    Reset,
    Script,
    Send,
    Silence,
    StartTls,
    Step,
)

SETTINGS: dict[str, dict[str, Any]] = {
    "run": {"workers": 64},
    "politeness": {"per_host": 1, "circuit_failures": 0},
    "robots": {"policy": "ignore"},
    "retry": {"retries": 0},
    "fetch": {
        "connect_s": 8.0,
        "read_s": 3.0,
        "total_s": 8.0,
        "max_wire_bytes": 1 << 20,
        "max_body_bytes": 1 << 21,
    },
}
"""Short deadlines for what never ends; nothing that is to succeed comes near them."""


class Scenario(NamedTuple):
    """One thing a server does, and the record it is to give."""

    name: str
    script: Script
    outcome: Outcome
    also: Outcome | None
    """Another outcome that is as right: which of the two depends on what the client sees first."""
    status: int | None
    title: str | None
    truncated: bool
    scheme: str


SCENARIOS: list[Scenario] = []
PAGE = b"<title>taken</title>"
OK = b"HTTP/1.1 200 OK\r\n"
HTML = b"Content-Type: text/html\r\n"
SIZED = b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"%x\r\n" % len(PAGE) + PAGE + b"\r\n0\r\n\r\n"
WHOLE = OK + HTML + SIZED
_BLOCK = b"x" * 65_536


def _add(
    name: str,
    *steps: bytes | Step,
    to: Outcome | None = None,
    also: Outcome | None = None,
    status: int | None = None,
    title: str | None = None,
    truncated: bool = False,
    scheme: str = "http",
    greets: bool = False,
) -> None:
    scripted = tuple(Send(step) if isinstance(step, bytes) else step for step in steps)
    outcome = to or Outcome.OK
    if to is None:
        status, title = status or 200, "taken" if title is None else title
    script = Script(scripted, is_by_host=greets)
    SCENARIOS.append(Scenario(name, script, outcome, also, status, title or None, truncated, scheme))


def _broken(name: str, *steps: bytes | Step, **more: Any) -> None:
    _add(name, *steps, to=Outcome.PROTOCOL_ERROR, **more)


def _cut(name: str, *steps: bytes | Step, **more: Any) -> None:
    _add(name, *steps, to=Outcome.DISCONNECTED, **more)


def _slow(name: str, *steps: bytes | Step, **more: Any) -> None:
    _add(name, *steps, to=Outcome.TIMEOUT, **more)


def _status_lines() -> None:
    for name, line in {
        "no-reason": b"HTTP/1.1 200",
        "lower-case": b"http/1.1 200 OK",
        "two-spaces": b"HTTP/1.1  200  OK",
        "tabs": b"HTTP/1.1\t200\tOK",
        "version-1.2": b"HTTP/1.2 200 OK",
        "version-2": b"HTTP/2 200 OK",
        "version-2.0": b"HTTP/2.0 200 OK",
        "version-3.0": b"HTTP/3.0 200 OK",
        "icy": b"ICY 200 OK",
        "blank-lines-before": b"\r\n\r\nHTTP/1.1 200 OK",
        "rubbish-before": b"ab\r\nHTTP/1.1 200 OK",
        "odd-bytes": b"HTTP/1.1 200 \xff\xe9\x80",
        "reason-of-64-kib": b"HTTP/1.1 200 " + b"r" * 65_000,
    }.items():
        _add("status-" + name, line + b"\r\n" + HTML + SIZED)
    for name, line in {
        "no-number": b"HTTP/1.1 OK",
        "letters": b"HTTP/1.1 abc OK",
        "two-digits": b"HTTP/1.1 99 OK",
        "four-digits": b"HTTP/1.1 2000 OK",
        "negative": b"HTTP/1.1 -200 OK",
        "no-slash": b"HTTP 200 OK",
        "rtsp": b"RTSP/1.0 200 OK",
        "ssh": b"SSH-2.0-OpenSSH_9.9",
        "http-0.9": PAGE,
    }.items():
        _broken("status-" + name, line + b"\r\n" + HTML + SIZED)
    _broken("status-only-cr", WHOLE.replace(b"\r\n", b"\r"))
    _broken("status-http2-frames", b"\0\0\x12\x04" + bytes(23), Silence())
    _broken("status-request-line", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Silence())
    _broken("status-endless-line", b"HTTP/1.1 200 ", Endless(_BLOCK))
    _broken("status-endless-rubbish", Endless(_BLOCK))
    _slow("status-endless-blank-lines", Endless(b"\r\n", 0.02))
    _add("status-999", b"HTTP/1.1 999 Odd\r\n" + SIZED, to=Outcome.HTTP_ERROR, status=999, title="taken")


def _headers() -> None:
    for name, lines in {
        "name-latin-1": b"X\xe9: y\r\n",
        "value-latin-1": b"X: \xe9\xff\x80\r\n",
        "value-controls": b"X: \x01\x02\x1b[31m\x7f\r\n",
        "folded": b"X: a\r\n b\r\n\tc\r\n",
        "folded-first": b" X: a\r\n",
        "space-before-colon": b"X : y\r\n",
        "space-in-name": b"X Y: z\r\n",
        "no-colon": b"nonsense\r\n",
        "no-name": b": y\r\n",
        "lone-cr": b"X: a\rb\r\n",
        "of-200-kib": b"X: " + b"v" * 200_000 + b"\r\n",
        "3000": b"X: y\r\n" * 3000,
        "twice": b"Content-Type: text/html\r\nServer: a\r\nServer: b\r\n",
    }.items():
        _add("header-" + name, OK + lines + HTML + SIZED)
    _add("header-bare-lf", (OK + HTML + SIZED).replace(b"\r\n", b"\n"))
    _add("header-mixed-ends", OK.replace(b"\r\n", b"\n") + HTML + SIZED)
    _add("header-none", b"HTTP/1.1 200 OK\r\n\r\n" + PAGE)
    _broken("header-nul", OK + b"X: a\0b\r\n" + HTML + SIZED)
    _broken("header-nul-in-name", OK + b"X\0: y\r\n" + HTML + SIZED)
    _broken("header-of-300-kib", OK + b"X: " + b"v" * 300_000 + b"\r\n" + SIZED, Silence())
    _broken("header-sum-of-300-kib", OK + (b"X: " + b"v" * 60_000 + b"\r\n") * 5 + SIZED, Silence())
    _broken("header-6000", OK + b"X: y\r\n" * 6000 + SIZED, Silence())
    _broken("header-endless-line", OK + b"X: ", Endless(_BLOCK))
    _broken("header-endless-name", OK, Endless(_BLOCK))
    _broken("header-endless-many", OK, Endless(b"X: y\r\n" * 1000))
    _broken("header-endless-folds", OK + b"X: y\r\n", Endless(b" y\r\n" * 1000))
    _broken("header-endless-no-colon", OK, Endless(b"nonsense\r\n" * 1000))


def _lengths() -> None:
    two = b"Content-Length: %d\r\n" % len(PAGE)
    for name, lines in {
        "equal": two + SIZED,
        "equal-in-one": b"Content-Length: %d, %d\r\n\r\n" % (len(PAGE), len(PAGE)) + PAGE,
        "space-before-colon": b"Content-Length : %d\r\n\r\n" % len(PAGE) + PAGE,
        "negative": b"Content-Length: -2\r\n\r\n" + PAGE,
        "plus": b"Content-Length: +2\r\n\r\n" + PAGE,
        "hex": b"Content-Length: 0x2\r\n\r\n" + PAGE,
        "words": b"Content-Length: many\r\n\r\n" + PAGE,
        "empty": b"Content-Length:\r\n\r\n" + PAGE,
        "huge": b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + PAGE,
        "of-5000-digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + PAGE,
        "with-chunked": b"Content-Length: 5\r\n" + CHUNKED + CHUNKS,
        "after-chunked": CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n" + CHUNKS,
        "conflicting-with-chunked": b"Content-Length: 5\r\nContent-Length: 6\r\n" + CHUNKED + CHUNKS,
        "coding-identity": b"Transfer-Encoding: identity\r\n" + SIZED,
        "coding-unknown": b"Transfer-Encoding: foo\r\n" + SIZED,
        "coding-unknown-alone": b"Transfer-Encoding: foo\r\n\r\n" + PAGE,
        "chunked-twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKS,
        "chunked-in-capitals": b"transfer-encoding: CHUNKED\r\n\r\n" + CHUNKS,
        "chunked-in-1.0": CHUNKED + CHUNKS,
    }.items():
        start = b"HTTP/1.0 200 OK\r\n" if name.endswith("1.0") else OK
        _add("length-" + name, start + HTML + lines)
    packed = gzip.compress(PAGE, mtime=0)
    sent = b"%x\r\n" % len(packed) + packed + b"\r\n0\r\n\r\n"
    _add("length-gzip-chunked", OK + HTML + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + sent)
    _broken("length-conflicting", OK + b"Content-Length: 5\r\n" + SIZED, Silence())
    _broken("length-conflicting-in-one", OK + b"Content-Length: 5, 6\r\n\r\n" + PAGE, Silence())


def _chunks() -> None:
    size = b"%x" % len(PAGE)
    last = b"0\r\n\r\n"
    for name, sent in {
        "extension": size + b";a=b\r\n" + PAGE + b"\r\n" + last,
        "space-after-size": size + b"  \r\n" + PAGE + b"\r\n" + last,
        "size-with-zeros": b"0" * 40 + size + b"\r\n" + PAGE + b"\r\n" + last,
        "size-in-capitals": size.upper() + b"\r\n" + PAGE + b"\r\n" + last,
        "trailers": CHUNKS[:-2] + b"X: y\r\n\r\n",
        "one-byte-each": b"".join(b"1\r\n%c\r\n" % byte for byte in PAGE) + last,
        "extension-of-100-kib": size + b";" + b"e" * 100_000 + b"\r\n" + PAGE + b"\r\n" + last,
    }.items():
        _add("chunk-" + name, OK + HTML + CHUNKED + sent)
    for name, sent in {
        "negative": b"-5\r\n" + PAGE,
        "plus": b"+5\r\n" + PAGE,
        "0x": b"0x5\r\n" + PAGE,
        "no-size": b"\r\n" + PAGE,
        "words": b"zz\r\n" + PAGE,
        "overflow": b"f" * 20 + b"\r\n" + PAGE,
        "no-end-of-data": size + b"\r\n" + PAGE + b"xx\r\n" + last,
        "plain": PAGE,
    }.items():
        _broken("chunk-" + name, OK + HTML + CHUNKED + sent, Silence())
    _broken("chunk-bare-lf", (OK + HTML + CHUNKED).replace(b"\r\n", b"\n") + CHUNKS.replace(b"\r\n", b"\n"))
    first = b"%b\r\n" % size + PAGE + b"\r\n"
    _broken("chunk-length-as-trailer", OK + HTML + CHUNKED + CHUNKS[:-2] + b"Content-Length: 1\r\n\r\n")
    _broken("chunk-broken-later", OK + HTML + CHUNKED + first, Drip(b"zz\r\n"), Silence())
    _broken("chunk-endless-extension", OK + CHUNKED + b"5;", Endless(_BLOCK))
    _broken("chunk-endless-trailers", OK + CHUNKED + first + b"0\r\n", Endless(b"X: y\r\n" * 1000))
    _broken("chunk-endless-trailer", OK + CHUNKED + first + b"0\r\nX: ", Endless(_BLOCK))
    _slow("chunk-huge-and-silent", OK + HTML + CHUNKED + b"7fffffffffffffff\r\n" + PAGE, Silence())
    _cut("chunk-huge-and-closed", OK + HTML + CHUNKED + b"7fffffffffffffff\r\n" + PAGE)
    _cut("chunk-cut", OK + HTML + CHUNKED + size + b"\r\n<tit")
    _cut("chunk-no-last", OK + HTML + CHUNKED + first)
    _cut("chunk-no-end-of-trailers", OK + HTML + CHUNKED + first + b"0\r\n")


def _interim() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
    for name, before in {
        "100": b"HTTP/1.1 100 Continue\r\n\r\n",
        "102": b"HTTP/1.1 102 Processing\r\n\r\n",
        "103": hints,
        "50-of-them": hints * 50,
        "199": b"HTTP/1.1 199 Odd\r\n\r\n",
        "with-a-length": b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nhi",
        "lower-case": b"http/1.1 100 continue\r\n\r\n",
    }.items():
        _add("interim-" + name, before + WHOLE)
    _slow("interim-and-silence", hints, Silence())
    _cut("interim-and-close", hints)
    _broken("interim-endless", Endless(hints * 100))
    _broken("interim-endless-lower-case", Endless(hints.lower() * 100))
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    _add("interim-101", switch + b"\x81\x02hi", Silence(), to=Outcome.HTTP_ERROR, status=101)
    _add("interim-101-endless", switch, Endless(_BLOCK), to=Outcome.HTTP_ERROR, status=101)
    bare = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    _add("interim-101-without-upgrade", bare + PAGE, Silence(), to=Outcome.HTTP_ERROR, status=101)
    _add("interim-upgrade-with-200", OK + b"Upgrade: h2c\r\nConnection: upgrade\r\n" + HTML + SIZED)


def _bodies() -> None:
    _add("body-204-with-body", b"HTTP/1.1 204 None\r\n" + SIZED, status=204, title="")
    _add("body-304-with-body", b"HTTP/1.1 304 Same\r\n" + SIZED, Silence(), to=Outcome.HTTP_ERROR, status=304)
    _add("body-none", OK + HTML + b"Content-Length: 0\r\n\r\n", title="")
    _add("body-until-close", OK + HTML + b"\r\n" + PAGE)
    _add("body-until-half-close", OK + HTML + b"\r\n" + PAGE, HalfClose())
    _add("body-and-rubbish", WHOLE + b"rubbish" * 100)
    _add("body-and-rubbish-after-close", OK + b"Connection: close\r\n" + HTML + SIZED + b"rubbish")
    _add("body-and-endless-rubbish", WHOLE, Endless(_BLOCK))
    _add("body-and-second-answer", WHOLE + OK + b"Content-Length: 3\r\n\r\nhi!")
    _add("body-and-half-an-answer", WHOLE + b"HTTP/1.1 200 OK\r\nX")
    _add("body-and-broken-answer", WHOLE + b"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n")
    _add("body-and-line-end", WHOLE + b"\r\n")
    _add("body-chunked-and-rubbish", OK + HTML + CHUNKED + CHUNKS + b"rubbish")
    _cut("body-shorter-than-length", OK + HTML + b"Content-Length: 500\r\n\r\n" + PAGE)
    _cut("body-shorter-half-closed", OK + HTML + b"Content-Length: 500\r\n\r\n" + PAGE, HalfClose())
    _slow("body-shorter-and-silent", OK + HTML + b"Content-Length: 500\r\n\r\n" + PAGE, Silence())
    for name, coded in {"gzip": gzip.compress(PAGE * 9), "deflate": zlib.compress(PAGE * 9)}.items():
        head = OK + HTML + b"Content-Encoding: %b\r\n\r\n" % name.encode()
        _add(f"body-{name}-cut", head + coded[:-9], to=Outcome.DECODE_ERROR)
    full: dict[str, Any] = {"to": Outcome.TOO_LARGE, "status": 200, "title": "taken", "truncated": True}
    _add("body-endless", OK + HTML + b"\r\n" + PAGE, Endless(_BLOCK), **full)
    _add(
        "body-endless-sized",
        OK + HTML + b"Content-Length: %d\r\n\r\n" % (1 << 50) + PAGE,
        Endless(_BLOCK),
        **full,
    )
    block = b"%x\r\n" % len(_BLOCK) + _BLOCK + b"\r\n"
    opening = b"%x\r\n" % len(PAGE) + PAGE + b"\r\n"
    _add("body-endless-chunked", OK + HTML + CHUNKED + opening, Endless(block), **full)
    small = b"40\r\n" + bytes(64) + b"\r\n"
    _add("body-endless-small-chunks", OK + HTML + CHUNKED + opening, Endless(small * 1000), **full)
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(PAGE + bytes(1 << 26)) + packer.flush(zlib.Z_SYNC_FLUSH)
    bomb = OK + HTML + b"Content-Encoding: gzip\r\n\r\n" + packed
    _add("body-endless-gzip", bomb, Silence(), **full)


def _pace() -> None:
    _slow("pace-silence-after-request", Silence())
    _slow("pace-head-dripped", Drip(OK + b"X: " + b"v" * 1000))
    _slow("pace-one-byte", b"H", Silence())
    _slow("pace-half-a-head", OK + b"X: y", Silence())
    _slow("pace-body-dripped", OK + HTML + b"\r\n" + PAGE, Endless(b".", 0.05))
    _slow("pace-chunks-dripped", OK + HTML + CHUNKED, Endless(b"1\r\nx\r\n", 0.05))
    _add("pace-head-in-bytes", Drip(WHOLE, 0))
    _add("pace-mended-head-in-bytes", Drip(b"http/1.1 200 OK\nX Y: z\n" + HTML + SIZED, 0))
    _add("pace-answer-before-request", WHOLE, Silence(), greets=True)
    _slow("pace-silence-after-accept", Silence(), greets=True)


def _ends() -> None:
    _cut("end-close-after-request")
    _cut("end-half-close-after-request", HalfClose())
    _cut("end-in-status-line", b"HTTP/1.1 20")
    _cut("end-in-head", OK + b"X: y")
    _cut("end-before-body", OK + b"Content-Length: 5\r\n\r\n")
    _cut("reset-after-request", Reset())
    _cut("reset-in-head", Drip(b"HTTP/1.1 20", 0), Reset())
    _cut("reset-in-body", OK + HTML + b"Content-Length: 500\r\n\r\n", Drip(b"<t", 0.01), Reset())
    _cut("close-at-accept", greets=True)
    _cut("reset-at-accept", Reset(), greets=True, also=Outcome.CONNECT_ERROR)
    _add("stale-closed", WHOLE, ReadHead())
    _add("stale-reset", WHOLE, ReadHead(), Reset())


def _tls() -> None:
    failed: dict[str, Any] = {"to": Outcome.TLS_ERROR, "scheme": "https", "greets": True}
    for kind in ("self-signed", "expired", "wrong host"):
        _add("tls-" + kind.replace(" ", "-"), StartTls(kind), Send(WHOLE), **failed)
    _add("tls-plain-http", b"HTTP/1.1 400 Bad Request\r\n\r\n", Silence(), **failed)
    _add("tls-alert", b"\x15\x03\x03\x00\x02\x02\x28", Silence(), **failed)
    _add("tls-rubbish", b"rubbish" * 100, Silence(), **failed)
    _slow("tls-silence", Silence(), scheme="https", greets=True)
    _add("tls-close", to=Outcome.CONNECT_ERROR, scheme="https", greets=True)
    _add("tls-reset", Reset(), to=Outcome.CONNECT_ERROR, scheme="https", greets=True)
    _broken("tls-on-plain-port", b"\x15\x03\x03\x00\x02\x02\x46", Silence())


for _fill in (_status_lines, _headers, _lengths, _chunks, _interim, _bodies, _pace, _ends, _tls):
    _fill()

SCRIPTS = {scenario.name: scenario.script for scenario in SCENARIOS}
HOSTS = {scenario.name: f"127.77.{at // 200}.{at % 200 + 1}" for at, scenario in enumerate(SCENARIOS)}
"""A host for each, so that none costs another a turn."""


def url_of(scenario: Scenario, port: int) -> str:
    """Return where a scenario is served."""
    return f"{scenario.scheme}://{HOSTS[scenario.name]}:{port}/{scenario.name}"


def honest_urls(port: int) -> list[str]:
    """Return an honest page beside each scenario, on the same host where that answers at all."""
    hosts = ["127.0.0.1" if one.script.is_by_host else HOSTS[one.name] for one in SCENARIOS]
    return [f"http://{host}:{port}/honest/{number}" for number, host in enumerate(hosts)]
