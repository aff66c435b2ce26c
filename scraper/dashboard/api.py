"""The JSON API: the same views as the pages have. One table says what there is; it is described by that."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from scraper.dashboard.answers import (
    Begun,
    Job,
    Jobs,
    PageHistory,
    Run,
    Runs,
    Session,
    job_of,
    run_of,
)
from scraper.dashboard.known_pages import PageSlice, Slice
from scraper.dashboard.operation import Operation
from scraper.dashboard.places import API
from scraper.dashboard.problems import not_there
from scraper.dashboard.queries import ChangesQuery, NoQuery, PagesQuery, RunsQuery, query_of
from scraper.schedule.model import LiveRun

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from scraper.dashboard.door import Door
    from scraper.dashboard.views import Views

DESCRIPTION = "/openapi.json"


class Api:
    """The API.

    Args:
        views: What it answers from.
        door: Who may ask.
        needs_token: Whether the description is to say that a token is needed.
    """

    def __init__(self, views: Views, door: Door, *, needs_token: bool) -> None:
        self._views = views
        self._door = door
        self._needs_token = needs_token
        self._description: bytes | None = None

    def operations(self) -> tuple[Operation, ...]:
        """Return all that there is."""
        missing = (HTTPStatus.NOT_FOUND,)
        conflict = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
        unread = (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
        job, run = "/jobs/{job}", "/jobs/{job}/runs/{run}"
        return (
            Operation("session", "get", "/session", "Say who asks.", Session, self._session),
            Operation("jobs", "get", "/jobs", "List all jobs.", Jobs, self._jobs),
            Operation("job", "get", job, "Say how a job stands.", Job, self._job, refusals=missing),
            Operation(
                "live", "get", f"{job}/live", "Say how far its run is.", LiveRun, self._live, refusals=missing
            ),
            Operation(
                "runs", "get", f"{job}/runs", "List its runs.", Runs, self._runs, RunsQuery, refusals=unread
            ),
            Operation("run", "get", run, "Say what became of a run.", Run, self._run, refusals=missing),
            Operation(
                "changes",
                "get",
                f"{run}/changes",
                "List what a run has found changed.",
                Slice,
                self._changes,
                ChangesQuery,
                refusals=unread,
            ),
            Operation(
                "pages",
                "get",
                f"{job}/pages",
                "Search the pages that a job knows.",
                PageSlice,
                self._pages,
                PagesQuery,
                refusals=unread,
            ),
            Operation(
                "page",
                "get",
                f"{job}/pages/{{page}}",
                "Tell the history of one page.",
                PageHistory,
                self._page,
                refusals=missing,
            ),
            *(
                Operation(
                    action, "post", f"{job}/{action}", told, Job, self._act, status=status, refusals=conflict
                )
                for action, told, status in (
                    ("trigger", "Begin a run now.", HTTPStatus.ACCEPTED),
                    ("pause", "Begin none of its runs until it is resumed.", HTTPStatus.OK),
                    ("resume", "Begin its runs again when they are due.", HTTPStatus.OK),
                    ("stop", "Stop its run, when what is under way is finished.", HTTPStatus.ACCEPTED),
                )
            ),
            Operation(
                "drain", "post", "/drain", "End the daemon.", Begun, self._drain, status=HTTPStatus.ACCEPTED
            ),
        )

    def routes(self) -> list[web.RouteDef]:
        """Return where it is."""
        return [
            web.get(API + DESCRIPTION, self._describe),
            *(
                web.route(operation.method, API + operation.path, _handler(operation))
                for operation in self.operations()
            ),
        ]

    async def _describe(self, _request: web.Request) -> web.Response:
        from scraper.dashboard.openapi import description  # noqa: PLC0415 - few ask for it

        if self._description is None:
            self._description = msgspec.json.encode(
                description(self.operations(), needs_token=self._needs_token)
            )
        return web.Response(body=self._description, content_type="application/json")

    async def _session(self, request: web.Request) -> Session:
        return Session(proof=self._door.proof(request), needs_token=self._needs_token)

    async def _jobs(self, _request: web.Request) -> Jobs:
        return Jobs(tuple(map(job_of, self._views.jobs())))

    async def _job(self, request: web.Request) -> Job:
        return job_of(self._views.job(request.match_info["job"]))

    async def _live(self, request: web.Request) -> LiveRun:
        live = self._views.live(request.match_info["job"])
        if live is None:
            raise not_there("No run of this job goes on.")
        return live

    async def _runs(self, request: web.Request) -> Runs:
        query = query_of(request, RunsQuery)
        rows, after = await self._views.runs(
            request.match_info["job"], limit=query.limit, before=query.before
        )
        return Runs(tuple(map(run_of, rows)), after)

    async def _run(self, request: web.Request) -> Run:
        return run_of(
            await self._views.run(request.match_info["job"], request.match_info["run"]), in_list=False
        )

    async def _changes(self, request: web.Request) -> Slice:
        query = query_of(request, ChangesQuery)
        _, found = await self._views.changes(
            request.match_info["job"],
            request.match_info["run"],
            statuses=query.status,
            words=query.q,
            after=query.after,
            limit=query.limit,
        )
        return found

    async def _pages(self, request: web.Request) -> PageSlice:
        query = query_of(request, PagesQuery)
        return await self._views.search(
            request.match_info["job"], words=query.q, after=query.after, limit=query.limit
        )

    async def _page(self, request: web.Request) -> PageHistory:
        return await self._views.page(request.match_info["job"], request.match_info["page"])

    async def _act(self, request: web.Request) -> Job:
        job = request.match_info["job"]
        await self._views.act(job, request.path.rpartition("/")[2])
        return job_of(self._views.job(job))

    async def _drain(self, _request: web.Request) -> Begun:
        self._views.control.drain()
        return Begun()


_encode = msgspec.json.Encoder(enc_hook=str).encode


def _handler(operation: Operation) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        if operation.query is NoQuery:
            query_of(request, NoQuery)
        answer: Any = await operation.run(request)
        return web.Response(status=operation.status, body=_encode(answer), content_type="application/json")

    return answer
