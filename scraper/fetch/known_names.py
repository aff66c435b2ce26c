"""What the resolver said of names, for as long as it may be relied on. No I/O."""

from __future__ import annotations

import socket
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable

    from scraper.clock import Clock

FOUND_S = 300.0
"""The system does not tell how long its own answer holds; five minutes is what clients commonly take."""
NO_NAME_S = 30.0
"""A list may hold a dead host many times. Short, since a name may come to be while a run goes on."""
_MOST_NAMES = 10_000
"""Some 6 MB. A name is wanted while its host is in memory, which is a small part of a list."""
_LASTING = frozenset(
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY", "EAI_FAIL")
    if hasattr(socket, name)
)
"""Failures that asking again at once would not change. ``EAI_AGAIN`` is not among them: who tries again
has waited already, and is not to be told what was so before."""


class Address(NamedTuple):
    """One address of a name, as a connection is made to it."""

    text: str
    family: int
    protocol: int


class Failure(NamedTuple):
    """How a look-up failed. Each who waits for it is to have an exception of his own."""

    kind: type[OSError]
    number: int
    text: str

    def error(self) -> OSError:
        """Return it as an exception: ``socket.gaierror``, or an ``OSError`` with the system's number."""
        return self.kind(self.number, self.text)

    @property
    def is_lasting(self) -> bool:
        """Whether it may be told again without asking."""
        return self.kind is socket.gaierror and self.number in _LASTING


Answer: TypeAlias = tuple[Address, ...] | Failure
"""Never empty: a name without an address is a failure."""


class KnownNames:
    """Answers by name. The one not wanted for the longest time makes room for a new one."""

    def __init__(self, clock: Clock, *, most: int = _MOST_NAMES) -> None:
        self._clock = clock
        self._most = most
        self._answers: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()

    def get(self, key: Hashable) -> Answer | None:
        """Return what is known, ``None`` when it is nothing, or too old."""
        until_s, answer = self._answers.get(key, (0.0, None))
        if answer is None:
            return None
        if self._clock.monotonic() >= until_s:
            del self._answers[key]
            return None
        self._answers.move_to_end(key)
        return answer

    def note(self, key: Hashable, answer: Answer) -> None:
        """Keep an answer, unless it is a failure that may pass."""
        if isinstance(answer, Failure) and not answer.is_lasting:
            return
        lasts_s = NO_NAME_S if isinstance(answer, Failure) else FOUND_S
        self._answers[key] = (self._clock.monotonic() + lasts_s, answer)
        self._answers.move_to_end(key)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
