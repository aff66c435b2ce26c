"""The API's description by OpenAPI 3.1, made of its table of operations and of the types that they give."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from scraper import __version__
from scraper.dashboard.places import API, PROOF_HEADER
from scraper.dashboard.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scraper.dashboard.operation import Operation

_REF = "#/components/schemas/{name}"
_in_braces = re.compile(r"{(\w+)}").findall
_WHAT = {"job": "A job's name.", "run": "A run's id.", "page": "A page's name in its job."}
_ALWAYS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_TO_DO = (HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_AT_A_DOOR = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)


def description(operations: Sequence[Operation], *, needs_token: bool) -> dict[str, Any]:
    """Return the document, as JSON values.

    Args:
        operations: What there is.
        needs_token: Whether one has to be shown here.
    """
    answers = [operation.answers for operation in operations]
    schemas, components = msgspec.json.schema_components([*answers, Problem], ref_template=_REF)
    paths: dict[str, Any] = {}
    for operation, schema in zip(operations, schemas, strict=False):
        paths.setdefault(operation.path, {})[operation.method] = _described(operation, schema, needs_token)
    proof = {
        "type": "apiKey",
        "in": "header",
        "name": PROOF_HEADER,
        "description": "What `GET /session` gives; not needed beside the token.",
    }
    schemes: dict[str, Any] = {"proof": proof}
    if needs_token:
        schemes["token"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "SCRAPER_WEB_TOKEN of the daemon.",
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "scraper",
            "version": __version__,
            "description": "Jobs, their runs, and what is known of pages.",
        },
        "servers": [{"url": API}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": schemes},
    }


def _described(operation: Operation, schema: dict[str, Any], needs_token: bool) -> dict[str, Any]:  # noqa: FBT001
    is_reading = operation.method == "get"
    refusals = [*_ALWAYS, *operation.refusals]
    security: list[dict[str, list[str]]] = [] if is_reading else [{"proof": []}]
    if needs_token:
        refusals += _AT_A_DOOR
        security = [{"token": []}]
    if not is_reading:
        refusals += _TO_DO
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            str(operation.status.value): {
                "description": operation.status.phrase,
                "content": {"application/json": {"schema": schema}},
            },
            **_refusals(refusals),
        },
    }
    if parameters := [*_of_path(operation.path), *_of_query(operation.query)]:
        described["parameters"] = parameters
    if security:
        described["security"] = security
    return described


def _refusals(statuses: Iterable[HTTPStatus]) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {
        str(status.value): {"description": status.phrase, "content": content}
        for status in sorted(set(statuses))
    }


def _of_path(path: str) -> Iterator[dict[str, Any]]:
    for name in _in_braces(path):
        schema = {"type": "string", "minLength": 1, "maxLength": 200}
        yield {"name": name, "in": "path", "required": True, "description": _WHAT[name], "schema": schema}


def _of_query(query: type[msgspec.Struct]) -> Iterator[dict[str, Any]]:
    _, components = msgspec.json.schema_components([query], ref_template=_REF)
    for name, schema in components[query.__name__]["properties"].items():
        plain = _without_null(schema, components)
        parameter = {"name": name, "in": "query", "required": False, "schema": plain}
        if "description" in plain:
            parameter["description"] = plain.pop("description")
        yield parameter


def _without_null(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is there or not, but never ``null``, without references."""
    found = dict(schema)
    if "anyOf" in found:
        (only,) = (one for one in found["anyOf"] if one.get("type") != "null")
        found = {**only}
    if "items" in found and "$ref" in found["items"]:
        found["items"] = components[found["items"]["$ref"].rpartition("/")[2]]
    if found.get("default", ...) in (None, []):
        found.pop("default")
    return found
