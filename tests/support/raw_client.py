"""An HTTP client for loopback that sends what the test says, byte for byte, and believes nothing."""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

_LONGEST_S = 20.0


class Answer(NamedTuple):
    """What came, up to the end of the connection or of the answer."""

    status: int
    headers: dict[str, str]
    """By lower-case name; of several the last."""
    body: str
    cookies: list[str]
    """The ``Set-Cookie`` lines."""

    @property
    def cookie(self) -> str:
        """The first cookie, as a request sends it."""
        return self.cookies[0].partition(";")[0]


async def exchange(url: str, sent: bytes) -> Answer:
    """Send bytes to where a URL leads, and return what comes. It is asked with ``Connection: close``."""
    async with asyncio.timeout(_LONGEST_S):
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        try:
            writer.write(sent)
            return _parsed(await reader.read())
        finally:
            writer.close()


async def ask(
    url: str, target: str, *, method: str = "GET", body: str | bytes = b"", **headers: str
) -> Answer:
    """Send a request. Headers are named with underscores; an empty one is left out, also ``host``."""
    named = {"host": urlsplit(url).netloc, "connection": "close", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items() if value]
    content = body.encode() if isinstance(body, str) else body
    if content:
        lines.append(f"Content-Length: {len(content)}")
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""])
    return await exchange(url, head.encode("latin-1") + content)


async def post(url: str, target: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
    """Send a form."""
    headers.setdefault("content_type", "application/x-www-form-urlencoded")
    return await ask(url, target, method="POST", body=urlencode(form or {"": ""}).encode(), **headers)


def _parsed(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    status = int(first.split()[1]) if first else 0
    cookies = [value for name, value in pairs if name == "set-cookie"]
    return Answer(status, dict(pairs), body.decode("utf-8", "replace"), cookies)
