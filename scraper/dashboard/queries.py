"""What may stand behind the question mark of an address, and how it is read."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta

from scraper.dashboard.problems import Refusal
from scraper.record import ChangeStatus

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from aiohttp import web

MOST_ROWS = 200
Q = TypeVar("Q", bound=msgspec.Struct)
_Limit = Annotated[int, Meta(ge=1, le=MOST_ROWS, description="The most rows.")]
_Words = Annotated[str, Meta(max_length=200, description="Words that all have to be there, in any case.")]
_After = Annotated[str, Meta(max_length=3000, description="`next` of the part before.")]


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing may."""


class RunsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which runs."""

    limit: _Limit = 50
    before: Annotated[datetime, Meta(tz=True, description="Only runs that were due before.")] | None = None


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which changes."""

    limit: _Limit = 50
    status: Annotated[
        list[ChangeStatus], Meta(description="Which kinds; all but `unchanged` when none.")
    ] = []
    q: _Words = ""
    after: _After | None = None


class PagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which pages."""

    limit: _Limit = 50
    q: _Words = ""
    after: _After | None = None


def query_of(request: web.Request, kind: type[Q], *, also: AbstractSet[str] = frozenset()) -> Q:
    """Return what the address asks for.

    Args:
        request: The request.
        kind: What may be asked.
        also: Names that may stand there besides, and are read elsewhere.

    Raises:
        Refusal: A name is unknown or given twice, or a value is none.
    """
    many = {
        field.name
        for field in msgspec.structs.fields(kind)
        if field.default_factory is not msgspec.NODEFAULT and field.default_factory is list
    }
    given: dict[str, object] = {}
    for name in request.query:
        if name in also:
            continue
        values = request.query.getall(name)
        if name not in many and len(values) > 1:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name[:40]!r} is given more than once.")
        given[name] = values if name in many else values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"The query can't be read: {error}.") from error
