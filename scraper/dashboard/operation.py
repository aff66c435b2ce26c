"""One line of the table that the JSON API is made of, and described by."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from scraper.dashboard.queries import NoQuery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import msgspec
    from aiohttp import web


class Operation(NamedTuple):
    """One thing that can be asked for or done."""

    name: str
    method: str
    path: str
    summary: str
    answers: type
    run: Callable[[web.Request], Awaitable[object]]
    query: type[msgspec.Struct] = NoQuery
    status: HTTPStatus = HTTPStatus.OK
    refusals: tuple[HTTPStatus, ...] = ()
