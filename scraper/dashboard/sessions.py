"""Who has shown the token: sessions, their proof against forged requests, and how often one may guess.

This module does no I/O.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION_S = 12 * 3600.0
"""So long a session lasts after its last use."""
_MOST_SESSIONS = 200
_TRIES = 10
_TRIES_S = 60.0
"""Ten tries a minute."""
_MOST_CLIENTS = 1000
_ID_BYTES = 32


class Sessions:
    """The sessions that are open, in memory: a restart ends them.

    Args:
        token: What opens the door; ``None`` where no door is.
        clock: Monotonic seconds.
    """

    def __init__(self, token: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = None if token is None else _digest(token)
        self._key = secrets.token_bytes(_ID_BYTES)
        self._clock = clock
        self._used: OrderedDict[str, float] = OrderedDict()

    @property
    def are_needed(self) -> bool:
        """Whether there is a door."""
        return self._token is not None

    def opens(self, given: str) -> bool:
        """Whether this is the token. It takes the same time whatever is given."""
        return self._token is not None and hmac.compare_digest(self._token, _digest(given))

    def begin(self) -> str:
        """Return a new session's name, which is as good as the token while it lasts."""
        name = secrets.token_urlsafe(_ID_BYTES)
        self._used[name] = self._clock()
        while len(self._used) > _MOST_SESSIONS:
            self._used.popitem(last=False)
        return name

    def hold(self, name: str) -> bool:
        """Whether the session is open; it is used by that."""
        now = self._clock()
        used = self._used.get(name)
        if used is None:
            return False
        if now - used > SESSION_S:
            del self._used[name]
            return False
        self._used[name] = now
        self._used.move_to_end(name)
        return True

    def end(self, name: str) -> None:
        """Close a session."""
        self._used.pop(name, None)

    def proof(self, session: str) -> str:
        """Return what a form carries to show that it is from a page of ours, shown to this session.

        OWASP's signed double submit, without the second cookie: the session's own is the one side.
        """
        return hmac.new(self._key, session.encode(), "sha256").hexdigest()

    def prove(self, session: str, given: str) -> bool:
        """Whether this is the session's ``proof``."""
        return hmac.compare_digest(self.proof(session).encode(), given.encode("utf-8", "replace"))


class Tries:
    """How often a client may give a wrong token: ten times a minute.

    What is known of clients is bounded; who has not come for the longest time is forgotten first.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Return how long the client has to wait before the next try; 0 for not at all."""
        tries, at = self._failed.get(client, (0.0, 0.0))
        over = tries - (self._clock() - at) * _TRIES / _TRIES_S - _TRIES + 1
        return max(over, 0.0) * _TRIES_S / _TRIES

    def failed(self, client: str) -> None:
        """Count a wrong token."""
        now = self._clock()
        tries, at = self._failed.get(client, (0.0, now))
        self._failed[client] = max(tries - (now - at) * _TRIES / _TRIES_S, 0.0) + 1, now
        self._failed.move_to_end(client)
        while len(self._failed) > _MOST_CLIENTS:
            self._failed.popitem(last=False)


def _digest(token: str) -> bytes:
    # Of one length, which comparing would tell else.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
