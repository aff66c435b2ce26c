"""The dashboard, put together and listening."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from scraper.dashboard.answering import ANSWER_S, Answering, add_headers
from scraper.dashboard.api import Api
from scraper.dashboard.connections import HEAD_S, Connections
from scraper.dashboard.door import Door
from scraper.dashboard.forms import Forms
from scraper.dashboard.health import Health
from scraper.dashboard.paper import Paper
from scraper.dashboard.places import MOST_BODY_BYTES
from scraper.dashboard.reports import PATIENCE_S, Reports
from scraper.dashboard.sessions import Sessions, Tries
from scraper.dashboard.site import Site
from scraper.dashboard.streams import Streams
from scraper.dashboard.views import Views
from scraper.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scraper.dashboard.access import Access
    from scraper.dashboard.known_pages import KnownPages
    from scraper.dashboard.metrics import Metrics
    from scraper.schedule.model import Control

_HEAD_BYTES = 8190
_MOST_HEADERS = 64
_END_S = 1.0
_LINGER_S = 2.0
"""So long the rest of a body is taken in that nobody wants, so that the answer arrives."""
_BACKLOG = 64


class Limits(NamedTuple):
    """What clients may take. There is one choice for users; tests take less."""

    head_s: float = HEAD_S
    answer_s: float = ANSWER_S
    report_s: float = PATIENCE_S


@contextlib.asynccontextmanager
async def dashboard(
    control: Control, pages: KnownPages, access: Access, *, limits: Limits | None = None
) -> AsyncIterator[str]:
    """Listen, and give the dashboard's URL; the end of the block closes all connections.

    Args:
        control: The daemon, on the same event loop.
        pages: What is known of pages.
        access: Where to listen, and who may come.
        limits: What clients may take.

    Raises:
        UsageError: The address can't be listened at.
    """
    limits = limits or Limits()
    listening = _listen(access)
    async with asyncio.TaskGroup() as group:
        views = Views(control, pages)
        sessions = Sessions(access.token)
        reports = Reports(group, patience_s=limits.report_s)
        door = Door(access, sessions, Tries())
        paper = Paper(door)
        streams = Streams(control)
        answering = Answering(paper.refused, answer_s=limits.answer_s)
        metrics = _metrics(control)
        follower = (
            group.create_task(metrics.follow(), name="dashboard: figures") if metrics is not None else None
        )
        application = web.Application(
            middlewares=[answering.answer, door.check], client_max_size=MOST_BODY_BYTES
        )
        application.on_response_prepare.append(add_headers)
        application.add_routes(Site(views, door, paper, streams, reports).routes())
        application.add_routes(Forms(views, door, paper).routes())
        application.add_routes(Api(views, door, needs_token=sessions.are_needed).routes())
        application.add_routes(Health(views, metrics).routes())
        try:
            async with _serving(application, listening, limits) as port:
                try:
                    yield f"http://{access._replace(port=port).shown_address}/"
                finally:
                    streams.close()
        finally:
            reports.cancel()
            if follower is not None:
                follower.cancel()


@contextlib.asynccontextmanager
async def _serving(
    application: web.Application, listening: socket.socket, limits: Limits
) -> AsyncIterator[int]:
    # What strangers send that is no HTTP is no news: it is answered, and not logged with a traceback.
    quiet = logging.getLogger("scraper.dashboard.wire")
    quiet.setLevel(logging.CRITICAL)
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=quiet,
        keepalive_timeout=limits.head_s,
        shutdown_timeout=_END_S,
        lingering_time=min(limits.answer_s, _LINGER_S),
        max_line_size=_HEAD_BYTES,
        max_field_size=_HEAD_BYTES,
        max_headers=_MOST_HEADERS,
    )
    await runner.setup()
    if runner.server is None:  # pragma: no cover - set up has made it
        raise RuntimeError("the runner has no server")
    server = await asyncio.get_running_loop().create_server(
        Connections(runner.server), sock=listening, backlog=_BACKLOG
    )
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.close()
        await runner.cleanup()


def _listen(access: Access) -> socket.socket:
    host = "127.0.0.1" if access.host == "localhost" else access.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, access.port))
    except OSError as error:
        listening.close()
        raise UsageError(
            f"--web {access.shown_address}: can't listen there: {error.strerror}; choose another port"
        ) from error
    return listening


def _metrics(control: Control) -> Metrics | None:
    try:
        from scraper.dashboard.metrics import Metrics  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return Metrics(control)
