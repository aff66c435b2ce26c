"""The proxy of a run: what it is told, which failures are its own, and when nothing can go through it.

A proxy stands before every host, so its failures are not those of a page. When it can't be reached, no
line can come to anything: the run ends, to be resumed, instead of writing thousands of wrong records. No
page may bring that about, so only what an origin has no hand in ends a run: the way to the proxy itself,
and a proxy that turns everybody away from the first request on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.errors import FetchError, RunError
from scraper.record import Outcome
from scraper.settings.proxy import parse_proxy

if TYPE_CHECKING:
    from scraper.settings.proxy import Proxy

TO_PROXY = "proxy"
"""The phase in which the proxy is looked up and connected to."""
TUNNEL = "tunnel"
"""The phase in which it is to open the way to the host (CONNECT, RFC 9110 section 9.3.6)."""

_PROXY_AUTHENTICATION_REQUIRED = 407  # RFC 9110 section 15.5.8
_MOST_MISSES = 5
"""So many requests in a row that did not reach a proxy which had worked end the run. Fewer than the failures
that make a host's circuit open, else a list of one host would be given up for it."""
_MOST_UNWELCOME_HOSTS = 5
"""A proxy that has passed nothing on and answers 407 for so many hosts wants other credentials. On plain
http an origin could answer so itself, which one or two do not make believable."""


class ProxyRoute:
    """The way through one proxy, for all requests of a fetcher."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._has_worked = False
        self._misses = 0
        """Requests in a row that did not reach the proxy."""
        self._unwelcome: set[str] = set()
        """Hosts that it answered 407 for."""

    @classmethod
    def of(cls, setting: str) -> ProxyRoute | None:
        """Return the way through the proxy that ``fetch.proxy`` names, ``None`` for none.

        Raises:
            ValueError: As ``parse_proxy``.
        """
        proxy = parse_proxy(setting)
        return cls(proxy) if proxy else None

    @property
    def url(self) -> str:
        """The proxy's URL without credentials."""
        return self._proxy.url

    def request_headers(self, url: str) -> dict[str, str]:
        """Return what the request for a URL says to the proxy: nothing when it goes to the origin itself."""
        return {} if _is_tunnelled(url) else self._credentials()

    def tunnel_headers(self, url: str) -> dict[str, str]:
        """Return what asking for a tunnel to a URL's origin says to the proxy."""
        return self._credentials() if _is_tunnelled(url) else {}

    def note_answer(self, url: str, *, status: int) -> None:
        """Take note of an answer, by the proxy or through it.

        Raises:
            FetchError: It is the proxy's own: it wants other credentials. What it says is no page, and for
                a robots.txt would mean that there is none.
            RunError: It wants them of everybody.
        """
        if status == _PROXY_AUTHENTICATION_REQUIRED and not _is_tunnelled(url):
            self._unwelcome.add(urlsplit(url).netloc)
            if not self._has_worked and len(self._unwelcome) >= _MOST_UNWELCOME_HOSTS:
                raise self._credentials_wanted()
            raise self._unauthenticated()
        self._works()

    def failure(self, phase: str, *, outcome: Outcome, kind: str, status: int, message: str) -> FetchError:
        """Return a failure on the way to the proxy or in its opening a tunnel, as one of the proxy.

        Args:
            phase: ``TO_PROXY`` or ``TUNNEL``.
            outcome: What it would be of a host.
            kind: The underlying error's name.
            status: The proxy's answer to CONNECT; 0 without one.
            message: What the underlying error says; with a status, its reason.

        Raises:
            RunError: Nothing can go through the proxy.
        """
        late = outcome is Outcome.TIMEOUT
        if phase == TO_PROXY:
            why = "no answer in time" if late else message
            self._miss(why)
            told = f"the proxy {self._proxy.address} can't be reached: {why}"
        elif status == _PROXY_AUTHENTICATION_REQUIRED:
            if not self._has_worked:
                raise self._credentials_wanted()
            return self._unauthenticated(phase=TUNNEL)
        else:
            if status:
                self._works()
                kind = "ProxyError"
            why = "no answer in time" if late else f"{status} {message}".rstrip() if status else message
            told = f"the proxy {self._proxy.address} opened no way to the host: {why}"
        outcome = Outcome.TIMEOUT if late else Outcome.CONNECT_ERROR
        return FetchError(told[:300], outcome=outcome, kind=kind, phase=phase)

    def _credentials(self) -> dict[str, str]:
        known = self._proxy.authorization
        return {"Proxy-Authorization": known} if known else {}

    def _works(self) -> None:
        self._has_worked = True
        self._misses = 0

    def _miss(self, why: str) -> None:
        self._misses += 1
        if self._has_worked and self._misses < _MOST_MISSES:
            return
        any_more = " any more" if self._has_worked else ""
        raise RunError(
            f"the proxy {self._proxy} can't be reached{any_more}: {why};"
            " is fetch.proxy (--proxy) right, and is it running?"
        )

    def _unauthenticated(self, *, phase: str = "headers") -> FetchError:
        return FetchError(
            f"the proxy {self._proxy.address} wants other credentials (407)",
            outcome=Outcome.CONNECT_ERROR,
            kind="ProxyAuthenticationRequired",
            phase=phase,
        )

    def _credentials_wanted(self) -> RunError:
        wanted = "other credentials" if self._proxy.authorization else "a user name and password"
        # No URL with credentials as an example: they would be masked before anybody reads it.
        return RunError(
            f"the proxy {self._proxy} wants {wanted} (407):"
            " put user:password@ before the host in SCRAPER_FETCH_PROXY"
        )


def _is_tunnelled(url: str) -> bool:
    return url.startswith("https:")
