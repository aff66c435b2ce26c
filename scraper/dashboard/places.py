"""Where things are in the dashboard, and what is known of a request once it has come through the door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

API: Final = "/api/v1"
SIGN_IN: Final = "/sign-in"
STATIC: Final = "/static/"
HEALTH: Final = "/healthz"
METRICS: Final = "/metrics"
PROOF: Final = "proof"
"""The field of a form that shows that it is ours."""
PROOF_HEADER: Final = "X-CSRF-Token"
MOST_BODY_BYTES: Final = 16 * 1024
SESSION: Final = web.RequestKey("session", str)
"""The session's name; empty where there is no door, or the token itself was shown."""
IS_IN: Final = web.RequestKey("is_in", bool)
"""Whether it may see more than the door."""
BY_TOKEN: Final = web.RequestKey("by_token", bool)
"""Whether it came with the token itself, which no browser adds on its own."""
LIMIT: Final = web.RequestKey("limit", asyncio.Timeout)
"""The deadline of its answer."""
_JSON_PLACES = (API, HEALTH, METRICS)


def wants_json(request: web.Request) -> bool:
    """Whether a program asks."""
    return request.path.startswith(_JSON_PLACES)


def local_place(text: str) -> str:
    """Return a path of ours to go on to; ``/`` in place of what would lead elsewhere."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    if not is_local or "\\" in text:
        return "/"
    return text


def is_public(path: str) -> bool:
    """Whether this may be seen before the token was shown."""
    return path in {SIGN_IN, HEALTH} or path.startswith(STATIC)
