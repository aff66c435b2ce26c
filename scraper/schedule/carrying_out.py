"""One run of a job, from its first order to its last word: with a deadline, and an end in any case."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from scraper.errors import RunError
from scraper.schedule.model import RunState
from scraper.schedule.pipes import Begin, Ended
from scraper.schedule.run_process import RunProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.schedule.job import Job
    from scraper.schedule.model import LiveRun, RunRow

_GRACE_S: Final = 10.0
"""A run that is to stop and has not ended so long after its drain's deadline hangs, and is killed."""
_ABORT_S: Final = 5.0


class CarryingOut:
    """A run under way."""

    def __init__(
        self, job: Job, row: RunRow, *, note: Callable[[LiveRun], None], say: Callable[[str], None]
    ) -> None:
        self.job = job
        self._note = note
        self._say = say
        self._process: RunProcess | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._is_overdue = False
        self._reason: str | None = None
        """Why it was asked to stop."""
        self._goes_on = False
        self._is_given_up = False
        """Its time to end was over, perhaps before it had begun: on a busy machine a start takes long."""
        self.row = row
        self.live: LiveRun | None = None

    async def to_its_end(self) -> RunRow:
        """Carry it out, and return what has become of it, without the time of its end."""
        loop, folder = asyncio.get_running_loop(), self.row.folder
        assert folder is not None  # noqa: S101 - whoever begins a run gives it one
        begin = Begin(
            run=self.row.id,
            job=self.job.name,
            folder=str(folder),
            sources=self.job.sources,
            formats=self.job.formats,
            settings=self.job.settings,
        )
        self._deadline = loop.call_later(self.job.deadline.total_seconds(), self._overdue)
        try:
            async with RunProcess.open(begin) as self._process:
                if self._reason:  # asked while it began
                    self._process.drain(self._reason)
                if self._is_given_up:
                    self._process.kill()
                ended = await self._process.listen(self._hear, self._say)
        except RunError as error:
            ended = Ended(complete=False, error=str(error))
        finally:
            self._process = None
            for timer in (self._deadline, self._end):
                if timer is not None:
                    timer.cancel()
        return self._judged(ended)

    def stop(self, reason: str, *, goes_on: bool) -> None:
        """Have it finish what is under way and end; said again, give that up too.

        ``goes_on``: it is to be gone on with when a daemon begins again.
        """
        first, self._reason, self._goes_on = self._reason is None, reason, goes_on
        self._kill_after(self.job.settings.run.drain_s + _GRACE_S if first else _ABORT_S)
        if self._process is not None:
            self._process.drain(reason)

    def _overdue(self) -> None:
        if self._reason is None:
            self._is_overdue = True
            self.stop("its deadline", goes_on=False)

    def _kill_after(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(seconds, self._kill)

    def _kill(self) -> None:
        self._is_given_up = True
        if self._process is not None:
            self._process.kill()

    def _hear(self, live: LiveRun) -> None:
        self.live = live
        self._note(live)

    def _judged(self, ended: Ended) -> RunRow:
        error, goes_on = ended.error, False
        if ended.complete:
            state = RunState.COMPLETE
        elif self._is_overdue:
            state, error = RunState.OVERDUE, f"not complete within {self.job.deadline}"
        elif self._reason is not None:
            state, goes_on, error = RunState.STOPPED, self._goes_on, error or self._reason
        else:
            state, error = RunState.FAILED, error or "it ended without being complete"
        live = self.live
        silent = not ended.outcomes and live is not None  # it died without a word: what it told before counts
        return replace(
            self.row,
            state=state,
            goes_on=goes_on,
            error=None if ended.complete else error,
            lines=live.known if silent and live else ended.lines,
            failed=live.failed if silent and live else ended.failed,
            outcomes=live.outcomes if silent and live else ended.outcomes,
            changes=ended.changes,
            wire_bytes=self.row.wire_bytes + ended.wire_bytes,
            took=live.took if silent and live else ended.took,
            took_s=live.took_s if silent and live else ended.took_s,
            parts=(live.parts if silent and live else ended.parts).at_rest(),
        )
