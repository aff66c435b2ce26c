"""Whether the daemon lives, for whoever restarts it, and figures of its jobs, for Prometheus."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from scraper.dashboard.places import HEALTH, IS_IN, METRICS
from scraper.dashboard.problems import not_there

if TYPE_CHECKING:
    from scraper.dashboard.metrics import Metrics
    from scraper.dashboard.views import Views

REMEDY = "Figures need prometheus-client: pip install prometheus-client, and start the daemon again."


class Healthy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the daemon is."""

    status: str
    """``ok``; ``silent`` when a job has not succeeded for longer than its alarm allows."""
    jobs: int
    running: int
    silent: int
    silent_jobs: list[str] = []
    """Their names, for who may know them."""


class Health:
    """Answers ``/healthz`` and ``/metrics``.

    Args:
        views: The daemon's jobs.
        metrics: The figures; ``None`` where prometheus-client is not installed.
    """

    def __init__(self, views: Views, metrics: Metrics | None) -> None:
        self._views = views
        self._metrics = metrics

    def routes(self) -> list[web.RouteDef]:
        """Return where they are."""
        return [web.get(HEALTH, self.health), web.get(METRICS, self.metrics)]

    async def health(self, request: web.Request) -> web.Response:
        """Say that the daemon's loop turns: it answers this.

        Silent jobs are told, and are no reason to restart it; with ``?silent=fail`` they are one: 503.
        """
        jobs = self._views.jobs()
        silent = [job.name for job in jobs if job.silent_since is not None]
        told = Healthy(
            status="silent" if silent else "ok",
            jobs=len(jobs),
            running=sum(job.state == "running" for job in jobs),
            silent=len(silent),
            silent_jobs=silent if request[IS_IN] else [],
        )
        is_failing = bool(silent) and request.query.get("silent") == "fail"
        return web.Response(
            status=HTTPStatus.SERVICE_UNAVAILABLE if is_failing else HTTPStatus.OK,
            body=msgspec.json.encode(told),
            content_type="application/json",
        )

    async def metrics(self, _request: web.Request) -> web.Response:
        """Figures in Prometheus' text format."""
        if self._metrics is None:
            raise not_there(REMEDY)
        body, content_type = self._metrics.page()
        return web.Response(body=body, headers={"Content-Type": content_type})
