"""The log of a run as JSON Lines, for ``--log-json``: one object a line, the same keys in each."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

import msgspec

from scraper.clock import Clock, rfc3339
from scraper.errors import UsageError
from scraper.messages import Request
from scraper.observe import figures
from scraper.observe.events import (
    Aborting,
    Admitted,
    ArchiveDamaged,
    ChangesKnown,
    ChildDied,
    Draining,
    Event,
    LinksTaken,
    PartLost,
    Redirected,
    RobotsKnown,
    RunEnded,
    RunStarted,
    Sealed,
    Stalled,
    TriedAgain,
    Written,
)
from scraper.observe.printable import printable, printable_sentence, printable_url
from scraper.planted import refuse_planted
from scraper.robots.access import robots_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scraper.messages import Errand

_BUFFER_BYTES = 64 * 1024
_TEXT_LIMIT = 2000


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. All keys are in every line, ``null`` where an event has no such thing."""

    time: str
    """When it was noticed: UTC, RFC 3339."""
    event: str
    """``started``, ``sealed``, ``robots``, ``tried_again``, ``redirected``, ``written``,
    ``stalled``, ``part_lost``, ``draining``, ``aborting`` or ``ended``."""
    run: str
    seq: int | None = None
    url: str | None = None
    """Without secrets, and without characters that a terminal would obey."""
    host: str | None = None
    outcome: str | None = None
    status: int | None = None
    attempts: int | None = None
    elapsed_s: float | None = None
    field_errors: tuple[str, ...] | None = None
    """The names of what is wrong with the user's own fields; ``null`` when nothing is."""
    reason: str | None = None
    """One line for people."""


class JsonLog:
    """An observer that appends to a log file.

    Lines are kept until something is written to the output, or something worth seeing at once
    happens, or 64 KiB are full; then they go out in one call. After ``kill -9`` the last lines may be
    missing: the log is for people, the output is what is exact. A log that can't be written any more
    (disk full) is given up after one report; the run goes on.

    Args:
        path: Created with mode 0600, or appended to; an existing file keeps its mode. A pipe works,
            but holds the run up when its reader does. See ``planted`` for links.
        clock: Read once for each event.
        report: Told in one line when the log is given up.

    Raises:
        UsageError: The file can't be opened, or another user may have put it there.
    """

    def __init__(self, path: Path, *, clock: Clock, report: Callable[[str], None]) -> None:
        self._path = path
        self._clock = clock
        self._report = report
        self._run = ""
        self._encoder = msgspec.json.Encoder()
        self._buffer = bytearray()
        self._fd: int | None = _open(path)
        if _ends_torn(path, self._fd):
            # A full disk or a crash left half a line: it must not swallow our first one.
            self._buffer += b"\n"

    def notice(self, event: Event) -> None:
        """Log an event; of written records, each. Lines that are only admitted are not logged."""
        if self._fd is None or isinstance(event, Admitted | LinksTaken):
            return
        if isinstance(event, RunStarted):
            self._run = event.run
        now = rfc3339(self._clock.utc())
        encode = self._encoder.encode
        for line in _lines(event, run=self._run, now=now):
            self._buffer += encode(line)
            self._buffer += b"\n"
        waits = isinstance(event, TriedAgain | Redirected)
        if not waits or len(self._buffer) >= _BUFFER_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is kept and close the file. The owner calls this; again is harmless."""
        self._flush()
        self._give_up()

    def _flush(self) -> None:
        if self._fd is None or not self._buffer:
            return
        data = memoryview(bytes(self._buffer))
        self._buffer.clear()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self._give_up()
            self._report(
                f"{printable(str(self._path))}: the log can't be written and ends here: {error.strerror}"
            )

    def _give_up(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            # Some file systems tell of a failed write only now; the lines are lost either way.
            with contextlib.suppress(OSError):
                os.close(fd)


def _open(path: Path) -> int:
    refuse_planted(path)
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{printable(str(path))}: can't open the log for writing: {why}") from error


def _ends_torn(path: Path, descriptor: int) -> bool:
    """Tell whether a regular file ends inside a line; one that can't be read is taken to be whole."""
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or not about.st_size:
            return False
        with path.open("rb") as file:
            if not os.path.samestat(about, os.fstat(file.fileno())):  # replaced in between
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False


def _clean(text: str) -> str:
    return printable(text, limit=_TEXT_LIMIT)


def _url(text: str) -> str:
    return printable_url(text, limit=_TEXT_LIMIT)


