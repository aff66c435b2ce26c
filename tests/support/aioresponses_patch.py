"""aioresponses 0.7.9 with aiohttp 3.14, whose responses ask for a ``stream_writer`` it does not give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import aiohttp
import aioresponses

if TYPE_CHECKING:
    from collections.abc import Iterator


class MockedResponse(aiohttp.ClientResponse):
    """A response that came from no writer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


def mocked_session() -> Iterator[aioresponses.aioresponses]:
    """Answer what every aiohttp session asks, for as long as the fixture that yields from this lasts."""
    with (
        mock.patch("aioresponses.core.ClientResponse", MockedResponse),
        aioresponses.aioresponses() as answers,
    ):
        yield answers
