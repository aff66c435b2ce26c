"""What the stages tell of themselves. They emit; who listens they do not know.

An observer is called synchronously on the event loop: it must be quick, must not block and must not
raise. This module does no I/O.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import msgspec

from scraper.messages import Errand, Finished
from scraper.record import Outcome
from scraper.robots.access import RobotsFile


class RunStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A run begins, or goes on."""

    run: str
    resumed: bool
    already_done: int
    """Records that an interrupted run before this one has written; 0 when not resumed."""
    known: int
    """Lines that the state knows already, the done ones included."""
    found: int = 0
    """Of these, the ones that pages and sitemaps led to."""
    tally: tuple[tuple[Outcome, int | None, int], ...] = ()
    """What the records before came to: outcome, status, how many."""


class Admitted(msgspec.Struct, frozen=True):
    """Lines were taken into the frontier."""

    lines: int
    """How many, in this batch."""
    share: float | None = None
    """How much of all sources was read by then, from 0 to 1; ``None`` when that can't be told."""


class Sealed(msgspec.Struct, frozen=True):
    """The sources were read to their end."""

    lines: int
    """How many lines they have together."""


class LinksTaken(msgspec.Struct, frozen=True):
    """Pages or sitemaps that were written have led to further lines."""

    lines: int
    """How many were taken in."""


class RobotsKnown(msgspec.Struct, frozen=True):
    """A robots.txt was read, or could not be had."""

    file: RobotsFile


class TriedAgain(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt failed and will be repeated."""

    errand: Errand
    """As it goes again; the last of its ``tries`` is the one that failed."""
    wait_s: float


class Redirected(msgspec.Struct, frozen=True):
    """An answer led to another URL."""

    errand: Errand


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of records is on disk and in the state."""

    records: tuple[Finished, ...]
    output_bytes: int
    """How long the output is now."""


class Stalled(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was finished for a while; what each worker and the frontier wait for."""

    silent_s: float
    waits: tuple[str, ...]
    """A line each, for people."""


class ChildDied(msgspec.Struct, frozen=True, kw_only=True):
    """A child process has died and is replaced."""

    name: str
    cause: str
    culprit: Errand | None
    """What it died of, which gets its record; ``None`` when that can't be told yet."""
    others: int
    """What else it was at, which goes again."""
    stalled: bool
    """It was ended because it was at a page for too long, or did not answer any more."""


class PartLost(msgspec.Struct, frozen=True, kw_only=True):
    """The worker that was at a part of the run is lost; another goes on with it."""

    part: int
    attempt: int
    why: str
    """The end of a sentence that begins with the worker: ``was killed by SIGKILL``."""


class ArchiveDamaged(msgspec.Struct, frozen=True, kw_only=True):
    """A place in what is read offline is not what it should be; what stands before and behind it is read."""

    name: str
    """Of the file."""
    place: int
    """The offset in bytes."""
    why: str


class Draining(msgspec.Struct, frozen=True, kw_only=True):
    """The run was asked to stop: nothing new is started."""

    reason: str
    deadline_s: float


class Aborting(msgspec.Struct, frozen=True):
    """What is under way is given up; files are still closed."""

    reason: str


class ChangesKnown(msgspec.Struct, frozen=True):
    """It is known what has become of the pages since the run before."""

    pages: dict[str, int]
    """How many are new, changed, unchanged, gone and recovered."""


class RunEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The run is over, whole or not."""

    complete: bool
    elapsed_s: float


Event: TypeAlias = (
    RunStarted
    | Admitted
    | Sealed
    | LinksTaken
    | RobotsKnown
    | TriedAgain
    | Redirected
    | Written
    | Stalled
    | ChildDied
    | PartLost
    | ArchiveDamaged
    | Draining
    | Aborting
    | ChangesKnown
    | RunEnded
)


class Observer(Protocol):
    """Listens to a run."""

    def notice(self, event: Event) -> None:
        """Take note of an event. Must not block and must not raise."""
        ...


class Observers:
    """Several observers as one; they are told in the order given."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def notice(self, event: Event) -> None:
        """Tell every observer."""
        for observer in self._observers:
            observer.notice(event)