def _lines(event: Event, *, run: str, now: str) -> list[LogLine]:
    match event:
        case Written():
            return [
                LogLine(
                    time=now,
                    event="written",
                    run=run,
                    seq=record.seq,
                    url=_url(record.url),
                    host=_clean(record.host) or None,
                    outcome=record.outcome.value,
                    status=record.status,
                    attempts=record.attempts,
                    elapsed_s=record.elapsed_s,
                    field_errors=tuple(map(_clean, record.own.errors)) or None if record.own else None,
                )
                for record in event.records
            ]
        case TriedAgain():
            return [_tried_again(event, run=run, now=now)]
        case Redirected():
            return [_redirected(event, run=run, now=now)]
        case RobotsKnown():
            return [_robots_known(event, run=run, now=now)]
        case ChildDied():
            return [_child_died(event, run=run, now=now)]
        case _:
            return [_of_run(event, run=run, now=now)]


def _tried_again(event: TriedAgain, *, run: str, now: str) -> LogLine:
    errand = event.errand
    failed = errand.tries[-1] if errand.tries else None
    return LogLine(
        time=now,
        event="tried_again",
        run=run,
        seq=_seq(errand),
        url=_url(errand.target),
        host=_clean(errand.host) or None,
        outcome=failed.error if failed else None,
        status=failed.status if failed else None,
        attempts=len(errand.tries),
        reason="the kept connection had died" if errand.is_anew else f"again in {event.wait_s:.2f} s",
    )


def _redirected(event: Redirected, *, run: str, now: str) -> LogLine:
    errand = event.errand
    hop = errand.redirects[-1] if errand.redirects else None
    return LogLine(
        time=now,
        event="redirected",
        run=run,
        seq=_seq(errand),
        url=_url(hop.url if hop else errand.target),
        host=_clean(errand.host) or None,
        status=hop.status if hop else None,
        attempts=len(errand.tries),
        elapsed_s=hop.elapsed_s if hop else None,
        reason=f"to {_url(errand.target)}",
    )


def _robots_known(event: RobotsKnown, *, run: str, now: str) -> LogLine:
    file = event.file
    return LogLine(
        time=now,
        event="robots",
        run=run,
        url=_url(robots_url(file.origin)),
        status=file.status,
        outcome=file.cause.value if file.cause else None,
        reason=_clean(file.failure.message if file.failure else file.standing.value),
    )


def _child_died(event: ChildDied, *, run: str, now: str) -> LogLine:
    errand = event.culprit
    again = figures.counted(event.others, one="visit goes", many="visits go")
    return LogLine(
        time=now,
        event="child_died",
        run=run,
        seq=_seq(errand) if errand else None,
        url=_url(errand.target) if errand else None,
        host=_clean(errand.host) or None if errand else None,
        reason=f"{event.name} {_death(event)}; {again} again",
    )


def _death(event: ChildDied) -> str:
    stalled = event.stalled and event.culprit is not None
    return f"{event.cause}, at it for longer than parse.deadline_s" if stalled else event.cause


def _seq(errand: Errand) -> int | None:
    """Return the line's number; a request for robots.txt is no line's own."""
    return errand.seq if isinstance(errand, Request) else None


def _broken(event: PartLost | ArchiveDamaged) -> tuple[str, str]:
    if isinstance(event, PartLost):
        return "part_lost", f"part {event.part}, attempt {event.attempt}: {event.why}"
    return "damaged", f"{event.name}, at byte {event.place}: {event.why}"


def _of_run(event: Event, *, run: str, now: str) -> LogLine:
    elapsed_s: float | None = None
    match event:
        case RunStarted(resumed=True):
            name, reason = "started", f"resumed: {event.already_done} of {event.known} known lines done"
        case RunStarted():
            name, reason = "started", "new"
        case Sealed():
            name, reason = "sealed", figures.counted(event.lines, one="line", many="lines")
        case Stalled():
            name, reason, elapsed_s = "stalled", "; ".join(event.waits), event.silent_s
        case PartLost() | ArchiveDamaged():
            name, reason = _broken(event)
        case Draining():
            name, reason = "draining", event.reason
        case Aborting():
            name, reason = "aborting", event.reason
        case ChangesKnown():
            name, reason = "changes", figures.kinds(event.pages)
        case RunEnded():
            name, reason = "ended", "complete" if event.complete else "incomplete"
            elapsed_s = event.elapsed_s
        case _:
            raise AssertionError(event)
    return LogLine(
        time=now,
        event=name,
        run=run,
        elapsed_s=elapsed_s,
        reason=printable_sentence(reason, limit=_TEXT_LIMIT),
    )
