"""A receiver of webhooks on loopback, which keeps what it gets and answers as a test wants."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class Received(NamedTuple):
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class HookServer:
    """Answers 204, or what was put into ``answers``, in that order."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> AsyncIterator[HookServer]:
        """Listen on a free port."""
        server = cls()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server._handle)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            server.url = f"http://127.0.0.1:{port}"
            yield server
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        self.received.append(Received(request.path_qs, request.headers.copy(), await request.read()))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        return web.Response(status=status, headers=headers)
