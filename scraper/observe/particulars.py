"""What a run's counts leave out: how long answers took, which pages failed last, and how hosts stand."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from scraper.observe.counts import GOOD
from scraper.observe.events import Written
from scraper.observe.printable import printable, printable_url, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scraper.clock import Clock
    from scraper.messages import Finished
    from scraper.observe.events import Event

SHOWN: Final = 50
"""How many hosts, and how many failures, are shown of a run."""
TOOK_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Up to where the parts of ``Particulars.took`` reach."""
_MOST_HOSTS: Final = 4096
"""Of further ones it is not counted what they came to."""
_MOST_CHARACTERS: Final = 300


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One host in a run that goes on."""

    host: str
    done: int
    failed: int
    waiting: int
    backs_off_s: float = 0.0
    """How long it is still left alone because it asked for it or failed; 0 when it is not."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A page that failed just now."""

    at: datetime
    seq: int
    url: str
    outcome: str
    status: int | None = None
    message: str | None = None


class Stands(Protocol):
    """How a host stands; see ``frontier.occupancy.HostStands``."""

    @property
    def host(self) -> str: ...  # noqa: D102 - as there
    @property
    def waiting(self) -> int: ...  # noqa: D102 - as there
    @property
    def held_s(self) -> float: ...  # noqa: D102 - as there


class _Told(msgspec.Struct):
    message: str | None = None


class _Brief(msgspec.Struct):
    error: _Told | None = None


_brief = msgspec.json.Decoder(_Brief).decode


class Particulars:
    """An observer that keeps them, with bounded memory. Texts are fit to be shown, and without secrets."""

    def __init__(self, *, clock: Clock, failures: int = SHOWN) -> None:
        """Keep so many ``failures``."""
        self._clock = clock
        self._failures: deque[Failure] = deque(maxlen=failures)
        self._hosts: dict[str, tuple[int, int]] = {}
        self.took = [0] * (len(TOOK_BOUNDS_S) + 1)
        """How many answers took so long: a number for each of ``TOOK_BOUNDS_S``, and one for those beyond."""
        self.took_s = 0.0
        """All of their times together."""

    def notice(self, event: Event) -> None:
        """Take what an event tells of pages."""
        if isinstance(event, Written):
            for record in event.records:
                self._count(record)

    def _count(self, record: Finished) -> None:
        failed = record.outcome not in GOOD
        if record.status is not None:
            self.took[bisect_left(TOOK_BOUNDS_S, record.elapsed_s)] += 1
            self.took_s += record.elapsed_s
        if record.host and (record.host in self._hosts or len(self._hosts) < _MOST_HOSTS):
            done, failures = self._hosts.get(record.host, (0, 0))
            self._hosts[record.host] = (done + 1, failures + failed)
        if failed:
            error = _brief(record.line).error
            self._failures.appendleft(
                Failure(
                    at=self._clock.utc(),
                    seq=record.seq,
                    url=printable_url(record.url, limit=_MOST_CHARACTERS),
                    outcome=record.outcome.value,
                    status=record.status,
                    message=_shown(error.message) if error and error.message else None,
                )
            )

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The latest, newest first."""
        return tuple(self._failures)

    def hosts(self, stands: Iterable[Stands]) -> tuple[HostRow, ...]:
        """Return what some hosts came to, beside how they stand."""
        rows = []
        for one in stands:
            done, failed = self._hosts.get(one.host, (0, 0))
            rows.append(
                HostRow(host=one.host, done=done, failed=failed, waiting=one.waiting, backs_off_s=one.held_s)
            )
        return tuple(rows)


def busiest(rows: Iterable[HostRow], *, most: int = SHOWN) -> tuple[HostRow, ...]:
    """Return the hosts with the most left to do, or that back off, the first of them first."""
    return tuple(sorted(rows, key=lambda row: (row.backs_off_s <= 0, -row.waiting))[:most])


def latest(failures: Iterable[Failure], *, most: int = SHOWN) -> tuple[Failure, ...]:
    """Return the latest failures, newest first."""
    return tuple(sorted(failures, key=lambda one: one.at, reverse=True)[:most])


def _shown(message: str) -> str:
    return printable(without_secrets(message), limit=_MOST_CHARACTERS)
