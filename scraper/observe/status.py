"""What the displays say while a run goes on, as lines of text. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from scraper.observe import figures
from scraper.observe.events import (
    Aborting,
    ArchiveDamaged,
    ChildDied,
    Draining,
    Event,
    PartLost,
    RunStarted,
    Stalled,
)
from scraper.observe.printable import printable, printable_sentence

if TYPE_CHECKING:
    from scraper.observe.counts import Snapshot

_REASON_LIMIT = 300
_HOST_LIMIT = 40
_WAITS_SHOWN = 12
_TENS_FROM_S = 10


class HostsWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """What the frontier has in hand."""

    ready: int
    """Hosts with a request that may go out now."""
    held: int
    """Hosts that politeness, a back-off or requests under way hold back."""
    in_memory: int
    """Hosts taking part now; further ones wait on disk."""
    least_s: float = 0.0
    """The least time that politeness allows for what is left, when known: the most over the hosts
    of what their URLs take by the delay. No estimate goes below it."""
    longest_host: str | None = None
    """The host that sets this time, when known."""


def progress_words(snapshot: Snapshot) -> str:
    """Say how far the run is: ``12 of 90``; ``12 of 90+`` while the sources are still read."""
    if snapshot.total is None:
        return f"{snapshot.done:,} of {snapshot.known:,}+"
    return f"{snapshot.done:,} of {snapshot.total:,}"


def list_words(snapshot: Snapshot) -> str | None:
    """Say how much of the list is read while it is: ``list 34% read``; else ``None``."""
    return None if snapshot.read_share is None else f"list {snapshot.read_share:.0%} read"


def time_left_words(snapshot: Snapshot, *, waiting: HostsWaiting | None) -> str:
    """Say how long it still takes: ``about 3 min 20 s left``, that it can't be told, or ``stopping``."""
    if snapshot.stopping is not None:  # most of what is left is for another time
        return "stopping"
    if snapshot.left_s is None:
        return "time left unknown"
    if not snapshot.left_s:
        return "nothing left"
    left_s = max(snapshot.left_s, waiting.least_s if waiting else 0.0)
    # Tenths of a second would pretend to know.
    words = figures.duration(left_s) if left_s >= _TENS_FROM_S else f"{math.ceil(left_s)} s"
    return f"{'at least' if snapshot.total is None else 'about'} {words} left"


def longest_words(snapshot: Snapshot, *, waiting: HostsWaiting | None) -> str | None:
    """Name the host that everything else will be done before: ``longest slow.example``; else ``None``."""
    if waiting is None or not waiting.longest_host or not snapshot.left_s or snapshot.stopping is not None:
        return None
    is_longest = waiting.least_s > snapshot.left_s
    return f"longest {printable(waiting.longest_host, limit=_HOST_LIMIT)}" if is_longest else None


def hosts_words(waiting: HostsWaiting | None) -> str | None:
    """Say what the hosts do: ``hosts: 3 ready, 61 held, 64 in memory``; ``None`` offline."""
    if waiting is None:
        return None
    return f"hosts: {waiting.ready:,} ready, {waiting.held:,} held, {waiting.in_memory:,} in memory"


def status_line(snapshot: Snapshot, *, waiting: HostsWaiting | None) -> str:
    """Say all of it in one line, for where there is no terminal."""
    parts = [f"{progress_words(snapshot)} done", f"{snapshot.failed:,} failed"]
    if snapshot.ended:
        parts += [f"{figures.rate(snapshot.mean_rate)} on average", figures.duration(snapshot.elapsed_s)]
        parts.append("complete" if snapshot.complete else "incomplete")
    else:
        parts.append(figures.rate(snapshot.rate))
        if (read := list_words(snapshot)) is not None:
            parts.append(read)
        if (hosts := hosts_words(waiting)) is not None:
            parts.append(hosts)
        if (longest := longest_words(snapshot, waiting=waiting)) is not None:
            parts.append(longest)
        parts.append(time_left_words(snapshot, waiting=waiting))
    return ", ".join(parts)


def _shown(text: str) -> str:
    return printable_sentence(text, limit=_REASON_LIMIT)


def event_lines(event: Event) -> tuple[str, ...]:
    """Return what people are told of an event at once, a line each; nothing for most events.

    The lines are fit for a terminal and without secrets, whatever the event holds.
    """
    match event:
        case RunStarted(resumed=True):
            return (f"Resumed: {event.already_done:,} of {event.known:,} known lines were done before.",)
        case Stalled():
            shown = [f"  {_shown(wait)}" for wait in event.waits[:_WAITS_SHOWN]]
            hidden = len(event.waits) - len(shown)
            if hidden > 0:
                shown.append(f"  and {hidden:,} more")
            return (f"No page was finished for {figures.duration(event.silent_s)}. Waiting for:", *shown)
        case ChildDied() | ArchiveDamaged():
            return (_broken(event),)
        case PartLost():
            return (f"Part {event.part}: its worker {_shown(event.why)}; another goes on with it.",)
        case Draining() | Aborting():
            return (_stopping(event),)
        case _:
            return ()


def _stopping(event: Draining | Aborting) -> str:
    reason = _shown(event.reason)
    if isinstance(event, Aborting):
        return f"Aborting ({reason}): what is under way is given up."
    grace = figures.duration(event.deadline_s)
    return f"Stopping ({reason}): nothing new is started; what is under way has {grace} to finish."


def _broken(event: ChildDied | ArchiveDamaged) -> str:
    if isinstance(event, ArchiveDamaged):
        return f"{_shown(event.name)}, at byte {event.place:,}: {_shown(event.why)}."
    if event.culprit is not None and event.stalled:
        page = _shown(event.culprit.target)
        return f"{page} took longer than parse.deadline_s: given up; its child process is replaced."
    if event.culprit is not None:
        return f"A child process {event.cause} at {_shown(event.culprit.target)} and is replaced."
    again = figures.counted(event.others, one="page goes", many="pages go")
    return f"A child process {event.cause} and is replaced; {again} again."
