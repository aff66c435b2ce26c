"""What is done by forms: the buttons of jobs, signing in and out, and the end of the daemon."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from scraper.dashboard.door import Door, form_of
from scraper.dashboard.places import IS_IN, SIGN_IN, local_place
from scraper.dashboard.problems import Refusal

if TYPE_CHECKING:
    from scraper.dashboard.paper import Paper
    from scraper.dashboard.views import Views


class Forms:
    """The forms and what they do.

    Args:
        views: What they do it with.
        door: Who may.
        paper: Makes the pages.
    """

    def __init__(self, views: Views, door: Door, paper: Paper) -> None:
        self._views = views
        self._door = door
        self._paper = paper

    def routes(self) -> list[web.RouteDef]:
        """Return where they are."""
        return [
            web.post(r"/jobs/{job}/{action:trigger|pause|resume|stop}", self.act),
            web.get("/drain", self.ask_to_drain),
            web.post("/drain", self.drain),
            web.get(SIGN_IN, self.ask_to_sign_in),
            web.post(SIGN_IN, self.sign_in),
            web.post("/sign-out", self.sign_out),
        ]

    async def act(self, request: web.Request) -> web.Response:
        """Do what a job's button says."""
        job = self._views.job(request.match_info["job"])
        action = request.match_info["action"]
        await self._views.act(job.name, action)
        raise web.HTTPSeeOther((URL("/jobs") / job.name).with_query(done=action))

    async def ask_to_drain(self, request: web.Request) -> web.Response:
        """Ask whether the daemon is to end."""
        return self._paper.page(request, "drain.html")

    async def drain(self, request: web.Request) -> web.Response:
        """End the daemon."""
        self._views.control.drain()
        return self._paper.page(
            request,
            "refused.html",
            title="The daemon ends",
            detail="It finishes what is under way. Then this dashboard is gone.",
        )

    async def ask_to_sign_in(self, request: web.Request) -> web.Response:
        """Ask for the token."""
        place = local_place(request.query.get("next", "/"))
        if request[IS_IN]:
            raise web.HTTPSeeOther(URL(place, encoded=True))
        return self._paper.page(request, "sign_in.html", next=place, wrong=None)

    async def sign_in(self, request: web.Request) -> web.Response:
        """Take the token, and begin a session."""
        form = await form_of(request)
        place = local_place(form.get("next", "/"))
        try:
            self._door.show_token(request, form.get("token", ""))
        except Refusal as refusal:
            page = self._paper.page(request, "sign_in.html", next=place, wrong=refusal.detail)
            page.set_status(refusal.status)
            page.headers.update(refusal.headers)
            return page
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": place})
        self._door.let_in(request, response)
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session."""
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": SIGN_IN})
        self._door.let_out(request, response)
        return response
