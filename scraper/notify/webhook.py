"""A message goes to a URL of the user's own, by POST, signed.

The URL is trusted: it is asked whatever its address, a private one too. Nobody else's is: no redirect is
followed. Of the answer only the status counts, nothing of its body is read.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING

import aiohttp

from scraper.fetch import system_error
from scraper.fetch.resolver import SystemResolver
from scraper.notify.delivery import NotDelivered
from scraper.notify.signature import signed_headers
from scraper.version import VERSION

if TYPE_CHECKING:
    from yarl import URL

    from scraper.clock import Clock
    from scraper.notify.message import Message

_AGAIN = frozenset({408, 425, 429})
"""Besides all of 5xx: what another attempt may mend (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4)."""
_seconds = re.compile(r"[0-9]{1,6}").fullmatch


class WebhookTarget:
    """A URL that takes messages as JSON; see ``scraper.notify.signature`` for how it knows them."""

    def __init__(self, url: URL, *, keys: tuple[bytes, ...], timeout_s: float, clock: Clock) -> None:
        self._url = url
        self._keys = keys
        self._timeout_s = timeout_s
        self._clock = clock

    @property
    def shown(self) -> str:
        """Its host alone: with many services the path is the secret."""
        return f"webhook {self._url.host}" + (
            f":{self._url.explicit_port}" if self._url.explicit_port else ""
        )

    async def deliver(self, message: Message) -> None:
        """Send the message once.

        Raises:
            NotDelivered: There was no answer in time, or none of 2xx.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                status, retry_after = await self._post(message)
        except TimeoutError:
            raise NotDelivered(f"no answer within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(_reason(error)) from None
        if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 15.3
            return
        if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110 15.4
            raise NotDelivered(
                f"it redirects ({status}), which is not followed: name the new URL", is_final=True
            )
        is_final = status < 500 and status not in _AGAIN  # noqa: PLR2004 - RFC 9110 15.6
        after_s = float(retry_after) if _seconds(retry_after) else 0.0
        raise NotDelivered(f"it answered {status}", is_final=is_final, retry_after_s=after_s)

    async def _post(self, message: Message) -> tuple[int, str]:
        signed = signed_headers(
            self._keys,
            message_id=message.id,
            timestamp=int(self._clock.utc().timestamp()),
            body=message.body,
        )
        resolver = SystemResolver(timeout_s=self._timeout_s, clock=self._clock)
        try:
            # A session for each message: they are rare, and none keeps a connection for hours.
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(resolver=resolver, force_close=True),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None),  # ours is around everything
                ) as session,
                session.post(
                    self._url,
                    data=message.body,
                    headers={
                        "Content-Type": "application/json",
                        "User-Agent": f"scraper/{VERSION}",
                        **signed,
                    },
                    allow_redirects=False,
                ) as answer,
            ):
                return answer.status, answer.headers.get("Retry-After", "").strip()
        finally:
            await resolver.close()


def _reason(error: Exception) -> str:
    """Return what went wrong; aiohttp's own texts have the URL in them."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    cause = inner if isinstance(inner, Exception) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {cause.verify_message}"
    told = system_error.describe(cause) if isinstance(cause, OSError) else ""
    return f"{told} ({system_error.name_of(cause)})" if told else system_error.name_of(cause)
