"""The dashboard's pages that are read. All of them work without script."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from scraper.dashboard.places import STATIC
from scraper.dashboard.problems import Refusal
from scraper.dashboard.queries import ChangesQuery, PagesQuery, RunsQuery, query_of
from scraper.dashboard.regions import BAD_OUTCOMES, Regions
from scraper.dashboard.rendering import static_files
from scraper.record import ChangeStatus
from scraper.report.render import page_policy
from scraper.schedule.model import JobState, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scraper.dashboard.door import Door
    from scraper.dashboard.paper import Paper
    from scraper.dashboard.reports import Reports
    from scraper.dashboard.streams import Streams
    from scraper.dashboard.views import Views
    from scraper.schedule.model import JobRow

PAGE_ROWS = 50
_NOTES = {
    "trigger": "A run has been begun.",
    "pause": "The job is paused: nothing is begun until you resume it.",
    "resume": "The job goes on when it is due.",
    "stop": "The run is being stopped: what is under way is finished first.",
}
# It is a document of its own: it can't see the dashboard, send a form, or ask for anything.
_REPORT_SANDBOX = (
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'none'; "
)


class Site:
    """The pages.

    Args:
        views: What they show.
        door: Who may see it, and still after a while.
        paper: Makes them.
        streams: What keeps open pages up to date.
        reports: The reports of finished runs.
    """

    def __init__(self, views: Views, door: Door, paper: Paper, streams: Streams, reports: Reports) -> None:
        self._views = views
        self._door = door
        self._paper = paper
        self._streams = streams
        self._reports = reports
        self._regions = Regions()

    def routes(self) -> list[web.RouteDef]:
        """Return where they are."""
        run = r"/jobs/{job}/runs/{run}"
        return [
            web.get("/", self.jobs),
            web.get("/events", self.jobs_events),
            web.get("/search", self.search),
            web.get("/jobs/{job}", self.job),
            web.get("/jobs/{job}/events", self.job_events),
            web.get(run, self.run),
            web.get(f"{run}/events", self.run_events),
            web.get(f"{run}/report", self.report),
            web.get(f"{run}/changes", self.changes),
            web.get("/jobs/{job}/pages/{page}", self.page),
            web.get(STATIC + "{name}", self.file),
        ]

    async def jobs(self, request: web.Request) -> web.Response:
        """All jobs."""
        jobs = self._views.jobs()
        lives = {job.name: self._views.live(job.name) for job in jobs}
        return self._paper.page(
            request, "jobs.html", place="jobs", jobs=jobs, lives=lives, summary=_summary(jobs)
        )

    async def jobs_events(self, request: web.Request) -> web.StreamResponse:
        """What changes of all jobs."""

        def look() -> Mapping[str, object] | None:
            if not self._door.is_still_in(request):
                return None
            jobs = self._views.jobs()
            return {"summary": _summary(jobs), **{f"job:{job.name}": self._row(request, job) for job in jobs}}

        return await self._streams.send(request, look)

    def _row(self, request: web.Request, job: JobRow) -> str:
        return self._regions.job(job, self._views.live(job.name), proof=self._door.proof(request))

    async def job(self, request: web.Request) -> web.Response:
        """One job and its runs."""
        job = self._views.job(request.match_info["job"])
        query = query_of(request, RunsQuery, also=frozenset({"done"}))
        runs, after = await self._views.runs(job.name, limit=query.limit, before=query.before)
        return self._paper.page(
            request,
            "job.html",
            place="jobs",
            job=job,
            live=self._views.live(job.name),
            runs=runs,
            next=after,
            is_later=query.before is not None,
            note=_NOTES.get(request.query.get("done", "")),
        )

    async def job_events(self, request: web.Request) -> web.StreamResponse:
        """What changes of one job."""
        name = self._views.job(request.match_info["job"]).name

        def look() -> Mapping[str, object] | None:
            if not self._door.is_still_in(request):
                return None
            return {
                f"job:{job.name}": self._row(request, job) for job in self._views.jobs() if job.name == name
            }

        return await self._streams.send(request, look)

    async def run(self, request: web.Request) -> web.Response:
        """One run, also one that goes on."""
        job = self._views.job(request.match_info["job"])
        row = await self._views.run(job.name, request.match_info["run"])
        live = self._views.live(job.name, row.id) if row.state is RunState.RUNNING else None
        return self._paper.page(
            request, "run.html", place="jobs", job=job, run=row, live=live, bad_outcomes=BAD_OUTCOMES
        )

    async def run_events(self, request: web.Request) -> web.StreamResponse:
        """What changes of a run that goes on."""
        job = self._views.job(request.match_info["job"])
        row = await self._views.run(job.name, request.match_info["run"])

        def look() -> Mapping[str, object] | None:
            if not self._door.is_still_in(request):
                return None
            live = self._views.live(job.name, row.id)
            if live is not None:
                return self._regions.live(live)
            is_running = self._views.job(job.name).state is JobState.RUNNING
            return {} if is_running else None

        return await self._streams.send(request, look)

    async def report(self, request: web.Request) -> web.Response:
        """The report of a run."""
        job = self._views.job(request.match_info["job"])
        row = await self._views.run(job.name, request.match_info["run"])
        if row.state is RunState.RUNNING:
            raise Refusal(HTTPStatus.CONFLICT, "The run still goes on. Its report comes when it is over.")
        found = await self._reports.get(row)
        if found is None:
            back = URL("/jobs") / job.name / "runs" / row.id
            page = self._paper.page(
                request, "waiting.html", place="jobs", here=str(back / "report"), back=str(back)
            )
            page.set_status(HTTPStatus.ACCEPTED)
            page.headers["Refresh"] = "3"
            return page
        response = web.Response(body=found, content_type="text/html", charset="utf-8")
        response.headers["Content-Security-Policy"] = _REPORT_SANDBOX + page_policy()
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    async def changes(self, request: web.Request) -> web.Response:
        """What a run has found changed, old and new side by side."""
        query = query_of(request, ChangesQuery)
        job = self._views.job(request.match_info["job"])
        row, found = await self._views.changes(
            job.name,
            request.match_info["run"],
            statuses=query.status,
            words=query.q,
            after=query.after,
            limit=min(query.limit, PAGE_ROWS),
        )
        first, after = _turns(request, found.next)
        return self._paper.page(
            request,
            "changes.html",
            place="jobs",
            job=job,
            run=row,
            changes=found,
            query=query,
            all_statuses=list(ChangeStatus),
            first=first,
            next=after,
        )

    async def search(self, request: web.Request) -> web.Response:
        """The pages that a job knows."""
        query = query_of(request, PagesQuery, also=frozenset({"job"}))
        jobs = self._views.jobs()
        job = request.query.get("job") or (jobs[0].name if jobs else "")
        found = None
        if jobs and "q" in request.query:
            found = await self._views.search(
                job, words=query.q, after=query.after, limit=min(query.limit, PAGE_ROWS)
            )
        first, after = _turns(request, None if found is None else found.next)
        return self._paper.page(
            request,
            "search.html",
            place="search",
            jobs=jobs,
            query={"q": query.q, "job": job, "after": query.after},
            found=found,
            first=first,
            next=after,
        )

    async def page(self, request: web.Request) -> web.Response:
        """The history of one page."""
        job = self._views.job(request.match_info["job"])
        found = await self._views.page(job.name, request.match_info["page"])
        return self._paper.page(
            request, "page.html", place="search", job=job, page=found.page, events=found.events
        )

    async def file(self, request: web.Request) -> web.Response:
        """A file that pages load: one of a few, by its name."""
        found = static_files().get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        response = web.Response(body=found.content, content_type=found.media_type, charset="utf-8")
        if request.query.get("v") == found.digest:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _summary(jobs: Sequence[JobRow]) -> str:
    running = sum(job.state is JobState.RUNNING for job in jobs)
    silent = sum(job.silent_since is not None for job in jobs)
    parts = [f"{len(jobs)} job{'' if len(jobs) == 1 else 's'}", f"{running} running"]
    if silent:
        parts.append(f"{silent} silent")
    return ", ".join(parts)


def _turns(request: web.Request, after: str | None) -> tuple[str, str | None]:
    """Return the addresses of the first part of a list, and of the part that comes next."""
    here = request.rel_url.without_query_params("after")
    return str(here), None if after is None else str(here.update_query(after=after))
